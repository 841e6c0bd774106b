"""The rules: each module looks for mistakes of one kind."""
