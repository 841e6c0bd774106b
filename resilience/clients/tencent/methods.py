"""
The methods of Tencent's clients that make calls, and the operation of each.

A client has a method for each operation, and generic methods, which take the operation as an argument.
The generic methods serve every product of the vendor, and each method for one operation calls one of them.
Sources: tencentcloud-sdk-python-common 3.1.195, abstract_client.py and abstract_client_async.py; read 2026-11-28.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.tencent.traits import PRODUCTS
from resilience.clients.vendor.facts import Generic

# A credential calls the token service while it signs a request. That call is part of the attempt: its faults are faults
# of the attempt, and a wait would keep the lock of the credential.
_CREDENTIALS: Final = "tencentcloud.common.credential"
_STS: Final = "sts"

# How the modules of the vendor's clients for one product begin: tencentcloud.cvm.v20170312.cvm_client.
_VENDORS: Final = "tencentcloud."
# The modules for products that the catalogue describes, in any version.
_KNOWN: Final = ("tencentcloud.common.", *(f"tencentcloud.{product}." for product in PRODUCTS))


def is_foreign(module: str) -> bool:
    """Tell whether a module has the vendor's client for a product without a catalogue."""
    return module.startswith(_VENDORS) and not module.startswith(_KNOWN)


def operations(base: type) -> list[tuple[str, str]]:
    """Return the methods for one operation; only their names begin with a capital."""
    return [(name, name) for name, value in vars(base).items() if name[:1].isupper() and inspect.isfunction(value)]


def _of_service(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    service = getattr(client, "_service", None)
    if service not in PRODUCTS or (service == _STS and _is_called_by(_CREDENTIALS)):
        return None
    action = args[0] if args else kwargs.get("action")
    # The SDK adds a missing capital too (abstract_client.py 3.1.195).
    return action[0].upper() + action[1:] if isinstance(action, str) and action else None


def _is_called_by(module: str) -> bool:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    return frame is not None


GENERIC: Final[Mapping[str, Generic]] = {
    "call": Generic(_of_service, "content"),
    "call_json": Generic(_of_service, "response"),
    "call_octet_stream": Generic(_of_service, "response"),
    "call_sse": Generic(_of_service, "events"),
    # retries.py switches the region breaker off; without it this method does the same as `call`.
    "call_with_region_breaker": Generic(_of_service, "content", instead="call"),
    "call_and_deserialize": Generic(_of_service, "deserialized"),
}
"""The generic methods, by name."""
