"""
Find the failures among the answers that Tencent's SDK returns as a success.

The SDK looks for an error only under two exact content types. If a proxy adds a charset to the
type, every error becomes an object with all fields None
(tencentcloud/common/abstract_client.py 3.1.195, ``_check_error``, read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from resilience.catalog import OperationFacts
from resilience.clients.common.answer_fields import field_of, has_answer, is_long, is_of
from resilience.clients.common.calls import Check
from resilience.clients.common.fields import code_and_request_id, json_object, text_of, word
from resilience.clients.tencent.traits import PROVIDER
from resilience.core.fault import Fault


def checker(facts: OperationFacts | None) -> Check:
    """Return a function that returns the fault in an answer; it remembers which models are good answers."""
    names = facts.answer if facts is not None else ()
    # By the class of the answer: a field that every good answer has; "" if none is known.
    known: dict[type, str] = {}

    def check(value: Any) -> Fault | None:
        field = known.get(type(value))
        if field is not None:
            if not field or getattr(value, field) is not None:
                return None
            return _fault(facts, value)
        fault = _fault(facts, value)
        if fault is None and is_of(value, "tencentcloud"):
            known[type(value)] = next((name for name in names if field_of(value, name) is not None), "")
        return fault

    return check


def _fault(facts: OperationFacts | None, value: object) -> Fault | None:
    if isinstance(value, bytes):
        # `call` returns JSON as bytes. Under an unusual content type the SDK has not looked for an error in it.
        if is_long(value):
            return None
        value = json_object(value)
        if "Response" not in value:
            return Fault(provider=PROVIDER, transport="garbled")
    if isinstance(value, Mapping):
        answer = value.get("Response")
        if not isinstance(answer, Mapping):
            return None
        if "Error" in answer:
            code, request_id = code_and_request_id(value)
            message = text_of(field_of(answer["Error"], "Message"))
            fault = Fault(provider=PROVIDER, code=code, request_id=request_id, message=message)
            return fault if code is not None else evolve(fault, transport="garbled")
        value = answer
    elif not is_of(value, "tencentcloud") or not hasattr(value, "RequestId"):
        return None
    if has_answer(facts, value):
        return None
    return Fault(provider=PROVIDER, transport="garbled", request_id=word(field_of(value, "RequestId")))
