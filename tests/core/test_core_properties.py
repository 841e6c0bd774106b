"""What holds for every call: any policy, any plan, and any stream of events."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from attrs import frozen
from core_plays import LEADS_ON, Play, Turn, plays
from core_values import START
from hypothesis import HealthCheck, event, given, settings

from resilience.core.decision import (
    Accept,
    Fail,
    Failed,
    Refresh,
    Renamed,
    Verified,
    Verify,
    VerifyFailed,
    Wait,
)
from resilience.core.machine import step

PROPERTIES: list[Callable[[Play], None]] = []


def holds(check: Callable[[Play], None]) -> Callable[[Play], None]:
    """Add a property that holds for every play; plays take longer to make than to check."""
    PROPERTIES.append(check)
    return check


@frozen
class Doubt:
    """
    A turn, and what is in doubt, as the documentation defines it and not as the machine keeps it.

    Attributes:
        turn: The turn.
        since: When the unresolved attempt ended, after this turn; None where nothing is unresolved.
        earlier: Whether an attempt of this name before this event, or an earlier run, may have taken effect.
        ours: The same, this event included.
    """

    turn: Turn
    since: float | None
    earlier: bool
    ours: bool


def doubts(play: Play) -> list[Doubt]:
    """Return the doubt after each turn."""
    seen = []
    since, ours = (START, True) if play.ours else (None, False)
    for turn in play.turns:
        earlier = ours
        match turn.event:
            case Failed(faults) if any(fault.effect == "unknown" for fault in faults):
                since, ours = turn.now, True
            case Verified(there) if since is not None and (there or turn.now >= since + play.plan.policy.limits.settle):
                since = None
            case Renamed():
                since, ours, earlier = None, False, False
            case _:
                pass
        seen.append(Doubt(turn, since, earlier, ours))
    return seen


def is_for_the_verifier(turn: Turn) -> bool:
    """Tell whether a refresh is the remedy of a verifier's own failure."""
    return isinstance(turn.event, VerifyFailed) and isinstance(turn.decision, Refresh)


@holds
def every_call_ends(play: Play) -> None:
    """No history is endless: a deadline, or a ``max`` on all that is free, bounds its decisions."""
    last = play.turns[-1].decision
    event(f"ends with {last.reason if isinstance(last, Fail) else type(last).__name__}")
    assert isinstance(last, Accept | Fail)
    assert len(play.turns) <= play.most_turns


@holds
def attempts_are_bounded(play: Play) -> None:
    """There are never more attempts than ``max_attempts`` and the ``max`` of the free actions allow."""
    attempts = sum(isinstance(turn.event, Failed) for turn in play.turns)
    assert attempts <= play.most_attempts
    assert play.turns[-1].after.attempts == attempts


@holds
def every_delay_is_in_range(play: Play) -> None:
    """A wait is finite, not negative, and no longer than the cap of its backoff."""
    for turn in play.turns:
        decision = turn.decision
        if isinstance(decision, Accept | Fail):
            continue
        assert math.isfinite(decision.delay)
        backoff = None if decision.action is None else decision.action.backoff
        longest = 0.0 if backoff is None else backoff.cap
        if isinstance(decision, Verify):
            # Its own backoff between two questions is ``default`` or half a second.
            longest = max(longest, 20.0)
            if isinstance(turn.event, VerifyFailed):
                longest = 20.0
        assert 0 <= decision.delay <= longest


@holds
def no_wait_reaches_the_deadline(play: Play) -> None:
    """What is waited for begins before the deadline; after it, nothing leads to another attempt."""
    for turn in play.turns:
        deadline, decision = turn.after.deadline, turn.decision
        if deadline is None or isinstance(decision, Accept | Fail):
            continue
        if decision.delay > 0 or isinstance(decision, LEADS_ON):
            assert turn.now + decision.delay < deadline


@holds
def nothing_is_done_twice(play: Play) -> None:
    """While a duplicate operation is in doubt, no decision leads to another attempt before a verification."""
    for doubt in doubts(play):
        if play.plan.repeat == "duplicate" and doubt.since is not None and not is_for_the_verifier(doubt.turn):
            assert not isinstance(doubt.turn.decision, LEADS_ON)


@holds
def an_early_not_there_leads_to_no_attempt(play: Play) -> None:
    """Whatever a repeat does: "not there" before the doubt has settled is asked again, or ends the call."""
    for doubt in doubts(play):
        if doubt.turn.event == Verified(there=False) and doubt.since is not None:
            decision = doubt.turn.decision
            assert isinstance(decision, Verify | Fail)
            assert not isinstance(decision, Fail) or decision.reason == "deadline"


@holds
def what_may_exist_is_remembered(play: Play) -> None:
    """What the machine calls unresolved and ours is what the documentation calls so; only a rename clears ours."""
    for doubt in doubts(play):
        before, after = doubt.turn.before, doubt.turn.after
        assert (after.unresolved, after.ours) == (doubt.since is not None, doubt.ours)
        if before.ours and not after.ours:
            assert isinstance(doubt.turn.event, Renamed)


@holds
def nothing_of_others_is_accepted(play: Play) -> None:
    """An accept that needs it to be ours follows an earlier attempt, or run, that may have done it."""
    for doubt in doubts(play):
        turn, action = doubt.turn, doubt.turn.decision.action
        if isinstance(turn.event, Failed) and isinstance(turn.decision, Accept | Verify) and action is not None:
            assert action.do != "accept" or action.condition == "always" or doubt.earlier


@holds
def an_accept_says_what_it_knows(play: Play) -> None:
    """An accept is verified exactly if a verifier said "it is there"; a belief comes from an accepting rule alone."""
    for turn in play.turns:
        if turn.event == Verified(there=True):
            assert isinstance(turn.decision, Accept)
        if isinstance(turn.decision, Accept):
            assert turn.decision.verified == (turn.event == Verified(there=True))
            assert turn.decision.action is not None
            assert turn.decision.verified or turn.decision.action.do == "accept"


@holds
def only_what_was_asked_for_can_be_done(play: Play) -> None:
    """No verifier, no question; no new name, no rename; no source, no refresh."""
    for turn in play.turns:
        match turn.decision:
            case Verify():
                assert play.plan.can_verify
            case Refresh(provider=provider):
                assert provider in play.plan.credentials
            case Wait() | Accept() | Fail():
                pass
            case renaming:
                assert play.plan.can_rename
                assert renaming.number == turn.after.name + 1


@holds
def a_step_is_a_pure_function(play: Play) -> None:
    """The same history, event, instant and draw get the same answer, and the history is left as it was."""
    for turn in play.turns:
        kept = copy.copy(turn.before)
        uses, refreshes = dict(kept.uses), dict(kept.refreshes)
        again = step(turn.before, turn.event, now=turn.now, draw=turn.draw)
        assert again == (turn.after, turn.decision)
        assert turn.before == kept
        assert (turn.before.uses, turn.before.refreshes) == (uses, refreshes)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plays())
def test_what_holds_for_every_call_holds_for_any_play(play: Play) -> None:
    """Each property above; the traceback of a failure names the one that does not hold."""
    for check in PROPERTIES:
        check(play)
