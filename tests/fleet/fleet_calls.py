"""What tests of fleets share: a policy in a few words, and a service that counts what is under way."""

from __future__ import annotations

from typing import Any, Final

from resilience import ServiceError
from resilience.core.backoff import Backoff
from resilience.core.events import CallStarted, Event
from resilience.core.observer import Sink
from resilience.core.policy import Action, Limits, PolicyValues, Rule, ready_made

INSTANCE: Final = "mqtt-cn-x"
FAIL: Final = ready_made(Backoff())["fail"]


def policy(*, wait: float = 0.0) -> PolicyValues:
    """Return a policy that tries again at ``Busy``, once, after ``wait`` seconds."""
    retry = Action(key="again", do="retry", backoff=Backoff(kind="constant", base=wait, jitter="none"), counts=True)
    return PolicyValues(
        name="test",
        limits=Limits(deadline=None, max_attempts=2),
        rules=(Rule(id="alibaba.Busy", scope="alibaba", operation=None, code="Busy", action=retry),),
        unknown=FAIL,
    )


class Load:
    """Counts calls, how many are under way, and how many were at most."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.under_way = self.most = self.ended = 0

    def begin(self, name: str) -> None:
        """Count a call; fail as its name says: ``deny-...``, ``busy-...`` at first, ``type-...``."""
        self.made.append(name)
        kind = name.partition("-")[0]
        if kind == "deny" or (kind == "busy" and self.made.count(name) == 1):
            raise ServiceError("Denied" if kind == "deny" else "Busy", "a message", status=400, effect="none")
        if kind == "type":
            raise TypeError("a mistake of the program")
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def end(self) -> None:
        """Count the end of a call, whatever ended it."""
        self.under_way -= 1
        self.ended += 1


class Log:
    """An observer that writes down every event of every call."""

    idle_slot = None

    def __init__(self) -> None:
        self.events: list[Event] = []

    def watch(self, started: CallStarted) -> Sink:  # noqa: ARG002  # all calls alike
        return self.events.append


class Source:
    """Names, of which it is known how many were asked for, and whether it was closed."""

    def __init__(self, names: Any, *, fails_after: int | None = None) -> None:
        self.names = names
        self.fails_after = fails_after
        self.pulled = 0
        self.is_closed = False

    def _pull(self) -> None:
        if self.pulled == self.fails_after:
            raise LookupError("the input is broken")
        self.pulled += 1

    def __iter__(self) -> Any:
        """Yield the names."""
        try:
            for name in self.names:
                self._pull()
                yield name
        finally:
            self.is_closed = True
