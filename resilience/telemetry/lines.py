"""What the journal says of each event, as the inside of a JSON object; :mod:`resilience.telemetry.journal` lists it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Decision, Fail
from resilience.core.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallEnded,
    CallStarted,
    Event,
    FaultInjected,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    Renamed,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.fault import Fault
from resilience.telemetry import names
from resilience.telemetry.attributes import decision_attributes
from resilience.telemetry.labels import GOOD_ENDS, answer, call_error_type, cleaned

# json.dumps() would make a new encoder each time.
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_CLASS: Final = re.compile(r"[\w.<>]{1,128}")


@frozen
class Wording:
    """
    What the words for an event depend on besides the event.

    Attributes:
        listed: The codes that the policy lists.
        show_names: Whether the names of a rename are told.
    """

    listed: frozenset[str]
    show_names: bool


def heading(started: CallStarted) -> str:
    """Return what is known of a call when it begins."""
    policy = started.policy
    return _inside(
        {
            "operation": started.operation,
            "provider": started.provider,
            "policy": policy.name,
            "hash": policy.digest or None,
            "env": policy.env,
        }
    )


def told(event: Event, wording: Wording) -> tuple[str, str] | None:
    """Return the name of an event's record and its fields; None for an event that the format has no word for."""
    known = _RECORDS.get(type(event))
    return None if known is None else (known[0], known[1](event, wording))


def _inside(fields: Mapping[str, Any]) -> str:
    """Return fields as the inside of a JSON object, without those that are None."""
    known = {name: value for name, value in fields.items() if value is not None}
    return _encode(known)[1:-1]


def _recalled(event: Recalled, _: Wording) -> str:
    return f'"answer":"{event.answer}","waited":{event.waited:.6f}'


def _attempt_started(event: AttemptStarted, _: Wording) -> str:
    return f'"number":{event.number}'


def _attempt_succeeded(event: AttemptSucceeded, _: Wording) -> str:
    return f'"number":{event.number},"duration":{event.duration:.6f}'


def _fault_injected(event: FaultInjected, _: Wording) -> str:
    return _inside({"number": event.number, "chaos": event.injection.id, "applied": event.injection.applied})


def _attempt_failed(event: AttemptFailed, _: Wording) -> str:
    return _inside(
        {
            "number": event.number,
            "duration": round(event.duration, 6),
            "cut": event.cut or None,
            "fault": _fault(event.fault),
            "effect": event.effect,
            "condition": event.condition,
            "decision": _decision(event.decision),
        }
    )


def _attempt_aborted(event: AttemptAborted, _: Wording) -> str:
    return _inside({"number": event.number, "duration": round(event.duration, 6), "error": _class(event.error)})


def _refresh_started(event: RefreshStarted, _: Wording) -> str:
    return _inside({"number": event.number, "provider": event.provider, "leads": event.leads})


def _refresh_ended(event: RefreshEnded, _: Wording) -> str:
    return _inside(
        {
            "duration": round(event.duration, 6),
            "error": _class(event.error),
            "cancelled": event.cancelled or None,
        }
    )


def _verify_started(event: VerifyStarted, _: Wording) -> str:
    return f'"number":{event.number}'


def _verify_ended(event: VerifyEnded, _: Wording) -> str:
    return _inside(
        {
            "duration": round(event.duration, 6),
            "answer": answer(event),
            "error": _class(event.error),
            "decision": None if event.decision is None else _decision(event.decision),
        }
    )


def _renamed(event: Renamed, wording: Wording) -> str:
    old, new = (cleaned(event.old), cleaned(event.new)) if wording.show_names else (None, None)
    return _inside({"field": event.field, "old": old, "new": new})


def _call_ended(event: CallEnded, wording: Wording) -> str:
    counted = f'"attempts":{event.attempts},"waited":{event.waited:.6f},"duration":{event.duration:.6f}'
    if event.ended == "success":
        return f'"ended":"success","stop_reason":"success",{counted}'
    said = {
        "ended": event.ended,
        "stop_reason": event.stop_reason,
        "verified": bool(event.verified) if event.ended == "accepted" else None,
        "error_type": None if event.ended in GOOD_ENDS else call_error_type(event, wording.listed),
    }
    return f"{counted},{_inside(said)}" if any(value is not None for value in said.values()) else counted


def _fault(fault: Fault) -> dict[str, Any]:
    hint = fault.retry_after
    said = {
        "provider": fault.provider,
        "code": cleaned(fault.code),
        "transport": fault.transport,
        "status": fault.status,
        "request_id": cleaned(fault.request_id),
        "retry_after": hint if hint is not None and math.isfinite(hint) else None,
        "effect": fault.effect,
        "error": _class(fault.error),
    }
    return {name: value for name, value in said.items() if value is not None}


def _decision(decision: Decision) -> dict[str, Any]:
    known = decision_attributes(decision)
    said: dict[str, Any] = {
        "action": known[names.ACTION],
        "rule": known.get(names.RULE_ID),
        "origin": known.get(names.RULE_ORIGIN),
        "name": None if decision.action is None else decision.action.key,
    }
    match decision:
        case Fail(reason=reason):
            said["stop_reason"] = reason
        case Accept(verified=verified, dry_run=dry_run):
            said["verified"] = verified
            said["dry_run"] = dry_run or None
        case _:
            said["delay"] = round(decision.delay, 6)
            backoff = None if decision.action is None else decision.action.backoff
            said["backoff"] = None if backoff is None else _backoff(backoff)
    return {name: value for name, value in said.items() if value is not None}


def _backoff(backoff: Backoff) -> dict[str, Any]:
    return {
        "kind": backoff.kind,
        "base": backoff.base,
        "factor": backoff.factor,
        "cap": backoff.cap,
        "jitter": backoff.jitter,
        "server_hint": backoff.server_hint,
        **({"delays": backoff.delays} if backoff.delays else {}),
    }


def _class(name: str | None) -> str | None:
    """Return the name of a class, or None for what does not look like one."""
    return name if name is not None and _CLASS.fullmatch(name) else None


_RECORDS: Final[Mapping[type, tuple[str, Callable[[Any, Wording], str]]]] = {
    Recalled: ("recalled", _recalled),
    AttemptStarted: ("attempt_started", _attempt_started),
    AttemptSucceeded: ("attempt_succeeded", _attempt_succeeded),
    FaultInjected: ("fault_injected", _fault_injected),
    AttemptFailed: ("attempt_failed", _attempt_failed),
    AttemptAborted: ("attempt_aborted", _attempt_aborted),
    RefreshStarted: ("refresh_started", _refresh_started),
    RefreshEnded: ("refresh_ended", _refresh_ended),
    VerifyStarted: ("verify_started", _verify_started),
    VerifyEnded: ("verify_ended", _verify_ended),
    Renamed: ("renamed", _renamed),
    CallEnded: ("call_ended", _call_ended),
}
