"""The observer that makes spans of calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any, Final

from attrs import define
from opentelemetry import context, trace
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER

from resilience.catalog import cloud_of
from resilience.core.events import CallEnded, CallStarted, Event
from resilience.core.observer import Sink
from resilience.telemetry import names
from resilience.telemetry.attributes import Attributes, policy_attributes
from resilience.telemetry.providers.scope import SCOPE, version
from resilience.telemetry.spans.call_span import CallSpan
from resilience.telemetry.spans.shared import SpanState

# The API's variable for the provider that a program has set; None before. The name is private
# (opentelemetry/trace/__init__.py 1.45.2, read 2026-11-21), but the public function takes longer than one of our calls.
_PROVIDER_NAME: Final = "_TRACER_PROVIDER"


class Spans:
    """
    Makes a span of every call, of its attempts and of its remedies. The package's docstring lists the names.

    Give an executor at most one of these, because the spans of two would become each other's parents.

    Args:
        tracer_provider: The provider of the spans; by default the one that the program sets, before or after.
        show_names: Whether a span shows the new name of a renamed resource. It is the only request parameter that a
            trace shows, because no other record has it. Switch it off for confidential names.

    Attributes:
        parent: Returns the context for calls that have no span around them. Without this function, or if it returns
            None, each such call is a trace of its own. Set it before the first call.
        idle_slot: The variable by which an executor sees that no provider is set and that it need not report calls;
            None if a provider was given, here or by the environment, or if the installed API has no such variable.
    """

    __slots__ = ("_provider", "_shared", "_tracer", "idle_slot", "parent")

    def __init__(self, tracer_provider: trace.TracerProvider | None = None, *, show_names: bool = True) -> None:
        self.idle_slot: tuple[Mapping[str, Any], str] | None = None
        # The API sets a provider that the environment names only when it is asked for one: waiting would be in vain.
        is_set_for_us = tracer_provider is not None or OTEL_PYTHON_TRACER_PROVIDER in os.environ
        if not is_set_for_us and _PROVIDER_NAME in vars(trace):
            self.idle_slot = (vars(trace), _PROVIDER_NAME)
        self._provider = tracer_provider
        self.parent: Callable[[], context.Context | None] | None = None
        self._tracer: trace.Tracer | None = None
        self._shared = SpanState(show_names=show_names)

    def watch(self, started: CallStarted) -> Sink | None:
        """
        Begin the span of a call and make it current.

        Returns:
            The function that ends the span at :class:`CallEnded`; call it in the same task. None if no provider is
            set: then no span was begun.
        """
        slot = self.idle_slot
        if slot is not None and slot[0][slot[1]] is None:
            return None
        tracer = self._tracer or self._make_tracer()
        # Passing the context on is faster than letting the SDK and the sampler each look for it.
        current = context.get_current()
        span = tracer.start_span(
            started.operation,
            current if self.parent is None else self._around(current),
            trace.SpanKind.CLIENT,
            _seen_by_samplers(started),
            record_exception=False,
            set_status_on_exception=False,
        )
        if span.is_recording():
            return CallSpan(started, span, current, tracer, self._shared)
        if not span.get_span_context().is_valid:
            return None
        # The sampler dropped the span. It becomes current all the same, so that the spans inside are dropped too.
        return Passing(context.attach(trace.set_span_in_context(span, current)))

    def _around(self, current: context.Context) -> context.Context:
        """Return the context for the span of a call: that of ``parent``, if no span is current."""
        if self.parent is None or trace.get_current_span(current) is not trace.INVALID_SPAN:
            return current
        parent = self.parent()
        return current if parent is None else parent

    def _make_tracer(self) -> trace.Tracer:
        # Made at the first watched call, because finding our version reads a file.
        self._tracer = trace.get_tracer(SCOPE, version(), tracer_provider=self._provider, schema_url=names.SCHEMA_URL)
        return self._tracer


@define(eq=False)
class Passing:
    """Keeps a dropped span current until the call ends."""

    _token: Token[context.Context] | None

    def __call__(self, event: Event) -> None:
        """Ignore every event but the end of the call."""
        if isinstance(event, CallEnded) and self._token is not None:
            token, self._token = self._token, None
            context.detach(token)


def current_ids() -> tuple[str, str] | None:
    """Return the ids of the current trace and span, in hex digits; None if there is no span."""
    found = trace.get_current_span().get_span_context()
    return (f"{found.trace_id:032x}", f"{found.span_id:016x}") if found.is_valid else None


def _seen_by_samplers(started: CallStarted) -> Attributes:
    attributes: Attributes = {names.OPERATION_NAME: started.operation, **policy_attributes(started.policy)}
    cloud = cloud_of(started.provider)
    if cloud is not None:
        attributes[names.CLOUD_PROVIDER] = cloud
    return attributes
