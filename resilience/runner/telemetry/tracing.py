"""The telemetry of a process: set up at its first call, sent when the process ends."""

from __future__ import annotations

import atexit
import os
import warnings
from functools import cache
from typing import Any, Final

from attrs import define, field

from resilience.core.observer import Observer
from resilience.policyfile import Policy
from resilience.runner.ending.exit_hooks import PATIENCE, before_exit, before_termination, in_time
from resilience.runner.ending.termination import is_multiprocessing
from resilience.runner.run import Run
from resilience.runner.settings import RunSettings
from resilience.runner.telemetry.log_filter import drop_logs_of_exports
from resilience.runner.totals.counters import counted
from resilience.runner.totals.notes import Notes
from resilience.telemetry import Logs, Metrics, Spans, default_observers
from resilience.telemetry.providers.environment import (
    LAST_PATIENCE,
    Providers,
    asked_for,
    flush_providers,
    has_failed,
    has_providers,
    is_sending_ours,
    own_providers,
)
from resilience.telemetry.providers.fallback import UntilSet
from resilience.telemetry.providers.log_filter import keep_off_stdout
from resilience.telemetry.spans.run_span import RunSpan

# Seconds after another process has waited in vain.
_LITTLE_PATIENCE: Final = 0.5


@define(eq=False)
class Tracing:
    """
    The telemetry of one process.

    The run has its own providers for the telemetry that the environment asks for. It does not set them globally: the
    script may set its own providers at any time, which then get everything.

    Args:
        settings: The settings of the run.
        notes: Takes remarks for the user.

    Attributes:
        span: The span of the run.
        has_begun: Whether this process has made a call.
    """

    _settings: RunSettings
    _notes: Notes
    span: RunSpan = field(init=False)
    has_begun: bool = field(default=False, init=False)
    _providers: Providers | None = field(default=None, init=False)
    _spans: Spans | None = field(default=None, init=False)
    _metrics: Metrics | None = field(default=None, init=False)
    _has_ended: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.span = span_of(self._settings.run, self._settings.policy)
        for name in ("resilience.calls", "resilience"):
            keep_off_stdout(name)

    def observers(self) -> list[Observer]:
        """Return the observers of the calls of this process."""
        if asked_for() is None:
            watching = list(default_observers())
            for each in watching:
                if isinstance(each, Spans):
                    each.parent = self._parent
            return watching
        spans = Spans()
        spans.parent = self._parent
        return [
            UntilSet(Metrics(), lambda: self._metrics, self._register_end),
            Logs(),
            UntilSet(spans, lambda: self._spans, self._register_end),
        ]

    def begin(self) -> None:
        """
        Make providers if the script has set none, and register the exit functions that send their content.

        Called before the first call of a process, also of a forked process.
        """
        # A process that was forked has the providers already.
        if self._providers is None:
            self._make_providers()
        self.has_begun = True
        last = cache(self._flush)
        if is_multiprocessing():
            from multiprocessing.util import Finalize  # noqa: PLC0415  # imported already

            # Such a process may leave without Python's exit functions (3.11), or call finalizers after the SDK has shut
            # down (3.13). Priority -100 comes after all others. SIGTERM may come in both cases.
            Finalize(None, in_time, args=(last,), exitpriority=-100)
            atexit.register(in_time, last)
            if self._providers is not None:
                before_termination(last)
        else:
            self._register_end()
            if not self._settings.run.claim():
                atexit.register(self.send, PATIENCE)
        if self._providers is not None:
            before_exit(last)

    def send(self, patience: float = LAST_PATIENCE) -> bool:
        """
        Send the rest in the run's own providers, and wait at most ``patience`` seconds.

        Returns:
            Whether this process and those before it have sent everything.
        """
        run = self._settings.run
        if self._providers is None:
            return True
        is_late = in_time(self._providers.flush, _LITTLE_PATIENCE if run.was_unsent() else patience)
        if is_late or has_failed():
            run.leave_unsent()
        return not run.was_unsent()

    def _make_providers(self) -> None:
        if asked_for() is not None and not has_providers():
            keep_off_stdout("opentelemetry", is_muted=is_sending_ours)
            drop_logs_of_exports()
        made = own_providers(self._settings.run.title)
        if isinstance(made, str):
            self._notes.remark(made)
        elif made is not None:
            self._providers = made
            # Python 3.12 and newer warn of the SDK's threads; the SDK starts them again in a forked process.
            warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)
            if made.tracer is not None:
                self._spans = Spans(made.tracer)
                self._spans.parent = self._parent
            if made.meter is not None:
                self._metrics = Metrics(made.meter)

    def _parent(self) -> Any:
        return self._current_span().parent()

    def _current_span(self) -> RunSpan:
        """Return the span of the run, with the provider that gets the calls now."""
        self.span.tracer_provider = None if has_providers() or self._providers is None else self._providers.tracer
        return self.span

    def _register_end(self) -> None:
        # The provider has registered its shutdown before, so this runs before the shutdown.
        atexit.register(self._end, os.getpid())

    def _flush(self) -> None:
        self._end(os.getpid())
        # Shorter than the time that the caller waits.
        self.send(PATIENCE - _LITTLE_PATIENCE)
        flush_providers()

    def _end(self, process: int) -> None:
        if os.getpid() == process and not self._has_ended and self._settings.run.claim():
            self._has_ended = True
            counts = counted(self._settings.run)
            self._current_span().end(began=counts.began, calls=counts.calls, failures=counts.failures)


def span_of(run: Run, policy: Policy) -> RunSpan:
    """Return the span of a run."""
    trace_id, span_id = run.trace
    return RunSpan(run.title, policy, trace_id, span_id, run.traceparent)
