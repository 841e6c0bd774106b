"""
The answer that an SDK would have returned, for a call that is a success without one.

A policy that takes "already exists" for success leaves a script waiting for a
response. It gets one of the SDK's own type, with what the request itself says:
nobody has asked the service for the rest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from resilience.catalog import catalogue
from resilience.clients.surface.methods import Method
from resilience.clients.surface.requestfields import fields_of
from resilience.clients.surface.sdks import Manner, sdk_of

_REQUEST_ID: Final = "RequestId"

# The position of `resp_cls` in call_and_deserialize(action, params, resp_cls) (abstract_client_async.py 3.1.195).
_ANSWER_CLASS: Final = 2


def accepted_answer(  # noqa: PLR0913, PLR0917  # a call is its method, client and arguments, and then what became of it
    method: Method,
    client: object,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    operation: str,
    request_id: str | None,
) -> Any:
    """
    Return a good answer of the SDK's own type.

    Fields that request and answer share by name have the request's value; all others are empty, whatever the service
    has made, such as the id of an instance, included. A field that says whether the call worked says that it did.

    Args:
        method: The method that was called.
        client: The client that it was called on.
        args: The arguments, as last sent, without the client.
        kwargs: The arguments by name, as last sent.
        operation: The operation of the call.
        request_id: The id to give to the answer, or None for an empty one.

    Raises:
        LookupError: The client's SDK has no answer for this operation.
    """
    found = sdk_of(type(client))
    if found is None:
        raise LookupError(f"{type(client).__module__}.{type(client).__qualname__} is no client of a known SDK")
    base, sdk = found
    said = {**fields_of(method.provider, args, kwargs), _REQUEST_ID: request_id or ""}
    if method.operation is None and sdk.manner == "operations":
        model = _answer_class(args, kwargs) if method.is_async else dict
        if model is dict:
            return {"Response": _known(client, operation, said)}
        return _filled(lambda values: _tencent(model, values), said)
    return _ANSWERS[sdk.manner](base, operation, said)


def _answer_class(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return what ``call_and_deserialize`` is asked to make of the answer."""
    return args[_ANSWER_CLASS] if len(args) > _ANSWER_CLASS else kwargs.get("resp_cls", dict)


def _filled(make: Callable[[Mapping[str, Any]], Any], said: Mapping[str, Any]) -> Any:
    """Make an answer; without the request's fields if one of them is of another type in the answer."""
    try:
        return make(said)
    except Exception:  # noqa: BLE001  # models are generated, and may do anything with a value of another type
        return make({_REQUEST_ID: said[_REQUEST_ID]})


def _models(base: type, operation: str, said: Mapping[str, Any]) -> Any:
    """Fill Alibaba's response, which is its body, and around it what HTTP says."""
    model = _model(f"{base.__module__.rpartition('.')[0]}.models", operation)

    def make(values: Mapping[str, Any]) -> Any:
        response = model().from_map({"headers": {}, "statusCode": 200, "body": dict(values)})
        if hasattr(response.body, "success"):
            response.body.success = True
        return response

    return _filled(make, said)


def _operations(base: type, operation: str, said: Mapping[str, Any]) -> Any:
    model = _model(f"{base.__module__.rpartition('.')[0]}.models", operation)
    return _filled(lambda values: _tencent(model, values), said)


def _request(_: type, operation: str, said: Mapping[str, Any]) -> bytes:
    """Write JSON as the old SDK returns it; it has no models of answers, so the catalogue says what is in them."""
    facts = catalogue("alibaba").operation(operation)
    names = (*facts.answer, _REQUEST_ID) if facts is not None else (_REQUEST_ID,)
    answer: dict[str, Any] = {name: said[name] for name in names if name in said}
    if facts is not None and facts.verdict is not None:
        answer[facts.verdict] = True
    return json.dumps(answer).encode()


_ANSWERS: Final[Mapping[Manner, Callable[[type, str, Mapping[str, Any]], Any]]] = {
    "models": _models,
    "operations": _operations,
    "request": _request,
}


def _model(module: str, operation: str) -> Any:
    model = getattr(sys.modules.get(module), f"{operation}Response", None)
    if model is None:
        raise LookupError(f"{module} has no {operation}Response")
    return model


def _tencent(model: Any, values: Mapping[str, Any]) -> Any:
    response = model()
    response._deserialize(dict(values))  # noqa: SLF001  # as the SDK's own methods do; the public way leads through a text
    return response


def _known(client: Any, operation: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the fields that an answer has: the models say it if the script has loaded them, else the catalogue."""
    version = str(client._apiVersion).replace("-", "")  # noqa: SLF001  # what the SDK itself puts into a request
    module = sys.modules.get(f"tencentcloud.{client._service}.v{version}.models")  # noqa: SLF001
    model = getattr(module, f"{operation}Response", None)
    if model is not None:
        names = set(model()._serialize(allow_none=True))  # noqa: SLF001  # see _tencent
    else:
        facts = catalogue("tencent").operation(operation)
        names = {_REQUEST_ID} if facts is None else {*facts.answer, _REQUEST_ID}
    return {name: value for name, value in said.items() if name in names}
