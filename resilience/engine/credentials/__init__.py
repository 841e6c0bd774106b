"""Credentials: loaded before a call uses them, and renewed once for all calls."""
