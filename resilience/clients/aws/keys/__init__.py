"""Credentials of clients: fixed keys, keys that botocore renews, keys from a function, and AssumeRole."""
