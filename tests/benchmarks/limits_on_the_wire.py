"""
Rate limits with a real SDK, in real time: the requests that a service counts.

To see it::

    python tests/benchmarks/limits_on_the_wire.py [--way async|threads|map] [--rate 100] [--calls 1000] [--share 1]

The sandbox is a process of its own and notes when each request arrives. The calls are Alibaba's CreateGroupId: with the
coroutines of its SDK, in sixteen threads, or by ``executor.map``. All that the SDK does is in the time. ``--share 4``
does it in four processes, each with its part of the limit.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import threading
from bisect import bisect_left
from multiprocessing.connection import Connection
from typing import Any

import anyio
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from attrs import evolve

from resilience import Executor, Policy, SyncExecutor, wrap_client
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.sandbox import Sandbox

_THREADS = 16


def serve(pipe: Connection) -> None:
    """Run a sandbox until it is asked what it has counted."""
    with Sandbox() as sandbox:
        service = sandbox.alibaba
        pipe.send((service.access_key_id, service.access_key_secret, service.endpoint))
        pipe.recv()
        pipe.send([(call.at, call.answer) for call in sandbox.calls])


def _client(keys: tuple[str, str, str]) -> Client:
    return Client(Config(access_key_id=keys[0], access_key_secret=keys[1], endpoint=keys[2], protocol="HTTP"))


def _request(number: int) -> models.CreateGroupIdRequest:
    return models.CreateGroupIdRequest(instance_id="mqtt-cn-sandbox", group_id=f"GID_group{number}")


def policy(rate: int, share: int) -> Policy:
    """Return the shipped policy with a limit of CreateGroupId, and an hour for each call."""
    shipped = Policy.loads('schema = 1\nextends = ["builtin:alibaba-mqtt"]\n[limits]\ndeadline = "1h"\n')
    limits = RateLimits(operations={"CreateGroupId": Rate(rate, 1.0)}, adaptive=True, share=share)
    return evolve(shipped, rates={"alibaba": limits})


def work(way: str, keys: tuple[str, str, str], numbers: range, rate: int, share: int) -> None:
    """Make the calls of one process."""
    if way == "threads":
        _in_threads(wrap_client(_client(keys), SyncExecutor(policy(rate, share), observers=())), numbers)
    else:
        anyio.run(_on_loop, way, keys, numbers, policy(rate, share))


def _in_threads(client: Any, numbers: range) -> None:
    def some(first: int) -> None:
        for number in numbers[first::_THREADS]:
            client.create_group_id(_request(number))

    threads = [threading.Thread(target=some, args=(first,)) for first in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def _on_loop(way: str, keys: tuple[str, str, str], numbers: range, limited: Policy) -> None:
    executor = Executor(limited, observers=())
    client: Any = wrap_client(_client(keys), executor)
    if way == "map":
        calls = (executor.bind(client.create_group_id_async, _request(number)) for number in numbers)
        async with executor.map(calls, concurrency=_THREADS) as outcomes:
            async for outcome in outcomes:
                outcome.unwrap()
        return
    async with anyio.create_task_group() as tasks:
        for number in numbers:
            tasks.start_soon(client.create_group_id_async, _request(number))


def main() -> None:
    """Print what was counted."""
    parser = argparse.ArgumentParser(description="rate limits with a real SDK, as a service counts")
    parser.add_argument("--way", choices=["async", "threads", "map"], default="async")
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--share", type=int, default=1)
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,))
    server.start()
    keys = ours.recv()
    parts = [range(first, asked.calls, asked.share) for first in range(asked.share)]
    workers = [context.Process(target=work, args=(asked.way, keys, part, asked.rate, asked.share)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ours.send(None)
    counted = sorted(ours.recv())
    server.join()
    arrivals = [at for at, _ in counted]
    peak = max(bisect_left(arrivals, each + 1.0) - number for number, each in enumerate(arrivals))
    took = arrivals[-1] - arrivals[0]
    sys.stdout.write(
        f"{asked.calls} calls at {asked.rate}/s ({asked.way}, {asked.share} processes): {len(arrivals)} requests, "
        f"{sum(answer == 'ok' for _, answer in counted)} ok, {took:.2f} s, at most {peak} in a second, "
        f"{asked.calls / took / asked.rate:.1%} of the limit\n"
    )


if __name__ == "__main__":
    main()
