"""Labels of faults and of ends of calls for records: few values, and never a secret."""

from __future__ import annotations

import re
from typing import Final

from resilience.core.events import CallEnded, RemedyAnswer, VerifyEnded
from resilience.core.fault import Fault
from resilience.core.match import lineage
from resilience.core.policy import PolicyValues

# Codes of at most 128 characters, more than twice the longest in the catalogues.
_SAFE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CLASS: Final = re.compile(r"[\w.<>]{1,128}")

GOOD_ENDS: Final = frozenset({"success", "success_after_retry", "accepted", "cancelled"})
"""The ends of calls that are no failures; a programming error has no such word."""


def cleaned(text: str | None) -> str | None:
    """Return the leading letters, digits, ``.``, ``_`` and ``-``, at most 128; None if there are none."""
    if text is None:
        return None
    # The text after any other character is no part of a code or an id, and may be a secret.
    safe = _SAFE.match(text)
    return safe[0] if safe else None


def class_name(text: str | None) -> str | None:
    """Return the name of a class; None for a text that does not look like one."""
    return text if text is not None and _CLASS.fullmatch(text) else None


def listed_codes(policy: PolicyValues) -> frozenset[str]:
    """Return the service codes that the policy's rules name: few enough values for time series."""
    return frozenset(rule.code for rule in policy.rules if rule.scope.partition(".")[0] != "transport")


def error_type(fault: Fault | None, error: str | None, listed: frozenset[str]) -> str:
    """
    Return the ``error.type`` of a failure, one of few values.

    Args:
        fault: The fault, if one is known.
        error: The class of an exception, as ``module.qualname``, if the fault has none.
        listed: The result of :func:`listed_codes`; the longest listed code of a fault's lineage counts.
    """
    if fault is not None and fault.code is not None:
        if fault.code in listed:
            return fault.code
        for code in lineage(fault.code):
            if code in listed:
                return code
    name = (fault.error if fault is not None else "") or error or ""
    if name.rpartition(".")[2] == "DeadlineExceeded":
        return "timeout"
    return class_name(name) or "_OTHER"


def call_error_type(ended: CallEnded, listed: frozenset[str]) -> str:
    """Return the ``error.type`` of a failed call: ``timeout``, our own refusal, or that of its last fault."""
    if ended.stop_reason == "deadline":
        return "timeout"
    error = ended.error or ""
    # Our own exceptions say more than the fault before them; only ServiceError is a refusal of the service.
    is_ours = error.startswith("resilience.") and not error.endswith(".ServiceError")
    return error_type(None if is_ours else ended.fault, ended.error, listed)


def answer(ended: VerifyEnded) -> RemedyAnswer:
    """Return a verifier's answer in one word: ``there``, ``not_there``, ``discarded``, ``failed`` or ``cancelled``."""
    if ended.error is not None:
        return "failed"
    if ended.there is None:
        return "cancelled"
    if ended.discarded:
        return "discarded"
    return "there" if ended.there else "not_there"
