"""``resilience codes``: the known error codes, and a policy's action for each."""
