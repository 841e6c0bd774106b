# ruff: noqa: ARG001  # wrapped functions have the parameters of their operation

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from any_events import ENDS, EVENTS
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk import _logs as otel_logs
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from scripted_calls import (
    FAIL,
    INJECTION,
    POLICY,
    RETRY,
    THROTTLED,
    Flight,
    Recorded,
    accepted,
    ended,
    failed,
    gave_up,
    rule,
    span_id_of,
    started,
    succeeded,
)

from resilience import Executor, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.decision import Fail, Refresh, Rename, Verify, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    CallEnded,
    Event,
    FaultInjected,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.fault import Fault, Origin
from resilience.core.policy import Action, Limits
from resilience.telemetry import Logs

_VERIFY = Verify(rule=THROTTLED, action=RETRY, delay=0.5)
_RENAMED = ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="GID_old", new="GID_new")


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    """Listen to every level."""
    caplog.set_level(logging.DEBUG, "resilience")


def _play(*events: Event, logs: Logs | None = None) -> None:
    sink = (logs or Logs()).watch(started())
    assert sink is not None
    for event in events:
        sink(event)


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if "." in name}


_FAULT = "(SystemOverFlow, http 503, request 5F3A-77)"
_BY = 'by alibaba."SystemOverFlow" at policies/mqtt.toml:7'


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        pytest.param([*succeeded(1), ended()], [], id="success"),
        pytest.param([Recalled(answer="new", waited=0.0), *succeeded(1), ended()], [], id="not-in-the-ledger"),
        pytest.param(
            [Recalled(answer="unfinished", waited=0.0), *succeeded(1), ended()],
            ["INFO CreateGroupId: the ledger says: an earlier run began it and never finished"],
            id="in-the-ledger",
        ),
        pytest.param(
            [*failed(1), *succeeded(2), ended("success_after_retry", attempts=2, waited=1.5)],
            [
                f"INFO CreateGroupId: attempt 1 failed {_FAULT}; retry in 1.5 s, {_BY}",
                "INFO CreateGroupId: succeeded after 2 attempts, 1.5 s of them waits",
            ],
            id="retry",
        ),
        pytest.param(
            gave_up(),
            [
                f"WARNING CreateGroupId: failed: retries exhausted after 1 attempt {_FAULT}, {_BY}",
            ],
            id="exhausted",
        ),
        pytest.param(
            gave_up("inner", "failed", rule=None),
            [
                f"INFO CreateGroupId: failed: decided by an inner call, after 1 attempt {_FAULT}",
            ],
            id="decided-inside",
        ),
        pytest.param(
            [ended("refused", "breaker", error="resilience.BreakerOpen", attempts=0)],
            ["WARNING CreateGroupId: failed: refused by an open breaker, after 0 attempts (resilience.BreakerOpen)"],
            id="refused",
        ),
        pytest.param(
            [
                AttemptStarted(number=1),
                AttemptAborted(number=1, duration=0.1, error="TypeError"),
                ended(None, None, error="TypeError"),
            ],
            ["WARNING CreateGroupId: failed: programming error, after 1 attempt (TypeError)"],
            id="programming-error",
        ),
        pytest.param(
            [ended("cancelled", "cancelled")],
            ["DEBUG CreateGroupId: cancelled after 1 attempt"],
            id="cancelled",
        ),
        pytest.param(
            accepted(Fault(code="GroupIdAlreadyExsited", status=400)),
            [f"INFO CreateGroupId: accepted (GroupIdAlreadyExsited, http 400); it was not verified, {_BY}"],
            id="accepted",
        ),
        pytest.param(
            [ended("accepted", "accepted", verified=True)],
            ["INFO CreateGroupId: accepted (done by an earlier run); it was verified"],
            id="done-before",
        ),
        pytest.param(
            [*failed(1, Rename(rule=THROTTLED, action=RETRY, number=2)), _RENAMED],
            [
                f"INFO CreateGroupId: attempt 1 failed {_FAULT}; rename, {_BY}",
                "INFO CreateGroupId: another GroupId is tried: GID_new",
            ],
            id="rename",
        ),
        pytest.param(
            [
                *failed(3, _VERIFY, fault=Fault(transport="lost")),
                VerifyStarted(number=3),
                VerifyEnded(there=False, decision=Wait(rule=THROTTLED, action=RETRY, delay=2.0), duration=0.1),
                VerifyEnded(there=None, decision=None, duration=0.1),
            ],
            [
                f"INFO CreateGroupId: attempt 3 failed (lost); verify in 0.5 s, {_BY}",
                f"INFO CreateGroupId: the verifier of attempt 3: not there; retry in 2 s, {_BY}",
            ],
            id="verify",
        ),
        pytest.param(
            [
                *failed(1, Refresh(rule=THROTTLED, action=RETRY, provider="alibaba")),
                RefreshStarted(provider="alibaba", flight=Flight(), leads=True, number=1),
                RefreshEnded(flight=Flight(), duration=0.1),
                RefreshStarted(provider="alibaba", flight=Flight(), leads=True, number=1),
                RefreshEnded(flight=Flight(), duration=0.1, error="OSError"),
                RefreshStarted(provider="alibaba", flight=Flight(), leads=False, number=1),
                RefreshEnded(flight=Flight(), duration=0.1, error="OSError"),
                RefreshStarted(provider="alibaba", flight=Flight(), leads=True, number=1),
                RefreshEnded(flight=Flight(), duration=0.1, cancelled=True),
            ],
            [
                f"INFO CreateGroupId: attempt 1 failed {_FAULT}; refresh, {_BY}",
                "DEBUG CreateGroupId: gets new credentials of alibaba",
                "DEBUG CreateGroupId: has new credentials of alibaba",
                "DEBUG CreateGroupId: gets new credentials of alibaba",
                "INFO CreateGroupId: got no new credentials of alibaba (OSError)",
                "DEBUG CreateGroupId: waits for new credentials of alibaba",
                "DEBUG CreateGroupId: gets new credentials of alibaba",
            ],
            id="refresh",
        ),
        pytest.param(
            [
                AttemptStarted(number=2),
                FaultInjected(number=2, injection=INJECTION),
                FaultInjected(number=2, injection=evolve(INJECTION, applied=False)),
            ],
            [
                f"INFO CreateGroupId: attempt 2 fails on purpose, {when} the real call, "
                'by chaos.alibaba."SystemOverFlow"'
                for when in ("after", "instead of")
            ],
            id="chaos",
        ),
    ],
)
def test_each_thing_has_its_line_and_level(
    events: list[Event], lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What was decided is news, a failure is a warning, a success at once is nothing; each is one line."""
    _play(*events)
    assert _lines(caplog) == lines
    assert not any("\n" in line for line in lines)
    assert {record.name for record in caplog.records} <= {"resilience.calls"}


def test_a_record_has_the_words_of_the_spans(caplog: pytest.LogCaptureFixture) -> None:
    """Beside the sentence stand the attributes that a span has, by the same names."""
    _play(*failed(1, cut=True))
    assert _fields(caplog.records[0]) == {
        "resilience.event.name": "resilience.attempt.failed",
        "resilience.operation.name": "CreateGroupId",
        "resilience.attempt.number": 1,
        "resilience.attempt.cut": True,
        "resilience.error.code": "SystemOverFlow",
        "resilience.error.status": 503,
        "resilience.request.id": "5F3A-77",
        "resilience.effect": "unknown",
        "resilience.decision.action": "retry",
        "resilience.retry.delay": 1.5,
        "resilience.rule.id": 'alibaba."SystemOverFlow"',
        "resilience.rule.origin": "policies/mqtt.toml:7",
    }


def test_a_fault_without_a_rule_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first call that meets a code which no rule names says so, the next ones do not; another code is news."""
    logs = Logs()
    for code in ("Unheard.Of", "Unheard.Of", "Other"):
        _play(*failed(1, Fail(reason="unknown"), fault=Fault(code=code, status=400)), logs=logs)
    assert _lines(caplog) == [
        f"WARNING CreateGroupId: no rule of policy provisioning is for {code}; unknown faults: fail. "
        "This is logged once"
        for code in ("Unheard.Of", "Other")
    ]


def test_a_code_that_only_its_status_answers_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A rule for a status caught what nobody has a rule for: the log says which rule, and where it stands."""
    caught = Wait(rule=rule("http-5xx", scope="transport", line=12), action=RETRY, delay=1.0)
    _play(*failed(1, caught, fault=Fault(code="Unheard.Of", status=500)))
    assert _lines(caplog)[0] == (
        "WARNING CreateGroupId: no rule of policy provisioning is for Unheard.Of; its status: retry in 1 s, "
        'by transport."http-5xx" at policies/mqtt.toml:12. This is logged once'
    )


def test_codes_without_end_are_not_all_remembered(caplog: pytest.LogCaptureFixture) -> None:
    """A service that makes up codes fills neither memory nor logs."""
    logs = Logs()
    for number in range(1000):
        _play(*failed(1, Fail(reason="unknown"), fault=Fault(code=f"Made.Up{number}")), logs=logs)
    assert len(caplog.records) == 256


def test_what_an_inner_call_decided_is_no_gap(caplog: pytest.LogCaptureFixture) -> None:
    """A fault that was decided inside has no rule here, and that is as it should be."""
    _play(*failed(1, Fail(reason="inner")))
    assert _lines(caplog) == []


def test_a_new_name_is_told_only_if_it_may_be(caplog: pytest.LogCaptureFixture) -> None:
    """With ``show_names=False`` neither the sentence nor the fields have it."""
    _play(_RENAMED, logs=Logs(show_names=False))
    assert _lines(caplog) == ["INFO CreateGroupId: another GroupId is tried: its name is not shown"]
    assert "resilience.input.name" not in _fields(caplog.records[0])


@pytest.mark.parametrize(
    ("fault", "label"),
    [
        pytest.param(Fault(code="Bad token=S3CRET\n", error="sdk.E"), "Bad", id="code-with-a-secret"),
        pytest.param(Fault(code="=S3CRET", error="sdk.E"), "an unreadable code", id="no-code-at-all"),
        pytest.param(Fault(status=503, transport="garbled"), "http-503", id="status"),
        pytest.param(Fault(transport="unsent"), "unsent", id="transport"),
        pytest.param(Fault(error="OSError"), "OSError", id="class"),
        pytest.param(Fault(error="S3CRET = 1"), "_OTHER", id="odd-class"),
    ],
)
def test_a_fault_is_called_by_safe_words(fault: Fault, label: str, caplog: pytest.LogCaptureFixture) -> None:
    """A code is cut where it stops being one; without a code it is the status, the transport or the class."""
    decision = Wait(rule=THROTTLED, action=RETRY, delay=1.0)
    _play(*failed(1, decision, fault=fault), *gave_up("rule", "failed", fault=fault, error="OSError"))
    assert f"attempt 1 failed ({label})" in caplog.records[0].getMessage()
    assert "S3CRET" not in "".join(f"{record.getMessage()}{_fields(record)}" for record in caplog.records)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.sampled_from(EVENTS), max_size=12), end=st.sampled_from(ENDS))
def test_a_line_is_a_line_whatever_happens(
    caplog: pytest.LogCaptureFixture, events: list[Event], end: CallEnded
) -> None:
    """In whatever order events come, each record is one line that names its operation, and a failure is said once."""
    caplog.clear()
    _play(*events, end)
    fields = [_fields(record) for record in caplog.records]
    assert all(len(line.splitlines()) == 1 for line in _lines(caplog))
    assert {each["resilience.operation.name"] for each in fields} <= {"CreateGroupId"}
    is_failure = end.ended not in {"success", "accepted", "cancelled"}
    assert [each["resilience.event.name"] for each in fields].count("resilience.operation.failed") == is_failure


def test_nothing_is_made_for_a_level_that_nobody_listens_to(caplog: pytest.LogCaptureFixture) -> None:
    """At WARNING a retry has no line, and the place of its rule is not looked up; a failure has one."""
    caplog.set_level(logging.WARNING, "resilience")
    looked: list[Origin] = []

    def locate() -> Origin:
        looked.append(Origin("policies/mqtt.toml", 7, 1))
        return looked[-1]

    watched = evolve(THROTTLED, locate=locate)
    _play(*failed(1, Wait(rule=watched, action=RETRY, delay=1.0)), *accepted(), ended("cancelled", "cancelled"))
    assert (_lines(caplog), looked) == ([], [])
    _play(*gave_up())
    assert len(caplog.records) == 1


def test_nobody_watches_where_even_warnings_are_off(caplog: pytest.LogCaptureFixture) -> None:
    """A program that switches the logger off pays for nothing."""
    caplog.set_level(logging.CRITICAL, "resilience")
    assert Logs().watch(started()) is None


def test_nobody_watches_where_logging_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without a handler pays for nothing; one that adds a handler later hears of the next call."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs = Logs()
    assert logs.watch(started()) is None
    monkeypatch.setattr(logging.getLogger("resilience"), "handlers", [logging.StreamHandler()])
    assert logs.watch(started()) is not None


_PROGRAM = """
import anyio
from resilience import Executor, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.policy import Limits, PolicyValues, ready_made
from resilience.telemetry import Logs
{before}
async def create(instance_id, group_id):
    raise ServiceError("Unheard.Of", status=400)

async def main():
    policy = PolicyValues(name="p", limits=Limits(deadline=None), rules=(), unknown=ready_made(Backoff())["fail"])
    executor = Executor(policy, provider="alibaba", observers=[Logs()])
    outcome = await executor.wrap("CreateGroupId", create).outcome("i", "g")
    print(outcome.ended)

anyio.run(main)
"""


@pytest.mark.parametrize(
    ("before", "said"),
    [
        pytest.param("", [], id="not-configured"),
        pytest.param(
            "import logging; logging.basicConfig(format='%(levelname)s %(name)s')",
            ["WARNING resilience.calls"] * 2,
            id="configured",
        ),
    ],
)
def test_a_program_hears_only_what_it_has_configured(before: str, said: list[str]) -> None:
    """Without any configuration nothing gets to standard error, not even warnings; with it they do."""
    ran = subprocess.run(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-W", "error", "-c", _PROGRAM.format(before=before)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.splitlines()) == (0, "failed\n", said)


_EVEN = Action(key="even", do="retry", backoff=Backoff(kind="constant", base=2.0, jitter="none"), counts=True)
_RULES = evolve(
    POLICY,
    limits=Limits(deadline=60.0, max_attempts=2),
    rules=(rule("SystemOverFlow", _EVEN), rule("InvalidParameter", FAIL)),
)


@pytest.fixture
def anyio_backend(virtual_loop: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Nothing waits for real."""
    return virtual_loop


@pytest.fixture
def bridge() -> Iterator[InMemoryLogRecordExporter]:
    """Bridge logging to OpenTelemetry, as the SDK does it."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK left it out
    provider = otel_logs.LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with pytest.warns(DeprecationWarning, match="LoggingHandler"):
        handler = otel_logs.LoggingHandler(logger_provider=provider)
    logger = logging.getLogger("resilience")
    logger.addHandler(handler)
    yield exporter
    logger.removeHandler(handler)


@pytest.mark.anyio
async def test_a_record_belongs_to_the_span_that_it_tells_of(bridge: InMemoryLogRecordExporter) -> None:
    """A bridge to OpenTelemetry finds the attempt's span when an attempt has failed, and the call's when it ends."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> None:
        raise ServiceError("SystemOverFlow", status=503, provider="alibaba")

    executor = Executor(_RULES, provider="alibaba", observers=[Logs(), trace_.observer], draw=lambda: 0.5)
    await executor.wrap("CreateGroupId", create).outcome("mqtt-cn-x", "GID_a")
    told = [
        ((each.log_record.attributes or {}).get("resilience.event.name"), each.log_record.span_id)
        for each in bridge.get_finished_logs()
    ]
    assert told == [
        ("resilience.attempt.failed", span_id_of(trace_.span("attempt CreateGroupId"))),
        ("resilience.operation.failed", span_id_of(trace_.operation())),
    ]


@pytest.mark.anyio
async def test_a_call_is_told_whether_or_not_its_first_attempt_was_quick(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said of a success at once; a call that fails is told from its first attempt, without secrets."""
    answers = [None, None, "SystemOverFlow", "InvalidParameter"]

    async def create(instance_id: str, group_id: str) -> str:
        await anyio.lowlevel.checkpoint()
        answer = answers.pop(0)
        if answer is not None:
            raise ServiceError(answer, "the message says S3CRET", status=400, provider="alibaba")
        return group_id

    wrapped = Executor(_RULES, provider="alibaba", observers=[Logs()]).wrap("CreateGroupId", create)
    for _ in range(2):
        await wrapped("mqtt-cn-x", "GID_a")
    assert caplog.records == []
    with pytest.raises(ServiceError):
        await wrapped("mqtt-cn-x", "GID_a")
    assert [_fields(record)["resilience.event.name"] for record in caplog.records] == [
        "resilience.attempt.failed",
        "resilience.operation.failed",
    ]
    told = "".join(f"{record.getMessage()}{_fields(record)}" for record in caplog.records)
    assert not any(word in told for word in ("S3CRET", "GID_a", "mqtt-cn-x"))
    assert "SystemOverFlow" in told
