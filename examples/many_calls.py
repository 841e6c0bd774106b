"""
How do I make many calls, as fast as the service allows, and go on where a run was broken off?

``map`` takes calls from an iterable of any length and yields how each one ended. The rate is in the policy,
``many_calls.toml``, beside this file; what was made is in a ledger. The service is a class that refuses what comes
faster, is busy at times, and has kept one name for itself::

    python examples/many_calls.py

The first run is broken off after 100 calls, as by Ctrl-C. The second one has the same input and makes the rest.
"""

from __future__ import annotations

import tempfile
from collections import Counter, deque
from pathlib import Path

import anyio

from resilience import Executor, Ledger, Policy, ServiceError

POLICY = Path(__file__).with_suffix(".toml")
BRIDGES = 300
PER_SECOND = 200


class Registry:
    """A service that counts what it is asked, and makes a second bridge where it is asked twice."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.too_fast = 0
        self._last: deque[float] = deque(maxlen=PER_SECOND)

    async def create(self, name: str) -> str:
        """Make a bridge."""
        now = anyio.current_time()
        if len(self._last) == PER_SECOND and now - self._last[0] < 1.0:
            self.too_fast += 1
        self._last.append(now)
        self.asked[name] += 1
        await anyio.sleep(0.02)
        if name == "bridge-13":
            raise ServiceError("NameReserved", status=409)
        if name.endswith("50") and self.asked[name] == 1:
            raise ServiceError("Busy", status=503)
        self.made[name] += 1
        return name


async def provision(registry: Registry, ledger: Path, *, at_most: int = BRIDGES) -> str:
    """Make all bridges; return what came of them. After so many outcomes the run is broken off."""
    with Ledger(ledger) as known:
        executor = Executor(Policy.load(POLICY), provider="acme", ledger=known)
        create_bridge = executor.wrap("CreateBridge", registry.create)

        @create_bridge.verify
        async def find_bridge(name: str) -> str | None:
            return name if registry.made[name] else None

        calls = (create_bridge.bind(f"bridge-{number}") for number in range(1, BRIDGES + 1))
        async with executor.map(calls) as outcomes:
            async for outcome in outcomes:
                if outcome.error is not None:
                    print(f"  {outcome.arguments['name']}: {outcome.stop_reason}")
                if outcomes.tally.calls == at_most:
                    break
        return str(outcomes.tally)


async def main() -> None:
    """Break a run off, and run again."""
    registry = Registry()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.db"
        print("first run:", await provision(registry, ledger, at_most=100))
        # A new process knows nothing of the last second's calls, so it must not begin within it.
        await anyio.sleep(1)
        print("second run:", await provision(registry, ledger))
    twice = sum(count > 1 for count in registry.made.values())
    print(f"{len(registry.made)} bridges, {twice} of them twice; {registry.too_fast} requests came too fast")


if __name__ == "__main__":
    anyio.run(main)
