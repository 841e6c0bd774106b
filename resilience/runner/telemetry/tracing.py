"""The run's telemetry: set up at the first call of a process, sent when that process ends."""

from __future__ import annotations

import atexit
import os
import warnings
from functools import cache
from typing import Any, Final

from attrs import define, field

from resilience.core.events import Observer
from resilience.policyfile import Policy
from resilience.runner.ending.exit_hooks import PATIENCE, before_exit, before_termination, in_time
from resilience.runner.ending.termination import is_multiprocessing
from resilience.runner.run import Run
from resilience.runner.settings import RunSettings
from resilience.runner.telemetry.log_filter import drop_logs_of_exports, keep_off_stdout
from resilience.runner.totals.counters import counted
from resilience.runner.totals.notes import Notes
from resilience.telemetry import Logs, Metrics, Spans, default_observers
from resilience.telemetry.providers.environment import (
    Providers,
    asked_for,
    flush_providers,
    has_failed,
    has_providers,
    is_sending_ours,
    own_providers,
)
from resilience.telemetry.providers.fallback import UntilSet
from resilience.telemetry.spans.run_span import RunSpan

# Seconds, for all that is still to be sent when the script has ended. A receiver that is there takes milliseconds.
_LAST_PATIENCE: Final = 4.0

# For those who come after one that has waited in vain.
_LITTLE_PATIENCE: Final = 0.5


@define(eq=False)
class Tracing:
    """
    The telemetry of one process.

    What the environment asks for is sent by providers of the run's own, which are set nowhere: the script may set its
    own at any time, and from then on these have all that is recorded.

    Args:
        settings: What the run's calls go by.
        notes: Takes what the user should know.

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
        """Return who watches the calls of this process."""
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
        Make providers if the script has set none, and see to it that what they hold is sent.

        Called before the first call of a process, and again in one that was forked.
        """
        # A process that was forked has the providers already.
        if self._providers is None:
            self._make_providers()
        self.has_begun = True
        last = cache(self._flush)
        if is_multiprocessing():
            from multiprocessing.util import Finalize  # noqa: PLC0415  # it is there, or we would not be here

            # Such a process may leave without Python's exit functions, with these alone (3.11), or with these after
            # the SDK has shut down (3.13); -100 is after all others. SIGTERM may come in either.
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

    def send(self, patience: float = _LAST_PATIENCE) -> bool:
        """
        Send what is left in the run's own providers, and wait for so many seconds at most.

        Returns:
            Whether all was sent, in this process and those before it.
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
            # The threads that Python 3.12 and newer warn of are the SDK's, which begins them anew in a forked process.
            warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)
            if made.tracer is not None:
                self._spans = Spans(made.tracer)
                self._spans.parent = self._parent
            if made.meter is not None:
                self._metrics = Metrics(made.meter)

    def _parent(self) -> Any:
        return self._current_span().parent()

    def _current_span(self) -> RunSpan:
        """Return the span of the run, by the provider that has the calls now."""
        self.span.tracer_provider = None if has_providers() or self._providers is None else self._providers.tracer
        return self.span

    def _register_end(self) -> None:
        # After the provider has registered its own end, so before that runs.
        atexit.register(self._end, os.getpid())

    def _flush(self) -> None:
        self._end(os.getpid())
        # Before those who wait for this give up.
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
