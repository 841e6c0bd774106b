"""What was raised: the frames that it passed, what it says of a request, and whether it is a mistake of the program."""
