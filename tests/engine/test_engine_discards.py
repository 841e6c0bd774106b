"""A create whose secret is shown once: its answer is lost, a verifier discards what was made, and another is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resilience import Discarded, Executor, Outcome, Policy, RemedyFailed, SyncExecutor
from resilience.core.events import CallStarted, Event, VerifyEnded
from resilience.core.observer import Slot

TOP = """
schema = 1
name = "keys"
[limits]
deadline = "60s"
settle = "30s"
[rules.transport]
lost = "retry"
[operations.acme]
"""
DISCARD = TOP + 'MakeKey = { repeat = "duplicate", on_lost = "discard" }'
STOP = TOP + 'MakeKey = { repeat = "duplicate", on_lost = "stop" }'
SILENT = TOP + 'MakeKey = "duplicate"'


class Seen:
    """An observer that keeps all events."""

    idle_slot: Slot | None = None

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def watch(self, _: CallStarted) -> Callable[[Event], None]:
        return self.events.append


class Keys:
    """A service of keys that loses its first answers."""

    def __init__(self, losses: int = 1) -> None:
        self.losses = losses
        self.there: list[int] = []
        self.made = 0

    def make(self) -> int:
        self.made += 1
        self.there.append(self.made)
        if self.made <= self.losses:
            raise ConnectionResetError
        return self.made

    def discard(self) -> Discarded:
        return Discarded(f"key {self.there.pop()}")


def wrapped(
    keys: Keys, policy: str, *, verified: bool = True, seen: list[Event] | None = None
) -> Callable[[], Outcome[int]]:
    executor = SyncExecutor(Policy.loads(policy), provider="acme", observers=() if seen is None else (Seen(seen),))
    function = executor.wrap("MakeKey")(keys.make)
    if verified:
        function.verify(keys.discard)
    return function.outcome


def test_a_lost_key_is_discarded_and_another_is_made() -> None:
    """One key is there at the end, at once and not when a doubt has settled, and the outcome says what is not."""
    keys = Keys()
    outcome = wrapped(keys, DISCARD)()
    assert (outcome.value, keys.there, outcome.stop_reason) == (2, [2], "success")
    assert outcome.discarded == ("key 1",)
    assert outcome.waited < 5


def test_every_discard_is_told() -> None:
    """The outcome names each of them."""
    keys = Keys(losses=2)
    outcome = wrapped(keys, DISCARD)()
    assert (outcome.value, keys.there, outcome.discarded) == (3, [3], ("key 1", "key 2"))


def test_a_failed_call_says_what_was_discarded() -> None:
    """The note on the exception names it, and nothing is left to look for."""
    keys = Keys(losses=9)
    outcome = wrapped(keys, DISCARD.replace("[limits]", "[limits]\nmax_attempts = 2"))()
    assert isinstance(outcome.error, ConnectionResetError)
    assert "discarded, because the answer was lost: key 1, key 2" in outcome.error.__notes__[0]
    assert "may exist" not in outcome.error.__notes__[0]
    assert not outcome.may_exist


@pytest.mark.parametrize("policy", [STOP, SILENT], ids=["stop", "silent"])
def test_a_discard_that_the_policy_does_not_allow_ends_the_call(policy: str) -> None:
    """It is done, so it is told; but no other key is made before an operator has asked for that."""
    keys = Keys()
    outcome = wrapped(keys, policy)()
    assert isinstance(outcome.error, RemedyFailed)
    assert 'write on_lost = "discard"' in str(outcome.error)
    assert (keys.made, outcome.discarded) == (1, ("key 1",))


def test_a_call_without_a_verifier_stops() -> None:
    """By default a call whose secret is lost makes no second one."""
    keys = Keys()
    outcome = wrapped(keys, STOP, verified=False)()
    assert (outcome.stop_reason, keys.made, outcome.may_exist) == ("unverified", 1, True)


def test_a_discard_that_nobody_can_make_is_refused_before_anything_is_sent() -> None:
    """The error names the operation and both ways out."""
    keys = Keys()
    with pytest.raises(ValueError, match='on_lost = "discard" of MakeKey needs a verifier') as told:
        wrapped(keys, DISCARD, verified=False)()
    assert 'on_lost = "stop"' in str(told.value)
    assert keys.made == 0


def test_a_read_back_discards_nothing() -> None:
    """The operation that only looks is no verifier for a discard."""
    executor = SyncExecutor(
        Policy.loads(
            DISCARD.replace('"discard" }', '"discard", key = ["name"], read_back = "GetKey" }\nGetKey = "safe"')
        ),
        provider="acme",
    )
    executor.wrap("GetKey")(lambda name: name)
    make = executor.wrap("MakeKey")(lambda name: name)
    with pytest.raises(ValueError, match="needs a verifier"):
        make("n")


def test_observers_see_the_discard() -> None:
    """The event of the verification says so, and is no "there"."""
    seen: list[Event] = []
    wrapped(Keys(), DISCARD, seen=seen)()
    answers = [(each.there, each.discarded) for each in seen if isinstance(each, VerifyEnded)]
    assert answers == [(False, True)]


@pytest.mark.anyio
async def test_coroutines_discard_likewise() -> None:
    """On asyncio and trio."""
    keys = Keys()
    executor = Executor(Policy.loads(DISCARD), provider="acme", observers=())

    @executor.wrap("MakeKey")
    async def make() -> int:
        return keys.make()

    @make.verify
    async def find() -> Discarded:
        return keys.discard()

    outcome = await make.outcome()
    assert (outcome.value, keys.there, outcome.discarded) == (2, [2], ("key 1",))
