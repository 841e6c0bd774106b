"""The room for Azure IoT: its SDKs, and how a request to its services is recognised."""

from __future__ import annotations

from typing import Final

from resilience.clients.azure.traits import HOOKS, HOSTS, PACKAGES, PROVIDER, SIGNED
from resilience.clients.common.room import Room, SentRequest


def is_host(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, is a hub or a provisioning service."""
    return host.endswith(HOSTS)


def operation_of(sent: SentRequest) -> str | None:
    """Return the HTTP method of a request to a hub or a provisioning service; None for other requests."""
    is_signed = sent.headers.get("authorization", "").startswith(SIGNED)
    return sent.method if is_signed or is_host(sent.host.partition(":")[0]) else None


ROOM: Final = Room(
    adapters=("resilience.clients.azure.sdk:AzureSdk",),
    hooks=frozenset(HOOKS),
    packages=PACKAGES,
    provider=PROVIDER,
    operation_of=operation_of,
    is_host=is_host,
)
