"""Random calls: any policy, any plan, and any stream of events that a shell could report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Literal, get_args

from attrs import frozen
from core_values import LOST, START, plan, policy, rule
from hypothesis import strategies as st

from resilience.core.backoff import BACKOFF_KINDS, JITTERS, Backoff
from resilience.core.decision import (
    Accept,
    Decision,
    Fail,
    Failed,
    MachineEvent,
    Refresh,
    Refreshed,
    RefreshFailed,
    Rename,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
    Wait,
)
from resilience.core.fault import Fault, Repeat
from resilience.core.history import History
from resilience.core.machine import begin, step
from resilience.core.plan import Plan
from resilience.core.policy import VERBS, Action
from resilience.core.settings.credentials import CredentialLimits
from resilience.core.steps.limits import attempt_limit, remedy_limit

LEADS_ON = (Wait, Refresh, Rename)
"""The decisions after which another attempt may come, with no verification between."""

LEAST_ATTEMPT = 0.25
"""The shortest attempt of a play, in seconds: a deadline bounds only attempts that take time."""

Answer = Literal["there", "not there", "failed", "broken"]


@frozen
class Luck:
    """What the world does in one turn, whatever was asked of it."""

    faults: tuple[Fault, ...]
    attempt: float
    remedy: float
    draw: float
    answer: Answer
    works: bool


@frozen
class Turn:
    """One step of a play."""

    before: History
    event: MachineEvent
    now: float
    draw: float
    after: History
    decision: Decision


@frozen
class Play:
    """One call from its beginning to its end, or as far as the bound on its turns."""

    plan: Plan
    ours: bool
    turns: tuple[Turn, ...]

    @property
    def most_attempts(self) -> int:
        """
        Return how many attempts the policy allows, by its limits alone.

        Each attempt but the first follows a use of an action. Those that count
        are one fewer than ``max_attempts``; of the others each has its ``max``.
        """
        limits = self.plan.policy.limits
        by_time = math.inf if limits.deadline is None else limits.deadline / LEAST_ATTEMPT + 1
        actions = {action.key: action for _, action in self.plan.reachable()}
        free = [action for action in actions.values() if not action.counts and action.do not in {"accept", "fail"}]
        refreshes = sum(each.max_refreshes for each in self.plan.policy.credentials.values())
        uses = sum(math.inf if each.max is None else each.max for each in free if each.do != "refresh" or each.max)
        return int(min(by_time, limits.max_attempts + uses + refreshes))

    @property
    def most_turns(self) -> int:
        """Return how many decisions that can take: each attempt's own, its questions, and the verifier's failures."""
        limits = self.plan.policy.limits
        questions = 2 * limits.settle + 2
        return int(self.most_attempts * (2 + questions + 2 * limits.max_attempts + len(VERBS)))


# Most calls should be long: what goes on is drawn more often than what ends a call.
MOSTLY = st.sampled_from([True, True, True, False])
DOINGS = st.sampled_from([*VERBS, "retry", "retry", "rename", "verify", "accept"])

FAULTS = st.builds(
    Fault,
    provider=st.sampled_from([None, None, "alibaba", "tencent"]),
    code=st.sampled_from(["A", "A.B", "B", "X"]),
    retry_after=st.none() | st.floats(0, 100),
    effect=st.sampled_from(["none", "unknown"]),
) | st.builds(
    Fault,
    transport=st.sampled_from(["unsent", "lost"]),
    status=st.sampled_from([None, 503]),
    effect=st.sampled_from(["none", "unknown"]),
)

LUCK = st.builds(
    Luck,
    faults=st.lists(FAULTS, min_size=1, max_size=2).map(tuple),
    attempt=st.sampled_from([LEAST_ATTEMPT, 1.0, 25.0]),
    remedy=st.sampled_from([0.0, 1.0, 25.0]),
    draw=st.sampled_from([0.0, 0.5, math.nextafter(1.0, 0.0)]),
    answer=st.sampled_from([*get_args(Answer), "not there", "not there"]),
    works=MOSTLY,
)

BACKOFFS = st.builds(
    Backoff,
    kind=st.sampled_from(BACKOFF_KINDS),
    base=st.sampled_from([0.0, 0.5, 7.0]),
    cap=st.sampled_from([0.0, 5.0, 20.0]),
    jitter=st.sampled_from(JITTERS),
    server_hint=st.booleans(),
    delays=st.just((1.0, 5.0)),
)


@st.composite
def chains(draw: st.DrawFn, *, finite: bool) -> list[Action]:
    """Return named actions, each with a ``then`` that came before it; finite ones count or have a ``max``."""
    made: list[Action] = []
    for number in range(draw(st.integers(1, 5))):
        counts = draw(st.booleans())
        maxima = st.integers(1, 4)
        then = draw(st.sampled_from([None, *made]))
        made.append(
            Action(
                key=f"action-{number}",
                do=draw(DOINGS),
                backoff=draw(st.none() | BACKOFFS),
                counts=counts,
                max=draw(maxima if finite and not counts else st.none() | maxima),
                # A time bounds only what takes time, so it stands beside the rest.
                lasts=draw(st.none() | st.sampled_from([0.5, 10.0])),
                then=then,
                condition=draw(st.sampled_from(["ours", "ours", "always"])),
                dry_run=draw(st.integers(0, 9)) == 0,
            )
        )
    return made


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    deadline = draw(st.sampled_from([None, 5.0, 40.0]))
    actions = st.sampled_from(draw(chains(finite=deadline is None)))
    places = [
        ("A", "alibaba"),
        ("A", "tencent"),
        ("A.B", "alibaba"),
        ("B", "alibaba"),
        ("lost", "transport"),
        ("unsent", "transport.alibaba"),
        ("http-5xx", "transport"),
    ]
    met = draw(st.lists(st.sampled_from(places), unique=True))
    values = policy(
        *(rule(code, draw(actions), scope=scope) for code, scope in met),
        unknown=draw(actions),
        deadline=deadline,
        attempt_timeout=draw(st.sampled_from([None, 10.0])),
        max_attempts=draw(st.sampled_from([1, 3, 5])),
        settle=draw(st.sampled_from([0.0, 3.0, 30.0])),
        credentials={provider: CredentialLimits(max_refreshes=draw(st.integers(0, 2))) for provider in PROVIDERS},
    )
    return plan(
        values,
        repeat=draw(st.sampled_from([*get_args(Repeat), "duplicate"])),
        can_verify=draw(MOSTLY),
        can_rename=draw(MOSTLY),
        credentials=frozenset(provider for provider in PROVIDERS if draw(MOSTLY)),
    )


PROVIDERS = ("alibaba", "tencent")


@st.composite
def plays(draw: st.DrawFn) -> Play:
    """Return a call that never succeeds by itself; what the world does comes round again and again."""
    facts, ours = draw(plans()), draw(st.booleans())
    luck = draw(st.lists(LUCK, min_size=2, max_size=8))
    most = Play(facts, ours, ()).most_turns + 1
    return Play(facts, ours, tuple(itertools.islice(_turns(facts, itertools.cycle(luck), ours=ours), most)))


def _turns(facts: Plan, luck: Iterator[Luck], *, ours: bool) -> Iterator[Turn]:
    before, now = begin(facts, now=START, ours=ours), START
    decision: Decision = Wait(delay=0.0)
    for each in luck:
        if isinstance(decision, Accept | Fail):
            return
        now += decision.delay
        event, now = _event(before, decision, each, now)
        after, decision = step(before, event, now=now, draw=each.draw)
        yield Turn(before, event, now, each.draw, after, decision)
        before = after


def _event(history: History, asked: Decision, luck: Luck, now: float) -> tuple[MachineEvent, float]:
    """Return what a shell would report next, and when; whatever reaches its limit is cut there."""
    if isinstance(asked, Rename):
        return Renamed() if luck.works else RenameImpossible(), now
    attempting = isinstance(asked, Wait)
    limit = attempt_limit(history, now=now) if attempting else remedy_limit(history, now=now)
    end = now + (luck.attempt if attempting else luck.remedy)
    cut = limit is not None and end >= limit
    # A cut that was due before it began takes effect at once, never in the past.
    end = max(now, min(end, limit)) if limit is not None else end
    if attempting:
        return Failed((LOST,) if cut else luck.faults), max(end, now + LEAST_ATTEMPT)
    if isinstance(asked, Refresh):
        return Refreshed() if luck.works and not cut else RefreshFailed(), end
    if cut:
        return VerifyFailed(LOST), end
    match luck.answer:
        case "failed":
            return VerifyFailed(luck.faults[0]), end
        case "broken":
            return VerifyFailed(None), end
        case _:
            return Verified(there=luck.answer == "there"), end
