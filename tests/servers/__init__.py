"""Real servers for tests: one process each, in a folder of its own, which a test may kill and start again."""
