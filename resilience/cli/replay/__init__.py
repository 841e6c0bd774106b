"""``resilience replay``: recorded calls under another policy."""
