"""Which methods of a client make exactly one management call, and which operation each performs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.clients.surface.originals import original
from resilience.clients.surface.sdks import Manner, Sdk, sdk_of

# `create_group_id_with_options`, which the short methods call, and also `assume_role_with_oidcwith_options`.
_WITH_OPTIONS: Final = re.compile(r".*with_options(?:_async)?")
_RESPONSE: Final = "Response"

_BY_NAME: Final = ("call_json", "call_and_deserialize")
_ACT: Final = "do_action_with_exception"

# Products that the catalogues are about; the clients for any product serve others too.
_TENCENT: Final = frozenset({"mqtt", "sts"})
_ALIBABA: Final = frozenset({"onsmqtt", "sts"})

# What an asynchronous operation of Tencent's hands on: all five, each by its name (mqtt_client_async.py 3.1.195).
_HANDED_ON: Final = frozenset({"action", "params", "resp_cls", "headers", "opts"})

# The old SDK's signers, and Tencent's credentials, ask the token service themselves while a request is being signed.
# That is part of an attempt: its faults are the attempt's, and waits would hold the lock of the credential.
_SIGNERS: Final = "aliyunsdkcore.auth."
_CREDENTIALS: Final = "tencentcloud.common.credential"
_STS: Final = "sts"


@frozen
class Method:
    """
    One method of a client.

    Attributes:
        name: The attribute of the client class.
        provider: The provider whose catalogue knows its operations.
        is_async: Whether it is a coroutine function.
        operation: The operation that it performs, or None where each call says it.
    """

    name: str
    provider: str
    is_async: bool
    operation: str | None

    def operation_of(self, client: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """
        Return the operation of one call.

        None if the call is none of ours: for another product, none of the SDK's
        requests, made by the SDK to sign another, or handed on by a method of the
        same client that is covered itself.

        Args:
            client: The client that the method is called on.
            args: The arguments, without the client.
            kwargs: The arguments by name.
        """
        return self.operation or _SAID_BY_THE_CALL[self.name](client, args, kwargs)


def methods_of(cls: type) -> dict[str, Method]:
    """
    Return the methods to cover on a client class, by attribute name; empty for any other class.

    Those of the SDK are meant, also on a class that a user derived from the SDK's; what the user adds is not.
    An operation that no catalogue knows is there all the same.
    """
    found = sdk_of(cls)
    if found is None:
        return {}
    base, sdk = found
    methods: dict[str, Method] = {}
    for name, operation in _OPERATIONS[sdk.manner](base):
        function = original(inspect.getattr_static(cls, name))
        if inspect.isfunction(function):
            methods[name] = _method(name, sdk, operation, function)
    return methods


def _method(name: str, sdk: Sdk, operation: str | None, function: Callable[..., Any]) -> Method:
    return Method(name, sdk.provider, inspect.iscoroutinefunction(function), operation)


def _with_options(base: type) -> list[tuple[str, str | None]]:
    """Take the operation from the type of the answer: a method's name has lost the capitals (``with_oidcwith``)."""
    found: list[tuple[str, str | None]] = []
    for name, value in vars(base).items():
        if _WITH_OPTIONS.fullmatch(name) is None:
            continue
        answer = getattr(original(value), "__annotations__", {}).get("return")
        answer = answer.rpartition(".")[2] if isinstance(answer, str) else getattr(answer, "__name__", "")
        operation = answer.removesuffix(_RESPONSE)
        if operation and operation != answer:
            found.append((name, operation))
    return found


def _operations(base: type) -> list[tuple[str, str | None]]:
    # Operations alone are spelled with a capital.
    found: list[tuple[str, str | None]] = [
        (name, name) for name, value in vars(base).items() if name[:1].isupper() and inspect.isfunction(value)
    ]
    return [*found, *((name, None) for name in _BY_NAME if hasattr(base, name))]


def _request(_: type) -> list[tuple[str, str | None]]:
    # Requests of every class end there; do_action, deprecated, returns a refusal as it returns an answer.
    return [(_ACT, None)]


_OPERATIONS: Final[Mapping[Manner, Callable[[type], list[tuple[str, str | None]]]]] = {
    "models": _with_options,
    "operations": _operations,
    "request": _request,
}


def _action(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    service = getattr(client, "_service", None)
    if service not in _TENCENT or (service == _STS and _is_called_by(_CREDENTIALS)):
        return None
    action = args[0] if args else kwargs.get("action")
    # The SDK puts the capital there where it is missing (abstract_client.py 3.1.195).
    return action[0].upper() + action[1:] if isinstance(action, str) and action else None


def _is_called_by(module: str) -> bool:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    return frame is not None


def _action_unless_handed_on(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    action = _action(client, args, kwargs)
    is_handed_on = kwargs.keys() == _HANDED_ON and action is not None and hasattr(type(client), action)
    return None if is_handed_on else action


def _requested(_: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    request: Any = args[0] if args else kwargs.get("acs_request")
    if type(request).__module__.startswith(_SIGNERS) or not hasattr(request, "get_action_name"):
        return None
    product = request.get_product()
    if not product:
        # A CommonRequest may name a host instead: "onsmqtt.cn-hangzhou.aliyuncs.com", "sts-vpc.cn-hangzhou...".
        product = str(request.endpoint or "").partition(".")[0].removesuffix("-vpc")
    action = request.get_action_name()
    return action if str(product).lower() in _ALIBABA and isinstance(action, str) and action else None


_SAID_BY_THE_CALL: Final[Mapping[str, Callable[[Any, tuple[Any, ...], Mapping[str, Any]], str | None]]] = {
    "call_json": _action,
    "call_and_deserialize": _action_unless_handed_on,
    _ACT: _requested,
}
