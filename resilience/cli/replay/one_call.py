"""One recorded call, decision by decision, with the lines of the policy that decides."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click
from attrs import frozen
from rich.text import Text

from resilience.cli.plans import plan_of
from resilience.cli.replay.remarks import rule_place
from resilience.cli.screen import FINDINGS, load, seconds, times
from resilience.cli.simulate.timeline import TimelineRow, rows
from resilience.core.plan import Plan
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.engine.target.operations import resolve
from resilience.journal.model import RecordedCall, RecordedDecision, Recording
from resilience.policyfile import Policy, PolicyError
from resilience.simulation.abilities import Abilities
from resilience.simulation.played import EndlessError, SimulatedStep
from resilience.simulation.recorded_faults import UndecidedError
from resilience.simulation.replay import obstacle, replay
from resilience.simulation.replayed import ASSUMPTIONS, Replayed, is_same


@frozen(kw_only=True)
class CallReplay:
    """
    A call, replayed.

    Attributes:
        replayed: The replay.
        plan: The policy for its operation, which decides from ``at`` on.
        policy: That policy.
        before: The policy that decides before; the same one without ``at``.
        at: The number of the first decision under ``policy``.
        file: The name of the recording.
    """

    replayed: Replayed
    plan: Plan
    policy: Policy
    before: Policy
    at: int
    file: str


def one_call(recording: Recording, file: str, policy: Policy, options: Mapping[str, Any]) -> CallReplay:
    """
    Replay one call.

    Args:
        recording: The recording.
        file: Its name.
        policy: The policy that decides, from ``at`` on if there is one.
        options: ``wanted``, ``at``, ``before``, ``verifier`` and ``credentials`` of the command.

    Raises:
        click.UsageError: There is no such call, it cannot be replayed, or the policy of the recording is not known.
    """
    try:
        call = find(recording.calls, options["wanted"])
        at: int = options["at"] or 1
        before = policy if options["at"] is None else _policy_of(call, options["before"])
        abilities = Abilities.of(recording.calls)
        given = {"verifier": options["verifier"], "credentials": options["credentials"]}
        plan = recorded_plan(call, policy, abilities, **given)
        first = recorded_plan(call, before, abilities, **given)
        replayed = replay(call, first, then=None if before is policy else plan, at=at)
    except EndlessError as error:
        click.echo(f"{options['wanted']} would never end: {error}", err=True)
        sys.exit(FINDINGS)
    except (ValueError, UndecidedError) as error:
        raise click.UsageError(str(error)) from None
    return CallReplay(replayed=replayed, plan=plan, policy=policy, before=before, at=at, file=file)


def recorded_plan(
    call: RecordedCall, policy: Policy, abilities: Abilities, *, verifier: bool | None, credentials: bool | None
) -> Plan:
    """
    Return a policy for the operation of a recorded call, with the abilities that the recording shows.

    Raises:
        ValueError: The policy and the catalogue do not know the operation.
    """
    operation = resolve(call.operation, policy=policy, provider=call.provider)
    can_verify = abilities.can_verify(call) if verifier is None else verifier
    can_refresh = abilities.can_refresh(call, operation.provider) if credentials is None else credentials
    return plan_of(policy, operation, verifier=can_verify, credentials=can_refresh)


def _policy_of(call: RecordedCall, named: str | None) -> Policy:
    """
    Return the policy that a call was recorded under.

    Raises:
        ValueError: It is not named, and no file that the recording names is still that policy.
    """
    if named is not None:
        return load(named, call.env)
    origins = [each.rule_origin for each in (*call.attempts, *call.remedies) if each.rule_origin is not None]
    for file in dict.fromkeys(origin.rpartition(":")[0] for origin in origins):
        try:
            policy = Policy.in_env(file, call.env)
        except PolicyError:
            continue
        if policy.digest == call.policy_hash:
            return policy
    raise ValueError(
        f"--at needs the policy of the recording ({call.policy or 'without a name'}), and no file that the recording "
        "names is still that policy; name it with --before"
    )


def find(calls: tuple[RecordedCall, ...], wanted: str) -> RecordedCall:
    """
    Return the call with an id, with an id that begins so, or with a request of that id.

    Raises:
        ValueError: There is none, there are several, or it cannot be replayed.
    """
    exact = [each for each in calls if each.id == wanted]
    found = exact or [
        each
        for each in calls
        if each.id.startswith(wanted)
        or any(attempt.fault is not None and attempt.fault.request_id == wanted for attempt in each.attempts)
    ]
    if len(found) == 1:
        [call] = found
        if (reason := obstacle(call)) is not None:
            raise ValueError(f"{call.id} cannot be replayed: {reason}")
        return call
    if found:
        some = ", ".join(each.id for each in found[:5])
        raise ValueError(f"{times(len(found), 'call')} fit {wanted!r}: {some}{', ...' if len(found) > 5 else ''}")  # noqa: PLR2004
    raise ValueError(f"no call of the recording has the id, or a request with the id, {wanted!r}")


def lines(told: CallReplay) -> Iterator[Text]:
    """Yield the call for people."""
    replayed, call = told.replayed, told.replayed.call
    when = datetime.fromtimestamp(call.started_at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    under = _name(told.policy)
    if told.at > 1 or told.before is not told.policy:
        under = f"{_name(told.before)}, from decision {told.at} on under {under}"
    yield Text(f"{call.operation} ({call.provider})", style="bold").append(
        f"  {call.id} of {told.file}, {when}; under {under}", style="not bold dim"
    )
    decided = 0
    for step, row in zip(replayed.steps, rows_of(told), strict=True):
        decided += step.decision is not None
        yield from _step(told, step, row, decided)
    yield Text()
    yield Text(f"recorded: {_end(call.ended, call.stop_reason, len(call.attempts), call.waited)}")
    now = _end(replayed.ended, replayed.stop_reason, replayed.attempts, replayed.waited)
    style = "red" if replayed.is_worse else "green" if replayed.is_better else "bold"
    yield Text(f"replayed: {now}", style=style)
    for word in replayed.assumptions:
        yield Text(f"assumed: {ASSUMPTIONS[word]}")
    if replayed.may_exist:
        yield Text("the resource may exist, unverified")


def rows_of(told: CallReplay) -> tuple[TimelineRow, ...]:
    """Return the words for each step."""
    return rows(told.replayed.steps, told.plan)


def _step(told: CallReplay, step: SimulatedStep, row: TimelineRow, decided: int) -> Iterator[Text]:
    number = f"{decided:3}" if step.decision is not None else "   "
    head = Text(f"{number}  ", style="bold").append(f"{seconds(row.at)}  {row.what}", style="not bold")
    head.append(f", {seconds(row.took)}" if row.took else "", style="not bold dim")
    yield head.append(f": {row.result}", style="not bold")
    if step.decision is not None:
        yield Text(f"     -> {row.decision}", style="bold")
        policy = told.policy if decided >= told.at else told.before
        place = None if step.decision.rule is None else step.decision.rule.origin
        if row.rule is not None:
            yield Text(f"        {row.rule}  {place or ''}".rstrip(), style="dim")
        line = None if place is None else policy.line(place)
        if line is not None:
            yield Text(f"        | {line}", style="cyan")
    recorded = _recorded(told.replayed, step)
    if recorded is not None and not is_same(recorded if recorded.action else None, step.decision):
        yield Text(f"     recorded: {_said(recorded)}", style="yellow")


def _recorded(replayed: Replayed, step: SimulatedStep) -> RecordedDecision | None:
    """Return what was recorded in the place of a step; None where nothing was."""
    call = replayed.call
    if step.did == "attempt":
        return next((each for each in call.attempts if each.number == step.number), None)
    if step.did != "verify":
        return None
    asked = [each for each in replayed.steps if each.did == "verify"].index(step)
    verifications = [each for each in call.remedies if each.kind == "verify"]
    return verifications[asked] if asked < len(verifications) else None


def _said(recorded: RecordedDecision) -> str:
    if recorded.action is None:
        return "a success"
    words: str = recorded.action
    if recorded.stop_reason is not None and recorded.action == "fail":
        words += f" ({STOP_WORDS[recorded.stop_reason].meaning})"
    elif recorded.delay:
        words += f" in {seconds(recorded.delay)}"
    where = " ".join(filter(None, (recorded.rule_id, recorded.rule_origin)))
    return f"{words}, {where}" if where else words


def _end(ended: str | None, reason: str | None, attempts: int, waited: float) -> str:
    words = ended or "no end"
    if reason is not None and not words.startswith(("success", reason)):
        words += f" ({STOP_WORDS[reason].meaning})"  # type: ignore[index]  # a stop reason
    return f"{words} after {times(attempts, 'request')}, {seconds(waited)} of waiting"


def _name(policy: Policy) -> str:
    source = policy.sources[-1] if policy.sources else policy.name
    return f"{source} ({policy.env})" if policy.env else source


def to_json(told: CallReplay) -> Mapping[str, Any]:
    """Return the call for programs; times are in seconds."""
    replayed, call = told.replayed, told.replayed.call
    steps, decided = [], 0
    for step, row in zip(replayed.steps, rows_of(told), strict=True):
        decided += step.decision is not None
        policy = told.policy if decided >= told.at else told.before
        place = rule_place(step.decision)
        origin = None if step.decision is None or step.decision.rule is None else step.decision.rule.origin
        recorded = _recorded(replayed, step)
        steps.append(
            {
                "decision_number": None if step.decision is None else decided,
                "did": step.did,
                "attempt": step.number,
                "began": step.began,
                "ended": step.ended,
                "result": row.result,
                "decision": None if step.decision is None else step.decision.verb,
                "delay": step.delay,
                "rule": place.rule,
                "at": place.place,
                "line": None if origin is None else policy.line(origin),
                "policy_hash": None if step.decision is None else policy.digest,
                "recorded": None if recorded is None or recorded.action is None else recorded.action,
                "differs": recorded is not None and not is_same(recorded if recorded.action else None, step.decision),
            }
        )
    return {
        "call": call.id,
        "operation": call.operation,
        "provider": call.provider,
        "started_at": call.started_at,
        "at": told.at,
        "steps": steps,
        "before": {"ended": call.ended, "stop_reason": call.stop_reason},
        "after": {"ended": replayed.ended, "stop_reason": replayed.stop_reason},
        "requests": replayed.requests,
        "seconds": replayed.seconds,
        "assumptions": list(replayed.assumptions),
    }
