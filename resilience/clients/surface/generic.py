"""
Methods that make a call of any operation: which one it is, and whose product it is of.

Beside a method for each operation the SDKs have some that take the operation as an
argument, in their parameters or in a request object. They serve every product of the
vendor, and the methods for one operation lead to them. Sources:
alibabacloud_tea_openapi 0.4.6 and 0.3.16, client.py; aliyun-python-sdk-core 2.16.1,
client.py; tencentcloud-sdk-python-common 3.1.195, abstract_client.py and
abstract_client_async.py; read 2026-11-28.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from attrs import frozen

from resilience.clients.surface.sdks import Manner

Answer = Literal["map", "response", "content", "deserialized", "events", "body", "parts"]
"""
What a method returns: ``map``, Alibaba's mapping of headers, status and body; ``response``, Tencent's JSON as a
mapping, and ``content``, the same as bytes; ``deserialized``, whatever class the call names; ``events``, an iterator;
``body``, the bytes of the old SDK, and ``parts``, status, headers and bytes.
"""

OperationOf = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], str | None]
"""Takes a client and the arguments of a call; returns the operation, or None if it is of another product."""


@frozen
class Generic:
    """
    A method that takes its operation as an argument.

    Attributes:
        operation_of: Which operation a call is.
        answer: What the method returns.
        returns_refusals: Whether it returns what the service refuses as it returns a success.
        is_stream: Whether it sends nothing until its answer is read, so that there is no call to put under a policy.
        instead: Another method that does the same without repeating; None for the method itself.
    """

    operation_of: OperationOf
    answer: Answer
    returns_refusals: bool = False
    is_stream: bool = False
    instead: str | None = None


# The products that the catalogues are about, with the versions of their APIs (Params.version of the typed clients).
ALIBABA: Final = {"onsmqtt": "2020-04-20", "sts": "2015-04-01"}
TENCENT: Final = frozenset({"mqtt", "sts"})
_ALIBABA_HOSTS: Final = ".aliyuncs.com"
_TYPED: Final = tuple(f"alibabacloud_{product}" for product in ALIBABA)

# The old SDK's signers, and Tencent's credentials, ask the token service themselves while a request is being signed.
# That is part of an attempt: its faults are the attempt's, and waits would hold the lock of the credential.
_SIGNERS: Final = "aliyunsdkcore.auth."
_CREDENTIALS: Final = "tencentcloud.common.credential"
_STS: Final = "sts"


def is_product_of_alibaba(host: object, version: object) -> bool:
    """
    Tell whether a host, or else the version of an API, is that of a product that the catalogue is about.

    A host of Alibaba Cloud says it alone: ``onsmqtt.cn-hangzhou.aliyuncs.com``, ``sts-vpc.cn-beijing.aliyuncs.com``.
    Any other may stand for each of them, such as a proxy or a sandbox.
    """
    name = str(host or "").lower().partition(":")[0]
    if name.partition(".")[0].removesuffix("-vpc") in ALIBABA:
        return True
    return not name.endswith(_ALIBABA_HOSTS) and version in ALIBABA.values()


def _argument(name: str, place: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)


def _of_params(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    params = _argument("params", 0, args, kwargs)
    return _alibabas(client, getattr(params, "action", None), getattr(params, "version", None))


def _of_action(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    return _alibabas(client, _argument("action", 0, args, kwargs), _argument("version", 1, args, kwargs))


def _alibabas(client: Any, action: object, version: object) -> str | None:
    if not isinstance(action, str) or not action:
        return None
    is_typed = any(cls.__module__.startswith(_TYPED) for cls in type(client).__mro__)
    is_ours = is_typed or is_product_of_alibaba(getattr(client, "_endpoint", None), version)
    return action if is_ours else None


def _of_request(_: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    request: Any = args[0] if args else kwargs.get("acs_request", kwargs.get("request"))
    if type(request).__module__.startswith(_SIGNERS) or not hasattr(request, "get_action_name"):
        return None
    product, action = request.get_product(), request.get_action_name()
    if product:
        is_ours = str(product).lower() in ALIBABA
    else:
        # A CommonRequest may name a host instead.
        is_ours = is_product_of_alibaba(request.endpoint, request.get_version())
    return action if is_ours and isinstance(action, str) and action else None


def _of_service(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    service = getattr(client, "_service", None)
    if service not in TENCENT or (service == _STS and _is_called_by(_CREDENTIALS)):
        return None
    action = _argument("action", 0, args, kwargs)
    # The SDK puts the capital there where it is missing (abstract_client.py 3.1.195).
    return action[0].upper() + action[1:] if isinstance(action, str) and action else None


def _is_called_by(module: str) -> bool:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    return frame is not None


_BY_PARAMS: Final = Generic(_of_params, "map")
_BY_ACTION: Final = Generic(_of_action, "map")
_EVENTS: Final = Generic(_of_params, "events", is_stream=True)

_MODELS: Final[Mapping[str, Generic]] = {
    "call_api": _BY_PARAMS,
    "execute": _BY_PARAMS,
    "do_request": _BY_PARAMS,
    "do_rpcrequest": _BY_ACTION,
    "do_roarequest": _BY_ACTION,
    "do_roarequest_with_form": _BY_ACTION,
    "call_sseapi": _EVENTS,
}

GENERIC: Final[Mapping[Manner, Mapping[str, Generic]]] = {
    "models": {**_MODELS, **{f"{name}_async": generic for name, generic in _MODELS.items()}},
    "request": {
        "do_action_with_exception": Generic(_of_request, "body"),
        "do_action": Generic(_of_request, "body", returns_refusals=True),
        "get_response": Generic(_of_request, "parts", returns_refusals=True),
        "implementation_of_do_action": Generic(_of_request, "parts", returns_refusals=True),
    },
    "operations": {
        "call": Generic(_of_service, "content"),
        "call_json": Generic(_of_service, "response"),
        "call_octet_stream": Generic(_of_service, "response"),
        "call_sse": Generic(_of_service, "events"),
        # The breaker is one of the retries that are switched off, and without it this is `call`.
        "call_with_region_breaker": Generic(_of_service, "content", instead="call"),
        "call_and_deserialize": Generic(_of_service, "deserialized"),
    },
}
"""The methods that take their operation as an argument, by how a client is called."""
