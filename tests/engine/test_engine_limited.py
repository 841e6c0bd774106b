"""Limits of one call of a wrapped client: real SDKs and plain HTTP, against a sandbox."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import requests
from wrapped_clients import (
    alibaba_client,
    async_tencent_client,
    group,
    quick,
    tencent_client,
    tencent_request,
)

from resilience import Executor, SyncExecutor, limited, wrap_client
from resilience.sandbox import Sandbox

GROUP = ("CreateGroupId", "create_group_id", "SystemOverFlow*2")
TOPIC = ("CreateTopic", "CreateTopic", "RequestLimitExceeded*2")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("make", "operation", "anyio_backend"),
    [
        pytest.param(alibaba_client, GROUP, "asyncio", id="alibaba"),
        pytest.param(alibaba_client, ("CreateGroupId", "create_group_id_async", GROUP[2]), "asyncio", id="async"),
        pytest.param(tencent_client, TOPIC, "asyncio", id="tencent"),
        pytest.param(async_tencent_client, TOPIC, "asyncio", id="tencent-asyncio"),
        pytest.param(async_tencent_client, TOPIC, "trio", id="tencent-trio"),
    ],
)
async def test_one_call_of_a_client_may_have_other_limits(make: Any, operation: tuple[str, str, str]) -> None:
    """The service's own error leaves after so many attempts, and the client's other calls go on as before."""
    name, method, script = operation
    with Sandbox() as sandbox:
        client = wrap_client(make(sandbox), Executor(quick(), observers=()))

        async def call(function: Any, number: int) -> Any:
            topic = (
                tencent_request(name, Topic=f"topic{number}") if name == "CreateTopic" else group(f"GID_group{number}")
            )
            answer = function(topic)
            return await answer if inspect.isawaitable(answer) else answer

        def asked() -> int:
            return sum(each.operation == name for each in sandbox.calls)

        sandbox.script(name, script)
        with pytest.raises(Exception, match=script.partition("*")[0]):
            await call(limited(getattr(client, method), max_attempts=1), 1)
        assert asked() == 1
        await call(getattr(client, method), 1)
        assert asked() == 3
        sandbox.script(name, script)
        await call(limited(getattr(client, method), deadline="10s", attempt_timeout=5), 2)
        assert asked() == 6


def test_what_is_no_method_of_a_wrapped_client_is_refused() -> None:
    """Where limits would go unheard, an error says so at once, and so does a limit that is none."""
    executor = SyncExecutor(quick(), provider="alibaba", observers=())

    def create(instance_id: str, group_id: str) -> None:
        raise AssertionError(instance_id + group_id)

    for other in (len, requests.Session().request, executor.wrap("CreateGroupId", create)):
        with pytest.raises(TypeError, match="expected a method of a client of wrap_client"):
            limited(other, max_attempts=1)
    with Sandbox() as sandbox:
        client = wrap_client(alibaba_client(sandbox), executor)
        with pytest.raises(ValueError, match='deadline: expected a duration above 0 such as "5s"'):
            limited(client.create_group_id, deadline="soon")
