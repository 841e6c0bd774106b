"""The start of each process of a run, before the script."""
