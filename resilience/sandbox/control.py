"""A small HTTP door under ``/_sandbox/``, so that another process can script the sandbox and read its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from resilience.sandbox.exchange import HttpRequest, Reply

CONTROL = "/_sandbox/"


def control(commands: Mapping[str, Callable[..., Any]], request: HttpRequest) -> Reply:
    """
    Answer a request to the door: JSON in, JSON out.

    Args:
        commands: What a method and a name call, such as ``POST fault``; it takes what the body says by name. None is
            answered with ``{}``.
        request: Its body is a JSON object, or empty.
    """
    command = f"{request.method} {request.path.removeprefix(CONTROL)}"
    try:
        arguments = json.loads(request.body) if request.body else {}
        if command not in commands:
            return _reply(404, {"error": f"unknown: {command}; expected {', '.join(commands)}"})
        answer = commands[command](**arguments)
    except (ValueError, TypeError) as error:
        return _reply(400, {"error": str(error)})
    return _reply(200, {} if answer is None else answer)


def _reply(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})
