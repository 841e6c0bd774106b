"""
REST APIs that a policy describes: which operation a request is, and what an answer of requests or httpx says.

No HTTP library is imported: clients and answers are recognised by the names of their classes, and
read by what both libraries have in common.
"""
