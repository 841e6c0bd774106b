"""``resilience codes``: the known error codes, and what a policy does about each."""
