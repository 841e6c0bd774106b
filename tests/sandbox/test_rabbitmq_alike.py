"""A real RabbitMQ and the one that the sandbox plays answer the same requests alike."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import httpx
from rabbitmq_requests import ALL, Request
from servers.rabbitmq import RabbitMqServer

from resilience.catalog import catalogue
from resilience.sandbox import Sandbox
from resilience.sandbox.rest import named

pytest_plugins = ("servers.fixtures", "sandbox_fixtures")

# What a server knows of itself, and what another server cannot know.
OWN = {"password_hash"}


def answers(url: str, user: tuple[str, str], requests: Sequence[Request]) -> list[tuple[int, Any, str | None]]:
    """Return status, body and place of each answer."""
    found = []
    # A connection for each: the real server closes one when it has refused a request before it has read its body.
    with httpx.Client(base_url=url, headers={"Connection": "close"}, trust_env=False, timeout=20) as client:
        for asked in requests:
            auth = user if asked.user is None else (asked.user, "pw")
            content = asked.body if isinstance(asked.body, bytes | None) else json.dumps(asked.body).encode()
            headers = {} if content is None else {"Content-Type": asked.type}
            answer = client.request(asked.method, asked.path, content=content, headers=headers, auth=auth)
            body = answer.json() if answer.content else None
            found.append((answer.status_code, body, answer.headers.get("Location")))
    return found


def differs(real: Any, played: Any) -> bool:
    """Tell whether a played answer says other things than the real one, which may say more."""
    if isinstance(played, dict) and isinstance(real, dict):
        return any(name not in real or differs(real[name], value) for name, value in played.items() if name not in OWN)
    if isinstance(played, list) and isinstance(real, list):
        return len(real) != len(played) or any(map(differs, real, played))
    return bool(real != played)


def shape(answer: tuple[int, Any, str | None]) -> tuple[int, Any, str | None]:
    """Return an answer without the words in which the server writes values of its own language."""
    status, body, place = answer
    if isinstance(body, dict) and "reason" in body:
        reason = body["reason"]
        words = reason[0] if isinstance(reason, list) else re.sub(r"\n *", "", reason)
        words = re.sub("^Validation failed.*", "Validation failed", words)
        body = {**body, "reason": words}
    return status, body, place


def test_the_real_server_and_the_played_one_answer_alike(rabbitmq: RabbitMqServer, sandbox: Sandbox) -> None:
    """Each request has the same status, code, reason and place, and the fields of an answer are among the real ones."""
    real = answers(rabbitmq.url, ("guest", "guest"), ALL)
    played = answers(f"http://{sandbox.rabbitmq.endpoint}", (sandbox.rabbitmq.user, sandbox.rabbitmq.password), ALL)
    found = [
        (request, shape(one), shape(other))
        for request, one, other in zip(ALL, real, played, strict=True)
        if one[0] != other[0] or one[2] != other[2] or differs(shape(one)[1], shape(other)[1])
    ]
    assert not found, "\n".join(map(str, found))


def test_every_operation_is_asked_for() -> None:
    """No operation of the catalogue is missing in the list."""
    asked = {named("rabbitmq", request.method, request.path)[0] for request in ALL}
    assert set(catalogue("rabbitmq").operations) - asked == set()
