"""How decisions are put, for people."""

from __future__ import annotations

from resilience.core.decision import Decision


def decision_label(decision: Decision) -> str:
    """Return what was decided, and when it will happen where that is not at once."""
    return f"{decision.verb} in {decision.delay:.1f} s" if decision.delay else decision.verb
