"""HTTP commands under ``/_sandbox/``, with which another process scripts the sandbox and reads its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from resilience.sandbox.exchange import HttpRequest, Reply

CONTROL = "/_sandbox/"


def control(commands: Mapping[str, Callable[..., Any]], request: HttpRequest) -> Reply:
    """
    Answer a command; request and answer are JSON.

    Args:
        commands: The function of each method and name, such as ``POST fault``; it gets the fields of the body as
            keyword arguments. The answer to None is ``{}``.
        request: A request whose body is a JSON object, or empty.
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
