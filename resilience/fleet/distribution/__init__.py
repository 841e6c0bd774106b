"""Calls of a fleet in other processes and on other machines: rows in chunks, and what runs them."""
