"""The room for Alibaba Cloud: its two SDKs, and how a request to its services is recognised."""

from __future__ import annotations

from typing import Final

from resilience.clients.alibaba.traits import (
    HOSTS,
    OLD_HOOKS,
    OLD_PACKAGES,
    PRODUCTS,
    PROVIDER,
    TEA_HOOKS,
    TEA_PACKAGES,
)
from resilience.clients.common.room import Room, SentRequest, product_of


def is_host(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, belongs to a product that the catalogue describes."""
    return host.endswith(HOSTS) and product_of(host) in PRODUCTS


def operation_of(sent: SentRequest) -> str | None:
    """Return the operation of a request to the vendor, or its HTTP method if it names none; None for other requests."""
    host = sent.host.partition(":")[0]
    action, version = sent.value_of("x-acs-action", "Action"), sent.value_of("x-acs-version", "Version")
    is_ours = is_host(host) if host.endswith(HOSTS) else action and version in PRODUCTS.values()
    return (action or sent.method) if is_ours else None


ROOM: Final = Room(
    adapters=("resilience.clients.alibaba.tea.sdk:TeaSdk", "resilience.clients.alibaba.old.sdk:OldSdk"),
    hooks=frozenset({*TEA_HOOKS, *OLD_HOOKS}),
    packages=(*TEA_PACKAGES, *OLD_PACKAGES),
    provider=PROVIDER,
    operation_of=operation_of,
    is_host=is_host,
)
