"""
The methods of the old SDK's client that make calls; the request names the operation.

Source: aliyun-python-sdk-core 2.16.1, client.py; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.alibaba.products import is_ours
from resilience.clients.alibaba.traits import PRODUCTS
from resilience.clients.vendor.facts import Generic

# A signer calls the token service while it signs a request. That call is part of the attempt: its faults are faults of
# the attempt, and a wait would keep the lock of the credential.
_SIGNERS: Final = "aliyunsdkcore.auth."


def _of_request(_: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    request: Any = args[0] if args else kwargs.get("acs_request", kwargs.get("request"))
    if type(request).__module__.startswith(_SIGNERS) or not hasattr(request, "get_action_name"):
        return None
    product, action = request.get_product(), request.get_action_name()
    # A CommonRequest may name a host instead of a product.
    by_host = not product and is_ours(request.endpoint, request.get_version())
    is_known = by_host or str(product).lower() in PRODUCTS
    return action if is_known and isinstance(action, str) and action else None


GENERIC: Final[Mapping[str, Generic]] = {
    "do_action_with_exception": Generic(_of_request, "body"),
    "do_action": Generic(_of_request, "body", returns_refusals=True),
    "get_response": Generic(_of_request, "parts", returns_refusals=True),
    "implementation_of_do_action": Generic(_of_request, "parts", returns_refusals=True),
}
"""The methods that take their operation as an argument."""
