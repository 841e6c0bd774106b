"""``resilience demo``: two provisioning scripts against services that fail on purpose."""
