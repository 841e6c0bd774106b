"""Reads one ``[[scenario]]``: the call, what it meets, and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from resilience.core.decision import Ended, StopReason
from resilience.core.fault import Effect, Repeat
from resilience.core.plan import Plan
from resilience.core.policy import Verb
from resilience.engine.target.operations import Operation, effect_of, resolve, result_of_code
from resilience.policyfile import Policy
from resilience.policyfile.messages import ids
from resilience.scenarios.events import EVENTS, event_of
from resilience.scenarios.model import Scenario, ScenarioStep
from resilience.scenarios.tables import FileTable
from resilience.simulation import Environment, VerifierModel, read_script

KEYS: Final = ("name", "story", "env", "call", "each", "faults", "steps", "draw", "expect")
"""The keys of a scenario."""

_CALL: Final = (
    "operation",
    "provider",
    "repeat",
    "verifier",
    "credentials",
    "refreshes",
    "renames",
    "name",
    "ours",
    "effects",
    "latency",
)
_EACH: Final = "{each}"
_LATENCY: Final = 0.1
_DRAW: Final = 0.5

_DECISIONS: Final = ("wait", "refresh", "rename", "verify", "accept", "fail")
# What users see first of a decision may not be left out.
_NEEDED: Final[Mapping[str, str]] = {"fail": "reason", "accept": "verified"}

_Read = Callable[[FileTable, str], Any]
_OF_STEP: Final[Mapping[str, _Read]] = {
    "decision": lambda table, key: table.choice(key, _DECISIONS),
    "delay": FileTable.exactly,
    "reason": lambda table, key: table.choice(key, get_args(StopReason)),
    "rule": FileTable.text,
    "action": FileTable.text,
    "provider": FileTable.text,
    "number": FileTable.count,
    "verified": FileTable.flag,
    "dry_run": FileTable.flag,
    "by_remedy": FileTable.flag,
}
_OF_CALL: Final[Mapping[str, _Read]] = {
    "ended": lambda table, key: table.choice(key, get_args(Ended)),
    "reason": lambda table, key: table.choice(key, get_args(StopReason)),
    "requests": FileTable.count,
    "decisions": lambda table, key: table.texts(key, get_args(Verb)),
    "waits": FileTable.all_exactly,
    "waited": FileTable.exactly,
    "took": FileTable.exactly,
    "rules": FileTable.texts,
    "rule": FileTable.text,
    "verified": FileTable.flag,
    "may_exist": FileTable.flag,
    "effects": FileTable.count,
}


def scenario_of(table: FileTable, common: FileTable, policy: Policy, name: str, each: str | None) -> Scenario:
    """
    Return a scenario in one environment.

    Args:
        table: Its table.
        common: The ``[call]`` of the file.
        policy: The policy, in that environment.
        name: The name in the file.
        each: The text that stands for ``{each}``; None without ``each``.

    Raises:
        UnusableError: It cannot be used; the problems of the table say why.
    """
    if ("faults" in table) == ("steps" in table):
        raise table.refuse("name", ids.MISSING, "a scenario has either faults or steps")
    common.known(_CALL, "call")
    own = table.table("call")
    own.known(_CALL, "call")
    # A value that both have is the scenario's; its place is then where the scenario says it.
    call = FileTable(table.file, own.path if own.data else common.path, {**common.data, **own.data}, table.problems)
    operation = _operation(call, policy, each)
    latency = call.seconds("latency", _LATENCY) or 0.0
    environment = _environment(call, operation, latency)
    plan = _plan(call, operation, policy)
    what: dict[str, Any] = _steps(table) if "steps" in table else _faults(table, operation, latency, each)
    return Scenario(
        name=name if each is None else f"{name}[{each}]",
        story=table.text("story") or "",
        policy=policy,
        plan=plan,
        ours=call.flag("ours"),
        environment=environment,
        latency=latency,
        path=table.path,
        file=table.file,
        **what,
    )


def _operation(call: FileTable, policy: Policy, each: str | None) -> Operation:
    call.require("operation", "the operation, Name or provider:Name")
    name = _with(each, call.text("operation") or "")
    try:
        return resolve(name, policy=policy, provider=call.text("provider"))
    except ValueError as error:
        raise call.refuse("operation", ids.UNKNOWN_OPERATION, str(error)) from None


def _plan(call: FileTable, operation: Operation, policy: Policy) -> Plan:
    repeat: Any = call.choice("repeat", get_args(Repeat))
    provider = operation.provider
    sources: frozenset[str] = frozenset({provider} if provider is not None else ())
    if isinstance(call.data.get("credentials", True), bool):
        sources = sources if call.flag("credentials", default=True) else frozenset()
    else:
        sources = frozenset(call.texts("credentials"))
    effects = call.table("effects")
    own: Mapping[str, Effect] = {code: effects.choice(code, get_args(Effect)) for code in effects.data}  # type: ignore[misc]

    def effect(of: str | None, code: str) -> Effect | None:
        return own.get(code) or effect_of(of, code)

    return Plan(
        operation=operation.name,
        provider=provider,
        policy=policy,
        repeat=repeat or operation.repeat,
        can_verify=_verifier(call) is not None,
        own_settle=operation.settle,
        can_rename=call.flag("renames", default=operation.rename is not None),
        credentials=sources,
        effect_of=effect if own else effect_of,
        result_of_code=result_of_code,
    )


def _verifier(call: FileTable) -> VerifierModel | None:
    if isinstance(call.data.get("verifier", False), bool):
        return "honest" if call.flag("verifier") else None
    found: Any = call.choice("verifier", get_args(VerifierModel))
    return found  # type: ignore[no-any-return]  # one of the choices


def _environment(call: FileTable, operation: Operation, latency: float) -> Environment:
    return Environment(
        verifier=_verifier(call) or "honest",
        verifying=latency,
        refreshes=call.flag("refreshes", default=True),
        refreshing=latency,
        name=call.text("name"),
        law=operation.law,
    )


def _faults(table: FileTable, operation: Operation, latency: float, each: str | None) -> dict[str, Any]:
    """Read what each attempt meets, and what is expected of the whole call."""
    table.require("expect", 'what is expected, such as expect = { reason = "rule" }')
    text = _with(each, table.text("faults") or "")
    if each is not None and _EACH not in table.data["faults"] and _EACH not in str(table.data.get("call", "")):
        raise table.refuse("each", ids.NOT_APPLICABLE, "neither faults nor the operation has {each}")
    try:
        script = read_script(text, provider=operation.provider, latency=latency)
    except ValueError as error:
        raise table.refuse("faults", ids.WRONG_TYPE, str(error)) from None
    expect = table.table("expect")
    expected = _expected(expect, _OF_CALL, "the expectation of a call")
    if not expected:
        raise table.refuse("expect", ids.MISSING, f"expected at least one of {', '.join(_OF_CALL)}")
    if "rules" in expected:
        expected["rules"] = tuple(_with(each, rule) for rule in expected["rules"])
    if "rule" in expected:
        expected["rule"] = _with(each, expected["rule"])
    return {"faults": text, "script": script, "expected": expected, "draws": table.draws("draw", _DRAW)}


def _steps(table: FileTable) -> dict[str, Any]:
    """Read the events of a story, each with the decision that is expected."""
    for key in ("expect", "draw", "each"):
        if key in table:
            raise table.refuse(key, ids.NOT_APPLICABLE, f"{key} belongs to a scenario with faults", is_key=True)
    steps = table.tables("steps")
    if not steps:
        raise table.refuse("steps", ids.MISSING, "expected at least one step")
    return {"steps": tuple(map(_step, steps))}


def _step(step: FileTable) -> ScenarioStep:
    step.known((*EVENTS, "inner", "at", "draw", "expect"), "a step")
    step.require("at", "when the event came, in seconds after the beginning of the call")
    step.require("expect", 'the decision that follows, such as expect = { decision = "wait", delay = "1s" }')
    expect = step.table("expect")
    expected = _expected(expect, _OF_STEP, "the expectation of a step")
    expect.require("decision", f"one of {', '.join(_DECISIONS)}")
    expect.require(needed := _NEEDED.get(expected["decision"], "delay"), f"a {expected['decision']} has a {needed}")
    return ScenarioStep(
        event=event_of(step),
        at=step.seconds("at") or 0.0,
        draw=step.draws("draw", _DRAW)[0],
        expected=expected,
    )


def _expected(expect: FileTable, readers: Mapping[str, _Read], where: str) -> dict[str, Any]:
    expect.known(readers, where)
    return {key: readers[key](expect, key) for key in expect.data}


def _with(each: str | None, text: str) -> str:
    return text if each is None else text.replace(_EACH, each)
