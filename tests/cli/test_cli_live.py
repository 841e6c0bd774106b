"""What a terminal shows while calls go on."""

from __future__ import annotations

import io

from rich.console import Console

from resilience import Fault, Policy
from resilience.cli.demo.live import LiveDisplay
from resilience.core.decision import Accept, Verify, Wait
from resilience.core.events import AttemptFailed, CallEnded, CallStarted, Event, ResourceRenamed, VerifyEnded

POLICY = Policy.loads('schema = 1\n[limits]\ndeadline = "1s"')
LOST = Fault(transport="lost")


def picture(*events: Event) -> str:
    progress = LiveDisplay(2)
    sink = progress.watch(CallStarted(operation="CreateTopic", provider="tencent", policy=POLICY))
    for event in events:
        sink(event)
    console = Console(file=io.StringIO(), width=80)
    console.print(progress)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_decisions_are_told_as_they_are_made() -> None:
    """Each failed attempt, answer of a verifier and rename is a line that says what follows."""
    shown = picture(
        AttemptFailed(number=1, fault=LOST, effect="unknown", decision=Verify(delay=0.25), duration=0.1),
        VerifyEnded(there=False, decision=Wait(delay=0.0), duration=0.1),
        ResourceRenamed(operation="CreateTopic", provider="tencent", field="Topic", old="a", new="a-2"),
        VerifyEnded(there=True, decision=Accept(), duration=0.1),
    )
    assert [line.split(maxsplit=2)[2] for line in shown.splitlines()[:-1]] == [
        "attempt 1: lost, verify in 0.2 s",
        "verifier: not there, retry",
        "goes on as a-2",
        "verifier: it is there",
    ]


def test_ended_calls_are_counted() -> None:
    """The last line says how many calls are over."""
    end = CallEnded(ended="success", stop_reason="success", attempts=1, waited=0.0, duration=0.1, renamed={})
    assert "1 of 2 calls done" in picture(end).splitlines()[-1]


def test_old_lines_make_room() -> None:
    """The picture keeps its height, however much happens."""
    failed = AttemptFailed(number=1, fault=LOST, effect="none", decision=Wait(delay=1.0), duration=0.1)
    assert len(picture(*[failed] * 50).splitlines()) == 9
