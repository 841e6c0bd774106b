"""The alerts: what should wake a person, and where to look then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from attrs import frozen
from scraped import Series, series

# How far back an alert looks. An alert goes on for as long after a script is over, so that the default group and
# repeat intervals of an Alertmanager (30 s and some minutes) do not miss it.
WINDOW: Final = "15m"
# A nightly run that is late by two hours has not happened. Change it to what your schedule says.
QUIET: Final = "26h"
# A job without a sign for a week was given up, and is no longer missed.
KNOWN: Final = "7d"

# Attempts for each call, on average; two is every call retried. Fewer calls than these say little.
AMPLIFICATION: Final = 2
FEWEST_CALLS: Final = 5
# The share of a call's time that may be spent on waits, and how many seconds of calls have to be behind it.
WAITING: Final = 0.5
FEWEST_SECONDS: Final = 30

# Which part of the declared rate is little.
LOWERED: Final = 0.5

_OPERATION: Final = "resilience_operation_name"
_RUN: Final = ("job", "instance")
_REPORT: Final = "`resilience report run.jsonl` (a run under `resilience run --journal run.jsonl` keeps one)"


@frozen(kw_only=True)
class Alert:
    """
    One alert.

    Attributes:
        name: Its name.
        expr: What it fires on; each series that is left is one alert.
        severity: ``critical`` if work was not done, ``warning`` if it was but something is wrong.
        summary: One line; may use the labels that are left.
        description: What has happened, and what it may mean.
        runbook: What to do, with the commands that show more.
    """

    name: str
    expr: str
    severity: str
    summary: str
    description: str
    runbook: str


def alerts() -> tuple[Alert, ...]:
    """Return all alerts."""
    calls, attempts = series(".operation.duration", "count"), series(".attempt.duration", "count")
    called, waited = series(".operation.duration", "sum"), series(".retry.delay", "sum")
    exhausted = calls.where(".outcome", '="exhausted"')
    refreshes = series(".credential.refresh.duration", "count")
    states = series(".breaker.state")
    opened, breaker = states.where(".breaker.state", '="open"'), states.label(".breaker.name")
    limit, declared = series(".rate.limit"), series(".rate.declared")
    unfinished = series(".ledger.answers").where(".ledger.answer", '="unfinished"')
    of = "{{ $labels.resilience_operation_name }} of {{ $labels.job }}"
    return (
        Alert(
            name="ResilienceOperationFailed",
            expr=_some(series(".operation.failures"), *_RUN, _OPERATION),
            severity="critical",
            summary=f"{of} has failed",
            description="{{ $value | humanize }} calls failed in the last "
            + WINDOW
            + " on {{ $labels.instance }}, after whatever the policy allows. What they were to make is not there, or"
            " it is unknown whether it is.",
            runbook=f"See why with {_REPORT}. For a code, `resilience explain OPERATION/CODE --policy FILE` says which"
            " rule answers it. In a trace, look for spans with resilience.outcome = failed: resilience.stop_reason,"
            " resilience.rule.origin and resilience.request.id say why, which line decided, and what to quote to the"
            " service's support.",
        ),
        Alert(
            name="ResilienceRetriesExhausted",
            expr=_some(exhausted, *_RUN, _OPERATION),
            severity="warning",
            summary=f"{of} was given up at a limit",
            description="{{ $value | humanize }} calls used up their attempts or their deadline in the last "
            + WINDOW
            + ". The service is down for longer than the policy waits, or the limits are too tight.",
            runbook="`resilience simulate --help` shows how to play other limits against such an outage before you"
            f" change them. How long each call has waited, and for what: {_REPORT}.",
        ),
        Alert(
            name="ResilienceAmplification",
            expr=f"{attempts.total(WINDOW, 'job')} / {calls.total(WINDOW, 'job')} > {AMPLIFICATION}\n"
            f"and {calls.total(WINDOW, 'job')} >= {FEWEST_CALLS}",
            severity="warning",
            summary="calls of {{ $labels.job }} take {{ $value | humanize }} attempts each",
            description=f"In the last {WINDOW} there were more than {AMPLIFICATION} attempts for each call. Retries"
            " weigh on a service that may be overloaded already.",
            runbook=f"Which codes: {_REPORT}. Does a rule retry what cannot get better? `resilience explain CODE"
            " --policy FILE`. A `[budget]` or a `[rate]` in the policy limits what an outage makes of retries.",
        ),
        Alert(
            name="ResilienceRefreshFailed",
            expr=_some(refreshes.where("error.type", '!=""'), *_RUN, refreshes.label(".credential.provider")),
            severity="critical",
            summary="no new credentials of {{ $labels.resilience_credential_provider }} for {{ $labels.job }}",
            description="{{ $value | humanize }} refreshes failed in the last "
            + WINDOW
            + ". Every call that needs credentials fails once the ones in use have expired.",
            runbook="The role, its trust policy and the clock of the machine are the usual suspects. error.type on"
            f" the span refresh_credentials is the class of the error; {_REPORT} says which calls waited for it.",
        ),
        Alert(
            name="ResilienceMostlyWaiting",
            expr=f"{waited.total(WINDOW, 'job')} / {called.total(WINDOW, 'job')} > {WAITING}\n"
            f"and {called.total(WINDOW, 'job')} > {FEWEST_SECONDS}",
            severity="warning",
            summary="{{ $labels.job }} spends {{ $value | humanizePercentage }} of its calls on waits",
            description=f"More than {WAITING:.0%} of the time of calls in the last {WINDOW} was backoff. Runs take"
            " long, although the service answers quickly.",
            runbook=f"Where the time went: {_REPORT}. If a limit of the service is hit, `[rate]` in the policy keeps"
            " below it, which is faster than being refused; `resilience diff A B` shows what a change would change.",
        ),
        Alert(
            name="ResilienceUnknownFault",
            expr=_some(series(".faults.unmatched"), *_RUN, _OPERATION),
            severity="warning",
            summary=f"no rule is for a fault of {of}",
            description="{{ $value | humanize }} faults in the last "
            + WINDOW
            + " had no rule of their own: `unknown` or the rule for an HTTP status decided.",
            runbook="The code is in the log record resilience.rule.missing and on the attempt's span, as"
            " resilience.error.code. `resilience codes --help` lists what is known of it; add a rule, and check the"
            " file with `resilience check FILE`.",
        ),
        Alert(
            name="ResilienceLedgerUnfinished",
            expr=_some(unfinished, *_RUN, _OPERATION),
            severity="warning",
            summary=f"an earlier run began {of} and never finished",
            description="{{ $value | humanize }} resources in the last "
            + WINDOW
            + " were found in the ledger as begun and not done: a run died on the way. This run has looked at them as"
            " `on_unfinished` says.",
            runbook="`resilience ledger list` shows what is still open and `resilience ledger show` one entry;"
            " find out why the earlier run died, and `resilience ledger forget` only what is surely not there.",
        ),
        Alert(
            name="ResilienceBreakerOpen",
            expr=f"max by ({', '.join((*_RUN, breaker))}) (max_over_time({opened}[{WINDOW}])) > 0",
            severity="warning",
            summary="the breaker of {{ $labels.resilience_breaker_name }} is open for {{ $labels.job }}",
            description=f"Within the last {WINDOW} so many attempts failed that calls were refused before they were"
            " sent; those of a breaker in shadow mode were sent all the same.",
            runbook=f"When it opened, and on how many failures: {_REPORT}. Whether the service is down says its status"
            " page; `resilience explain CODE --policy FILE` has the limits of the breaker beside the rule.",
        ),
        Alert(
            name="ResilienceLimitLowered",
            expr=f"max_over_time({limit}[{WINDOW}]) / max_over_time({declared}[{WINDOW}]) < {LOWERED}",
            severity="warning",
            summary="{{ $labels.job }} may send {{ $value | humanizePercentage }} of the declared rate of"
            " {{ $labels.resilience_rate_operation }}",
            description=f"For {WINDOW} the service has taken less than {LOWERED:.0%} of the requests that the policy"
            " declares. Others use the same account or address, or the declared rate is too high.",
            runbook=f"How the limit adapted, and how many requests were throttled: {_REPORT}. Processes on other"
            " machines need `share` or a `[state]` in the policy; `resilience simulate --help` plays other limits.",
        ),
        Alert(
            name="ResilienceNoRun",
            expr=f"group by (job) (last_over_time({calls}[{KNOWN}]))\nunless {calls.total(QUIET, 'job')} > 0",
            severity="critical",
            summary="no call of {{ $labels.job }} for " + QUIET,
            description=f"A job that made calls within {KNOWN} has made none for {QUIET}: it does not run, it hangs,"
            " or its metrics do not arrive.",
            runbook="Look whether the scheduler has started it, and whether Prometheus still gets its metrics. If it"
            f" ran, {_REPORT} says how far it came.",
        ),
    )


def alert_rules() -> str:
    """Return the rules file, as Prometheus reads it."""
    return "\n".join([*_rules(), ""])


def _rules() -> Iterator[str]:
    yield "# Made by generate.py from the telemetry contract; change it there."
    yield "# Names are those of a scrape: resilience_operation_failures_total, not resilience.operation.failures."
    yield "groups:"
    yield "  - name: resilience"
    yield "    rules:"
    for alert in alerts():
        yield f"      - alert: {alert.name}"
        yield "        expr: |-"
        yield from (f"          {line}" for line in alert.expr.splitlines())
        yield "        labels:"
        yield f"          severity: {alert.severity}"
        yield "        annotations:"
        for name in ("summary", "description", "runbook"):
            # A string in JSON is one in YAML.
            yield f"          {name}: {json.dumps(getattr(alert, name), ensure_ascii=False)}"


def _some(chosen: Series, *by: str) -> str:
    return f"{chosen.total(WINDOW, *by)} > 0"
