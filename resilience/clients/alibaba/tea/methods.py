"""
Which methods of clients of Alibaba's present SDK make calls, and of which operation.

Beside a method for each operation there are some that take the operation as an argument,
in their parameters or in a request object. They serve every product of the vendor, and the
methods for one operation lead to them. Sources: alibabacloud_tea_openapi 0.4.6 and 0.3.16,
client.py; read 2026-11-28.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.alibaba.products import is_ours
from resilience.clients.alibaba.traits import PRODUCTS
from resilience.clients.common.originals import original
from resilience.clients.vendor.facts import Generic

# `create_group_id_with_options`, which the short methods call, and also `assume_role_with_oidcwith_options`.
_WITH_OPTIONS: Final = re.compile(r".*with_options(?:_async)?")
_RESPONSE: Final = "Response"

_TYPED: Final = tuple(f"alibabacloud_{product}" for product in PRODUCTS)

# The vendor's clients for one product: alibabacloud_ecs20140526.client.
_VENDORS: Final = "alibabacloud_"
# Which of these are for products that the catalogue is about, perhaps in a version that is not in the table.
_KNOWN: Final = _TYPED


def is_foreign(module: str) -> bool:
    """Tell whether a module has the vendor's client for another product."""
    return module.startswith(_VENDORS) and not module.startswith(_KNOWN)


def operations(base: type) -> list[tuple[str, str]]:
    """Take the operation from the type of the answer: a method's name has lost the capitals (``with_oidcwith``)."""
    found: list[tuple[str, str]] = []
    for name, value in vars(base).items():
        if _WITH_OPTIONS.fullmatch(name) is None:
            continue
        answer = getattr(original(value), "__annotations__", {}).get("return")
        answer = answer.rpartition(".")[2] if isinstance(answer, str) else getattr(answer, "__name__", "")
        operation = answer.removesuffix(_RESPONSE)
        if operation and operation != answer:
            found.append((name, operation))
    return found


def _argument(name: str, place: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)


def _of_params(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    params = _argument("params", 0, args, kwargs)
    return _ours(client, getattr(params, "action", None), getattr(params, "version", None))


def _of_action(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    return _ours(client, _argument("action", 0, args, kwargs), _argument("version", 1, args, kwargs))


def _ours(client: Any, action: object, version: object) -> str | None:
    if not isinstance(action, str) or not action:
        return None
    is_typed = any(cls.__module__.startswith(_TYPED) for cls in type(client).__mro__)
    is_known = is_typed or is_ours(getattr(client, "_endpoint", None), version)
    return action if is_known else None


_BY_PARAMS: Final = Generic(_of_params, "map")
_BY_ACTION: Final = Generic(_of_action, "map")
_EVENTS: Final = Generic(_of_params, "events", read_instead="call_api")

_MODELS: Final[Mapping[str, Generic]] = {
    "call_api": _BY_PARAMS,
    "execute": _BY_PARAMS,
    "do_request": _BY_PARAMS,
    "do_rpcrequest": _BY_ACTION,
    "do_roarequest": _BY_ACTION,
    "do_roarequest_with_form": _BY_ACTION,
    "call_sseapi": _EVENTS,
}

GENERIC: Final[Mapping[str, Generic]] = {
    **_MODELS,
    **{f"{name}_async": generic for name, generic in _MODELS.items()},
}
"""The methods that take their operation as an argument."""
