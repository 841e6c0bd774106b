"""The dashboard's panels: what each shows, and what it asks Prometheus for."""

from __future__ import annotations

from typing import Final, Literal

from attrs import frozen
from scraped import Series, series

from resilience.telemetry.contract import contract

_STEP: Final = "$__interval"
_RANGE: Final = "$__range"
_SECONDS: Final = "($__interval_ms / 1000)"
_OPERATION: Final = "resilience_operation_name"

Kind = Literal["stat", "timeseries", "table"]


@frozen
class Query:
    """One question to Prometheus, and what its series are called: ``{{label}}`` is a label's value."""

    expr: str
    legend: str = ""


@frozen(kw_only=True)
class Panel:
    """
    One panel.

    Attributes:
        title: Its title.
        kind: How it looks.
        about: What it shows and what a high value means.
        unit: In Grafana's words: ``s``, ``short`` or ``percentunit``.
        queries: What it asks for.
        alarm: From which value on it is red; None for what is neither good nor bad.
        stacked: Whether bars stand on each other.
        exemplars: Whether points lead to traces.
    """

    title: str
    kind: Kind = "timeseries"
    about: str
    unit: str = "short"
    queries: tuple[Query, ...]
    alarm: float | None = None
    stacked: bool = False
    exemplars: bool = False


@frozen
class Row:
    """A heading and the panels below it."""

    title: str
    panels: tuple[Panel, ...]


def rows() -> tuple[Row, ...]:
    """Return the dashboard from top to bottom."""
    return (
        Row("At a glance", _glance()),
        Row("Calls: one for each use of an operation, with its attempts and waits", _calls()),
        Row("Attempts, waits and decisions", _attempts()),
        Row("Limits that calls share: waits, rates, breakers and budgets", _limits()),
        Row("Credentials, verifications and the ledger", _remedies()),
    )


def _glance() -> tuple[Panel, ...]:
    calls, attempts = _chosen(".operation.duration", "count"), _chosen(".attempt.duration", "count")
    waited, called = _chosen(".retry.delay", "sum"), _chosen(".operation.duration", "sum")
    exhausted = calls.where(".outcome", '="exhausted"')
    return (
        Panel(
            title="Calls",
            kind="stat",
            about="Calls that ended within the time shown, however they ended.",
            queries=(Query(calls.total(_RANGE)),),
        ),
        Panel(
            title="Failed calls",
            kind="stat",
            about=_about(".operation.failures") + " Each is work that was not done.",
            queries=(Query(_chosen(".operation.failures").total(_RANGE)),),
            alarm=1,
        ),
        Panel(
            title="Given up at a limit",
            kind="stat",
            about="Calls that used up their attempts or their deadline.",
            queries=(Query(_or_zero(exhausted.total(_RANGE))),),
            alarm=1,
        ),
        Panel(
            title="Attempts per call",
            kind="stat",
            about="1 is a day without retries. Above 2, retries weigh on the service.",
            queries=(Query(f"{attempts.total(_RANGE)} / {calls.total(_RANGE)}"),),
            alarm=2,
        ),
        Panel(
            title="Share of waits",
            kind="stat",
            about="How much of the time of calls was backoff.",
            unit="percentunit",
            queries=(Query(f"{_or_zero(waited.total(_RANGE))} / {called.total(_RANGE)}"),),
            alarm=0.5,
        ),
        Panel(
            title="Faults without a rule",
            kind="stat",
            about=_about(".faults.unmatched") + " The log says which code: resilience.rule.missing.",
            queries=(Query(_chosen(".faults.unmatched").total(_RANGE)),),
            alarm=1,
        ),
    )


def _calls() -> tuple[Panel, ...]:
    calls = _chosen(".operation.duration", "count")
    failed = calls.where("error.type", '!=""')
    outcome, kind = calls.label(".outcome"), failed.label("error.type")
    return (
        Panel(
            title="Calls by outcome",
            about="Bars of calls that ended. success_after_retry and accepted are successes that took something.",
            queries=(Query(calls.total(_STEP, outcome), f"{{{{{outcome}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="Calls under way",
            about=_about(".operation.active"),
            queries=(Query(f"sum by ({_OPERATION}) ({_chosen('.operation.active')})", f"{{{{{_OPERATION}}}}}"),),
        ),
        Panel(
            title="How calls failed",
            kind="table",
            about="Operation, outcome and error.type of what failed within the time shown. For the line that decided,"
            " and the request id, open a trace or run: resilience report run.jsonl",
            queries=(Query(failed.total(_RANGE, _OPERATION, outcome, kind)),),
        ),
        Panel(
            title="Duration of calls (p50, p95)",
            about=_about(".operation.duration") + " Points lead to traces, where exemplars are stored.",
            unit="s",
            queries=_quantiles(".operation.duration"),
            exemplars=True,
        ),
        Panel(
            title="Given up or failed, with traces",
            about="Calls that ended badly, by operation; points lead to traces, where exemplars are stored.",
            queries=(Query(failed.total(_STEP, _OPERATION), f"{{{{{_OPERATION}}}}}"),),
            stacked=True,
            exemplars=True,
        ),
    )


def _attempts() -> tuple[Panel, ...]:
    calls, attempts = _chosen(".operation.duration", "count"), _chosen(".attempt.duration", "count")
    waits, tried = _chosen(".retry.delay", "sum"), _chosen(".attempt.duration", "sum")
    decisions = _chosen(".decisions")
    action, kind = decisions.label(".decision.action"), decisions.label("error.type")
    return (
        Panel(
            title="Attempts per call, by operation",
            about="How much retries multiply the requests of each operation; 1 is none.",
            queries=(
                Query(
                    f"{attempts.total(_STEP, _OPERATION)} / {calls.total(_STEP, _OPERATION)}",
                    f"{{{{{_OPERATION}}}}}",
                ),
            ),
            alarm=2,
        ),
        Panel(
            title="Waiting and calling",
            about="Seconds that calls spent on waits, and seconds that they spent on attempts.",
            unit="s",
            queries=(Query(waits.total(_STEP), "waits"), Query(tried.total(_STEP), "attempts")),
            stacked=True,
        ),
        Panel(
            title="Decisions by action",
            about=_about(".decisions"),
            queries=(Query(decisions.total(_STEP, action), f"{{{{{action}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="Decisions by error",
            about="What was decided for which code. _OTHER is one kind too many to be told apart; a class's name is a"
            " fault that no rule names.",
            kind="table",
            queries=(Query(decisions.total(_RANGE, kind, action)),),
        ),
        Panel(
            title="Duration of attempts (p50, p95)",
            about=_about(".attempt.duration"),
            unit="s",
            queries=_quantiles(".attempt.duration"),
            exemplars=True,
        ),
    )


def _limits() -> tuple[Panel, ...]:
    waits, waiting = _chosen(".admission.duration", "sum"), _chosen(".admission.waiting")
    sent, adapted = _chosen(".attempt.duration", "count"), _chosen(".rate.adaptations")
    limits, declared = _of_operations(".rate.limit"), _of_operations(".rate.declared")
    active, most = _chosen(".attempt.active"), _chosen(".concurrency.limit")
    changes, states, left = _chosen(".breaker.changes"), _chosen(".breaker.state"), _chosen(".budget.retries")
    gate, limited, provider = (
        waits.label(".admission.gate"),
        limits.label(".rate.operation"),
        most.label(".rate.provider"),
    )
    direction, breaker, state = (
        adapted.label(".rate.direction"),
        states.label(".breaker.name"),
        states.label(".breaker.state"),
    )
    budget, not_closed = left.label(".budget.provider"), states.where(".breaker.state", '!="closed"')
    return (
        Panel(
            title="Waits before attempts",
            about=_about(".admission.duration"),
            unit="s",
            queries=(Query(waits.total(_STEP, gate), f"{{{{{gate}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="Calls that wait for their turn",
            about=_about(".admission.waiting"),
            queries=(Query(f"sum by ({_OPERATION}) ({waiting})", f"{{{{{_OPERATION}}}}}"),),
        ),
        Panel(
            title="Rate against limit",
            about="Requests per second, the limit that is in force, and the one that the policy declares; processes are"
            " added up. A limit in force below the declared one has adapted.",
            unit="reqps",
            queries=(
                Query(f"{sent.total(_STEP, _OPERATION)} / {_SECONDS}", f"{{{{{_OPERATION}}}}} sent"),
                Query(_together(limits), f"{{{{{limited}}}}} limit"),
                Query(_together(declared), f"{{{{{limited}}}}} declared"),
            ),
        ),
        Panel(
            title="Adaptation of limits",
            about=_about(".rate.adaptations") + " Many that go down: others use a part of the limit, or it is lower.",
            queries=(Query(adapted.total(_STEP, limited, direction), f"{{{{{limited}}}}} {{{{{direction}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="Attempts under way against their limit",
            about=_about(".attempt.active"),
            queries=(
                Query(f"sum by ({provider}) ({active})", f"{{{{{provider}}}}} under way"),
                Query(f"sum by ({provider}) ({most})", f"{{{{{provider}}}}} limit"),
            ),
        ),
        Panel(
            title="Breakers that are not closed",
            about=_about(".breaker.state") + " Here: half-open and open ones.",
            queries=(Query(f"sum by ({breaker}, {state}) ({not_closed})", f"{{{{{breaker}}}}} {{{{{state}}}}}"),),
            alarm=1,
        ),
        Panel(
            title="Changes of breakers",
            about=_about(".breaker.changes"),
            queries=(Query(changes.total(_STEP, breaker, state), f"{{{{{breaker}}}}} {{{{{state}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="Retries that budgets have left",
            about=_about(".budget.retries") + " At 0, calls that fail are not tried again.",
            queries=(Query(f"min by ({budget}) ({left})", f"{{{{{budget}}}}}"),),
        ),
    )


def _together(limits: Series) -> str:
    """Return the limit of all processes: added up, except one that they have together through a store."""
    by, shared = limits.label(".rate.operation"), ".rate.shared"
    alone, together = limits.where(shared, '="false"'), limits.where(shared, '="true"')
    return f"sum by ({by}) ({alone}) or max by ({by}) ({together})"


def _of_operations(name: str) -> Series:
    return _chosen(name).where(".rate.scope", '="operation"').where(".rate.operation", '=~"$operation"')


def _remedies() -> tuple[Panel, ...]:
    refreshes, verified = _chosen(".credential.refresh.duration", "count"), _chosen(".verify.duration", "count")
    ledger = _chosen(".ledger.answers")
    provider, answer = refreshes.label(".credential.provider"), verified.label(".verify.answer")
    kind, knew = refreshes.label("error.type"), ledger.label(".ledger.answer")
    return (
        Panel(
            title="Refreshes of credentials",
            about=_about(".credential.refresh.duration") + " With an error's class where they failed.",
            queries=(Query(refreshes.total(_STEP, provider, kind), f"{{{{{provider}}}}} {{{{{kind}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="Verifications by answer",
            about=_about(".verify.duration"),
            queries=(Query(verified.total(_STEP, answer), f"{{{{{answer}}}}}"),),
            stacked=True,
        ),
        Panel(
            title="What the ledger knew",
            about=_about(".ledger.answers") + " unfinished: a run died on the way.",
            queries=(Query(ledger.total(_STEP, knew), f"{{{{{knew}}}}}"),),
            stacked=True,
        ),
    )


def _quantiles(name: str) -> tuple[Query, ...]:
    grown = _chosen(name, "bucket").total(_STEP, "le", _OPERATION)
    return tuple(
        Query(f"histogram_quantile({quantile}, {grown})", f"p{quantile * 100:.0f} {{{{{_OPERATION}}}}}")
        for quantile in (0.5, 0.95)
    )


def _chosen(name: str, part: str = "") -> Series:
    """Return the series that the dashboard's variables choose."""
    chosen = series(name, part).limited('job=~"$job"', 'instance=~"$instance"')
    return chosen.where(".operation.name", '=~"$operation"') if chosen.has(".operation.name") else chosen


def _about(name: str) -> str:
    """Return what the contract says of an instrument, as a sentence."""
    what = contract().instrument(f"resilience{name}").what
    return f"{what[0].upper()}{what[1:]}."


def _or_zero(expr: str) -> str:
    return f"({expr} or vector(0))"
