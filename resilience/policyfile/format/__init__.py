"""The format of a policy: its keys, what their values may be, and the JSON Schema made from both."""
