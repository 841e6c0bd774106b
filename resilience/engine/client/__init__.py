"""Wrapped clients: each management call of their methods is a call of an executor."""
