"""What an executor did is what its journal tells, and what its spans tell as far as they do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from recorded_calls import Case, Exported, as_spans_tell, cases, run

from resilience import Outcome
from resilience.journal.model import RecordedAttempt, RecordedCall
from resilience.journal.reader import read

_SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# What chance meets too seldom.
_RARE = (
    Case(script=("GroupIdAlreadyUsedByOtherUsers", "lost", "GroupIdAlreadyUsedByOtherUsers")),
    Case("tencent:CreateTopic", script=("DryRunOperation",)),
    Case("tencent:CreateInstance", script=("hang", "lost"), replies=("busy", "missing", "there")),
    Case(script=("InvalidSecurityToken.Expired", "SystemOverFlow"), refreshes=True),
    Case(script=("InvalidSecurityToken.Expired",), refreshes=False),
)


def rare(function: Callable[[Case], None]) -> Callable[[Case], None]:
    """Try these as well."""
    for case in _RARE:
        function = example(case)(function)
    return function


def only_call(path: Path) -> RecordedCall:
    recording = read(path)
    assert recording.problems == ()
    (call,) = recording.calls
    return call


def attempts_of(outcome: Outcome[Any]) -> list[tuple[object, ...]]:
    return [
        (
            each.number,
            round(each.duration, 6),
            each.fault,
            each.effect,
            None if each.decision is None else each.decision.verb,
            None if each.decision is None or each.decision.rule is None else each.decision.rule.id,
            round(each.delay, 6),
        )
        for each in outcome.attempts
    ]


def recorded(attempts: tuple[RecordedAttempt, ...]) -> list[tuple[object, ...]]:
    return [
        (
            each.number,
            None if each.duration is None else round(each.duration, 6),
            each.fault,
            each.effect,
            each.action,
            each.rule_id,
            round(each.delay, 6),
        )
        for each in attempts
    ]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_journal_tells_what_the_executor_did(backend: str, tmp_path: Path) -> None:
    """Attempts, faults, decisions, waits and the end of any call are read back as its outcome has them."""

    @given(cases())
    @rare
    @_SETTINGS
    def compare(case: Case) -> None:
        path = tmp_path / "journal.jsonl"
        path.unlink(missing_ok=True)
        outcome = run(case, backend, path)
        call = only_call(path)
        assert recorded(call.attempts) == attempts_of(outcome)
        assert (call.ended, call.stop_reason, call.verified) == (outcome.ended, outcome.stop_reason, outcome.verified)
        assert call.waited == pytest.approx(outcome.waited, abs=1e-6)
        assert call.renamed == outcome.renamed
        assert "S3CRET" not in path.read_text(encoding="utf-8")

    compare()


@pytest.mark.parametrize("hex_ids", [True, False], ids=["hex", "base64"])
def test_spans_tell_what_the_journal_tells(tmp_path: Path, *, hex_ids: bool) -> None:
    """A call that left a journal and spans is read back the same from both, as far as spans tell."""

    @given(cases())
    @rare
    @_SETTINGS
    def compare(case: Case) -> None:
        path, exported = tmp_path / "journal.jsonl", Exported()
        path.unlink(missing_ok=True)
        run(case, "asyncio", path, exported.provider)
        one = only_call(path)
        other = only_call(exported.write(tmp_path / "spans.jsonl", hex_ids=hex_ids))
        assert (one.trace_id, one.span_id) == (other.trace_id, other.span_id)
        assert as_spans_tell(other) == as_spans_tell(one)

    compare()
