"""Wrapped clients: each management call of a client becomes a call of an executor."""
