"""The span around the calls of a fleet, and the text that names it to other processes and machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from resilience.core.policy import PolicyValues
from resilience.core.words.labels import error_type
from resilience.telemetry import names
from resilience.telemetry.attributes import policy_attributes
from resilience.telemetry.providers.scope import SCOPE, version

_FORM: Final = TraceContextTextMapPropagator()
_HEADER: Final = "traceparent"


@define
class RowCounts:
    """
    The outcomes of a fleet's rows, counted.

    Attributes:
        done: The number of rows whose calls succeeded.
        failed: The number of rows whose calls failed.
    """

    done: int = 0
    failed: int = 0


@contextmanager
def fleet_span(  # noqa: PLR0913  # a keyword for each fact
    name: str,
    policy: PolicyValues,
    rows: int,
    *,
    traceparent: str | None = None,
    delivery: int = 1,
    earlier: Iterable[str] = (),
    tracer_provider: trace.TracerProvider | None = None,
) -> Iterator[RowCounts]:
    """
    Make a span around the calls in the block; it is the current span there.

    Args:
        name: The name of the span: ``fleet CreateGroupId``.
        policy: The policy of the calls.
        rows: The number of rows.
        traceparent: The span around this one, as W3C Trace Context writes it; not used if a span is current.
        delivery: How often a worker has got these rows, this time included.
        earlier: The spans of earlier deliveries or runs, in the form of ``traceparent``; the span links to them.
        tracer_provider: The provider of the span; by default the one that the program has set.

    Yields:
        The counts; the block sets them.
    """
    counts = RowCounts()
    tracer = trace.get_tracer(SCOPE, version(), tracer_provider=tracer_provider, schema_url=names.SCHEMA_URL)
    about = policy_attributes(policy)
    about[names.FLEET_ROWS] = rows
    if delivery > 1:
        about[names.FLEET_DELIVERY] = delivery
    spans = [trace.get_current_span(_context_of(each)).get_span_context() for each in earlier]
    links = [trace.Link(each) for each in spans if each.is_valid]
    with under(traceparent):
        span = tracer.start_span(
            name, attributes=about, links=links, record_exception=False, set_status_on_exception=False
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield counts
            except Exception as error:
                span.set_attribute(names.ERROR_TYPE, error_type(None, _class_of(error), frozenset()))
                span.set_status(Status(StatusCode.ERROR, "the fleet ended early"))
                raise
            finally:
                span.set_attributes({names.FLEET_DONE: counts.done, names.FLEET_FAILURES: counts.failed})
                if counts.failed:
                    span.set_status(Status(StatusCode.ERROR, f"{counts.failed} of {rows} rows failed"))


def _class_of(error: Exception) -> str:
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


@contextmanager
def under(traceparent: str | None) -> Iterator[None]:
    """Make a span of another process current in the block, unless a span is current already."""
    if traceparent is None or trace.get_current_span() is not trace.INVALID_SPAN:
        yield
        return
    token = context.attach(_context_of(traceparent))
    try:
        yield
    finally:
        context.detach(token)


def _context_of(traceparent: str) -> Context:
    return _FORM.extract({_HEADER: traceparent}, context=Context())


def trace_of(traceparent: str) -> int:
    """Return the id of the trace that a span is in; 0 where the text names none."""
    return trace.get_current_span(_context_of(traceparent)).get_span_context().trace_id


def current_traceparent() -> str | None:
    """Return the current span as W3C Trace Context writes it, for another process; None if there is none."""
    carrier: dict[str, str] = {}
    _FORM.inject(carrier)
    return carrier.get(_HEADER)
