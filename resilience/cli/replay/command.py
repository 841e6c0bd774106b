"""
``resilience replay``: plays the calls of a recording under another policy.

The JSON form is stable; later versions may add fields. Times are in seconds, ``at`` is ``file:line``::

    {"policy": {"name", "env", "hash"},           the other policy
     "recorded": [{"policy", "env", "hash", "calls"}],
     "calls", "replayed",                         the number of calls, and of those that could be played
     "skipped": [{"call", "operation", "reason"}],
     "undecided": [{"call", "operation", "reason"}],  calls whose answer depends on a message; messages are not recorded
     "endless": [{"call", "operation", "reason"}],  calls that nothing would end
     "differences": [{"call", "operation", "did", "attempt", "fault", "cut", "before", "after"}],
     "outcomes": [{"call", "operation", "started_at", "before", "after", "worse", "better", "may_exist",
                   "requests", "seconds", "waited", "assumptions"}],
     "operations": [{"operation", "provider", "calls", "changed", "worse", "better",
                     "requests": {"before", "after"}, "seconds": ..., "waited": ...}],
     "total": {"calls", "changed", "worse", "better", "requests", "seconds", "waited"},
     "assumptions": [{"word", "meaning", "calls"}],
     "notes": [...], "problems": [...]}

``differences`` has the changed decisions: ``before`` and ``after`` are ``{"action", "stop_reason", "delay", "rule",
"at"}``, or null after a success. ``outcomes`` has the changed calls: ``before`` and ``after`` are ``{"ended",
"stop_reason"}``, and ``requests``, ``seconds`` and ``waited`` are the differences in numbers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import click
from attrs import asdict
from rich.text import Text

from resilience.cli.completion import files, policies
from resilience.cli.replay.one_call import lines, one_call, recorded_plan
from resilience.cli.replay.one_call import to_json as call_to_json
from resilience.cli.replay.remarks import ReplayedRecording, RulePlace, Totals, notes, rule_place
from resilience.cli.replay.text import parts
from resilience.cli.screen import FINDINGS, as_json, console, format_option, load, policy_option, times
from resilience.core.decision import Decision, Fail
from resilience.journal.model import RecordedCall, RecordedDecision, Recording, RecordsError
from resilience.journal.reader import read
from resilience.policyfile import Policy
from resilience.simulation.abilities import Abilities
from resilience.simulation.played import EndlessError
from resilience.simulation.recorded_faults import UndecidedError
from resilience.simulation.replay import obstacle
from resilience.simulation.replay import replay as replay_call
from resilience.simulation.replayed import ASSUMPTIONS, Difference, Replayed

_MANY_PROBLEMS: Final = 5

# The control character keeps click from filling the lines.
_EXAMPLES: Final = """\b
resilience replay run.jsonl --policy policies/mqtt.toml --env prod
resilience replay spans.json --policy new.toml --verifier --format json
resilience replay run.jsonl --policy new.toml --call 4f1c-17 --at 3
"""


@click.command(epilog=_EXAMPLES)
@click.argument("journal", metavar="JOURNAL", shell_complete=files)
@policy_option
@click.option(
    "--verifier/--no-verifier",
    default=None,
    help="Every operation has a verifier, or none has; by default those with a verification in the recording.",
)
@click.option(
    "--credentials/--no-credentials",
    default=None,
    help="There is a source of credentials, or none; by default if the recording shows a refresh.",
)
@click.option("--all", "everything", is_flag=True, help="Name all calls.")
@click.option(
    "--call",
    "wanted",
    metavar="ID",
    help="Step through this call: its id, the beginning of it, or the id of a request.",
)
@click.option(
    "--at",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --call: the policy decides from decision N on, and that of the recording before.",
)
@click.option(
    "--before",
    metavar="FILE",
    help="With --at: the policy of the recording; by default the file that the recording names, if it is unchanged.",
    shell_complete=policies,
)
@format_option
def replay(*, journal: str, policy: str, env: str | None, form: str, **options: Any) -> None:
    """
    Play recorded calls under another policy.

    JOURNAL is a journal, or spans as OTLP JSON. Each call meets its recorded faults, answers, durations and draws; the
    given policy makes the decisions. The command shows the decisions and ends that differ, and the requests and seconds
    that they save or cost. Attempts beyond the recorded ones are assumed to end like the last one, and the report names
    these calls. The exit code is 1 if a successful call would have failed, or if a call would never end.

    With --call, the command steps through one call, decision by decision, with the policy's line for each. With --at,
    the call goes as it went up to there, and the policy takes over.
    """
    loaded = load(policy, env)
    _refuse_alone(options)
    try:
        recording = read(journal)
    except RecordsError as error:
        raise click.UsageError(str(error)) from None
    if options["wanted"] is not None:
        told = one_call(recording, journal, loaded, options)
        if form == "json":
            as_json(call_to_json(told))
        else:
            screen = console()
            for text in lines(told):
                screen.print(text, soft_wrap=True)
        sys.exit(FINDINGS if told.replayed.is_worse else 0)
    replays = _try_all(recording, loaded, verifier=options["verifier"], credentials=options["credentials"])
    if form == "json":
        as_json(_to_json(replays, loaded, recording))
    else:
        screen = console()
        under = f"{policy} ({loaded.env})" if loaded.env else policy
        for line in _heading(replays, recording, journal, under):
            screen.print(line)
        for part in parts(replays, loaded, everything=options["everything"] is True):
            screen.print(part)
    sys.exit(FINDINGS if replays.worse or replays.endless else 0)


def _refuse_alone(options: Mapping[str, Any]) -> None:
    """Refuse options that mean nothing without another one."""
    for option, needs in (("at", "call"), ("before", "at")):
        if options[option] is not None and options["wanted" if needs == "call" else needs] is None:
            raise click.UsageError(f"--{option} needs --{needs}")


def _heading(replays: ReplayedRecording, recording: Recording, journal: str, under: str) -> Iterator[Text]:
    yield Text(f"{times(len(replays.played), 'call')} of {journal} under {under}", style="bold")
    for problem in recording.problems[:_MANY_PROBLEMS]:
        yield Text(f"{journal}: {problem}", style="yellow")
    more = len(recording.problems) - _MANY_PROBLEMS
    if more > 0:
        yield Text(f"{journal}: and {times(more, 'other problem')}", style="yellow")


def _try_all(
    recording: Recording, policy: Policy, *, verifier: bool | None, credentials: bool | None
) -> ReplayedRecording:
    """Play the calls of a recording."""
    able = Abilities.of(recording.calls)
    played: list[Replayed] = []
    skipped: list[tuple[RecordedCall, str]] = []
    undecided: list[tuple[RecordedCall, str]] = []
    endless: list[tuple[RecordedCall, str]] = []
    for call in recording.calls:
        reason = obstacle(call)
        if reason is None:
            try:
                plan = recorded_plan(call, policy, able, verifier=verifier, credentials=credentials)
                played.append(replay_call(call, plan))
            except UndecidedError as error:
                undecided.append((call, str(error)))
            except EndlessError as error:
                endless.append((call, str(error)))
            except ValueError:
                reason = "the policy and the catalogue do not know this operation"
        if reason is not None:
            skipped.append((call, reason))
    return ReplayedRecording(
        played=tuple(played), skipped=tuple(skipped), undecided=tuple(undecided), endless=tuple(endless)
    )


def _to_json(replays: ReplayedRecording, policy: Policy, recording: Recording) -> dict[str, Any]:
    recorded = Counter((call.policy, call.env, call.policy_hash) for call in recording.calls)
    return {
        "policy": {"name": policy.name, "env": policy.env, "hash": policy.digest},
        "recorded": [
            {"policy": name, "env": env, "hash": digest, "calls": count}
            for (name, env, digest), count in recorded.most_common()
        ],
        "calls": len(recording.calls),
        "replayed": len(replays.played),
        "skipped": _reasons(replays.skipped),
        "undecided": _reasons(replays.undecided),
        "endless": _reasons(replays.endless),
        "differences": [_difference(each, found) for each in replays.played for found in each.differences],
        "outcomes": [_outcome(each) for each in replays.changed],
        "operations": [
            {"operation": operation, "provider": provider, **_sum(replays.of(operation, provider))}
            for provider, operation in replays.operations
        ],
        "total": _sum(replays.total),
        "assumptions": [
            {"word": word, "meaning": ASSUMPTIONS[word], "calls": count} for word, count in replays.assumptions
        ],
        "notes": list(notes(replays, policy)),
        "problems": [str(each) for each in recording.problems],
    }


def _reasons(calls: Iterable[tuple[RecordedCall, str]]) -> list[dict[str, Any]]:
    return [{"call": call.id, "operation": call.operation, "reason": reason} for call, reason in calls]


def _difference(replayed: Replayed, found: Difference) -> dict[str, Any]:
    return {
        "call": replayed.call.id,
        "operation": replayed.call.operation,
        "did": found.did,
        "attempt": found.number,
        "fault": None if found.fault is None else found.fault.label,
        "cut": found.cut,
        "before": None if found.before is None else _before(found.before),
        "after": None if found.after is None else _after(found.after),
    }


def _before(decision: RecordedDecision) -> dict[str, Any]:
    return {
        "action": decision.action,
        "stop_reason": decision.stop_reason,
        "delay": decision.delay,
        "rule": decision.rule_id,
        "at": decision.rule_origin,
    }


def _after(decision: Decision) -> dict[str, Any]:
    at: RulePlace = rule_place(decision)
    return {
        "action": decision.verb,
        "stop_reason": decision.reason if isinstance(decision, Fail) else None,
        "delay": decision.delay,
        "rule": at.rule,
        "at": at.place,
    }


def _outcome(each: Replayed) -> dict[str, Any]:
    call = each.call
    return {
        "call": call.id,
        "operation": call.operation,
        "started_at": call.started_at,
        "before": {"ended": call.ended, "stop_reason": call.stop_reason},
        "after": {"ended": each.ended, "stop_reason": each.stop_reason},
        "worse": each.is_worse,
        "better": each.is_better,
        "may_exist": each.may_exist,
        "requests": each.requests,
        "seconds": each.seconds,
        "waited": each.waited - call.waited,
        "assumptions": list(each.assumptions),
    }


def _sum(found: Totals) -> dict[str, Any]:
    return {
        name: {"before": value[0], "after": value[1]} if isinstance(value, tuple) else value
        for name, value in asdict(found).items()
    }
