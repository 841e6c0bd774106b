"""Many calls of one kind: made a few at a time, from an input of any length."""
