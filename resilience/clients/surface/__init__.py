"""
The surface of the SDKs: which methods are management calls, and what goes in and comes out of them.

An unmodified script meets a policy where it calls its SDK. So somebody has to know,
without importing an SDK, which classes are clients, which of their methods make
a call, where a request keeps its fields, and what an answer and an error
of the SDK look like. Everything is found through the client that is handed in.
"""

from resilience.clients.common.originals import plain_client
from resilience.clients.surface.accepted import accepted_answer, shaped
from resilience.clients.surface.errors import service_error
from resilience.clients.surface.methods import Method, methods_of
from resilience.clients.surface.names import Renaming, names_in, renamed_fields, scope_of
from resilience.clients.surface.requestfields import fields_of, request_in, with_fields
from resilience.clients.surface.sdks import SDK_MODULES

__all__ = [
    "SDK_MODULES",
    "Method",
    "Renaming",
    "accepted_answer",
    "fields_of",
    "methods_of",
    "names_in",
    "plain_client",
    "renamed_fields",
    "request_in",
    "scope_of",
    "service_error",
    "shaped",
    "with_fields",
]
