"""Calls for resources that are there already: what the service answers, and what the policy makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.simulation import EndlessError, Environment, ScriptedResponse, play

_THERE: Final = Environment(verifier="found")


def sent_again(count: int, plan: Plan) -> Iterator[str]:
    """Yield sentences about calls for resources that are there, and that no ledger knows."""
    rows = "1 row is" if count == 1 else f"{count:,} rows are"
    text = f"{rows} there without being known to the ledger; a call is sent all the same"
    match plan.repeat:
        case "safe" | "equal":
            yield f"{text}, and changes nothing"
        case "duplicate":
            yield f"{text}, and {plan.operation} does it a second time"
        case "conflict":
            codes = list(_codes(plan))
            ends = {code: "accepted by the policy" if _is_accepted(plan, code) else "failed" for code in codes}
            answers = ", ".join(f"{code}, {end}" for code, end in ends.items())
            yield f"{text}, and the service refuses it{f': {answers}' if answers else ''}"
            yield from advice(plan, codes)


def advice(plan: Plan, codes: Iterable[str]) -> Iterator[str]:
    """Yield what to write for each code among some that says that the resource is there, and with which calls fail."""
    known = set(_codes(plan))
    for code in codes:
        if code in known and not _is_accepted(plan, code):
            rule = f'"{plan.operation}/{code}" = {{ do = "accept", if = "always" }}'
            how = f"to count it as done, write under [rules.{plan.provider}]: {rule}"
            yield f"{code} says that it is there already; {how}"


def _codes(plan: Plan) -> Iterator[str]:
    known = catalogue(plan.provider).codes if plan.provider in providers() else {}
    for code, facts in known.items():
        if facts.class_ == "exists" and plan.operation in facts.operations:
            yield code


def _is_accepted(plan: Plan, code: str) -> bool:
    """Tell whether a first attempt that is answered so ends as a success, where the resource is there."""
    status = catalogue(plan.provider or "").codes[code].status
    fault = Fault(provider=plan.provider, code=code, status=status)
    try:
        played = play(plan, repeat(ScriptedResponse(fault=fault)).__next__, _THERE, draw=lambda: 0.0)
    except EndlessError:
        return False
    return played.stop_reason == "accepted"
