"""One call, from its first attempt to its outcome."""
