"""Credentials: loaded before they are used, renewed once for all calls that need them."""
