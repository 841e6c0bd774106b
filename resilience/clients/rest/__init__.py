"""
REST APIs that a policy describes: which operation a request is, and what an answer of requests or httpx says.

No HTTP library is imported: clients and answers are recognised by the names of their classes, and
read by what both libraries have in common. Nothing here reads from the network.
"""

from resilience.clients.rest.answers import fault_of
from resilience.clients.rest.calls import (
    Request,
    accepted_response,
    is_rest_client,
    read_once,
    repeats_itself,
    request_of,
)
from resilience.clients.rest.operations import operation_of, provider_of

__all__ = [
    "Request",
    "accepted_response",
    "fault_of",
    "is_rest_client",
    "operation_of",
    "provider_of",
    "read_once",
    "repeats_itself",
    "request_of",
]
