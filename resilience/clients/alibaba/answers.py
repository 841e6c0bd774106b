"""
Find the failures among the answers that Alibaba's SDKs return as a success.

The present SDK returns redirects, null bodies and ``Success: false``. The old SDK returns bytes
of any kind (alibabacloud_tea_openapi 0.4.6 and aliyun-python-sdk-core 2.16.1, read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from resilience.catalog import OperationFacts
from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.common.answer_fields import field_of, has_answer, is_empty, is_long, is_of, spelling_of
from resilience.clients.common.calls import Check
from resilience.clients.common.fields import first_word, header, http_status, json_object, text_of, word
from resilience.core.fault import Fault

_OK: Final = 200
_SUCCESS: Final = range(200, 300)
_VERDICT: Final = "Success"
_PARTS: Final = 3


def checker(facts: OperationFacts | None) -> Check:
    """Return a function that returns the fault in an answer; it remembers which models are good answers."""
    # By the class of the answer: the class of its body, a field that every good body has, and the verdict field.
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
            return _fault(facts, value)
        fault = _fault(facts, value)
        if fault is None and (shape := _shape(facts, value)) is not None:
            known[type(value)] = shape
        return fault

    return check


def _shape(facts: OperationFacts | None, value: object) -> tuple[type, str, str | None] | None:
    """Return the body class, a required field and the verdict field of a good answer; None for another kind."""
    body = getattr(value, "body", None)
    if not is_of(value, "alibabacloud_") or not is_of(body, "alibabacloud_") or not hasattr(value, "status_code"):
        return None
    names = [spelling_of(body, name) for name in facts.answer] if facts is not None and facts.answer else vars(body)
    field = next((name for name in names if name is not None and getattr(body, name) is not None), None)
    return None if field is None else (type(body), field, spelling_of(body, _verdict(facts)))


def _fault(facts: OperationFacts | None, value: object) -> Fault | None:
    if isinstance(value, bytes):
        if is_long(value):
            return None
        body = json_object(value)
        return _refused(body, None) or _body(facts, body, word(body.get("RequestId")))
    if isinstance(value, tuple) and len(value) == _PARTS:
        # Status, headers and body. The old SDK returns a refusal in this form too.
        status, headers, content = value
        refused = _refused(json_object(content), http_status(status))
        return refused or _answer(facts, status, headers, content)
    if isinstance(value, Mapping) and {"body", "statusCode"} <= value.keys():
        return _answer(facts, value.get("statusCode"), value.get("headers"), value.get("body"))
    if not is_of(value, "alibabacloud_"):
        return None
    if hasattr(value, "body") and hasattr(value, "status_code"):
        return _answer(facts, value.status_code, getattr(value, "headers", None), value.body)
    return _body(facts, value, word(field_of(value, "RequestId"))) if hasattr(value, "request_id") else None


def _refused(body: Mapping[str, object], status: int | None) -> Fault | None:
    """Return the fault in the body of a refusal; some methods of the old SDK return refusals and raise nothing."""
    code = word(body.get("Code"))
    if code is None or code.isdecimal() or "Message" not in body or body.get(_VERDICT) is True:
        return None
    return Fault(provider=PROVIDER, code=code, status=status, request_id=word(body.get("RequestId")))


def _answer(facts: OperationFacts | None, status: object, headers: object, body: object) -> Fault | None:
    status = http_status(status)
    request_id = first_word(field_of(body, "RequestId"), header(headers, "x-acs-request-id"))
    if status is not None and status not in _SUCCESS:
        return Fault(provider=PROVIDER, transport="garbled", status=status, request_id=request_id)
    if not isinstance(body, Mapping | str | bytes | None) and not is_of(body, "alibabacloud_"):
        # The body is a list, or a stream that the script will read.
        return None
    if not isinstance(body, str | bytes):
        return _body(facts, body, request_id)
    return None if is_long(body) else _body(facts, json_object(body), request_id)


def _body(facts: OperationFacts | None, body: object, request_id: str | None) -> Fault | None:
    if field_of(body, _verdict(facts)) is False:
        code = field_of(body, "Code")
        # The code is a number in the models, and a text in the service's documents.
        code = str(code) if isinstance(code, int) and not isinstance(code, bool) else code
        message = text_of(field_of(body, "Message"))
        return Fault(provider=PROVIDER, code=word(code), request_id=request_id, message=message)
    if is_empty(body) or not has_answer(facts, body):
        return Fault(provider=PROVIDER, transport="garbled", request_id=request_id)
    return None


def _verdict(facts: OperationFacts | None) -> str:
    """Return the field that says whether a call worked."""
    return (facts and facts.verdict) or _VERDICT
