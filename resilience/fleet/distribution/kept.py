"""
What a process keeps from one chunk to the next: a function under its policy, and the event loop of its calls.

An engine gives a process one chunk after another. They share the limits that the executor holds. They also share
clients that the user's module has made, whose connections belong to one event loop: so a process has one, whatever
functions and policies come.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction, imported, shared_by, under_policy
from resilience.policyfile import Policy


class ProcessLoop:
    """
    The event loop of the chunks of a process, one after another.

    Attributes:
        turn: Who holds it makes calls. Engines with several threads in a process begin several chunks at a time.
        runner: The loop.
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        # When the process ends.
        weakref.finalize(self, self.runner.close)


class KeptFunction:
    """
    A function under its policy, whose calls are made on the event loop of the process.

    Attributes:
        called: The function.
    """

    def __init__(self, called: FleetFunction) -> None:
        self.called = called
        self._loop = _loop(os.getpid())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the chunks before."""
        with self._loop.turn:
            yield

    def run(self, fleet: Fleet) -> None:
        """Make the calls of a chunk."""
        fleet.run(self._loop.runner)


# That of a process is left alone after a fork: to close it here would harm it there.
@cache
def _loop(_process: int) -> ProcessLoop:
    return ProcessLoop()


def kept(function: str, policy: str, env: str | None, operation: str | None, share: int) -> KeptFunction:
    """
    Return what this process keeps for a function under a policy.

    Args:
        function: The import name of the function.
        policy: The file of the policy.
        env: Its environment.
        operation: The operation of a function that is not wrapped.
        share: How many processes divide the limits.

    Raises:
        FunctionError: As for ``under_policy``.
        PolicyError: The policy has a problem.
    """
    return _kept(function, policy, env, operation, share, os.getpid())


@lru_cache(maxsize=4)
def _kept(
    function: str, policy: str, env: str | None, operation: str | None, share: int, _process: int
) -> KeptFunction:
    return KeptFunction(under_policy(imported(function), shared_by(Policy.load(policy, env=env), share), operation))
