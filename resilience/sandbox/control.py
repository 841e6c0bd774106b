"""A small HTTP door under ``/_sandbox/``, so that another process can script the sandbox and read its log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import asdict

from resilience.sandbox.exchange import Reply, Request

if TYPE_CHECKING:
    from resilience.sandbox.sandbox import Sandbox

CONTROL = "/_sandbox/"


def control(sandbox: Sandbox, request: Request) -> Reply:
    """
    Answer a request to the door: JSON in, JSON out.

    ``GET calls``, ``state``, ``faults``; ``POST fault`` (the arguments of ``Sandbox.fault``), ``script``
    (``{"operation", "script"}``), ``chaos`` (the arguments of ``Sandbox.chaos``), ``expire`` (all temporary keys),
    ``settle``, ``clear`` (all faults). Unlike the calls, the state is not masked: it holds what the callers sent.
    """
    what = f"{request.method} {request.path.removeprefix(CONTROL)}"
    try:
        said = json.loads(request.body) if request.body else {}
        found = _obey(sandbox, what, **said)
    except (ValueError, TypeError) as error:
        return _reply(400, {"error": str(error)})
    if found is None:
        return _reply(404, {"error": f"unknown: {what}; expected {', '.join(_WORDS)}"})
    return _reply(200, found)


_WORDS = (
    "GET calls",
    "GET state",
    "GET faults",
    "POST fault",
    "POST script",
    "POST chaos",
    "POST expire",
    "POST settle",
    "POST clear",
)


def _obey(sandbox: Sandbox, what: str, **said: Any) -> Any:
    match what:
        case "GET calls":
            return [call.as_dict() for call in sandbox.calls]
        case "GET state":
            return {service.provider: service.state() for service in sandbox.services}
        case "GET faults":
            return [_plain(fault) for fault in sandbox.pending_faults]
        case "POST fault":
            return _plain(sandbox.fault(**said))
        case "POST script":
            return [_plain(fault) for fault in sandbox.script(**said)]
        case "POST chaos":
            sandbox.chaos(**said)
            return {}
        case "POST expire":
            return {service.provider: service.expire_tokens() for service in sandbox.services}
        case "POST settle":
            return {"settled": sandbox.settle()}
        case "POST clear":
            sandbox.clear_faults()
            return {}
    return None


def _plain(fault: Any) -> dict[str, Any]:
    return {**asdict(fault), "body": fault.body.decode(errors="replace")}


def _reply(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})
