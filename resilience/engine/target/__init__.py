"""Targets: a target is a function with its operation, its rules and its verifier."""
