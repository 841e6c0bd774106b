"""Limits that several processes share through a store: what is reserved there, and what to ask for next."""
