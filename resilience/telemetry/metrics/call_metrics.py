"""Measure one call, from its first event to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from attrs import field, frozen

from resilience.core.decision import Decision, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptSucceeded,
    BreakerChanged,
    CallEnded,
    CallStarted,
    Event,
    RateAdapted,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    VerifyEnded,
    Waited,
)
from resilience.core.policy import PolicyValues
from resilience.core.words.labels import GOOD_ENDS, answer, call_error_type, error_type
from resilience.telemetry import names
from resilience.telemetry.attributes import Attributes, breaker_name
from resilience.telemetry.error_types import BoundedErrorTypes, ListedCodes
from resilience.telemetry.metrics.active import Active
from resilience.telemetry.metrics.instruments import Instruments
from resilience.telemetry.sentences import is_unmatched

_NONE: Final[frozenset[str]] = frozenset()


class Series:
    """
    The attributes of one operation's time series; each is made once, so that a successful call makes none.

    Attributes:
        active: The operation's calls under way.
        operation: The attributes of instruments that have the operation alone.
        attempt: The attributes of a first attempt that succeeded.
        success: The attributes of a call that succeeded at once.
    """

    def __init__(self, active: Active) -> None:
        self.active = active
        self.operation: Attributes = {names.OPERATION_NAME: active.operation}
        self._made: dict[tuple[str, str | None, str | None], Attributes] = {}
        self.attempt = self.of(names.ATTEMPT_TYPE, "original")
        self.success = self.of(names.OUTCOME, "success")

    def of(self, name: str, value: str | None, failure: str | None = None) -> Attributes:
        """Return the operation's attributes with another one and the error type, each unless it is None."""
        key = name, value, failure
        made = self._made.get(key)
        if made is None:
            more = {name: value, names.ERROR_TYPE: failure}
            made = self.operation | {name: value for name, value in more.items() if value is not None}
            self._made[key] = made
        return made


@frozen(eq=False)
class MetricsState:
    """The state that the measurements of all calls of one observer share."""

    instruments: Instruments
    listed: ListedCodes = field(factory=ListedCodes, init=False)
    bounded: BoundedErrorTypes = field(factory=BoundedErrorTypes, init=False)
    _series: dict[str, Series] = field(factory=dict, init=False)

    def begin(self, started: CallStarted) -> CallMetrics:
        """Count a call as under way, and return the function that measures it."""
        series = self._series.get(started.operation) or self._introduce(started.operation)
        series.active.begin()
        if started.shared is not None:
            self.instruments.levels.meet(started, started.shared())
        return CallMetrics(self, series, started.policy)

    def _introduce(self, operation: str) -> Series:
        series = self._series[operation] = Series(self.instruments.operation_active.of_operation(operation))
        # A counter that is first seen with 1 has not increased, and an alert on its increase would never fire.
        self.instruments.operation_failures.add(0, series.operation)
        self.instruments.faults_unmatched.add(0, series.operation)
        return series


class CallMetrics:
    """
    Measures one call; it receives the call's events in order.

    With any events, a call counts as under way until its end, and ends once. A cancelled attempt or remedy is not
    measured, because it would look like a quick one.
    """

    _error_type: str | None = None
    _leads: str | None = None
    _has_ended: bool = False

    def __init__(self, state: MetricsState, series: Series, policy: PolicyValues) -> None:
        self._all = state
        self._series = series
        self._policy = policy

    def __call__(self, event: Event) -> None:
        """Measure an event; events after the call's end are ignored."""
        measure = self._MEASURE.get(type(event))
        if measure is not None and not self._has_ended:
            measure(self, event)

    def _waited(self, event: Waited) -> None:
        waited = self._series.of(names.ADMISSION_GATE, event.gate)
        self._all.instruments.admission_duration.record(event.duration, waited)

    def _breaker_changed(self, event: BreakerChanged) -> None:
        change: Attributes = {names.BREAKER_NAME: breaker_name(event), names.BREAKER_STATE: event.new}
        self._all.instruments.breaker_changes.add(1, change)

    def _rate_adapted(self, event: RateAdapted) -> None:
        change = event.change
        attributes: Attributes = {
            names.RATE_PROVIDER: event.provider,
            names.RATE_OPERATION: change.operation,
            names.RATE_DIRECTION: "up" if change.new > change.old else "down",
        }
        self._all.instruments.rate_adaptations.add(1, attributes)

    def _recalled(self, event: Recalled) -> None:
        self._all.instruments.ledger_answers.add(1, self._series.of(names.LEDGER_ANSWER, event.answer))

    def _attempt_succeeded(self, event: AttemptSucceeded) -> None:
        self._attempt_ended(event.number, event.duration, None)

    def _attempt_aborted(self, event: AttemptAborted) -> None:
        if event.error is not None:
            self._attempt_ended(event.number, event.duration, self._type_of(event.error))

    def _attempt_failed(self, event: AttemptFailed) -> None:
        kind = self._error_type = self._bounded(error_type(event.fault, None, self._listed()))
        self._attempt_ended(event.number, event.duration, kind)
        if is_unmatched(event.fault, event.decision):
            self._all.instruments.faults_unmatched.add(1, self._series.operation)
        self._decided(event.decision)

    def _attempt_ended(self, number: int, duration: float, failure: str | None) -> None:
        series = self._series
        if failure is None and number == 1:
            attributes = series.attempt
        else:
            which = "original" if number == 1 else "retry"
            attributes = series.of(names.ATTEMPT_TYPE, which, failure)
        self._all.instruments.attempt_duration.record(duration, attributes)

    def _refresh_started(self, event: RefreshStarted) -> None:
        # A call that waits for another call's refresh makes no request itself.
        self._leads = event.provider if event.leads else None

    def _refresh_ended(self, event: RefreshEnded) -> None:
        provider, self._leads = self._leads, None
        if provider is None or event.cancelled:
            return
        attributes: Attributes = {names.CREDENTIAL_PROVIDER: provider}
        if event.error is not None:
            attributes[names.ERROR_TYPE] = self._type_of(event.error)
        self._all.instruments.refresh_duration.record(event.duration, attributes)

    def _verify_ended(self, event: VerifyEnded) -> None:
        if event.decision is None:
            return
        failure = None if event.error is None else self._type_of(event.error)
        about = self._series.of(names.VERIFY_ANSWER, answer(event), failure)
        self._all.instruments.verify_duration.record(event.duration, about)
        self._decided(event.decision)

    def _decided(self, decision: Decision) -> None:
        action, instruments = decision.verb, self._all.instruments
        instruments.decisions.add(1, self._series.of(names.ACTION, action, self._error_type))
        if decision.delay > 0 or isinstance(decision, Wait):
            instruments.retry_delay.record(decision.delay, self._series.of(names.ACTION, action))

    def _call_ended(self, event: CallEnded) -> None:
        self._has_ended = True
        instruments, series = self._all.instruments, self._series
        # This comes first, so that an error below leaves the number right.
        series.active.end()
        attributes = series.success
        if event.ended not in GOOD_ENDS:
            instruments.operation_failures.add(1, series.operation)
            kind = self._bounded(call_error_type(event, self._listed()))
            attributes = series.of(names.OUTCOME, event.ended, kind)
        elif event.ended != "success":
            attributes = series.of(names.OUTCOME, event.ended)
        instruments.operation_duration.record(event.duration, attributes)

    def _type_of(self, error: str) -> str:
        return self._bounded(error_type(None, error, _NONE))

    def _bounded(self, kind: str) -> str:
        return self._all.bounded.admit(kind, self._listed())

    def _listed(self) -> frozenset[str]:
        return self._all.listed.of(self._policy)

    # A look-up costs less than comparing an event with each class in turn. Other events are not measured: an attempt is
    # measured at its end.
    _MEASURE: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        AttemptSucceeded: _attempt_succeeded,
        AttemptFailed: _attempt_failed,
        AttemptAborted: _attempt_aborted,
        Waited: _waited,
        BreakerChanged: _breaker_changed,
        RateAdapted: _rate_adapted,
        Recalled: _recalled,
        RefreshStarted: _refresh_started,
        RefreshEnded: _refresh_ended,
        VerifyEnded: _verify_ended,
        CallEnded: _call_ended,
    }
