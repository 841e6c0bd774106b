"""``resilience test``: tests of policies, and the forms in which their results are printed."""
