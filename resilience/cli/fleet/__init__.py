"""``resilience fleet`` and ``resilience plan``: one call of a function for each row of a file."""
