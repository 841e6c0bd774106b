"""What may be said of a fault and of a call's end: few words, and none that could carry a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from resilience.core.decision import Decision, Fail, StopReason
from resilience.core.events import CallEnded, VerifyEnded
from resilience.core.fault import Fault
from resilience.core.match import lineage
from resilience.core.policy import PolicyValues

# The longest code that is still a code: 128 characters, more than twice the longest in the catalogues.
_SAFE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CATCH_ALL: Final = re.compile(r"http-[0-9]xx")
_CLASS: Final = re.compile(r"[\w.<>]{1,128}")

GOOD_ENDS: Final = frozenset({"success", "success_after_retry", "accepted", "cancelled"})
"""How a call ends that is no failure; a programming error ends in no such word."""

_STOPPED: Final[Mapping[StopReason, str]] = {
    "rule": "a rule says fail, after {attempts}",
    "unknown": "no rule for this fault, after {attempts}",
    "max": "retries exhausted after {attempts}: an action was used as often as it may be",
    "attempts": "retries exhausted after {attempts}",
    "deadline": "deadline reached after {attempts}",
    "unverified": "an attempt may have taken effect, and nobody could verify it, after {attempts}",
    "not_ours": "it exists already, and is not known to be ours, after {attempts}",
    "remedy": "a remedy failed, after {attempts}",
    "no_credentials": "no source of new credentials, after {attempts}",
    "budget": "retry budget exhausted after {attempts}",
    "breaker": "refused by an open breaker, after {attempts}",
    "rate": "refused by a rate limit, after {attempts}",
    "ledger": "the ledger could not be used, after {attempts}",
    "inner": "decided by an inner call, after {attempts}",
}

NAME_REFUSED: Final = "a rename has given its name to another resource"
"""Why a call was refused before its first attempt, without the name."""


def is_name_refused(ended: CallEnded) -> bool:
    """Tell whether a call was not made because its own name is another resource's."""
    return ended.stop_reason == "not_ours" and not ended.attempts


def cleaned(text: str | None) -> str | None:
    """Return the leading letters, digits, ``.``, ``_`` and ``-``, at most 128; None if there are none."""
    if text is None:
        return None
    # What follows an odd character is no part of a code or an id, and might be anything.
    safe = _SAFE.match(text)
    return safe[0] if safe else None


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
        for code in lineage(fault.code):
            if code in listed:
                return code
    name = (fault.error if fault is not None else "") or error or ""
    if name.rpartition(".")[2] == "DeadlineExceeded":
        return "timeout"
    return name if _CLASS.fullmatch(name) else "_OTHER"


def call_error_type(ended: CallEnded, listed: frozenset[str]) -> str:
    """Return the ``error.type`` of a failed call: ``timeout``, our own refusal, or what its last fault says."""
    if ended.stop_reason == "deadline":
        return "timeout"
    error = ended.error or ""
    # Our own exceptions say more than the fault before them; only ServiceError stands for the service.
    is_ours = error.startswith("resilience.") and not error.endswith(".ServiceError")
    return error_type(None if is_ours else ended.fault, ended.error, listed)


def is_unmatched(fault: Fault, decision: Decision) -> bool:
    """
    Tell whether no rule names a fault: a gap in the policy, unless a policy inside has decided already.

    A rule for all statuses of a hundred is there for codes that nobody knows. That it was needed is worth knowing.
    """
    if decision.rule is None:
        return not (isinstance(decision, Fail) and decision.reason == "inner")
    # A rule for one status was meant for it; one for a hundred of them catches what nobody has thought of.
    return fault.code is not None and _CATCH_ALL.fullmatch(decision.rule.code) is not None


def answer(ended: VerifyEnded) -> str:
    """Return a verifier's answer in one word: ``there``, ``not_there``, ``failed`` or ``cancelled``."""
    if ended.error is not None:
        return "failed"
    if ended.there is None:
        return "cancelled"
    return "there" if ended.there else "not_there"


def counted(attempts: int) -> str:
    """Return a number of attempts in words."""
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"


def description(ended: CallEnded) -> str:
    """Say in our own words why a call failed."""
    attempts = counted(ended.attempts)
    if ended.stop_reason is None:
        return f"programming error, after {attempts}"
    if is_name_refused(ended):
        return f"{NAME_REFUSED}, after {attempts}"
    return _STOPPED.get(ended.stop_reason, "failed after {attempts}").format(attempts=attempts)
