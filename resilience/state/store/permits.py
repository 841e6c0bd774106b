"""
The arithmetic of a store: how many permits each process gets, where processes share a limit of attempts under way.

Each process gets what it wants, or an equal part. Where there are more processes than permits, they hold them in turns.
A permit that is in use is never taken away; it is given to another process when its holder has given it back, or when
its lease is over.

The memory store and the SQLite store use it. The script of the Redis store (:mod:`.redis_scripts`) does the same; one
set of tests compares them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resilience.core.admission.shared.permits import REVIEW, GivenPermits, PermitRequest
from resilience.state.store.slots import JUMP

TURN: Final = 1.0
"""For so many seconds a process keeps a permit that others wait for, where there are fewer permits than processes."""

POLL: Final = 0.05
"""After so many seconds the process that is next asks again; each one behind it waits so much longer."""

HEARD: Final = 3.0
"""For so many seconds after its last question a process counts as one that waits."""


class Holding(NamedTuple):
    """
    What a store knows of one process.

    Attributes:
        granted: The permits that it holds.
        until: When these come back by themselves.
        wanted: What it wanted last.
        heard: When that was.
        since: When it got a permit after it had none, or began to wait for one.
    """

    granted: int
    until: float
    wanted: int
    heard: float
    since: float


Holdings = dict[str, Holding]


def give_permits(request: PermitRequest, holdings: Holdings, now: float) -> GivenPermits:
    """Give permits to a process, and change what is known of it."""
    _set_back(holdings, now)
    for name in [name for name, each in holdings.items() if each.until <= now]:
        del holdings[name]
    name, wanted = request.holder, max(request.held, min(request.wanted, request.count))
    free = request.count - sum(each.granted for other, each in holdings.items() if other != name)
    if not wanted:
        holdings.pop(name, None)
        return GivenPermits(granted=0, target=0, spare=max(free, 0))
    before = holdings.get(name, Holding(0, now, 0, now, now))
    holdings[name] = before._replace(wanted=wanted, heard=now)
    targets, waiting = _targets(holdings, request.count, now)
    target = targets[name]
    granted = max(request.held, min(target, free))
    since = before.since if bool(granted) is bool(before.granted) else now
    until = max(now + (request.lasts if granted else HEARD), before.until if request.held else now)
    holdings[name] = Holding(granted, until, wanted, now, since)
    review = REVIEW
    if waiting and granted:
        # With fewer permits than processes: until its turn is over.
        review = min(max(since + TURN - now, POLL), REVIEW)
    again: float | None = None
    if granted > target or granted < min(target, wanted):
        again = POLL
    elif granted < wanted:
        again = min(POLL * (1 + waiting.index(name)), REVIEW) if name in waiting else REVIEW
    return GivenPermits(granted=granted, target=target, spare=max(free - granted, 0), review=review, again=again)


def _set_back(holdings: Holdings, now: float) -> None:
    """Move what was noted by a clock that has been set back since."""
    ahead = max((each.heard for each in holdings.values()), default=now) - now
    if ahead > JUMP:
        for name, each in holdings.items():
            holdings[name] = each._replace(
                until=each.until - ahead, heard=each.heard - ahead, since=min(each.since, now)
            )


def _targets(holdings: Holdings, count: int, now: float) -> tuple[dict[str, int], list[str]]:
    """Return the permits that each process should hold, and which processes wait for their turn, in order."""
    wanted = {name: each.wanted if now < each.heard + HEARD else each.granted for name, each in holdings.items()}
    left, sharing = count, len(wanted)
    for each in sorted(wanted.values()):
        if each * sharing > left:
            break
        left, sharing = left - each, sharing - 1
    if not sharing:
        return wanted, []
    level = left // sharing
    left -= level * sharing

    def rank(name: str) -> tuple[int, float, str]:
        holding = holdings[name]
        if level:
            return int(holding.granted <= level), holding.since, name
        if not holding.granted:
            return 1, holding.since, name
        return 0 if now < holding.since + TURN else 2, holding.since, name

    order = sorted((name for name, each in wanted.items() if each > level), key=rank)
    targets = {name: min(each, level) for name, each in wanted.items()}
    for name in order[:left]:
        targets[name] += 1
    return targets, [] if level else [name for name in order[left:] if not holdings[name].granted]
