"""
Which methods of Tencent's clients make calls, and of which operation.

Beside a method for each operation there are some that take the operation as an argument.
They serve every product of the vendor, and the methods for one operation lead to them.
Sources: tencentcloud-sdk-python-common 3.1.195, abstract_client.py and abstract_client_async.py; read 2026-11-28.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.tencent.traits import PRODUCTS
from resilience.clients.vendor.facts import Generic

# Credentials ask the token service themselves while a request is being signed. That is part of an attempt: its faults
# are the attempt's, and waits would hold the lock of the credential.
_CREDENTIALS: Final = "tencentcloud.common.credential"
_STS: Final = "sts"

# The vendor's clients for one product: tencentcloud.cvm.v20170312.cvm_client.
_VENDORS: Final = "tencentcloud."
# Which of these are for products that the catalogue is about, perhaps in a version that is not in the table.
_KNOWN: Final = ("tencentcloud.common.", *(f"tencentcloud.{product}." for product in PRODUCTS))


def is_foreign(module: str) -> bool:
    """Tell whether a module has the vendor's client for another product."""
    return module.startswith(_VENDORS) and not module.startswith(_KNOWN)


def operations(base: type) -> list[tuple[str, str]]:
    """Return the methods that perform one operation."""
    # Operations alone are spelled with a capital.
    return [(name, name) for name, value in vars(base).items() if name[:1].isupper() and inspect.isfunction(value)]


def _argument(name: str, place: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)


def _of_service(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    service = getattr(client, "_service", None)
    if service not in PRODUCTS or (service == _STS and _is_called_by(_CREDENTIALS)):
        return None
    action = _argument("action", 0, args, kwargs)
    # The SDK puts the capital there where it is missing (abstract_client.py 3.1.195).
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
    # The breaker is one of the retries that are switched off, and without it this is `call`.
    "call_with_region_breaker": Generic(_of_service, "content", instead="call"),
    "call_and_deserialize": Generic(_of_service, "deserialized"),
}
"""The methods that take their operation as an argument."""
