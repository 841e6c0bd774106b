"""The files of a policy: their text, the positions of keys and values, and the files that they extend."""
