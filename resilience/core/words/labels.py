"""What may be recorded of a fault and of a call's end: few words, and none that could carry a secret."""

from __future__ import annotations

import re
from typing import Final

from resilience.core.events import CallEnded, RemedyAnswer, VerifyEnded
from resilience.core.fault import Fault
from resilience.core.match import lineage
from resilience.core.policy import PolicyValues

# The longest code that is still a code: 128 characters, more than twice the longest in the catalogues.
_SAFE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CLASS: Final = re.compile(r"[\w.<>]{1,128}")

GOOD_ENDS: Final = frozenset({"success", "success_after_retry", "accepted", "cancelled"})
"""How a call ends that is no failure; a programming error ends in no such word."""


def cleaned(text: str | None) -> str | None:
    """Return the leading letters, digits, ``.``, ``_`` and ``-``, at most 128; None if there are none."""
    if text is None:
        return None
    # What follows an odd character is no part of a code or an id, and might be anything.
    safe = _SAFE.match(text)
    return safe[0] if safe else None


def class_name(text: str | None) -> str | None:
    """Return the name of a class, or None for what does not look like one."""
    return text if text is not None and _CLASS.fullmatch(text) else None


def listed_codes(policy: PolicyValues) -> frozenset[str]:
    """Return the service codes that the policy's rules name: few enough to tell time series apart."""
    return frozenset(rule.code for rule in policy.rules if rule.scope.partition(".")[0] != "transport")


def error_type(fault: Fault | None, error: str | None, listed: frozenset[str]) -> str:
    """
    Return the ``error.type`` of a failure, one of few values.

    Args:
        fault: The fault, if one is known.
        error: The class of an exception, as ``module.qualname``, where the fault names none.
        listed: What :func:`listed_codes` returned; of a code's lineage the longest listed one counts.
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
    """Return the ``error.type`` of a failed call: ``timeout``, our own refusal, or what its last fault says."""
    if ended.stop_reason == "deadline":
        return "timeout"
    error = ended.error or ""
    # Our own exceptions say more than the fault before them; only ServiceError stands for the service.
    is_ours = error.startswith("resilience.") and not error.endswith(".ServiceError")
    return error_type(None if is_ours else ended.fault, ended.error, listed)


def answer(ended: VerifyEnded) -> RemedyAnswer:
    """Return a verifier's answer in one word: ``there``, ``not_there``, ``failed`` or ``cancelled``."""
    if ended.error is not None:
        return "failed"
    if ended.there is None:
        return "cancelled"
    return "there" if ended.there else "not_there"
