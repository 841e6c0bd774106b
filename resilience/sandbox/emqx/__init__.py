"""EMQX 5: its management API."""
