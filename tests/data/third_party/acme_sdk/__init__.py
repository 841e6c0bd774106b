"""A made-up vendor's SDK."""
