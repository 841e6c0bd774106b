"""What a service says in words chooses the answer, whichever of the vendors' clients says it."""

from __future__ import annotations

from typing import Any

import pytest
import vendor_clients
from vendor_clients import INSTANCES

from resilience import Executor, Policy
from resilience.sandbox import Sandbox

pytestmark = pytest.mark.anyio

POLICY = """
schema = 1
limits.deadline = "20s"
limits.attempt_timeout = "5s"
backoff.default = { kind = "constant", base = "5ms", jitter = "none" }
[rules.alibaba]
"InvalidParameter" = [{ message = "not ready YET", do = "retry" }, "fail"]
[rules.tencent]
"OperationDenied" = [{ message = "role cannot be assumed", do = "retry" }, "fail"]
[rules.transport]
"http-503" = [{ message = "maintenance", do = "retry", effect = "none" }]
"""

CLIENTS = [
    pytest.param("alibaba_sync", "asyncio", id="alibaba"),
    pytest.param("alibaba_async", "asyncio", id="alibaba-async"),
    pytest.param("alibaba_old", "asyncio", id="alibaba-old"),
    pytest.param("tencent_sync", "asyncio", id="tencent"),
    pytest.param("tencent_async", "asyncio", id="tencent-asyncio"),
    pytest.param("tencent_async", "trio", id="tencent-trio"),
]


@pytest.mark.parametrize(("kind", "anyio_backend"), CLIENTS)
async def test_the_message_of_every_client_is_looked_at(kind: str) -> None:
    """Of one code, one message is tried again and another fails; of a status without a code likewise."""
    provider = kind.partition("_")[0]
    operation, code, words = {
        "alibaba": ("CreateGroupId", "InvalidParameter", "The group is Not Ready yet, wait"),
        "tencent": ("CreateTopic", "OperationDenied", "the Role cannot be ASSUMED"),
    }[provider]
    name = {"alibaba": "GroupId", "tencent": "Topic"}[provider]
    executor = Executor(Policy.loads(POLICY), provider=provider, observers=())
    ends: list[tuple[str, list[str | None]]] = []
    with Sandbox() as sandbox:
        for number, fault in enumerate(
            (f'{code}("{words}")', f'{code}("never")', "503('planned maintenance')", "503('never')")
        ):
            sandbox.script(operation, fault)
            fields: dict[str, Any] = {"InstanceId": INSTANCES[provider], name: f"GID_sensors{number}"}
            make = getattr(vendor_clients, kind)
            async with make(sandbox, operation, fields) as (function, request):
                outcome = await executor.outcome(operation, function, request)
            ends.append((outcome.ended, [None if each.rule is None else each.rule.id for each in outcome.attempts]))
    rule, status = f'{provider}."{code}"', 'transport."http-503"[0]'
    assert ends == [
        ("success_after_retry", [f"{rule}[0]", None]),
        ("failed", [f"{rule}[1]"]),
        ("success_after_retry", [status, None]),
        ("failed", [None]),
    ]
