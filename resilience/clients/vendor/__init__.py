"""
A base for adapters of vendors' SDKs: clients with a method for each operation, or with some that take the operation.

An adapter says which classes are clients, which of their methods perform which operation, what forms requests have,
and what an answer and an error look like. What an engine asks is made of that here.
"""
