"""How each process of a run begins, before its script."""
