"""``resilience report``: recorded calls as text, as JSON and as a page."""
