"""Log records: one line for each decision about a call that did not succeed at once."""
