"""
How a fleet's calls come out: a real executor makes them, on a virtual clock, against a service that is played.

Nothing here knows how calls wait for their turn. The executor is the one that a program uses, and so are the limits;
only the clock and the service are played.
"""

from __future__ import annotations

import inspect
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import anyio
from attrs import evolve, field, frozen

from resilience.catalog import catalogue, providers
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.core.policy import PolicyValues
from resilience.engine.credentials.source import Credentials
from resilience.engine.executor import BareExecutor
from resilience.engine.target.done import DONE
from resilience.engine.target.operations import Operation, described
from resilience.fleet.concurrency import concurrency_of
from resilience.fleet.forecast.service import LimitedService, PlayedService
from resilience.fleet.maps.mapping import OutcomeStream
from resilience.simulation.played import EndlessError
from resilience.testing import virtual_backend

# Names of resources; the first kind that a service takes is used.
_NAMES: Final = ("name-{}", "GID_{}", "name{}")


@frozen(kw_only=True)
class FleetSetup:
    """
    The calls of a forecast.

    Attributes:
        calls: How many.
        concurrency: How many are under way at a time; None as for a fleet.
        seed: The same seed gives the same forecast.
    """

    calls: int
    concurrency: int | None = None
    seed: int = 0


@frozen(kw_only=True)
class Forecast:
    """
    What a fleet's calls came to; times are in seconds from the beginning.

    Attributes:
        calls: How many calls were made.
        failed: How many of them failed.
        reasons: For which stop reason, and how many.
        ends: When each call ended.
        requests: When each request reached the service.
        refused_at: When the service refused one of them for its limit.
        levels: From when on the limiter sent how many requests in a second at most; empty where it never adapted.
        peak: The most requests within any window of the limit, or of a second without one.
        repeated: In how many calls more than one request took effect under one name.
        best: The seconds that the limit allows at best; see :meth:`LimitedService.best_time`.
    """

    calls: int
    failed: int
    reasons: dict[str, int]
    ends: tuple[float, ...] = field(repr=False)
    requests: tuple[float, ...] = field(repr=False)
    refused_at: tuple[float, ...] = field(repr=False)
    levels: tuple[tuple[float, float], ...] = field(repr=False)
    peak: int
    repeated: int
    best: float

    @property
    def duration(self) -> float:
        """From the first call to the end of the last."""
        return self.ends[-1]

    @property
    def refused(self) -> int:
        """How many requests the service refused for its limit."""
        return len(self.refused_at)

    @property
    def requests_per_success(self) -> float:
        """How many requests each successful call took; infinite where none succeeded."""
        successes = self.calls - self.failed
        return len(self.requests) / successes if successes else float("inf")


def forecast(policy: PolicyValues, plan: Plan, service: LimitedService, fleet: FleetSetup) -> Forecast:
    """
    Make calls of one operation under a policy, as a fleet does, and return what they came to.

    Args:
        policy: The policy. Its ledger and its store are left alone, and its rehearsals are left out.
        plan: Of the operation, with what its calls can do; its provider must be known.
        service: What the calls meet.
        fleet: How many calls.

    Raises:
        ValueError: The number of calls under way at a time is less than 1.
        EndlessError: No limit of the policy ends a call.
    """
    hangs = any(each.response.duration is None for each in service.script)
    if hangs and policy.limits.attempt_timeout is None and policy.limits.deadline is None:
        raise EndlessError("an attempt hangs, and no limit cuts it short; set limits.attempt_timeout or a deadline")
    return _Run(policy, plan, service, fleet).forecast()


class _Run:
    def __init__(self, policy: PolicyValues, plan: Plan, service: LimitedService, fleet: FleetSetup) -> None:
        self._plan = plan
        self._fleet = fleet
        self._service = service
        self._width = concurrency_of(fleet.concurrency, policy, plan.provider, plan.operation)
        self._scope: anyio.CancelScope | None = None
        chance = random.Random(fleet.seed)  # noqa: S311  # a rehearsal
        self._played = PlayedService(service, refusal_of(plan), chance, self._give_up)
        self._executor = BareExecutor(
            evolve(policy, ledger=None, state=None, chaos=type(policy.chaos)()),
            provider=plan.provider,
            credentials=self._credentials(),
            observers=(),
            draw=random.Random(fleet.seed + 1).random,  # noqa: S311  # likewise
            enabled=True,
        )
        self._reasons: dict[str, int] = {}
        self._ends: list[float] = []
        self._levels: list[tuple[float, float]] = []

    def forecast(self) -> Forecast:
        backend, options = virtual_backend("asyncio")
        anyio.run(self._main, backend=backend, backend_options=options)
        played = self._played
        if played.is_endless:
            raise EndlessError("no limit of the policy ends a call; set limits.deadline, or max of the action")
        return Forecast(
            calls=self._fleet.calls,
            failed=sum(self._reasons.values()),
            reasons=self._reasons,
            ends=tuple(self._ends),
            requests=tuple(played.arrivals),
            refused_at=tuple(played.refused_at),
            levels=tuple(self._levels),
            peak=most_within(played.arrivals, self._service.window),
            repeated=played.repeated,
            best=self._service.best_time(self._fleet.calls),
        )

    async def _main(self) -> None:
        plan, played = self._plan, self._played
        operation = described(plan.provider or "", plan.operation, policy=self._executor.policy)
        names = _fields(operation)
        sources = self._executor.target_factory.setting.sources

        async def send(*arguments: Any) -> None:
            for source in sources.values():
                source.current()
            self._note_level()
            await played.meet(arguments[-1], arguments[:-1])

        async def find(*arguments: Any) -> object:
            return DONE if await played.has(arguments[-1], arguments[:-1]) else None

        wrapped = self._executor.wrap(plan.operation, _with_parameters(send, names))
        if plan.can_verify:
            wrapped.verify(_with_parameters(find, names))
        form = _name_form(operation)
        bound = (wrapped.bind(*(form.format(number) for _ in names), number) for number in range(self._fleet.calls))
        with anyio.CancelScope() as scope:
            self._scope = scope
            async with OutcomeStream(bound, concurrency=self._width) as outcomes:
                async for outcome in outcomes:
                    self._ends.append(anyio.current_time())
                    if outcome.error is not None:
                        self._reasons[outcome.stop_reason] = self._reasons.get(outcome.stop_reason, 0) + 1

    def _give_up(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def _note_level(self) -> None:
        admission = self._executor.target_factory.setting.admissions.of(self._plan.provider)
        for change in () if admission is None else admission.take_changes():
            if not self._levels:
                self._levels.append((0.0, change.old))
            self._levels.append((anyio.current_time(), change.new))

    def _credentials(self) -> dict[str, Credentials[str]]:
        """Return a source for faults that ask for new credentials."""
        provider, latency = self._plan.provider, self._service.latency
        if provider is None or provider not in self._plan.credentials or not self._service.script:
            return {}

        async def load() -> str:
            await anyio.sleep(latency)
            return "credentials"

        return {provider: Credentials(load)}


def without_rates(policy: PolicyValues) -> PolicyValues:
    """Return a policy as if it declared no rates, to compare with."""
    return evolve(policy, rates={})


def most_within(instants: Sequence[float], length: float) -> int:
    """Return the most of these instants, in their order, that lie within any window of a length."""
    most, window = 0, deque[float]()
    for instant in instants:
        window.append(instant)
        while window[0] <= instant - length:
            window.popleft()
        most = max(most, len(window))
    return most


def refusal_of(plan: Plan) -> Fault:
    """Return what a provider refuses too many requests with: a code that the policy answers with another attempt."""
    for code, facts in catalogue(plan.provider).codes.items() if plan.provider in providers() else ():
        fault = Fault(provider=plan.provider, code=code, status=facts.status)
        rule = plan.rule(fault)
        if facts.class_ == "throttle" and rule is not None and rule.action.do == "retry":
            return fault
    return Fault(provider=plan.provider, status=429)


def _fields(operation: Operation) -> tuple[str, ...]:
    return operation.key or ("Name",)


def _name_form(operation: Operation) -> str:
    law = operation.law
    return next((each for each in _NAMES if law is None or law.is_legal(each.format(0))), _NAMES[0])


def _with_parameters(function: Callable[..., Any], fields: tuple[str, ...]) -> Callable[..., Any]:
    """Give a function the operation's fields for parameters, as a user's own has, and one for the number of a call."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in (*fields, "number_of_call")
    ]
    function.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]  # inspect's own protocol
    return function
