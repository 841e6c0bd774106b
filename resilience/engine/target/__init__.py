"""A target: a function bound to its operation, with what a call of it can do."""
