"""``resilience explain``: a policy's answer to one code, and the reason."""
