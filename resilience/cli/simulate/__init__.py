"""``resilience simulate``: a call against scripted faults, as text, JSON and a page."""
