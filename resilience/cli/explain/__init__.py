"""``resilience explain``: what a policy does about one code, and why."""
