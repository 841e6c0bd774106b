"""What telemetry says of a fault and of a call's end, in sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from resilience.core.decision import Decision, Fail, StopReason
from resilience.core.events import CallEnded
from resilience.core.fault import Fault

_CATCH_ALL: Final = re.compile(r"http-[0-9]xx")

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


def is_unmatched(fault: Fault, decision: Decision) -> bool:
    """
    Tell whether no rule names a fault: a gap in the policy, unless a policy inside has decided already.

    A rule for all statuses of a hundred is there for unknown codes. That it was needed is worth knowing.
    """
    if decision.rule is None:
        return not (isinstance(decision, Fail) and decision.reason == "inner")
    # A rule for one status was meant for it; one for a hundred of them catches what no other rule names.
    return fault.code is not None and _CATCH_ALL.fullmatch(decision.rule.code) is not None


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
