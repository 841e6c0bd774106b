"""How decisions are put, for people."""

from __future__ import annotations

from resilience.core.decision import Accept, Decision, Fail, Refresh, Rename, Verify, Wait

_WORDS: dict[type, str] = {
    Wait: "retry",
    Refresh: "refresh",
    Rename: "rename",
    Verify: "verify",
    Accept: "accept",
    Fail: "fail",
}


def word(decision: Decision) -> str:
    """Return the one word for what was decided, as policies spell it."""
    return _WORDS[type(decision)]


def said(decision: Decision) -> str:
    """Return what was decided, and when it will happen where that is not at once."""
    delay = 0.0 if isinstance(decision, Accept | Fail) else decision.delay
    return f"{word(decision)} in {delay:.1f} s" if delay else word(decision)
