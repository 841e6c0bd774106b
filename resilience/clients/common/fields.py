"""
Read fields of exceptions and answers without trusting them.

A server or an SDK may have put anything there. The functions of this module return short values of
the right type, without messages, which may enter spans, notes and journals.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import time
from typing import Final
from weakref import WeakKeyDictionary

# Codes and request ids of both providers are much shorter; a longer text is none.
_WORD: Final = re.compile(r"[A-Za-z0-9_.%:/-]{1,128}")

# tea-openapi 0.4 formats missing fields into f-strings, so None arrives as text
# (alibabacloud_tea_openapi/client.py 0.4.6, read 2026-11-21).
_ABSENT: Final = frozenset({"None", "null"})

_STATUSES: Final = range(100, 1000)

# Error bodies of both services are below 1 kB; a longer body costs too much time to parse.
_MAX_BODY_BYTES: Final = 65_536

# Every fault needs this several times. Weak, so that classes that a program makes and drops can be collected.
_FAMILIES: Final[WeakKeyDictionary[type, tuple[tuple[tuple[str, str], ...], frozenset[str]]]] = WeakKeyDictionary()


def type_name(error: BaseException) -> str:
    """Return an exception's class as ``module.qualname``; for a builtin the name alone."""
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def kinds(cls: type) -> tuple[tuple[str, str], ...]:
    """Return (top-level package, name) of a class and of all its bases, in the order of the MRO."""
    return _family(cls)[0]


def packages(cls: type) -> frozenset[str]:
    """Return the top-level packages of a class and of all its bases."""
    return _family(cls)[1]


def _family(cls: type) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
    known = _FAMILIES.get(cls)
    if known is None:
        names = tuple((base.__module__.partition(".")[0], base.__name__) for base in cls.__mro__)
        known = _FAMILIES[cls] = (names, frozenset(package for package, _ in names))
    return known


def is_named(error: BaseException, name: str) -> bool:
    """Tell whether an exception's class, or one of its bases, has this name."""
    return any(name == found for _, found in kinds(type(error)))


def attribute(value: object, name: str) -> object:
    """Return an attribute; None if there is none, or if its property raises."""
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001  # foreign code; its exception is not the fault
        return None


def word(value: object) -> str | None:
    """Return a code or a request id, stripped; None for a value that does not look like one."""
    if not isinstance(value, str):
        return None
    value = value.strip()
    return value if value not in _ABSENT and _WORD.fullmatch(value) else None


def first_word(*values: object) -> str | None:
    """Return the first of these values that is a code or a request id."""
    return next((found for value in values if (found := word(value)) is not None), None)


def text_of(value: object) -> str | None:
    """Return a service's message as text: bytes are decoded, and a list or an object becomes JSON; else None."""
    if isinstance(value, bytes | bytearray):
        return value[:_MAX_BODY_BYTES].decode(errors="replace")
    if isinstance(value, Mapping | list):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except (TypeError, ValueError, RecursionError):
            return None
    return value[:_MAX_BODY_BYTES] if isinstance(value, str) else None


def http_status(value: object) -> int | None:
    """Return an HTTP status, also from an ``IntEnum`` or a string of digits; None for any other value."""
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:  # noqa: PLR2004  # every status has three digits
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in _STATUSES:
        return None
    return int(value)


def seconds(value: object, *, per_second: int = 1) -> float | None:
    """
    Return a length of time in seconds; None if the value is no finite number, or is negative.

    Args:
        value: A number, or a text with a number.
        per_second: How many of the value's units make a second; 1000 for milliseconds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value) / per_second
    except (ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None


def header(headers: object, *names: str) -> str | None:
    """Return the value of the first of these headers that is present, in any case; None if none is."""
    items = getattr(headers, "items", None)
    if not callable(items):
        return None
    try:
        known = {str(key).lower(): value for key, value in items()}
    except (TypeError, ValueError):
        return None
    return next((value for name in names if isinstance(value := known.get(name), str)), None)


def retry_after(headers: object) -> float | None:
    """
    Return the seconds that ``Retry-After`` asks for, given as a number or as an HTTP date.

    A date is compared with the answer's ``Date``, so that a wrong local clock does no harm.
    Without ``Date`` it is compared with the local clock.
    """
    text = header(headers, "retry-after")
    if text is None:
        return None
    amount = seconds(text)
    if amount is not None:
        return amount
    until = _instant(text)
    if until is None:
        return None
    since = _instant(header(headers, "date") or "")
    return max(0.0, until - (time() if since is None else since))


def _instant(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # Without a zone the standard means GMT (RFC 9110, 5.6.7); Python would take local time.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def json_object(body: object) -> Mapping[str, object]:
    """Return the JSON object in a body that is in memory; an empty one if the body has none."""
    if isinstance(body, dict):
        return body
    if not isinstance(body, str | bytes) or len(body) > _MAX_BODY_BYTES:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def json_after(mark: str, error: Exception) -> Mapping[str, object]:
    """Return the JSON object after a mark in an exception's message; an empty one if there is none."""
    text = getattr(error, "message", None)
    return json_object(text.partition(mark)[2]) if isinstance(text, str) else {}


def code_and_request_id(body: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Return code and request id of an error body, in the spelling of either service or of common gateways."""
    answer = body.get("Response")
    if isinstance(answer, dict):
        error = answer.get("Error")
        code = error.get("Code") if isinstance(error, dict) else None
        return word(code), word(answer.get("RequestId"))
    return (
        first_word(body.get("Code"), body.get("code")),
        first_word(body.get("RequestId"), body.get("requestId"), body.get("request_id")),
    )
