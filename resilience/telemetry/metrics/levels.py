"""
The last known states of breakers and budgets; the SDK reads them when it collects metrics.

A breaker that opens tells of it once, and so does one that closes. Between these a reader still gets its state.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from attrs import define, field
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from resilience.core.events import BreakerChanged, RetryPaid
from resilience.telemetry import names
from resilience.telemetry.attributes import breaker_name


@define(eq=False)
class SharedLevels:
    """The states of the breakers and budgets of one meter; where two executors share a name, the last one counts."""

    _open: dict[str, int] = field(factory=dict)
    _retries: dict[str, int] = field(factory=dict)
    _lock: Lock = field(factory=Lock)

    @classmethod
    def of(cls, meter: Meter) -> SharedLevels:
        """Return the one object of a meter; a meter asks only the first of several for an instrument of one name."""
        with _registering:
            levels = _registered.get(meter)
            if levels is None:
                levels = _registered[meter] = cls()
                meter.create_observable_up_down_counter(
                    names.BREAKER_OPEN,
                    [levels.observe_breakers],
                    unit="{breaker}",
                    description="Breakers that are open or half-open.",
                )
                meter.create_observable_up_down_counter(
                    names.BUDGET_RETRIES,
                    [levels.observe_budgets],
                    unit="{retry}",
                    description="Retries that budgets had left when they paid for one.",
                )
        return levels

    def changed(self, event: BreakerChanged) -> None:
        """Note the state of a breaker."""
        with self._lock:
            self._open[breaker_name(event)] = int(event.new != "closed")

    def paid(self, event: RetryPaid) -> None:
        """Note what a budget has left."""
        with self._lock:
            self._retries[event.provider] = event.retries_left

    def observe_breakers(self, _: CallbackOptions) -> Iterable[Observation]:
        """Return 1 for each breaker that is not closed, and 0 for each that is closed again."""
        with self._lock:
            known = list(self._open.items())
        return [Observation(is_open, {names.BREAKER_NAME: name}) for name, is_open in known]

    def observe_budgets(self, _: CallbackOptions) -> Iterable[Observation]:
        """Return the retries that each budget had left."""
        with self._lock:
            known = list(self._retries.items())
        return [Observation(left, {names.BUDGET_PROVIDER: provider}) for provider, left in known]


# Two observers may share a meter; the reference to the meter is weak, as that of the calls under way.
_registered: Final[WeakKeyDictionary[Meter, SharedLevels]] = WeakKeyDictionary()
_registering: Final = Lock()
