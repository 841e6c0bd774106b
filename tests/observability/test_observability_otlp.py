"""What really arrives at a receiver of OTLP, when a run has a faulty day in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from faulty_day import spoil

from resilience.sandbox import Sandbox
from resilience.telemetry.contract import contract

_FOLDER = Path(__file__).parent
_TYPES = {"string": "stringValue", "int": "intValue", "double": "doubleValue", "bool": "boolValue"}


@frozen
class Span:
    """A span as it arrived, and what it says in plain values."""

    raw: Mapping[str, Any]
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.raw["name"])

    @property
    def grain(self) -> str:
        """Return which kind of span of the contract it is."""
        first = self.name.split(" ", maxsplit=1)[0]
        return {"attempt": "attempt", "refresh_credentials": "refresh", "verify": "verify"}.get(first, "operation")


@frozen
class Received:
    """All that arrived, and how the run ended."""

    requests: tuple[Mapping[str, Any], ...]
    exit_code: int

    @property
    def spans(self) -> list[Span]:
        """Return the spans of our scope."""
        return [
            Span(span, {each["key"]: each["value"] for each in span.get("attributes", ())})
            for request in self.requests
            for resource in request["message"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            if scope["scope"]["name"] == "resilience"
            for span in scope["spans"]
        ]


@contextmanager
def _receiver(requests: list[Mapping[str, Any]]) -> Iterator[int]:
    command = [sys.executable, str(_FOLDER / "span_receiver.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        requests += [json.loads(line) for line in process.stdout]


def _receive(folder: Path, how: str, **environ: str) -> Received:
    """Run the script against a sandbox, with a receiver that listens as long."""
    requests: list[Mapping[str, Any]] = []
    script = [sys.executable, str(_FOLDER / "observed_run.py"), how, str(folder / "ledger.db")]
    with Sandbox() as sandbox, _receiver(requests) as port:
        ran = subprocess.run(  # noqa: S603  # our own script
            script,
            input=json.dumps(spoil(sandbox)) + "\n",
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
                # Several requests of a run, as of a long one.
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16",
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    return Received(tuple(requests), ran.returncode)


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Received:
    return _receive(tmp_path_factory.mktemp("otlp"), "pushed")


def test_batches_arrive_compressed_at_the_path_of_traces(received: Received) -> None:
    """The run ends well, and its spans come in several requests, with gzip."""
    assert received.exit_code == 0
    assert {(request["path"], request["encoding"]) for request in received.requests} == {("/v1/traces", "gzip")}
    assert len(received.requests) > 1


def test_every_span_arrives_once_and_has_ended(received: Received) -> None:
    """No span id comes twice, none is without an end, and there is one operation for each call of the script."""
    ids = [span.raw["spanId"] for span in received.spans]
    assert len(ids) == len(set(ids))
    assert all(int(span.raw["startTimeUnixNano"]) <= int(span.raw["endTimeUnixNano"]) for span in received.spans)
    operations = Counter(span.name for span in received.spans if span.grain == "operation")
    assert operations == {
        "CreateGroupId": 5,
        "RegisterDeviceCredential": 1,
        "ApplyToken": 1,
        "CreateTopic": 4,
        "CreateUser": 1,
        "DeleteGroupId": 1,
        "DeleteTopic": 1,
        "QueryToken": 1,
        "ListGroupId": 1,
    }


def test_a_run_is_one_trace_and_children_belong_to_their_call(received: Received) -> None:
    """Operations are children of the script's span, also those side by side; all else is a child of its operation."""
    spans = {span.raw["spanId"]: span for span in received.spans}
    assert len({span.raw["traceId"] for span in received.spans}) == 1
    operations = [span for span in received.spans if span.grain == "operation"]
    assert len({span.raw["parentSpanId"] for span in operations}) == 1
    for span in received.spans:
        if span.grain == "operation":
            assert span.raw["parentSpanId"] not in spans
            continue
        parent = spans[span.raw["parentSpanId"]]
        assert parent.grain == "operation"
        if span.grain != "refresh":
            assert span.name.split(" ")[1] == parent.name
        assert int(parent.raw["startTimeUnixNano"]) <= int(span.raw["startTimeUnixNano"])
        assert int(span.raw["endTimeUnixNano"]) <= int(parent.raw["endTimeUnixNano"])


def test_attempts_are_as_many_as_their_operation_says(received: Received) -> None:
    """Each call counts its own attempts, from 1 on, and no call's attempt is another's."""
    for operation in received.spans:
        if operation.grain == "operation":
            numbers = [
                int(span.attributes["resilience.attempt.number"]["intValue"])
                for span in received.spans
                if span.grain == "attempt" and span.raw["parentSpanId"] == operation.raw["spanId"]
            ]
            count = int(operation.attributes["resilience.attempt.count"]["intValue"])
            assert sorted(numbers) == list(range(1, count + 1))


def test_kinds_and_status_are_those_of_the_contract(received: Received) -> None:
    """Calls are clients, the rest is internal; a call that failed is an error, and every error has its type."""
    failed = {"QueryToken", "ListGroupId", "DeleteGroupId"}
    for span in received.spans:
        assert span.raw["kind"] == ("SPAN_KIND_CLIENT" if span.grain == "operation" else "SPAN_KIND_INTERNAL")
        code = span.raw["status"].get("code", "STATUS_CODE_UNSET")
        if span.grain == "operation":
            assert (code == "STATUS_CODE_ERROR") is (span.name in failed), span.name
        assert (code == "STATUS_CODE_ERROR") is ("error.type" in span.attributes)


def test_attributes_on_the_wire_are_those_of_the_contract(received: Received) -> None:
    """Each is one that the contract names for that kind of span or event, in its type."""
    documented = {
        (kind, attribute.name): _TYPES[attribute.type] for attribute in contract().attributes for kind in attribute.on
    }
    for span in received.spans:
        for name, value in span.attributes.items():
            assert list(value) == [documented[span.grain, name]], name
    events = {(event.name, name) for event in contract().events for name in event.attributes}
    seen = {
        (event["name"], each["key"])
        for span in received.spans
        for event in span.raw.get("events", ())
        for each in event.get("attributes", ())
    }
    assert seen <= events
    assert {"resilience.retry.scheduled", "resilience.input.renamed", "resilience.ledger.answered"} <= {
        name for name, _ in seen
    }


def test_links_lead_to_spans_that_arrived(received: Received) -> None:
    """An attempt links to the one before it, in the same call."""
    spans = {span.raw["spanId"]: span for span in received.spans}
    links = [(span, link) for span in received.spans for link in span.raw.get("links", ()) if span.grain == "attempt"]
    assert links
    for span, link in links:
        assert spans[link["spanId"]].raw["parentSpanId"] == span.raw["parentSpanId"]


def test_a_sampled_out_run_sends_nothing_and_ends_well(tmp_path: Path) -> None:
    """With a sampler that takes no trace, all work is done and no request is made."""
    received = _receive(tmp_path, "pushed", OTEL_TRACES_SAMPLER="always_off")
    assert (received.exit_code, received.requests) == (0, ())


def test_a_run_that_dies_of_an_exception_has_sent_everything(tmp_path: Path, received: Received) -> None:
    """What a script did before its own mistake arrives all the same."""
    died = _receive(tmp_path, "raising")
    assert died.exit_code == 1
    assert Counter(span.name for span in died.spans if span.grain == "operation") == Counter(
        span.name for span in received.spans if span.grain == "operation"
    )
