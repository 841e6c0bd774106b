"""
What a process keeps from one chunk to the next: a function under its policy, and the event loop of its calls.

An engine gives a process one chunk after another. They share the limits that the executor holds, and clients that the
user's module has made, whose connections belong to one event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction, imported, shared_by, under_policy
from resilience.policyfile import Policy


class KeptFunction:
    """
    A function under its policy, whose calls are made on one event loop, one chunk after another.

    Attributes:
        called: The function.
    """

    def __init__(self, called: FleetFunction) -> None:
        self.called = called
        self._turn = threading.Lock()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        # The loop is closed with this object, or at the latest when the process ends.
        weakref.finalize(self, self._runner.close)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the chunks before: engines with several threads in a process begin several at a time."""
        with self._turn:
            yield

    def run(self, fleet: Fleet) -> None:
        """Make the calls of a chunk."""
        fleet.run(self._runner)


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
    # An event loop of the process before a fork is of no use after it.
    return _kept(function, policy, env, operation, share, os.getpid())


@lru_cache(maxsize=4)
def _kept(
    function: str, policy: str, env: str | None, operation: str | None, share: int, _process: int
) -> KeptFunction:
    return KeptFunction(under_policy(imported(function), shared_by(Policy.load(policy, env=env), share), operation))
