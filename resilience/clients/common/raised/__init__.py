"""Read an exception: its frames, what became of its request, and whether it reports a mistake of the program."""
