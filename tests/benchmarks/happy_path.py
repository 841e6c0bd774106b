"""
What a policy costs, as ratios within one interleaved run.

To see it::

    python tests/benchmarks/happy_path.py [--rounds 41] [--calls 2000]

Each subject is timed in every round, in an order that changes, so that noise
meets all of them alike. A ratio is between a subject and its base: the minimum
over all rounds of each, and the median of the rounds' own ratios. Spans are on
duty without a provider, as they are where nobody has configured OpenTelemetry.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import anyio.lowlevel
from interleaved import Subject, Unit, report

from resilience import Executor, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.policy import Action, Limits, PolicyValues, Rule, ready_made

AT_ONCE = Backoff(kind="constant", base=0.0, jitter="none")
RETRY = Action(key="at-once", do="retry", backoff=AT_ONCE, counts=True)
FAIL = ready_made(Backoff())["fail"]
REFUSED = ServiceError("InvalidParameter", status=400)


def policy(deadline: float | None) -> PolicyValues:
    rules = [("Busy", RETRY), ("InvalidParameter", FAIL)]
    return PolicyValues(
        name="benchmark",
        limits=Limits(deadline=deadline),
        rules=tuple(
            Rule(id=f"alibaba.{code}", scope="alibaba", operation=None, code=code, action=action)
            for code, action in rules
        ),
        unknown=FAIL,
    )


async def succeed(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
    return group_id


async def refuse(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
    raise ServiceError("InvalidParameter", status=400)


class _Flaky:
    """A function whose every second call is refused."""

    def __init__(self) -> None:
        self.is_good = True

    async def __call__(self, instance_id: str, group_id: str) -> str:  # noqa: ARG002  # names that the catalogue knows
        self.is_good = not self.is_good
        if not self.is_good:
            raise ServiceError("Busy", status=429)
        return group_id


async def caught(function: Callable[[str, str], Awaitable[str]]) -> None:
    # The quickest way to catch; a context manager would be measured as well.
    try:  # noqa: SIM105
        await function("i", "g")
    except ServiceError:
        pass


async def _by_hand(function: Callable[[str, str], Awaitable[str]]) -> None:
    while True:
        try:
            await function("i", "g")
        except ServiceError:
            await anyio.lowlevel.checkpoint()
        else:
            return


async def _fail_after() -> None:
    with anyio.fail_after(120):
        await succeed("i", "g")


def subjects() -> list[tuple[str, Subject, str | None]]:
    """Return each subject with its name and the name of its base."""
    unlimited = Executor(policy(None), provider="alibaba")
    limited = Executor(policy(120.0), provider="alibaba")
    quick = unlimited.wrap("CreateGroupId", succeed)
    return [
        ("bare await", partial(succeed, "i", "g"), None),
        ("wrapped, no limits", partial(quick, "i", "g"), "bare await"),
        ("wrapped, outcome()", partial(quick.outcome, "i", "g"), "bare await"),
        ("executor.call", partial(unlimited.call, "CreateGroupId", succeed, "i", "g"), "bare await"),
        ("anyio.fail_after", _fail_after, "bare await"),
        ("wrapped, deadline", partial(limited.wrap("CreateGroupId", succeed), "i", "g"), "anyio.fail_after"),
        ("bare raise", partial(caught, refuse), "bare await"),
        ("wrapped, fails fast", partial(caught, unlimited.wrap("CreateGroupId", refuse)), "bare raise"),
        ("retry by hand", partial(_by_hand, _Flaky()), "bare await"),
        ("wrapped, one retry", partial(unlimited.wrap("CreateGroupId", _Flaky()), "i", "g"), "retry by hand"),
    ]


if __name__ == "__main__":
    report(
        subjects,
        what="what a policy costs",
        clock=time.perf_counter_ns,
        unit=Unit("ns", 1.0, 0),
        rounds=41,
        calls=2000,
    )
