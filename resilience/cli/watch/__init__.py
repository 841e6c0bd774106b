"""``resilience watch``: what runs are doing now."""
