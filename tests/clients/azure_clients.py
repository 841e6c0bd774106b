"""What the tests with Azure's clients share: a quick policy, requests, and the calls of a sandbox."""

from __future__ import annotations

from typing import Any

from resilience import Policy
from resilience.sandbox import Sandbox

POLICY = Policy.loads(
    """
    schema = 1
    extends = ["builtin:azure-iot"]
    limits.settle = "10ms"
    rate.azure-iot.adaptive = false
    [backoff.default]
    base = "1ms"
    [backoff.throttled]
    base = "1ms"
    """
)


def enrollment(name: str) -> dict[str, Any]:
    """Return an enrollment with keys that the service makes."""
    return {"registrationId": name, "attestation": {"type": "symmetricKey"}}


def answers(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return operation and answer of each call so far."""
    return [(call.operation, call.answer) for call in sandbox.calls]
