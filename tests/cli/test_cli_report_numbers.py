"""What a report counts: ends, times that overlap, groups of failures, and what may have been left behind."""

from __future__ import annotations

from typing import Any

import pytest
from report_calls import START, attempt, call, failed, fault, remedy, summary

from resilience.cli.report.calls import ReportedCall, reported
from resilience.cli.report.numbers import united
from resilience.core.fault import Fault
from resilience.journal.model import RecordedAttempt, RecordedCall, Recording


def test_ends_are_counted_from_good_to_bad() -> None:
    """Every call is counted once, also one that a programming error or a kill has ended."""
    found = summary(
        call(took=None),
        call(ended=None, stop_reason=None),
        failed(),
        call(ended="success_after_retry"),
        call(),
        call(),
    )
    assert list(found.ends.items()) == [
        ("success", 2),
        ("success_after_retry", 1),
        ("failed", 1),
        ("error", 1),
        ("unfinished", 1),
    ]
    assert (found.failed, len(found.unfinished)) == (2, 1)


@pytest.mark.parametrize(
    ("spans", "length"),
    [
        pytest.param([], 0.0, id="none"),
        pytest.param([(0, 2), (5, 6)], 3.0, id="apart"),
        pytest.param([(0, 4), (1, 2)], 4.0, id="inside"),
        pytest.param([(3, 5), (0, 4)], 5.0, id="overlapping-in-any-order"),
        pytest.param([(0, 1), (1, 2)], 2.0, id="touching"),
    ],
)
def test_time_that_is_covered_twice_counts_once(spans: list[tuple[float, float]], length: float) -> None:
    """By the clock, a second is a second, however many calls it was spent in."""
    assert united(spans) == length


def test_sums_over_calls_and_the_clock_are_kept_apart() -> None:
    """Two calls at once sum up to twice the time that passed, and a wait of one is no silence while the other calls."""
    waited = call(attempt(1, 0, 1, fault="SystemOverFlow", delay=2.0), attempt(2, 3, 1), at=0, took=4.0, waited=2.0)
    busy = call(attempt(1, 0, 3), at=0, took=4.0)
    times = summary(waited, busy).times
    assert (times.calling, times.waiting, times.remedies, times.other) == (5.0, 2.0, 0.0, 1.0)
    assert times.total == 8.0
    assert (times.whole, times.under_way, times.out) == (4.0, 4.0, 4.0)


def test_time_between_calls_is_nobodys() -> None:
    """What passes while no call is under way is part of the whole, and of nothing else."""
    times = summary(call(at=0), call(at=9)).times
    assert (times.whole, times.under_way, times.total) == (10.0, 2.0, 2.0)


def test_the_gap_between_runs_does_not_count() -> None:
    """Runs on two days have not taken a day."""
    assert summary(call(), call(at=86_400, run="run-2")).times.whole == 2.0


def test_remedies_are_no_calling_and_no_waiting() -> None:
    """Refreshes and verifications have a sum of their own."""
    both = (remedy("verify", 1, 0.5), remedy("refresh", 2, 0.25))
    times = summary(call(attempt(took=1), took=2.25, remedies=both)).times
    assert (times.calling, times.remedies, times.other) == (1.0, 0.75, 0.5)


def test_failures_that_are_alike_are_told_together() -> None:
    """One line for each operation, code, rule and stop reason, the most frequent first, with every request id."""
    found = summary(failed("Rare", at=0), failed("Often", at=1), failed("Often", at=2)).failures
    assert [(each.what, len(each.calls)) for each in found] == [("Often", 2), ("Rare", 1)]
    assert found[0].request_ids == ("REQ-Often-1", "REQ-Often-2")
    assert found[0].rule_id == 'alibaba."Often"'


def test_a_failure_without_a_fault_still_has_a_name() -> None:
    """A programming error is named by its class, a refusal before the first attempt by its reason."""
    broken = call(attempt(aborted=True, error="TypeError"), ended=None, stop_reason=None, error_type="TypeError")
    refused = call(ended="refused", stop_reason="breaker", attempts=(), error_type=None)
    assert {each.what for each in summary(broken, refused).failures} == {"TypeError", "breaker"}


@pytest.mark.parametrize(
    ("attempts", "remedies", "fields", "doubt"),
    [
        pytest.param([attempt(fault="X", effect="none")], [], {}, False, id="refused"),
        pytest.param([attempt(fault="X", effect="unknown")], [], {}, True, id="no-answer"),
        pytest.param([attempt(took=None)], [], {"took": None}, True, id="killed-on-the-way"),
        pytest.param([attempt(aborted=True)], [], {"ended": "cancelled"}, True, id="cancelled-on-the-way"),
        pytest.param(
            [attempt(1, 0, 1, fault="X", effect="unknown"), attempt(2, 3, 1, fault="Y")],
            [],
            {},
            True,
            id="only-the-first",
        ),
        pytest.param(
            [attempt(1, 0, 1, fault="X", effect="unknown"), attempt(2, 3, 1, fault="Y")],
            [remedy("verify", 2, 0.5, answer="not_there")],
            {},
            False,
            id="looked-into",
        ),
        pytest.param(
            [attempt(1, 0, 1, fault="X", effect="unknown")],
            [remedy("verify", 2, 0.5, answer="not_there", action="verify")],
            {"took": None},
            True,
            id="looked-into-too-early",
        ),
        pytest.param(
            [attempt(1, 0, 1, fault="X", effect="unknown")],
            [remedy("verify", 2, 0.5, answer="failed")],
            {},
            True,
            id="could-not-be-looked-into",
        ),
        pytest.param(
            [attempt(1, 0, 1, fault="X", effect="unknown", action="rename"), attempt(2, 3, 1, fault="Y")],
            [],
            {},
            False,
            id="another-name",
        ),
        pytest.param([attempt(fault="X", effect="unknown")], [], {"ended": "accepted"}, False, id="ended-well"),
        pytest.param(
            [attempt(fault="X", effect="unknown")], [], {"operation": "ListGroupId"}, False, id="harmless-to-repeat"
        ),
        pytest.param([attempt(fault="X", effect="unknown")], [], {"provider": None}, True, id="unknown-service"),
    ],
)
def test_what_may_have_been_left_behind_is_told(
    attempts: list[RecordedAttempt], remedies: list[Any], fields: dict[str, Any], *, doubt: bool
) -> None:
    """A call that ended badly is in doubt after an attempt that may have taken effect, until somebody has looked."""
    bad: dict[str, Any] = {"took": 5.0, "ended": "failed", "stop_reason": "rule", "remedies": tuple(remedies)}
    its = call(*attempts, **bad | fields)
    assert ReportedCall(number=1, run=1, call=its).may_exist is doubt


def test_rules_count_what_they_decided() -> None:
    """A rule tells how often it decided, what, on which codes, in how many calls; no rule is one of them."""
    twice = call(attempt(1, 0, 1, fault="A"), attempt(2, 1, 1, fault="B", action="verify"), attempt(3, 2, 1), took=3.0)
    found = summary(twice, failed("New", rule_id=None)).rules
    assert [(each.rule_id, each.count, each.calls) for each in found] == [
        ('alibaba."SystemOverFlow"', 2, 1),
        (None, 1, 1),
    ]
    assert found[0].steps == {"retry": 1, "verify": 1}
    assert found[0].labels == {"A": 1, "B": 1}


@pytest.mark.parametrize(
    ("met", "provider", "table", "key"),
    [
        pytest.param(fault("New.Code"), "alibaba", "rules.alibaba", "New.Code", id="code"),
        pytest.param(fault("New", provider=None), "tencent", "rules.tencent", "New", id="code-of-the-call's-provider"),
        pytest.param(fault("New", provider=None), None, "rules.None", None, id="code-of-nobody"),
        pytest.param(Fault(status=502, transport="garbled"), "alibaba", "rules.transport", "http-502", id="status"),
        pytest.param(Fault(transport="lost"), "alibaba", "rules.transport", "lost", id="transport"),
        pytest.param(Fault(error="some.Error"), "alibaba", "rules.transport", None, id="class"),
    ],
)
def test_a_gap_says_which_rule_would_close_it(met: Fault, provider: str | None, table: str, key: str | None) -> None:
    """For a fault that no rule matched, the table and the key of the missing rule are known where there can be one."""
    stopped = call(
        attempt(fault=met, action="fail", rule_id=None), provider=provider, ended="failed", stop_reason="unknown"
    )
    (gap,) = summary(stopped).gaps
    assert (gap.table, gap.key) == (table, key)
    assert gap.operations == {"CreateGroupId": 1}


def test_beliefs_are_accepts_that_nobody_verified() -> None:
    """A verified accept is no belief, and a dry run has made nothing that one could believe in."""
    found = summary(
        call(ended="accepted", stop_reason="accepted", verified=True),
        call(ended="accepted", stop_reason="accepted", verified=False),
        call(ended="accepted", stop_reason="dry_run", verified=False),
    )
    assert [each.number for each in found.believed] == [2]


def test_refreshes_tell_who_fetched_and_who_waited() -> None:
    """A refresh that several calls wait for is one."""
    found = summary(
        call(remedies=(remedy("refresh", leads=True),)),
        call(remedies=(remedy("refresh", leads=False),)),
        call(remedies=(remedy("refresh", leads=True, answer="failed", error="SomeError"),)),
    ).refreshes
    assert (found.led, found.joined, found.failed) == (2, 1, 1)


def test_a_call_that_is_recorded_twice_counts_once() -> None:
    """A file that is given twice, or a run's spans beside its journal, change no number."""
    journal = call(trace_id="aa", span_id="bb")
    spans = RecordedCall(
        id="other", run="other", operation="CreateGroupId", started_at=START, trace_id="aa", span_id="bb"
    )
    assert len(reported([Recording(calls=(journal,)), Recording(calls=(journal,)), Recording(calls=(spans,))])) == 1


def test_calls_are_numbered_run_by_run() -> None:
    """Runs come in the order in which they began, and so do the calls of each, whatever file they are from."""
    late = [call(at=50, run="b"), call(at=40, run="b")]
    early = [call(at=45, run="a"), call(at=1, run="a")]
    found = reported([Recording(calls=tuple(late)), Recording(calls=tuple(early))])
    assert [(each.number, each.run, each.call.started_at - START) for each in found] == [
        (1, 1, 1.0),
        (2, 1, 45.0),
        (3, 2, 40.0),
        (4, 2, 50.0),
    ]


def test_a_call_that_never_ended_took_as_long_as_it_was_heard_of() -> None:
    """Its time runs to the last thing that is known of it."""
    open_call = call(attempt(1, 0, 1, fault="X", delay=2.0), attempt(2, 3, None), took=None)
    (found,) = reported([Recording(calls=(open_call,))])
    assert found.took == 3.0
    assert found.end == "unfinished"


def test_times_that_no_clock_can_have_measured_do_not_break_the_sums() -> None:
    """A journal that was tampered with gives odd numbers, and no crash."""
    huge = [call(attempt(took=1e308), took=1e308, waited=1e308) for _ in range(3)]
    assert summary(*huge).times.total < float("inf")
