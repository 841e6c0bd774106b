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
from resilience.clients.rest.held import hold, hold_async
from resilience.clients.rest.operations import operation_of, provider_of
from resilience.clients.rest.prepared import (
    prepared_in,
    request_of_prepared,
    uncovered,
)

__all__ = [
    "RestRequest",
    "accepted_response",
    "asking",
    "asking_prepared",
    "fault_of",
    "fields_of",
    "fields_of_prepared",
    "hold",
    "hold_async",
    "is_read_once",
    "is_rest_class",
    "lacks",
    "operation_of",
    "prepared_in",
    "provider_of",
    "repeats_itself",
    "request_of",
    "request_of_prepared",
    "uncovered",
    "with_field",
    "with_field_prepared",
]
