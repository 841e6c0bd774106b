"""Log records: one line for each decision in a call that did not succeed at once."""
