"""What tests ask of the room for plain HTTP, under one name."""

from __future__ import annotations

from resilience.clients.rest.accepted import accepted_response
from resilience.clients.rest.answers import fault_of, lacks
from resilience.clients.rest.calls import (
    RestRequest,
    is_read_once,
    is_rest_class,
    repeats_itself,
    request_of,
)
from resilience.clients.rest.fields import (
    asking,
    asking_prepared,
    fields_of,
    fields_of_prepared,
    with_field,
    with_field_prepared,
)
from resilience.clients.rest.operations import operation_of, provider_of
from resilience.clients.rest.prepared import (
    bypass_of,
    prepared_in,
    request_of_prepared,
)
from resilience.clients.rest.read_ahead import read_ahead, read_ahead_async

__all__ = [
    "RestRequest",
    "accepted_response",
    "asking",
    "asking_prepared",
    "bypass_of",
    "fault_of",
    "fields_of",
    "fields_of_prepared",
    "is_read_once",
    "is_rest_class",
    "lacks",
    "operation_of",
    "prepared_in",
    "provider_of",
    "read_ahead",
    "read_ahead_async",
    "repeats_itself",
    "request_of",
    "request_of_prepared",
    "with_field",
    "with_field_prepared",
]
