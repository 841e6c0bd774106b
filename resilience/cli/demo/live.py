"""Shows the progress of calls on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from attrs import define, field
from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.text import Text

from resilience.core.decision import Decision
from resilience.core.events import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    Event,
    RefreshStarted,
    ResourceRenamed,
    VerifyEnded,
)

_SHOWN: Final = 8
_PROVIDER_WIDTH: Final = 8


@define(eq=False)
class LiveDisplay:
    """
    An observer that shows the last few events and a spinner.

    Args:
        total: The number of expected calls.
    """

    total: int
    idle_slot: tuple[Mapping[str, Any], str] | None = None
    done: int = field(default=0, init=False)
    _lines: tuple[Text, ...] = field(default=(), init=False)
    _spinner: Spinner = field(factory=lambda: Spinner("dots"), init=False)
    _started: float = field(factory=monotonic, init=False)

    def watch(self, started: CallStarted) -> Callable[[Event], None]:
        """Return the receiver of this call's events."""

        def sink(event: Event) -> None:
            text = _line(event)
            if text:
                line = Text(f"{started.provider or '':{_PROVIDER_WIDTH}} ", style="dim", no_wrap=True)
                line.append(f"{started.operation} {text}", style="not dim")
                # Replaced and not changed, because another thread draws it at the same time.
                self._lines = (*self._lines, line)[-_SHOWN:]
            if isinstance(event, CallEnded):
                self.done += 1

        return sink

    def __rich__(self) -> RenderableType:
        """Return the current display."""
        seconds = monotonic() - self._started
        self._spinner.update(text=Text(f"{self.done} of {self.total} calls done, {seconds:.1f} s"))
        return Group(*self._lines, self._spinner)


def _line(event: Event) -> str:
    match event:
        case AttemptFailed(number=number, fault=fault, decision=decision):
            return f"attempt {number}: {fault.label}, {_decided(decision)}"
        case RefreshStarted(leads=True):
            return "asks for new credentials"
        case ResourceRenamed(new=new):
            return f"goes on as {new}"
        case VerifyEnded(there=True):
            return "verifier: it is there"
        case VerifyEnded(there=False, decision=decision) if decision is not None:
            return f"verifier: not there, {_decided(decision)}"
        case CallEnded(ended=ended):
            return str(ended or "stopped")
    return ""


def _decided(decision: Decision) -> str:
    return f"{decision.verb} in {decision.delay:.1f} s" if decision.delay else decision.verb
