"""A fleet is one trace, however many processes and machines make its calls."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import anyio
import pytest
from fleet_calls import policy
from fleet_runs import Place, placed, until
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otlp_receiver import Receiver, receiving

from resilience import Executor, SyncExecutor
from resilience.fleet import chunks, provision, run_chunk
from resilience.telemetry import default_observers

ARGUMENTS = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml")
OUTER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("TRACEPARENT", OUTER)
    with placed(tmp_path) as found:
        yield found


@pytest.mark.parametrize("more", [(), ("--processes", "2")], ids=["here", "processes"])
def test_a_fleet_is_one_trace(place: Place, receiver: Receiver, more: tuple[str, ...]) -> None:
    """Every call is below the span of the fleet, in the trace that the environment names, and nothing is lost."""
    place.rows(20)
    run = place.run(*ARGUMENTS, *more)
    assert run.returncode == 0, run.stderr
    (fleet,) = receiver.named("fleet CreateGroupId")
    calls = receiver.named("CreateGroupId")
    assert len(calls) == 20
    assert {each.parent_span_id for each in calls} == {fleet.span_id}
    assert {each.trace_id.hex() for each in receiver.spans} == {OUTER[3:35]}
    assert fleet.parent_span_id.hex() == OUTER[36:52]
    assert receiver.services == {"resilience fleet"}
    assert "resilience.operation.duration" in receiver.metrics


@pytest.mark.parametrize("more", [(), ("--processes", "2")], ids=["here", "processes"])
def test_a_run_that_has_not_ended_and_the_next_are_one_trace(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    """The next run goes on below the first one's span. When all rows are done, a further run is a new trace."""
    monkeypatch.delenv("TRACEPARENT")
    place.policy(rate="50/s")
    place.rows(60)
    with place.started(*ARGUMENTS, *more) as running:
        until(lambda: len(place.groups()) >= 5)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert running.returncode == 130
    assert place.run(*ARGUMENTS, *more).returncode == 0
    first, second = receiver.named("fleet CreateGroupId")
    # Calls that were taken back have a span too.
    assert len(receiver.named("CreateGroupId")) >= 60
    assert {each.trace_id for each in receiver.spans} == {first.trace_id}
    assert second.parent_span_id == first.span_id
    assert [each.span_id for each in second.links] == [first.span_id]
    assert place.run(*ARGUMENTS, *more).returncode == 0
    third = receiver.named("fleet CreateGroupId")[-1]
    assert third.trace_id != first.trace_id
    assert not third.links


def test_a_trace_around_the_next_run_is_that_of_the_next_run(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The span that the environment names is above it, and its link leads to the first run."""
    place.policy(rate="50/s")
    place.rows(60)
    monkeypatch.delenv("TRACEPARENT")
    with place.started(*ARGUMENTS) as running:
        until(lambda: len(place.groups()) >= 5)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate(timeout=60)
    monkeypatch.setenv("TRACEPARENT", OUTER)
    assert place.run(*ARGUMENTS).returncode == 0
    (second,) = receiver.named("fleet CreateGroupId")
    assert second.parent_span_id.hex() == OUTER[36:52]
    (link,) = second.links
    assert link.trace_id.hex() != OUTER[3:35]


def test_a_run_after_a_long_time_is_a_trace_of_its_own(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few backends know the first run's spans by then; a link leads there."""
    monkeypatch.delenv("TRACEPARENT")
    place.policy(rate="50/s")
    place.rows(60)
    with place.started(*ARGUMENTS) as running:
        until(lambda: len(place.groups()) >= 5)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    with closing(sqlite3.connect(place.folder / "ledger.db")) as ledger, ledger:
        assert ledger.execute("UPDATE runs SET began_at = began_at - 8 * 86400").rowcount == 1
    assert place.run(*ARGUMENTS).returncode == 0
    first, second = receiver.named("fleet CreateGroupId")
    assert second.trace_id != first.trace_id
    assert [each.span_id for each in second.links] == [first.span_id]


def test_a_receiver_that_is_away_is_told_of_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fleet does its work, no line of an exporter is among its own, and the end does not take long."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    place.rows(5)
    run = place.run(*ARGUMENTS)
    assert run.returncode == 0, run.stderr
    first, second = run.stderr.splitlines()
    assert first.startswith("resilience: 5 rows of CreateGroupId: 5 done; ")
    assert second == "resilience: not all telemetry could be sent where OTEL_EXPORTER_OTLP_ENDPOINT says"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    # The observers of all executors keep to the provider that they have met.
    default_observers.cache_clear()
    yield exporter
    default_observers.cache_clear()


def make(name: str) -> str:
    """Make nothing."""
    if name == "n3":
        raise LookupError(name)
    return name


def test_calls_of_chunks_are_below_the_span_that_made_the_chunks(spans: InMemorySpanExporter) -> None:
    """A chunk carries that span to any machine; each chunk has a span of its own, with its counts."""
    rows = [{"name": f"n{number}"} for number in range(4)]
    words: Any = {"policy": policy(), "operation": "tencent:CreateTopic"}
    with trace.get_tracer("mine").start_as_current_span("mine"):
        found = list(chunks(rows, make, **words, size=2))
    for each in found:
        run_chunk(make, each, **words)
    made = {
        name: [span for span in spans.get_finished_spans() if span.name == name]
        for name in ("mine", "chunk CreateTopic", "CreateTopic")
    }
    (mine,) = made["mine"]
    assert [span.parent and span.parent.span_id for span in made["chunk CreateTopic"]] == [mine.context.span_id] * 2
    inside = {span.context.span_id for span in made["chunk CreateTopic"]}
    assert {span.parent and span.parent.span_id for span in made["CreateTopic"]} == inside
    counts = [dict(span.attributes or {}) for span in made["chunk CreateTopic"]]
    assert [each["resilience.fleet.done"] for each in counts] == [2, 1]
    assert [each["resilience.fleet.failures"] for each in counts] == [0, 1]


def test_a_fleet_from_python_is_one_trace_too(spans: InMemorySpanExporter) -> None:
    """The span that is current around it is above it."""
    with trace.get_tracer("mine").start_as_current_span("mine") as mine:
        provision(make, [{"name": "a"}, {"name": "b"}], policy=policy(), operation="tencent:CreateTopic")
    named = {span.name: span for span in spans.get_finished_spans()}
    fleet = named["fleet CreateTopic"]
    assert fleet.parent == mine.get_span_context()
    assert named["CreateTopic"].parent == fleet.context


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_calls_of_a_map_are_below_the_span_around_it(backend: str, spans: InMemorySpanExporter) -> None:
    """A program that makes a span around its map has one trace; without one, each call is a trace of its own."""

    async def make_topic(name: str) -> str:
        return name

    async def made() -> None:
        executor = Executor(policy(), provider="tencent")
        wrapped = executor.wrap("CreateTopic")(make_topic)
        for around in (trace.get_tracer("mine").start_as_current_span("mine"), nullcontext()):
            with around:
                async with executor.map([wrapped.bind("a"), wrapped.bind("b")]) as outcomes:
                    assert [outcome.error async for outcome in outcomes] == [None, None]

    anyio.run(made, backend=backend)
    _check_map(spans)


def test_the_calls_of_a_map_in_threads_are_below_the_span_around_it(spans: InMemorySpanExporter) -> None:
    """Threads know the span of the thread that reads the outcomes."""
    executor = SyncExecutor(policy(), provider="tencent")
    wrapped = executor.wrap("CreateTopic")(make)
    for around in (trace.get_tracer("mine").start_as_current_span("mine"), nullcontext()):
        with around:
            outcomes = executor.map([wrapped.bind("a"), wrapped.bind("b")])
            assert [outcome.error for outcome in outcomes] == [None, None]
    _check_map(spans)


def _check_map(spans: InMemorySpanExporter) -> None:
    calls = [span for span in spans.get_finished_spans() if span.name == "CreateTopic"]
    (mine,) = [span for span in spans.get_finished_spans() if span.name == "mine"]
    assert [call.parent for call in calls] == [mine.context, mine.context, None, None]
