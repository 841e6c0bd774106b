"""A forecast against a real run: a service on loopback that counts its requests, and no virtual clock."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from resilience import Executor, Policy
from resilience.cli.plans import operation_of, plan_of
from resilience.core.admission.rate import Rate
from resilience.fleet.forecast import FleetSetup, LimitedService, forecast

POLICY = """
schema = 1
name = "forecast"
limits = { deadline = "1m" }
rate.alibaba.operations.CreateGroupId = "50/s"
"""


async def _real_run(calls: int) -> tuple[float, int]:
    """Make the calls; return the seconds that they took and the number of requests that the service refused."""
    taken = deque[float]()
    refused = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refused
        await reader.readline()
        now = time.monotonic()
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) < 50:
            taken.append(now)
        else:
            refused += 1
        await asyncio.sleep(0.02)
        writer.write(b"answer\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    executor = Executor(Policy.loads(POLICY), provider="alibaba")

    @executor.wrap("CreateGroupId")
    async def create(name: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{name}\n".encode())
        answer = await reader.readline()
        writer.close()
        return answer.decode()

    async with server:
        began = time.monotonic()
        async with executor.map((create.bind(f"GID_{n}") for n in range(calls)), concurrency=16) as outcomes:
            assert [each.error async for each in outcomes] == [None] * calls
        return time.monotonic() - began, refused


def test_a_forecast_is_near_a_real_run() -> None:
    """
    200 calls at 50 a second take no less than 0.9 times what the forecast says, on any machine.

    A busy machine takes longer; on a quiet one both took 3.4 s.
    """
    policy = Policy.loads(POLICY)
    plan = plan_of(policy, operation_of("CreateGroupId", policy), verifier=False, credentials=True)
    service = LimitedService(limit=Rate.of("50/s"), latency=0.02)
    told = forecast(policy, plan, service, FleetSetup(calls=200, concurrency=16))
    took, refused = asyncio.run(_real_run(200))
    assert told.refused == 0
    assert refused <= 10
    assert told.best <= told.duration <= min(took * 1.1, told.best * 1.15)
