"""
How do I put a policy around functions of my own, without an SDK and without a network?

The policy is ``plain_coroutines.toml``, beside this file. The service is two functions that fail as often as their
scripts say; a real one would call an HTTP client and raise :class:`resilience.ServiceError` with what the answer said::

    python examples/plain_coroutines.py
"""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import anyio

from resilience import Executor, Outcome, Policy, ServiceError

POLICY = Path(__file__).with_suffix(".toml")


class Registry:
    """A service that keeps the names of bridges; each script says, call by call, what goes wrong."""

    def __init__(self, answers: list[str]) -> None:
        self.names: list[str] = []
        self._answers = answers

    async def create(self, name: str) -> str:
        """Make a bridge; the same name again makes another one."""
        answer = self._answers.pop(0) if self._answers else "ok"
        if answer == "Busy":
            raise ServiceError("Busy", "come back later", status=429, retry_after=0.05)
        self.names.append(name)
        if answer == "Timeout":
            # Made, but the caller does not get to know it.
            raise ServiceError("Timeout", "the backend took too long", status=504)
        return name


async def provision(answers: list[str], *, has_verifier: bool) -> tuple[Outcome[str], int]:
    """Make one bridge; return how the call ended, and how many bridges there are."""
    registry = Registry(answers)
    executor = Executor(Policy.load(POLICY), provider="acme")
    create_bridge = executor.wrap("CreateBridge", registry.create)
    if has_verifier:

        async def find_bridge(name: str) -> str | None:
            return name if name in registry.names else None

        create_bridge.verify(find_bridge)
    outcome = await create_bridge.outcome("bridge-1")
    return outcome, len(registry.names)


async def main() -> None:
    """Show the same service on three days."""
    days = (
        ("busy", ["Busy", "Busy"], False),
        ("answer lost, and no verifier", ["Timeout"], False),
        ("answer lost, and a verifier looks", ["Timeout"], True),
    )
    for title, answers, has_verifier in days:
        outcome, bridges = await provision(answers, has_verifier=has_verifier)
        attempts = len(outcome.attempts)
        print(f"{title}: {outcome.ended} ({outcome.stop_reason}), attempts: {attempts}, made: {bridges}")
        if outcome.error is not None:
            print(indent("\n".join(outcome.error.__notes__), "    "))


if __name__ == "__main__":
    anyio.run(main)
