"""What telemetry says of a fault and of a call's end, in sentences."""

from __future__ import annotations

import re
from typing import Final

from resilience.core.decision import Decision, Fail
from resilience.core.events import CallEnded
from resilience.core.fault import Fault
from resilience.core.words.stop_reasons import STOP_WORDS

_CATCH_ALL: Final = re.compile(r"http-[0-9]xx")

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
    return (STOP_WORDS[ended.stop_reason].failed or "failed after {attempts}").format(attempts=attempts)
