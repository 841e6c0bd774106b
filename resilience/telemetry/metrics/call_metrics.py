"""What one call adds to the metrics, from its first event to its last."""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen
from opentelemetry.util.types import AttributeValue

from resilience.core.decision import Decision, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallEnded,
    CallStarted,
    Event,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    VerifyEnded,
    Waited,
)
from resilience.core.policy import PolicyValues
from resilience.core.words.labels import GOOD_ENDS, answer, call_error_type, error_type
from resilience.telemetry import names
from resilience.telemetry.error_types import BoundedErrorTypes, ListedCodes
from resilience.telemetry.metrics.instruments import Instruments
from resilience.telemetry.sentences import is_unmatched

Attributes = dict[str, AttributeValue]

_NONE: Final[frozenset[str]] = frozenset()


@define(eq=False)
class Series:
    """
    The attributes of one operation's time series, each made once: a call that succeeds makes none.

    Attributes:
        operation: Of what is counted by operation alone.
        attempt: Of a first attempt that succeeded.
        success: Of a call that succeeded at once.
    """

    operation: Attributes
    attempt: Attributes = field(init=False)
    success: Attributes = field(init=False)
    _made: dict[tuple[tuple[str, str | None], ...], Attributes] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.attempt = self.of((names.ATTEMPT_TYPE, "original"))
        self.success = self.of((names.OUTCOME, "success"))

    def of(self, *more: tuple[str, str | None]) -> Attributes:
        """Return the operation's attributes and these; what is None is left out."""
        made = self._made.get(more)
        if made is None:
            made = self._made[more] = self.operation | {name: value for name, value in more if value is not None}
        return made


@frozen(eq=False)
class MetricsState:
    """What all calls that one observer watches are measured with."""

    instruments: Instruments
    listed: ListedCodes = field(factory=ListedCodes, init=False)
    bounded: BoundedErrorTypes = field(factory=BoundedErrorTypes, init=False)
    _series: dict[str, Series] = field(factory=dict, init=False)

    def begin(self, started: CallStarted) -> CallMetrics:
        """Count a call as under way, and return what measures it."""
        series = self._series.get(started.operation) or self._introduce(started.operation)
        self.instruments.operation_active.add(1, series.operation)
        return CallMetrics(self, series, started.policy)

    def _introduce(self, operation: str) -> Series:
        series = self._series[operation] = Series({names.OPERATION_NAME: operation})
        # A counter that is first seen with 1 has not increased, and an alert on its increase would never fire.
        self.instruments.operation_failures.add(0, series.operation)
        self.instruments.faults_unmatched.add(0, series.operation)
        return series


@define(eq=False)
class CallMetrics:
    """
    Measures one call: gets its events in order.

    Whatever the events are, a call counts as under way until its end, and ends once. An attempt
    or a remedy that is cancelled is not measured: it would look like a quick one.
    """

    _all: MetricsState
    _series: Series
    _policy: PolicyValues
    _error_type: str | None = field(default=None, init=False)
    _leads: str | None = field(default=None, init=False)
    _has_ended: bool = field(default=False, init=False)

    def __call__(self, event: Event) -> None:  # noqa: C901  # a branch for each event
        """Measure what happened; nothing is measured after the end."""
        if self._has_ended:
            return
        match event:
            case AttemptStarted():
                pass  # an attempt is measured when it is over
            case AttemptSucceeded():
                self._attempt_ended(event.number, event.duration, None)
            case CallEnded():
                self._call_ended(event)
            case AttemptFailed():
                self._attempt_failed(event)
            case AttemptAborted(error=str() as error):
                self._attempt_ended(event.number, event.duration, self._type_of(error))
            case Waited(gate=gate, duration=duration):
                waited = self._series.of((names.ADMISSION_GATE, gate))
                self._all.instruments.admission_duration.record(duration, waited)
            case Recalled():
                knew = self._series.of((names.LEDGER_ANSWER, event.answer))
                self._all.instruments.ledger_answers.add(1, knew)
            case RefreshStarted():
                # A call that waits for another call's refresh takes no time of the service.
                self._leads = event.provider if event.leads else None
            case RefreshEnded():
                self._refresh_ended(event)
            case VerifyEnded():
                self._verify_ended(event)

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
            attributes = series.of((names.ATTEMPT_TYPE, which), (names.ERROR_TYPE, failure))
        self._all.instruments.attempt_duration.record(duration, attributes)

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
        about = (names.VERIFY_ANSWER, answer(event)), (names.ERROR_TYPE, failure)
        self._all.instruments.verify_duration.record(event.duration, self._series.of(*about))
        self._decided(event.decision)

    def _decided(self, decision: Decision) -> None:
        action, instruments = decision.verb, self._all.instruments
        about = (names.ACTION, action), (names.ERROR_TYPE, self._error_type)
        instruments.decisions.add(1, self._series.of(*about))
        if decision.delay > 0 or isinstance(decision, Wait):
            instruments.retry_delay.record(decision.delay, self._series.of((names.ACTION, action)))

    def _call_ended(self, event: CallEnded) -> None:
        self._has_ended = True
        instruments, series = self._all.instruments, self._series
        # First of all: what else may go wrong here, the call is no longer under way.
        instruments.operation_active.add(-1, series.operation)
        attributes = series.success
        if event.ended not in GOOD_ENDS:
            instruments.operation_failures.add(1, series.operation)
            kind = self._bounded(call_error_type(event, self._listed()))
            attributes = series.of((names.OUTCOME, event.ended), (names.ERROR_TYPE, kind))
        elif event.ended != "success":
            attributes = series.of((names.OUTCOME, event.ended))
        instruments.operation_duration.record(event.duration, attributes)

    def _type_of(self, error: str) -> str:
        return self._bounded(error_type(None, error, _NONE))

    def _bounded(self, kind: str) -> str:
        return self._all.bounded.admit(kind, self._listed())

    def _listed(self) -> frozenset[str]:
        return self._all.listed.of(self._policy)
