"""``resilience check``: findings in policy files, and the forms in which they are printed."""
