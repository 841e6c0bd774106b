"""
Find the failures among the answers that the SDKs return as a success, and make the answer of an accepted call.

azure-iot-hub 2.7.0 takes the 400 of a bulk request for a success: it returns a result that says which devices failed
(operations/bulk_registry_operations.py, read 2026-11-28). The provisioning service sends such a result with 200.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from typing import Any, Final

from resilience.catalog import OperationFacts
from resilience.clients.azure.codes import name_of
from resilience.clients.azure.traits import PROVIDER
from resilience.clients.common.answer_fields import field_of, is_of, spelling_of
from resilience.clients.common.calls import Check
from resilience.clients.common.fields import attribute
from resilience.clients.sdk import no_fault
from resilience.core.fault import Fault

_BULK: Final = "BulkRegistryOperationFailure"
_IS_GOOD: Final = "isSuccessful"
_ERRORS: Final = "errors"

BULK: Final = frozenset({"UpdateRegistry", "RunEnrollmentBulkOperation", "RunEnrollmentGroupBulkOperation"})
"""The operations whose answer has a result for each of several resources."""


def checker(facts: OperationFacts | None) -> Check:
    """
    Return a function that returns the fault in a value of any function; it judges only the SDKs' own models.

    A mapping may be the caller's own: only the result of a bulk request says of itself that it failed.
    """
    if facts is None:
        return no_fault
    if facts.operation in BULK:
        return _bulk_fault
    names = facts.answer
    # By the class of a good answer: the attribute that has its first field.
    known: dict[type, str] = {}

    def check(value: Any) -> Fault | None:
        name = known.get(type(value))
        if name is not None and getattr(value, name) is not None:
            return None
        answer = without_response(value)
        spellings = [found for name in names if _is_model(answer) and (found := spelling_of(answer, name)) is not None]
        if not spellings:
            return None
        if all(getattr(answer, spelling) is None for spelling in spellings):
            return Fault(provider=PROVIDER, transport="garbled")
        if answer is value:
            known[type(value)] = spellings[0]
        return None

    return check


def strict(facts: OperationFacts | None) -> Check:
    """Return a function that returns the fault in a value of the SDKs' own methods: it has what an answer has."""
    lenient = checker(facts)
    names = () if facts is None else facts.answer
    is_bulk = facts is not None and facts.operation in BULK
    if not names and not is_bulk:
        return lenient

    def check(value: Any) -> Fault | None:
        fault = lenient(value)
        if fault is not None or _is_model(value):
            return fault
        answer = without_response(value)
        # Anything else is what a function of the caller's has made of the answer (``cls``).
        is_empty = isinstance(answer, Mapping) and not is_bulk and all(answer.get(name) is None for name in names)
        if is_empty or answer is None or isinstance(answer, list | int | float):
            return Fault(provider=PROVIDER, transport="garbled")
        return None

    return check


def _bulk_fault(value: Any) -> Fault | None:
    """Return the fault in the result of a bulk request: a part of it may have been done."""
    answer = without_response(value)
    if not isinstance(answer, Mapping) and (not _is_model(answer) or spelling_of(answer, _IS_GOOD) is None):
        return None
    is_good = field_of(answer, _IS_GOOD)
    if is_good or (is_good is None and isinstance(answer, Mapping)):
        return None
    if is_good is None and not field_of(answer, _ERRORS):
        # Of a refused request the SDK keeps only that there is no result.
        return Fault(provider=PROVIDER, transport="garbled")
    return Fault(provider=PROVIDER, code=_BULK, status=400, message=_failed(answer))


def _failed(answer: Any) -> str:
    """Return the codes of the resources that failed, for rules with ``message``; without names and keys."""
    errors: Any = field_of(answer, _ERRORS)
    found = [name_of(field_of(each, "errorCode")) for each in errors] if isinstance(errors, list) else []
    return " ".join(each for each in found if each)


def without_response(value: Any) -> Any:
    """Return an answer without the response that msrest puts beside it on demand."""
    return value.output if type(value).__name__ == "ClientRawResponse" and is_of(value, "msrest") else value


def _is_model(value: object) -> bool:
    return is_of(value, "azure.iot.")


def accepted(body: Any, *, is_raw: bool) -> Any:
    """
    Return a good answer for a call that the policy accepts: a copy of the body that the call sent; None without a body.

    The service was not asked, so what it adds is missing.

    Raises:
        LookupError: The caller wants the response, too, and there is none.
    """
    if is_raw:
        raise LookupError("an accepted call has no response to return with raw=True")
    if isinstance(body, Mapping):
        return copy.deepcopy(dict(body))
    return copy.deepcopy(body) if callable(attribute(body, "serialize")) else None


def own_error(kind: str, message: str) -> Exception | None:
    """
    Return the exception that an SDK raises for a refusal; None if its classes are not imported.

    Args:
        kind: ``msrest`` or ``azure.core``.
        message: The text of the exception.
    """
    name = "HttpOperationError" if kind == "msrest" else "HttpResponseError"
    cls: Any = getattr(sys.modules.get(f"{kind}.exceptions"), name, None)
    if cls is None:
        return None
    if kind != "msrest":
        made: Exception = cls(message=message)
        return made
    # Its constructor needs a response.
    error: Exception = cls.__new__(cls, message)
    vars(error).update(message=message, error=None, response=None, inner_exception=None)
    return error
