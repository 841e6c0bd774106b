"""The sentences of telemetry about faults and the ends of calls."""

from __future__ import annotations

import re
from typing import Final

from resilience.core.decision import Decision, Fail
from resilience.core.events import CallEnded
from resilience.core.fault import Fault
from resilience.core.words.stop_reasons import STOP_WORDS

_CATCH_ALL: Final = re.compile(r"http-[0-9]xx")

NAME_REFUSED: Final = "a rename has given its name to another resource"
"""The reason of a call that was refused before its first attempt; it does not show the name."""


def is_name_refused(ended: CallEnded) -> bool:
    """Tell whether a call was refused because a rename gave its name to another resource."""
    return ended.stop_reason == "not_ours" and not ended.attempts


def is_unmatched(fault: Fault, decision: Decision) -> bool:
    """
    Tell whether no rule names a fault: a gap in the policy, unless an inner policy has decided.

    A rule for a hundred statuses (``http-5xx``) is meant for unknown codes, so a fault that only such a rule matches
    counts as a gap too.
    """
    if decision.rule is None:
        return not (isinstance(decision, Fail) and decision.reason == "inner")
    # A rule for one status names the fault; a rule for a hundred statuses does not.
    return fault.code is not None and _CATCH_ALL.fullmatch(decision.rule.code) is not None


def counted(attempts: int) -> str:
    """Return a number of attempts in words."""
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"


def description(ended: CallEnded) -> str:
    """Return a sentence about why a call failed."""
    attempts = counted(ended.attempts)
    if ended.stop_reason is None:
        return f"programming error, after {attempts}"
    if is_name_refused(ended):
        return f"{NAME_REFUSED}, after {attempts}"
    return (STOP_WORDS[ended.stop_reason].failed or "failed after {attempts}").format(attempts=attempts)
