"""
Make the answer of an accepted call, in the types of Tencent's SDK.

The answer has the fields that it shares with the request. Its other fields are empty: the service was not asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.common.models import filled, model

# The position of `resp_cls` in call_and_deserialize(action, params, resp_cls) (abstract_client_async.py 3.1.195).
_ANSWER_CLASS: Final = 2


def answer(base: type, operation: str, said: Mapping[str, Any]) -> Any:
    """Return the model of an operation's answer."""
    found = model(f"{base.__module__.rpartition('.')[0]}.models", operation)
    return filled(lambda values: _made(found, values), said)


def names(client: Any, operation: str) -> frozenset[str] | None:
    """Return the fields that an answer may have; None if the script has not imported the models."""
    version = str(client._apiVersion).replace("-", "")  # noqa: SLF001  # the SDK puts these into a request
    module = sys.modules.get(f"tencentcloud.{client._service}.v{version}.models")  # noqa: SLF001
    found = getattr(module, f"{operation}Response", None)
    return None if found is None else frozenset(found()._serialize(allow_none=True))  # noqa: SLF001  # see _made


def shaped(answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """
    Return an answer in the type that a generic method returns.

    Args:
        answer: ``content`` for JSON as bytes, ``events`` for an iterator, ``deserialized`` for the class that the call
            names, ``response`` for a mapping.
        fields: The fields of the answer, by wire name.
        args: The arguments of the call, without the client.
        kwargs: The arguments by name.
    """
    wrapped = {"Response": dict(fields)}
    if answer == "content":
        return json.dumps(wrapped).encode()
    if answer == "events":
        return iter([{"data": json.dumps(wrapped)}])
    cls = _answer_class(args, kwargs)
    if answer == "deserialized" and cls is not dict:
        return filled(lambda values: _made(cls, values), fields)
    return wrapped


def _answer_class(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the class that ``call_and_deserialize`` has to return an object of."""
    return args[_ANSWER_CLASS] if len(args) > _ANSWER_CLASS else kwargs.get("resp_cls", dict)


def _made(cls: Any, values: Mapping[str, Any]) -> Any:
    response = cls()
    response._deserialize(dict(values))  # as the SDK's own methods do; the public method takes JSON text
    return response
