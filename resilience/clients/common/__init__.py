"""What the rooms share: how an exception, an answer, a frame and a name are read, whichever SDK they come from."""
