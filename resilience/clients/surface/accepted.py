"""
The answer that an SDK would have returned, for a call that is a success without one.

A policy that takes "already exists" for success leaves a script waiting for a
response. It gets one of the SDK's own type, with what the request itself says:
nobody has asked the service for the rest.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from resilience.catalog import catalogue
from resilience.clients.surface.generic import Answer
from resilience.clients.surface.methods import Method
from resilience.clients.surface.requestfields import OPEN_API_REQUEST, fields_of
from resilience.clients.surface.sdks import Manner, sdk_of
from resilience.clients.tencent import traits as tencent

_REQUEST_ID: Final = "RequestId"
_OK: Final = 200

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
    if method.generic is None:
        return _MODELS[sdk.manner](base, operation, said)
    known = _known(client, operation, said) if method.provider == tencent.PROVIDER else _documented(operation, said)
    return shaped(method.generic.answer, known, args, kwargs)


def shaped(answer: Answer, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """
    Return an answer as a method for any operation returns it.

    Args:
        answer: What the method returns.
        fields: The fields of the answer, by wire name.
        args: The arguments of the call, without the client.
        kwargs: The arguments by name.
    """
    wrapped = {"Response": dict(fields)}
    match answer:
        case "map":
            return {"headers": {}, "statusCode": _OK, **_body(_body_type(args, kwargs), fields)}
        case "body":
            return json.dumps(fields).encode()
        case "parts":
            return _OK, {}, json.dumps(fields).encode()
        case "content":
            return json.dumps(wrapped).encode()
        case "events":
            return iter([{"data": json.dumps(wrapped)}])
        case "deserialized" if (model := _answer_class(args, kwargs)) is not dict:
            return _filled(lambda values: _tencent(model, values), fields)
        case "response" | "deserialized":
            return wrapped
        case unreachable:
            assert_never(unreachable)


def _answer_class(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return what ``call_and_deserialize`` is asked to make of the answer."""
    return args[_ANSWER_CLASS] if len(args) > _ANSWER_CLASS else kwargs.get("resp_cls", dict)


def _body_type(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the type of body that a call of Alibaba's asks for: it is in the parameters, or before the request."""
    if "body_type" in kwargs:
        return str(kwargs["body_type"])
    values = [*args, *kwargs.values()]
    for place, value in enumerate(values):
        kind = getattr(value, "body_type", None)
        if isinstance(kind, str):
            return kind
        if place and type(value).__name__ == OPEN_API_REQUEST:
            return str(values[place - 1])
    return "json"


def _body(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(fields)
    match kind:
        case "json" | "array":
            return {"body": dict(fields)}
        case "string":
            return {"body": text}
        case "byte":
            return {"body": text.encode()}
        case "binary":
            return {"body": io.BytesIO(text.encode())}
        case _:
            return {}


def _filled(make: Callable[[Mapping[str, Any]], Any], said: Mapping[str, Any]) -> Any:
    """Make an answer; without the request's fields if one of them is of another type in the answer."""
    try:
        return make(said)
    except Exception:  # noqa: BLE001  # models are generated, and may do anything with a value of another type
        return make({_REQUEST_ID: said[_REQUEST_ID]})


def _alibaba(base: type, operation: str, said: Mapping[str, Any]) -> Any:
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


def _documented(operation: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the fields that an answer of Alibaba's has; the catalogue says which these are."""
    facts = catalogue("alibaba").operation(operation)
    names = (*facts.answer, _REQUEST_ID) if facts is not None else (_REQUEST_ID,)
    answer: dict[str, Any] = {name: said[name] for name in names if name in said}
    if facts is not None and facts.verdict is not None:
        answer[facts.verdict] = True
    return answer


_MODELS: Final[Mapping[Manner, Callable[[type, str, Mapping[str, Any]], Any]]] = {
    "models": _alibaba,
    "operations": _operations,
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
