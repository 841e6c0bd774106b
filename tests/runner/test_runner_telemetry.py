"""A run is one trace, sent where the environment says, however the run ends and whichever process called."""

from __future__ import annotations

import signal

import pytest
from otlp_receiver import Receiver
from script_runs import Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

ERROR = 2


@pytest.fixture
def traced(clients: Scripts, receiver: Receiver) -> Scripts:
    clients.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint
    return clients


def check_tree(receiver: Receiver, calls: int) -> None:
    """One run, and all calls below it."""
    (run,) = receiver.named("run script.py")
    below = receiver.named("CreateTopic")
    assert len(below) == calls
    assert {span.parent_span_id for span in below} == {run.span_id}
    assert {span.trace_id for span in receiver.spans} == {run.trace_id}
    assert run.start_time_unix_nano <= min(span.start_time_unix_nano for span in below)
    assert run.end_time_unix_nano >= max(span.end_time_unix_nano for span in below)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        pytest.param("", 0, id="end"),
        pytest.param("1 / 0", 1, id="exception"),
        pytest.param("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, id="ctrl-c"),
    ],
)
def test_a_run_is_one_trace(ending: str, code: int, traced: Scripts, receiver: Receiver) -> None:
    """Spans and metrics of all threads arrive under the script's name, also after an exception and Ctrl-C."""
    traced.write(
        "script.py",
        f"""
        import os, signal, threading
        from clients import *
        make_topic("first")
        thread = threading.Thread(target=make_topic, args=("second",))
        thread.start()
        thread.join()
        {ending}
        """,
    )
    ours = traced.run("script.py")
    assert ours.code == code
    assert ours.said() == ["resilience: 2 calls; policy running"]
    check_tree(receiver, 2)
    assert receiver.services == {"script.py"}
    assert "resilience.operation.duration" in receiver.metrics


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("before", [True, False], ids=["after-a-call", "only-children-call"])
def test_calls_of_children_are_in_the_same_trace(
    method: str,
    before: bool,  # noqa: FBT001  # a column of the table
    traced: Scripts,
    receiver: Receiver,
) -> None:
    """A child leaves without Python's exit functions, and its spans arrive all the same."""
    traced.write(
        "script.py",
        f"""
        import multiprocessing
        from clients import *
        if __name__ == "__main__":
            if {before}:
                make_topic("first")
            child = multiprocessing.get_context({method!r}).Process(target=make_topic, args=("second",))
            child.start()
            child.join()
        """,
    )
    ours = traced.run("script.py")
    assert (ours.code, ours.err) == (0, f"resilience: {1 + before} call{'s' * before}; policy running\n")
    check_tree(receiver, 1 + before)


def test_a_run_is_a_part_of_what_started_it(traced: Scripts, receiver: Receiver, cloud: Sandbox) -> None:
    """The span that the environment names is above the run, whose own attributes tell how it went."""
    traced.environ["TRACEPARENT"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    traced.environ["OTEL_SERVICE_NAME"] = "provisioning"
    traced.write("script.py", "from clients import *\nmake_topic('first')\nmake_topic('second')\n")
    cloud.script("CreateTopic", "ok, InternalError")
    assert traced.run("script.py").code == 1
    (run,) = receiver.named("run script.py")
    assert (run.trace_id.hex(), run.parent_span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert (run.status.code, run.status.message) == (ERROR, "1 of 2 calls failed")
    assert receiver.services == {"provisioning"}
    numbers = {each.key: each.value.int_value for each in run.attributes if each.value.HasField("int_value")}
    assert numbers == {"resilience.run.calls": 2, "resilience.run.failures": 1}


def test_what_is_sampled_out_is_so_as_a_whole(traced: Scripts, receiver: Receiver) -> None:
    """No process sends a part of a trace that another one drops."""
    traced.environ["OTEL_TRACES_SAMPLER"] = "always_off"
    traced.write("script.py", "from clients import *\nmake_topic()\n")
    assert traced.run("script.py").code == 0
    assert receiver.spans == []


def test_a_provider_of_the_scripts_own_wins(traced: Scripts, receiver: Receiver) -> None:
    """It gets the spans, below the one that it has open, and no warning says that it came too late."""
    traced.write(
        "script.py",
        """
        from clients import *
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
        import json
        provider = TracerProvider()
        show = lambda span: f"{span.name} {span.parent is not None}\\n"
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=show)))
        trace.set_tracer_provider(provider)
        with trace.get_tracer("mine").start_as_current_span("mine"):
            make_topic()
        """,
    )
    ours = traced.run("script.py")
    assert ours.out.splitlines() == [
        "attempt CreateTopic True",
        "CreateTopic True",
        "mine False",
        "run script.py False",
    ]
    assert ours.err == "resilience: 1 call; policy running\n"
    assert receiver.spans == []


def test_telemetry_that_cannot_be_set_up_is_said(clients: Scripts) -> None:
    """The calls are made, and one line at the end tells what is wrong."""
    clients.environ["OTEL_TRACES_EXPORTER"] = "nothing-of-this-name"
    clients.write("script.py", "from clients import *\nprint(make_topic())\n")
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "sensors\n")
    assert len(ours.said()) == 2
    assert ours.said()[1].startswith("resilience: no telemetry, although OTEL_TRACES_EXPORTER is set: ")
