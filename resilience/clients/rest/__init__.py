"""
The adapter of requests and httpx, for the REST APIs that a policy describes.

It imports no HTTP library: it recognises clients and answers by the names of their classes, and
reads them by the attributes that both libraries have.
"""
