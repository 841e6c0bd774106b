"""
Scenarios as data: a policy, a call, what happened to it, and the decision that each event leads to.

One file in ``scenarios/`` tells the stories of one subject. It has:

- ``policy``: the text of a policy.
- ``[call]``: what the call can do; each scenario may change some of it with a ``call`` of its own.
  ``operation``, ``provider``, ``repeat`` (default ``conflict``), ``verifier``, ``renames``, ``credentials``
  (providers with a source), ``ours`` (an earlier run started it), and ``effects`` (what the catalogue
  knows: a code and its effect).
- ``[[scenario]]``: ``name``, ``story``, and ``steps``, which are read from top to bottom.

A step has one event, when it came (``at``, seconds after the call began), and what is expected:

- ``failed``: a fault, or an array of them for a group; ``inner`` if a policy inside has decided it.
- ``verified``: ``true`` for "it is there"; ``verifier_failed``: the verifier's own fault.
- ``remedy``: ``refreshed``, ``refresh_failed``, ``renamed`` or ``rename_impossible``.
- ``draw``: the number that jitter is taken from; 0.5 where it is left out.
- ``expect``: ``decision``, and what must be said of it: ``delay`` of whatever waits, ``reason`` of a
  ``fail``, and where it matters ``rule`` (its id), ``action``, ``provider``, ``number``, ``verified``,
  ``dry_run`` and ``by_remedy``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from resilience.core.decision import (
    Accept,
    Decision,
    Fail,
    Failed,
    MachineEvent,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
)
from resilience.core.fault import Effect, Fault
from resilience.core.machine import begin, step
from resilience.core.plan import Plan
from resilience.policyfile import Policy

FOLDER: Final = Path(__file__).parent / "scenarios"
START: Final = 1000.0

REMEDIES: Final[Mapping[str, MachineEvent]] = {
    "refreshed": Refreshed(),
    "refresh_failed": RefreshFailed(),
    "renamed": Renamed(),
    "rename_impossible": RenameImpossible(),
}
CALL: Final = {"operation", "provider", "repeat", "verifier", "renames", "credentials", "ours", "effects"}
EVENTS: Final = {"failed", "verified", "verifier_failed", "remedy"}
STEP: Final = EVENTS | {"at", "draw", "inner", "expect"}
SAID: Final = {
    "decision",
    "delay",
    "reason",
    "rule",
    "action",
    "provider",
    "number",
    "verified",
    "dry_run",
    "by_remedy",
}


def scenarios() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.toml")):
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        known(document, {"policy", "call", "scenario"}, file.name)
        for scenario in document["scenario"]:
            known(scenario, {"name", "story", "call", "steps"}, file.name)
            call = {**document["call"], **scenario.get("call", {})}
            yield pytest.param(document["policy"], call, scenario["steps"], id=f"{file.stem}-{scenario['name']}")


def known(table: Mapping[str, Any], keys: set[str], where: str) -> None:
    """Refuse a key that the runner would not look at: a scenario that says more than is checked is no test."""
    if not table.keys() <= keys:
        raise ValueError(f"{where}: unknown {sorted(table.keys() - keys)}, expected some of {sorted(keys)}")


def plan_of(policy: Policy, call: Mapping[str, Any]) -> Plan:
    known(call, CALL, "call")
    effects: Mapping[str, Effect] = call.get("effects", {})
    return Plan(
        operation=call["operation"],
        provider=call["provider"],
        policy=policy,
        repeat=call.get("repeat", "conflict"),
        can_verify=call.get("verifier", False),
        can_rename=call.get("renames", False),
        credentials=frozenset(call.get("credentials", ())),
        effect_of=lambda _, code: effects.get(code),
    )


def event_of(entry: Mapping[str, Any]) -> MachineEvent:
    [kind] = entry.keys() & EVENTS
    said = entry[kind]
    match kind:
        case "failed":
            faults = said if isinstance(said, list) else [said]
            return Failed(tuple(Fault(**each) for each in faults), inner=entry.get("inner", False))
        case "verified":
            return Verified(there=said)
        case "verifier_failed":
            return VerifyFailed(Fault(**said))
        case _:
            return REMEDIES[said]


def description_of(decision: Decision) -> dict[str, Any]:
    """Return all that an expectation can be about."""
    described: dict[str, Any] = {"decision": type(decision).__name__.lower()}
    described["rule"] = None if decision.rule is None else decision.rule.id
    described["action"] = None if decision.action is None else decision.action.key
    for name in ("delay", "reason", "provider", "number", "verified", "dry_run", "by_remedy"):
        if hasattr(decision, name):
            described[name] = getattr(decision, name)
    return described


def expected_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    expected: dict[str, Any] = dict(entry["expect"])
    known(expected, SAID, "expect")
    # What users see first of a decision may not be left out.
    needed = {"fail": "reason", "accept": "verified"}.get(expected["decision"], "delay")
    if needed not in expected:
        raise ValueError(f"expect: a {expected['decision']} needs {needed}")
    if "delay" in expected:
        expected["delay"] = pytest.approx(expected["delay"], abs=1e-9)
    return expected


@pytest.mark.parametrize(("text", "call", "steps"), [*scenarios()])
def test_a_scenario_goes_as_it_is_told(text: str, call: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    """Each event of a scenario leads to the decision that stands beside it, and the last one ends the call."""
    policy = Policy.loads(text)
    history = begin(plan_of(policy, call), now=START, ours=call.get("ours", False))
    earliest, decision = START, None
    for number, entry in enumerate(steps, 1):
        known(entry, STEP, f"step {number}")
        now = START + entry["at"]
        assert now >= earliest, f"step {number}: no shell could report this before {earliest - START:g} s"
        assert not isinstance(decision, Accept | Fail), f"step {number}: the call has ended"
        history, decision = step(history, event_of(entry), now=now, draw=entry.get("draw", 0.5))
        described, expected = description_of(decision), expected_of(entry)
        assert {key: described.get(key) for key in expected} == expected, f"step {number}"
        earliest = now if isinstance(decision, Accept | Fail) else now + decision.delay


def test_there_are_enough_stories() -> None:
    """A folder that is not found would be no failure of any scenario."""
    names = [each.id for each in scenarios()]
    assert len(names) >= 25
    assert len(set(names)) == len(names)
