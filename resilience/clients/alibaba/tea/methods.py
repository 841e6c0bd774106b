"""
The methods of the present SDK's clients that make calls, and the operation of each.

A client has a method for each operation, and generic methods, which take the operation as an
argument or in a request object. The generic methods serve every product of the vendor, and each
method for one operation calls one of them. Sources: alibabacloud_tea_openapi 0.4.6 and 0.3.16,
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

# The short methods call `create_group_id_with_options`, for example; `assume_role_with_oidcwith_options` is one too.
_WITH_OPTIONS: Final = re.compile(r".*with_options(?:_async)?")
_RESPONSE: Final = "Response"

_TYPED: Final = tuple(f"alibabacloud_{product}" for product in PRODUCTS)

# How the modules of the vendor's clients for one product begin: alibabacloud_ecs20140526.client.
_VENDORS: Final = "alibabacloud_"


def is_foreign(module: str) -> bool:
    """Tell whether a module has the vendor's client for a product without a catalogue."""
    return module.startswith(_VENDORS) and not module.startswith(_TYPED)


def operations(base: type) -> list[tuple[str, str]]:
    """Return methods and operations; the operation is in the answer's type, since method names have no capitals."""
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


def _argument(name: str, index: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[index] if len(args) > index else kwargs.get(name)


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
"""The generic methods, by name."""
