"""
What the shared limits of executors are at present; the SDK reads them when it collects metrics.

The limits are read and not told: a call would have to measure each change of them. An executor that is gone takes its
limits with it. Where several executors have a limit of one name, their numbers are added up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, Final, get_args
from weakref import WeakKeyDictionary

from attrs import define, field
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker, BreakerState
from resilience.core.admission.budget import RetryBudget
from resilience.core.admission.levels import AdmissionLevels, RateLevel
from resilience.core.events import CallStarted, LimitsInForce
from resilience.telemetry import names

_STATES: Final[tuple[BreakerState, ...]] = get_args(BreakerState)

SeriesKey = tuple[tuple[str, str | bool], ...]
"""The attributes of a series."""

Values = Iterable[tuple[SeriesKey, float]]


@define(eq=False)
class SharedLevels:
    """The shared limits that calls of one meter have met."""

    _admissions: WeakKeyDictionary[Admission, str] = field(factory=WeakKeyDictionary)
    _breakers: WeakKeyDictionary[Breaker, str] = field(factory=WeakKeyDictionary)
    _budgets: WeakKeyDictionary[RetryBudget, str] = field(factory=WeakKeyDictionary)
    _process: int = field(factory=os.getpid)
    _lock: Lock = field(factory=Lock)

    @classmethod
    def of(cls, meter: Meter) -> SharedLevels:
        """Return the one object of a meter; a meter asks only the first of several for an instrument of one name."""
        with _registering:
            levels = _registered.get(meter)
            if levels is None:
                levels = _registered[meter] = cls()
                levels._register(meter)
        return levels

    def meet(self, started: CallStarted, shared: LimitsInForce) -> None:
        """Note the limits of a call."""
        if self._process != os.getpid():
            # What was copied into a forked process is used no more, or is met there again.
            self._admissions, self._breakers = WeakKeyDictionary(), WeakKeyDictionary()
            self._budgets = WeakKeyDictionary()
            self._process, self._lock = os.getpid(), Lock()
        provider = started.provider or ""
        with self._lock:
            if shared.admission is not None:
                self._admissions[shared.admission] = provider
            if shared.breaker is not None:
                is_per_operation = shared.breaker.limits.per == "operation"
                self._breakers[shared.breaker] = f"{provider}:{started.operation}" if is_per_operation else provider
            if shared.budget is not None:
                self._budgets[shared.budget] = provider

    def _register(self, meter: Meter) -> None:
        read: Mapping[str, tuple[str, str, Callable[[], Values]]] = {
            names.RATE_LIMIT: ("{request}/s", "Requests per second that are sent at most.", self._limits),
            names.RATE_DECLARED: ("{request}/s", "Requests per second that the policy declares.", self._declared),
            names.CONCURRENCY_LIMIT: ("{attempt}", "Attempts that are under way at most.", self._concurrency),
            names.ATTEMPT_ACTIVE: ("{attempt}", "Attempts under way, where calls share limits.", self._under_way),
            names.ADMISSION_WAITING: ("{operation}", "Calls that wait for their turn.", self._waiting),
            names.BREAKER_STATE: ("{breaker}", "Breakers in each state.", self._states),
            names.BUDGET_RETRIES: ("{retry}", "Retries that budgets have left.", self._retries),
        }
        for name, (unit, description, values) in read.items():
            meter.create_observable_up_down_counter(name, [_observing(values)], unit=unit, description=description)

    def _levels(self) -> Iterator[tuple[str, AdmissionLevels]]:
        for admission, provider in self._known(self._admissions):
            yield provider, admission.levels()

    def _limits(self) -> Values:
        for provider, levels in self._levels():
            for rate in levels.rates:
                yield _rate_key(provider, rate, is_shared=levels.is_shared), rate.per_second

    def _declared(self) -> Values:
        for provider, levels in self._levels():
            for rate in levels.rates:
                if rate.declared is not None:
                    yield _rate_key(provider, rate, is_shared=levels.is_shared), rate.declared

    def _concurrency(self) -> Values:
        for provider, levels in self._levels():
            if levels.concurrency is not None:
                yield ((names.RATE_PROVIDER, provider),), levels.concurrency

    def _under_way(self) -> Values:
        for provider, levels in self._levels():
            yield ((names.RATE_PROVIDER, provider),), levels.under_way

    def _waiting(self) -> Values:
        for _, levels in self._levels():
            for operation, count in levels.waiting.items():
                yield ((names.OPERATION_NAME, operation),), count

    def _states(self) -> Values:
        for breaker, name in self._known(self._breakers):
            state = breaker.state
            for each in _STATES:
                yield ((names.BREAKER_NAME, name), (names.BREAKER_STATE, each)), int(each == state)

    def _retries(self) -> Values:
        for budget, provider in self._known(self._budgets):
            yield ((names.BUDGET_PROVIDER, provider),), budget.retries_left(None)

    def _known(self, known: WeakKeyDictionary[Any, str]) -> list[tuple[Any, str]]:
        with self._lock:
            return list(known.items())


def _rate_key(provider: str, rate: RateLevel, *, is_shared: bool) -> SeriesKey:
    key: SeriesKey = ((names.RATE_PROVIDER, provider), (names.RATE_SCOPE, rate.scope), (names.RATE_SHARED, is_shared))
    return key if rate.operation is None else (*key, (names.RATE_OPERATION, rate.operation))


def _observing(values: Callable[[], Values]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        sums: dict[SeriesKey, float] = {}
        for key, value in values():
            sums[key] = sums.get(key, 0) + value
        return [Observation(value, dict(key)) for key, value in sums.items()]

    return observe


# Two observers may share a meter; the reference to the meter is weak, as that of the calls under way.
_registered: Final[WeakKeyDictionary[Meter, SharedLevels]] = WeakKeyDictionary()
_registering: Final = Lock()
