"""The files of a policy: their text, where things stand in it, and the files that they extend."""
