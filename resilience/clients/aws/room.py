"""The room for AWS: its SDK, and how a request to its services is recognised."""

from __future__ import annotations

import re
from typing import Final

from resilience.clients.aws.traits import HOOKS, HOSTS, PACKAGES, PROVIDER, SIGNED
from resilience.clients.common.room import Room, SentRequest

# An account has hosts of its own for the data of things: a1b2c3-ats.iot.eu-west-1.amazonaws.com.
_LABELS: Final = frozenset({"iot", "iot-fips", "sts", "sts-fips"})

# Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261128/eu-west-1/iot/aws4_request, ...
_SCOPE: Final = re.compile(r"/([a-z0-9-]+)/aws4_request")


def is_host(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, belongs to a service that the catalogue describes."""
    return host.endswith(HOSTS) and not _LABELS.isdisjoint(host.split(".")[:2])


def operation_of(sent: SentRequest) -> str | None:
    """
    Return the HTTP method of a request to the services; None for other requests.

    The services have paths, and a request does not name its operation.
    """
    host = sent.host.partition(":")[0]
    if host.endswith(HOSTS):
        return sent.method if is_host(host) else None
    signed = _SCOPE.search(sent.headers.get("authorization", ""))
    return sent.method if signed is not None and signed[1] in SIGNED else None


ROOM: Final = Room(
    adapters=("resilience.clients.aws.sdk:AwsSdk",),
    hooks=frozenset(HOOKS),
    packages=PACKAGES,
    provider=PROVIDER,
    operation_of=operation_of,
    is_host=is_host,
)
