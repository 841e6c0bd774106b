"""The room for Tencent Cloud: its SDK, and how a request to its services is recognised."""

from __future__ import annotations

from typing import Final

from resilience.clients.common.room import Room, SentRequest, product_of
from resilience.clients.tencent.traits import HOOKS, HOSTS, PACKAGES, PRODUCTS, PROVIDER


def is_host(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, belongs to a product that the catalogue describes."""
    return host.endswith(HOSTS) and product_of(host) in PRODUCTS


def operation_of(sent: SentRequest) -> str | None:
    """Return the operation of a request to the vendor, or its HTTP method if it names none; None for other requests."""
    host = sent.host.partition(":")[0]
    action, version = sent.value_of("x-tc-action", "Action"), sent.value_of("x-tc-version", "Version")
    is_called = action and version in PRODUCTS.values() and _is_signed(sent)
    return (action or sent.method) if (is_host(host) if host.endswith(HOSTS) else is_called) else None


def _is_signed(sent: SentRequest) -> bool:
    """Tell whether a request is signed for one of the products; an old signature names no product."""
    signed = sent.headers.get("authorization", "")
    return "tc3_request" not in signed or any(f"/{product}/tc3_request" in signed for product in PRODUCTS)


ROOM: Final = Room(
    adapters=("resilience.clients.tencent.sdk:TencentSdk",),
    hooks=frozenset(HOOKS),
    packages=PACKAGES,
    provider=PROVIDER,
    operation_of=operation_of,
    is_host=is_host,
)
