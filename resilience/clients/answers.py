"""
Returned values that are failures: both services have answers that their SDKs take for success.

Alibaba's clients return redirects, null bodies and ``Success: false``; the old
one returns bytes of any kind. Tencent's look for an error only under two exact
content types, so that a proxy which adds a charset turns every error into an
object whose fields are all None (tencentcloud/common/abstract_client.py 3.1.195,
``_check_error``, read 2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from attrs import evolve

from resilience.catalog import OperationFacts, catalogue
from resilience.clients.alibaba import errors as alibaba
from resilience.clients.common.fields import (
    code_and_request_id,
    first_word,
    header,
    http_status,
    json_object,
    text_of,
    word,
)
from resilience.clients.tencent import errors as tencent
from resilience.core.fault import Fault

Check: TypeAlias = Callable[[object], Fault | None]
"""Returns the fault in what an SDK returned; None if it is a success, or not an SDK's value."""

_OK: Final = 200
_SUCCESS: Final = range(200, 300)
_VERDICT: Final = "Success"
_PARTS: Final = 3
_MAX_BODY_BYTES: Final = 65_536
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


# Both providers together know fewer operations; the rest is what users declare.
@lru_cache(maxsize=256)
def checker(provider: str, operation: str) -> Check:
    """
    Return a function that tells the fault in what an SDK returned for an operation.

    It remembers the models that the SDK answers with, so that another good one costs a
    fraction of a microsecond. It may be used from many threads.

    Args:
        provider: The provider of the call; values of others are taken as they are.
        operation: The operation, whose catalogue entry says which fields a good answer always has.

    Returns:
        A function of what the SDK's method returned, and of nothing that was made of it:
        under ``"alibaba"``, bytes are an answer of the old SDK, and must be JSON; likewise under ``"tencent"``.
    """
    make = _CHECKS.get(provider)
    return _no_fault if make is None else make(catalogue(provider).operations.get(operation))


def check_value(provider: str, operation: str, value: object) -> Fault | None:
    """Return what the :func:`checker` of an operation says about one value."""
    return checker(provider, operation)(value)


def complete(provider: str | None, fields: tuple[str, ...], check: Check) -> Check:
    """
    Return a check that also takes an answer for garbled which lacks one of some fields.

    A value that has no fields, such as a text that a function has read out of its answer, is taken as it is.

    Args:
        provider: The provider of the call.
        fields: The fields, by their names on the wire; ``data.id`` is a field inside of another.
        check: What else there is to check.
    """

    def checked(value: object) -> Fault | None:
        fault = check(value)
        if fault is not None or all(_reached(value, name) is not None for name in fields):
            return fault
        return Fault(provider=provider, transport="garbled", effect="unknown")

    return checked


def _reached(answer: object, name: str) -> object:
    """Return a field of an answer, of its body, or of an object inside; None if it is not there."""
    value = _field(answer, name)
    outer, dot, inner = name.partition(".")
    if value is None and dot and (held := _field(answer, outer)) is not None:
        value = _reached(held, inner)
    for body in ("body", "Response") if value is None else ():
        if (held := _field(answer, body)) is not None and held is not answer:
            value = _reached(held, name)
    return value


def _no_fault(_: object) -> None:
    return None


def _alibaba_checker(facts: OperationFacts | None) -> Check:
    # By the class of the answer: the class of its body, a field without which the body is not good, and the verdict.
    known: dict[type, tuple[type, str, str | None]] = {}

    def check(value: Any) -> Fault | None:
        seen = known.get(type(value))
        if seen is not None:
            body_class, field, verdict = seen
            body = value.body
            if (
                type(body) is body_class
                and value.status_code == _OK
                and getattr(body, field) is not None
                and (verdict is None or getattr(body, verdict) is not False)
            ):
                return None
            return _alibaba(facts, value)
        fault = _alibaba(facts, value)
        if fault is None and (shape := _shape(facts, value)) is not None:
            known[type(value)] = shape
        return fault

    return check


def _shape(facts: OperationFacts | None, value: object) -> tuple[type, str, str | None] | None:
    """Return where a good answer of Alibaba's new SDK has what makes it good; None for an answer of another kind."""
    body = getattr(value, "body", None)
    if not _is_of(value, "alibabacloud_") or not _is_of(body, "alibabacloud_") or not hasattr(value, "status_code"):
        return None
    names = [_spelling(body, name) for name in facts.answer] if facts is not None and facts.answer else vars(body)
    field = next((name for name in names if name is not None and getattr(body, name) is not None), None)
    return None if field is None else (type(body), field, _spelling(body, _verdict(facts)))


def _tencent_checker(facts: OperationFacts | None) -> Check:
    names = facts.answer if facts is not None else ()
    # By the class of the answer: the field without which it is not good; "" where there is none.
    known: dict[type, str] = {}

    def check(value: Any) -> Fault | None:
        field = known.get(type(value))
        if field is not None:
            if not field or getattr(value, field) is not None:
                return None
            return _tencent(facts, value)
        fault = _tencent(facts, value)
        if fault is None and _is_of(value, "tencentcloud"):
            known[type(value)] = next((name for name in names if _field(value, name) is not None), "")
        return fault

    return check


def _alibaba(facts: OperationFacts | None, value: object) -> Fault | None:
    if isinstance(value, bytes):
        if _is_long(value):
            return None
        body = json_object(value)
        return _refused(body, None) or _alibaba_body(facts, body, word(body.get("RequestId")))
    if isinstance(value, tuple) and len(value) == _PARTS:
        # Status, headers and body: the old SDK returns a refusal so, too.
        status, headers, content = value
        refused = _refused(json_object(content), http_status(status))
        return refused or _alibaba_answer(facts, status, headers, content)
    if isinstance(value, Mapping) and {"body", "statusCode"} <= value.keys():
        return _alibaba_answer(facts, value.get("statusCode"), value.get("headers"), value.get("body"))
    if not _is_of(value, "alibabacloud_"):
        return None
    if hasattr(value, "body") and hasattr(value, "status_code"):
        return _alibaba_answer(facts, value.status_code, getattr(value, "headers", None), value.body)
    return _alibaba_body(facts, value, word(_field(value, "RequestId"))) if hasattr(value, "request_id") else None


def _is_long(body: str | bytes) -> bool:
    """Tell whether a body is a list rather than a refusal: too long to be read a second time."""
    return len(body) > _MAX_BODY_BYTES


def _refused(body: Mapping[str, object], status: int | None) -> Fault | None:
    """Return the fault in the body of a refusal, which the old SDK's methods without an exception return as it is."""
    code = word(body.get("Code"))
    if code is None or code.isdecimal() or "Message" not in body or body.get(_VERDICT) is True:
        return None
    return Fault(provider=alibaba.PROVIDER, code=code, status=status, request_id=word(body.get("RequestId")))


def _alibaba_answer(facts: OperationFacts | None, status: object, headers: object, body: object) -> Fault | None:
    status = http_status(status)
    request_id = first_word(_field(body, "RequestId"), header(headers, "x-acs-request-id"))
    if status is not None and status not in _SUCCESS:
        return Fault(provider=alibaba.PROVIDER, transport="garbled", status=status, request_id=request_id)
    if not isinstance(body, Mapping | str | bytes | None) and not _is_of(body, "alibabacloud_"):
        # A list, or a stream that the script will read.
        return None
    if not isinstance(body, str | bytes):
        return _alibaba_body(facts, body, request_id)
    return None if _is_long(body) else _alibaba_body(facts, json_object(body), request_id)


def _alibaba_body(facts: OperationFacts | None, body: object, request_id: str | None) -> Fault | None:
    if _field(body, _verdict(facts)) is False:
        code = _field(body, "Code")
        # The models call it a number, the service's documents a text.
        code = str(code) if isinstance(code, int) and not isinstance(code, bool) else code
        message = text_of(_field(body, "Message"))
        return Fault(provider=alibaba.PROVIDER, code=word(code), request_id=request_id, message=message)
    if _is_empty(body) or not _has_answer(facts, body):
        return Fault(provider=alibaba.PROVIDER, transport="garbled", request_id=request_id)
    return None


def _tencent(facts: OperationFacts | None, value: object) -> Fault | None:
    if isinstance(value, bytes):
        # What `call` returns: JSON that nobody has looked into, if the content type is an unusual one.
        if _is_long(value):
            return None
        value = json_object(value)
        if "Response" not in value:
            return Fault(provider=tencent.PROVIDER, transport="garbled")
    if isinstance(value, Mapping):
        answer = value.get("Response")
        if not isinstance(answer, Mapping):
            return None
        if "Error" in answer:
            code, request_id = code_and_request_id(value)
            message = text_of(_field(answer["Error"], "Message"))
            fault = Fault(provider=tencent.PROVIDER, code=code, request_id=request_id, message=message)
            return fault if code is not None else evolve(fault, transport="garbled")
        value = answer
    elif not _is_of(value, "tencentcloud") or not hasattr(value, "RequestId"):
        return None
    if _has_answer(facts, value):
        return None
    return Fault(provider=tencent.PROVIDER, transport="garbled", request_id=word(_field(value, "RequestId")))


_CHECKS: Final[dict[str, Callable[[OperationFacts | None], Check]]] = {
    alibaba.PROVIDER: _alibaba_checker,
    tencent.PROVIDER: _tencent_checker,
}


def _is_of(value: object, package: str) -> bool:
    return any(cls.__module__.startswith(package) for cls in type(value).__mro__)


def _verdict(facts: OperationFacts | None) -> str:
    return (facts and facts.verdict) or _VERDICT


def _field(answer: object, name: str) -> object:
    """Return a field by its wire name, from a mapping, or from a model that spells it so or in snake case."""
    if isinstance(answer, Mapping):
        return answer.get(name)
    spelling = _spelling(answer, name)
    return None if spelling is None else getattr(answer, spelling)


def _spelling(answer: object, name: str) -> str | None:
    """Return how a model spells a field; None if it has none of that name."""
    return next((found for found in (name, _HUMP.sub("_", name).lower()) if hasattr(answer, found)), None)


def _is_empty(body: object) -> bool:
    """Tell whether a body has nothing in it: each of Alibaba's answers has at least a request id."""
    if isinstance(body, Mapping):
        return not body
    return all(value is None for value in getattr(body, "__dict__", {}).values())


def _has_answer(facts: OperationFacts | None, answer: object) -> bool:
    """Tell whether any of the fields is there that a good answer always has; True where none is known."""
    names = facts.answer if facts is not None else ()
    return not names or any(_field(answer, name) is not None for name in names)
