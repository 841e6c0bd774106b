"""Credentials of clients: fixed keys, keys that the SDK renews, keys from a function, and AssumeRole."""
