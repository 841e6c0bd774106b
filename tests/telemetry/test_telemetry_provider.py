from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes
from programs import run_program
from scripted_calls import Recorded, attributes_of, ended, failed, started, succeeded

from resilience.telemetry import Spans
from resilience.telemetry.spans import observer as spans

# A program sets its provider once, so each of these is a program of its own.
_PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from resilience.telemetry import Spans
from scripted_calls import ended, started

exporter = InMemorySpanExporter()
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(exporter))

def is_idle(spans):
    slots, name = spans.idle_slot
    return slots[name] is None

def call(spans):
    sink = spans.watch(started())
    if sink is not None:
        sink(ended())
    return [span.name for span in exporter.get_finished_spans()]

{steps}
"""


def _run(steps: str, **environment: str) -> None:
    run_program(_PROGRAM, steps, **environment)


def test_a_provider_that_is_set_later_is_used() -> None:
    """Without a provider the slot is empty and no call is watched; setting one fills it, and spans appear."""
    _run("""
spans = Spans()
assert is_idle(spans)
assert spans.watch(started()) is None
trace.set_tracer_provider(provider)
assert not is_idle(spans)
assert call(spans) == ["CreateGroupId"]
""")


def test_a_provider_that_was_set_before_is_used() -> None:
    """It makes no difference whether the program sets its provider first."""
    _run("""
trace.set_tracer_provider(provider)
spans = Spans()
assert not is_idle(spans)
assert call(spans) == ["CreateGroupId"]
""")


def test_a_provider_that_the_environment_names_is_used() -> None:
    """``OTEL_PYTHON_TRACER_PROVIDER`` counts, although the API only looks at it when somebody asks."""
    _run(
        """
spans = Spans()
assert spans.idle_slot is None
assert spans.watch(started()) is not None
""",
        OTEL_PYTHON_TRACER_PROVIDER="sdk_tracer_provider",
    )


def test_the_sdk_is_not_imported() -> None:
    """Telemetry needs the API alone: programs without an SDK do not pay for one."""
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, resilience.telemetry; sys.exit(any('opentelemetry.sdk' in each for each in sys.modules))",
        ],
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0


def test_a_given_provider_is_always_asked() -> None:
    """With a provider of its own an observer has no slot, and does not depend on the program's."""
    trace_ = Recorded()
    assert trace_.observer.idle_slot is None
    trace_.play(*succeeded(1), ended())
    assert trace_.names() == ["CreateGroupId", "attempt CreateGroupId"]
    scope = trace_.operation().instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.schema_url) == ("resilience", "https://opentelemetry.io/schemas/1.44.0")
    assert scope.version


def test_an_api_that_keeps_its_provider_elsewhere_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the private name is gone there is no slot, and a call without a provider is still not watched."""
    monkeypatch.setattr(spans, "_PROVIDER_NAME", "_MOVED")
    observer = Spans()
    assert observer.idle_slot is None
    assert observer.watch(started()) is None


def test_a_disabled_sdk_is_no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ``OTEL_SDK_DISABLED`` no call is watched."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert Spans(TracerProvider(shutdown_on_exit=False)).watch(started()) is None


def test_a_call_that_is_sampled_out_hides_what_happens_inside() -> None:
    """Spans of the user inside a sampled-out call are sampled out too; afterwards the context is as before."""
    trace_ = Recorded(ParentBased(ALWAYS_OFF))
    before = trace.get_current_span()
    sink = trace_.watch()
    outside = trace.get_current_span().get_span_context()
    assert outside.is_valid
    assert not outside.trace_flags.sampled
    for event in failed(1):
        sink(event)
    inside = trace_.user.start_span("POST")
    assert not inside.is_recording()
    assert inside.get_span_context().trace_id == outside.trace_id
    sink(ended())
    assert trace.get_current_span() is before
    assert trace_.spans() == []


def test_a_call_that_is_sampled_out_ends_once() -> None:
    """A second end is ignored, as it is where spans are recorded."""
    assert Recorded(ParentBased(ALWAYS_OFF)).play(ended(), ended()) == []


class _Curious(Sampler):
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, object]]] = []

    def should_sample(  # the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        self.seen.append((name, dict(attributes or {})))
        return ALWAYS_OFF.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return "curious"


def test_a_sampler_sees_operation_policy_and_cloud() -> None:
    """What a sampler may decide by is there when the span begins."""
    sampler = _Curious()
    Recorded(sampler).play(ended())
    assert sampler.seen == [
        (
            "CreateGroupId",
            {
                "resilience.operation.name": "CreateGroupId",
                "resilience.policy.name": "provisioning",
                "resilience.policy.hash": "0123456789ab",
                "resilience.policy.env": "staging",
                "cloud.provider": "alibaba_cloud",
            },
        )
    ]


@pytest.mark.parametrize(
    ("provider", "cloud"),
    [("alibaba", "alibaba_cloud"), ("tencent", "tencent_cloud"), ("other", None), (None, None)],
)
def test_the_cloud_is_named_where_it_is_known(provider: str | None, cloud: str | None) -> None:
    """``cloud.provider`` has OpenTelemetry's word for the provider, and is absent for any other."""
    trace_ = Recorded()
    trace_.play(ended(), call=started(provider=provider))
    assert attributes_of(trace_.operation()).get("cloud.provider") == cloud
