"""The run's telemetry: set up at the first call of a process, sent when that process ends."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from functools import cache

from attrs import define, field

from resilience.policyfile import Policy
from resilience.takeover.aside import keep_aside, keep_sending_aside
from resilience.takeover.counters import counted
from resilience.takeover.leaving import before_exit, before_termination, in_time
from resilience.takeover.notes import Notes
from resilience.takeover.run import Run
from resilience.takeover.setting import Setting
from resilience.telemetry.environment import asked_for, flush_providers, has_providers, set_up_providers
from resilience.telemetry.runspan import RunSpan


@define(eq=False)
class Tracing:
    """
    The telemetry of one process.

    Args:
        setting: What the run's calls go by.
        notes: Takes what the user should know.

    Attributes:
        span: The span of the run.
        has_begun: Whether this process has made a call.
    """

    _setting: Setting
    _notes: Notes
    span: RunSpan = field(init=False)
    has_begun: bool = field(default=False, init=False)
    _is_ours: bool = field(default=False, init=False)
    _has_ended: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.span = span_of(self._setting.run, self._setting.policy)
        for name in ("resilience.calls", "resilience"):
            keep_aside(name)

    def begin(self) -> None:
        """
        Set providers if the script has set none, and see to it that what they hold is sent.

        Called before the first call of a process, and again in one that was forked.
        """
        # A process that was forked has the providers already.
        self._is_ours = self._is_ours or (asked_for() is not None and not has_providers())
        if self._is_ours:
            keep_aside("opentelemetry")
            keep_sending_aside()
            # The threads that Python 3.12 and newer warn of are the SDK's, which begins them anew in a forked process.
            warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)
        problem = set_up_providers(self._setting.run.title)
        if problem is not None:
            self._notes.remark(problem)
        self.has_begun = True
        last = cache(self._flush)
        if _is_multiprocessing():
            from multiprocessing.util import Finalize  # noqa: PLC0415  # it is there, or we would not be here

            # Such a process may leave without Python's exit functions, with these alone (3.11), or with these after
            # the SDK has shut down (3.13); -100 is after all others. SIGTERM may come in either.
            Finalize(None, in_time, args=(last,), exitpriority=-100)
            atexit.register(in_time, last)
            if self._is_ours:
                before_termination(last)
        else:
            # After the SDK has registered its own, so before that runs.
            atexit.register(self._end, os.getpid())
        if self._is_ours:
            before_exit(last)

    def _flush(self) -> None:
        self._end(os.getpid())
        flush_providers()

    def _end(self, process: int) -> None:
        if os.getpid() == process and not self._has_ended and self._setting.run.claim():
            self._has_ended = True
            counts = counted(self._setting.run)
            self.span.end(began=counts.began, calls=counts.calls, failures=counts.failures)


def span_of(run: Run, policy: Policy) -> RunSpan:
    """Return the span of a run."""
    trace_id, span_id = run.trace
    return RunSpan(run.title, policy, trace_id, span_id, run.traceparent)


def _is_multiprocessing() -> bool:
    """Tell whether this process was started by multiprocessing."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None
