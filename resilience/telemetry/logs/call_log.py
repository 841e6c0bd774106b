"""Log one call, from its first event to its last."""

from __future__ import annotations

import logging
from typing import Final

from attrs import define, field, frozen
from opentelemetry.util.types import AttributeValue

from resilience.core.decision import Decision
from resilience.core.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    BreakerChanged,
    CallEnded,
    CallStarted,
    Event,
    FaultInjected,
    RateAdapted,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.fault import Fault
from resilience.core.policy import Rule
from resilience.core.words.labels import GOOD_ENDS, answer, call_error_type, cleaned, error_type
from resilience.telemetry import names
from resilience.telemetry.attributes import (
    Attributes,
    adapted_attributes,
    breaker_attributes,
    breaker_name,
    decision_attributes,
    fault_attributes,
    rename_attributes,
    rule_attributes,
)
from resilience.telemetry.error_types import ListedCodes
from resilience.telemetry.sentences import counted, description, is_unmatched

_EARLIER: Final = {"done": "an earlier run has done it", "unfinished": "an earlier run began it and never finished"}

# A service has some hundred codes. If a service makes up a code for each answer, memory and logs must not fill.
_MOST_GAPS: Final = 256


@frozen(eq=False)
class LogState:
    """The state that the logs of all calls of one observer share: the logger, and the gaps that it has reported."""

    log: logging.Logger
    listed: ListedCodes = field(factory=ListedCodes, init=False)
    show_names: bool = field(kw_only=True)
    _gaps: set[tuple[str, str]] = field(factory=set, init=False)

    def is_news(self, policy: str, label: str) -> bool:
        """Tell whether a policy's missing rule for a fault has not been reported yet; remember it."""
        gap = policy, label
        if gap in self._gaps or len(self._gaps) >= _MOST_GAPS:
            return False
        self._gaps.add(gap)
        return True


@define(eq=False)
class CallLogger:
    """Logs one call; it receives the call's events in order, in the task of the call."""

    _started: CallStarted
    _state: LogState
    _number: int = field(default=0, init=False)
    _fault: Fault | None = field(default=None, init=False)
    _leads: str | None = field(default=None, init=False)

    def __call__(self, event: Event) -> None:  # noqa: C901  # a branch for each event
        """Log an event, if it deserves a record."""
        match event:
            case AttemptStarted() | VerifyStarted():
                self._number = event.number
            case AttemptSucceeded():
                pass  # CallEnded follows
            case AttemptFailed():
                self._attempt_failed(event)
            case CallEnded():
                self._call_ended(event)
            case FaultInjected():
                self._injected(event)
            case RefreshStarted():
                self._refresh_started(event)
            case RefreshEnded():
                self._refresh_ended(event)
            case VerifyEnded():
                self._verify_ended(event)
            case Recalled():
                self._recalled(event)
            case ResourceRenamed():
                self._renamed(event)
            case BreakerChanged():
                self._breaker_changed(event)
            case RateAdapted():
                self._rate_adapted(event)

    def _rate_adapted(self, event: RateAdapted) -> None:
        change = event.change
        refused = f"{change.refused} of {change.answered} requests were throttled"
        sentence = "%s is sent at %.3g/s now, and not at %.3g/s, because %s"
        words = change.operation, change.new, change.old, refused if change.refused else "none was throttled"
        self._log(logging.INFO, names.RATE_ADAPTED, adapted_attributes(event), sentence, *words)

    def _breaker_changed(self, event: BreakerChanged) -> None:
        attributes = breaker_attributes(event)
        why = f", because {event.failures} of {event.results} attempts failed" if event.results else ""
        hand = " by hand" if event.by_hand else ""
        shadow = ", and refuses nothing, because it is a shadow" if event.is_shadow and event.new != "closed" else ""
        level = logging.WARNING if event.new == "open" else logging.INFO
        sentence = "the breaker of %s is %s%s now%s%s"
        words = breaker_name(event), event.new.replace("_", "-"), hand, why, shadow
        self._log(level, names.BREAKER_CHANGED, attributes, sentence, *words)

    def _recalled(self, event: Recalled) -> None:
        if event.answer == "new":
            return
        attributes: Attributes = {names.LEDGER_ANSWER: event.answer, names.LEDGER_WAITED: event.waited}
        sentence = "the ledger says: %s"
        self._log(logging.INFO, names.LEDGER_ANSWERED, attributes, sentence, _EARLIER[event.answer])

    def _attempt_failed(self, event: AttemptFailed) -> None:
        fault, decision = event.fault, event.decision
        self._fault = fault
        if is_unmatched(fault, decision):
            self._rule_missing(fault, decision)
        if not decision.leads_on or not self._listens(logging.INFO):
            return  # CallEnded follows
        attributes = fault_attributes(fault) | decision_attributes(decision)
        attributes[names.ATTEMPT_NUMBER] = event.number
        attributes[names.EFFECT] = event.effect
        if event.cut:
            attributes[names.ATTEMPT_CUT] = True
        sentence = "attempt %d failed (%s); %s"
        self._log(
            logging.INFO, names.ATTEMPT_FAILED, attributes, sentence, event.number, _facts(fault), _next(decision)
        )

    def _rule_missing(self, fault: Fault, decision: Decision) -> None:
        policy, label = self._started.policy, _label(fault)
        if not self._state.is_news(policy.name, label):
            return
        sentence = "no rule of policy %s is for %s; %s. This is logged once"
        instead = f"unknown faults: {policy.unknown.do}" if decision.rule is None else f"its status: {_next(decision)}"
        attributes = fault_attributes(fault) | {names.POLICY_NAME: policy.name, names.ACTION: decision.verb}
        self._log(logging.WARNING, names.RULE_MISSING, attributes, sentence, policy.name, label, instead)

    def _injected(self, event: FaultInjected) -> None:
        injection = event.injection
        attributes: Attributes = {
            names.ATTEMPT_NUMBER: event.number,
            names.CHAOS_ID: injection.id,
            names.CHAOS_APPLIED: injection.applied,
        }
        when = "after the real call" if injection.applied else "instead of the real call"
        sentence = "attempt %d fails on purpose, %s, by chaos.%s"
        self._log(logging.INFO, names.CHAOS_INJECTED, attributes, sentence, event.number, when, injection.id)

    def _refresh_started(self, event: RefreshStarted) -> None:
        self._leads = event.provider if event.leads else None
        attributes: Attributes = {
            names.CREDENTIAL_PROVIDER: event.provider,
            names.CREDENTIAL_LEADS: event.leads,
            names.ATTEMPT_NUMBER: event.number,
        }
        sentence = "gets new credentials of %s" if event.leads else "waits for new credentials of %s"
        self._log(logging.DEBUG, names.CREDENTIAL_REFRESH, attributes, sentence, event.provider)

    def _refresh_ended(self, event: RefreshEnded) -> None:
        provider, self._leads = self._leads, None
        if provider is None or event.cancelled:
            return
        attributes: Attributes = {names.CREDENTIAL_PROVIDER: provider}
        if event.error is None:
            self._log(logging.DEBUG, names.CREDENTIAL_REFRESHED, attributes, "has new credentials of %s", provider)
            return
        kind = attributes[names.ERROR_TYPE] = error_type(None, event.error, frozenset())
        sentence = "got no new credentials of %s (%s)"
        self._log(logging.INFO, names.CREDENTIAL_REFRESH_FAILED, attributes, sentence, provider, kind)

    def _verify_ended(self, event: VerifyEnded) -> None:
        decision = event.decision
        if decision is None or not self._listens(logging.INFO):
            return
        answered = answer(event)
        attributes = decision_attributes(decision)
        attributes |= {names.ATTEMPT_NUMBER: self._number, names.VERIFY_ANSWER: answered}
        sentence = "the verifier of attempt %d: %s; %s"
        words = answered.replace("_", " ")
        self._log(logging.INFO, names.VERIFY_ANSWERED, attributes, sentence, self._number, words, _next(decision))

    def _renamed(self, event: ResourceRenamed) -> None:
        attributes = rename_attributes(event.field, event.new, show_name=self._state.show_names)
        sentence = "another %s is tried: %s"
        shown = attributes.get(names.INPUT_NAME, "its name is not shown")
        self._log(logging.INFO, names.INPUT_RENAMED, attributes, sentence, event.field, shown)

    def _call_ended(self, event: CallEnded) -> None:
        if event.ended == "success":
            return
        attributes: Attributes = {names.ATTEMPT_COUNT: event.attempts, names.DELAY_TOTAL: event.waited}
        if event.ended is not None:
            attributes[names.OUTCOME] = event.ended
        if event.stop_reason is not None:
            attributes[names.STOP_REASON] = event.stop_reason
        made = counted(event.attempts)
        if event.ended not in GOOD_ENDS:
            self._failed(event, attributes)
        elif event.ended == "accepted":
            self._accepted(event, attributes)
        elif event.ended == "cancelled":
            self._log(logging.DEBUG, names.OPERATION_CANCELLED, attributes, "cancelled after %s", made)
        else:
            sentence = "succeeded after %s, %.3g s of them waits"
            self._log(logging.INFO, names.OPERATION_RECOVERED, attributes, sentence, made, event.waited)

    def _accepted(self, event: CallEnded, attributes: Attributes) -> None:
        if not self._listens(logging.INFO):
            return
        attributes[names.VERIFIED] = bool(event.verified)
        attributes |= rule_attributes(event.rule)
        if self._fault is not None:
            attributes |= fault_attributes(self._fault)
        verification = "it was verified" if event.verified else "it was not verified"
        what = "done by an earlier run" if self._fault is None else _facts(self._fault)
        sentence = "accepted (%s); %s%s"
        self._log(logging.INFO, names.OPERATION_ACCEPTED, attributes, sentence, what, verification, _by(event.rule))

    def _failed(self, event: CallEnded, attributes: Attributes) -> None:
        kind = attributes[names.ERROR_TYPE] = call_error_type(event, self._state.listed.of(self._started.policy))
        attributes |= rule_attributes(event.rule)
        last = kind
        if event.fault is not None:
            attributes |= fault_attributes(event.fault)
            last = _facts(event.fault)
        # The call inside has logged the failure as a warning already.
        level = logging.INFO if event.stop_reason == "inner" else logging.WARNING
        sentence = "failed: %s (%s)%s%s"
        why = "" if event.advice is None else f"; {event.advice}"
        self._log(level, names.OPERATION_FAILED, attributes, sentence, description(event), last, _by(event.rule), why)

    def _listens(self, level: int) -> bool:
        return self._state.log.isEnabledFor(level)

    def _log(self, level: int, name: str, attributes: Attributes, sentence: str, *words: AttributeValue) -> None:
        """Write one record: a sentence for people, and attributes for machines."""
        operation = self._started.operation
        fields = {names.EVENT_NAME: name, names.OPERATION_NAME: operation} | attributes
        self._state.log.log(level, f"%s: {sentence}", operation, *words, extra=fields)  # noqa: G004  # our own format


def _label(fault: Fault) -> str:
    """Return the name of a fault: its code, its status, its kind of transport fault, or the exception's class."""
    if fault.code is not None:
        return cleaned(fault.code) or "an unreadable code"
    if fault.status is not None:
        return f"http-{fault.status}"
    return fault.transport or error_type(fault, None, frozenset())


def _facts(fault: Fault) -> str:
    """Return a fault in a few words: name, HTTP status and request id."""
    facts = [_label(fault)]
    if fault.code is not None and fault.status is not None:
        facts.append(f"http {fault.status}")
    request_id = cleaned(fault.request_id)
    if request_id is not None:
        facts.append(f"request {request_id}")
    return ", ".join(facts)


def _next(decision: Decision) -> str:
    """Return the action that follows, its delay and its rule."""
    delay = f" in {decision.delay:.3g} s" if decision.delay > 0 else ""
    return f"{decision.verb}{delay}{_by(decision.rule)}"


def _by(rule: Rule | None) -> str:
    if rule is None:
        return ""
    origin = rule.origin
    return f", by {rule.id}" if origin is None else f", by {rule.id} at {origin.file}:{origin.line}"
