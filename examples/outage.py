"""
What do my calls do to a service that is down, and what does a retry budget or a breaker change?

Forty calls meet a service that answers nothing but errors; a function that counts stands for it. The policy is
``outage.toml``, beside this file: without limits that calls share, with a ``[budget]``, and with a ``[breaker]`` too::

    python examples/outage.py
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import anyio

from resilience import BreakerOpen, Executor, Policy, ServiceError

POLICY = Path(__file__).with_suffix(".toml")
CALLS = 40


class Service:
    """A service that is down until it is repaired."""

    def __init__(self) -> None:
        self.is_down = True
        self.requests = 0

    async def list_bridges(self) -> list[str]:
        """Answer, or fail."""
        self.requests += 1
        if self.is_down:
            raise ServiceError("Unavailable", "the database does not answer", status=503)
        return ["bridge-1", "bridge-2"]


async def outage(env: str | None) -> None:
    """Make the calls under one of the policies, and tell what the service saw."""
    service = Service()
    executor = Executor(Policy.load(POLICY, env=env), provider="acme")
    list_bridges = executor.wrap("ListBridges", service.list_bridges)
    outcomes = [await list_bridges.outcome() for _ in range(CALLS)]
    reasons = Counter(outcome.stop_reason for outcome in outcomes)
    ends = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    print(f"{env or 'no limits'}: {CALLS} calls, {service.requests} requests ({ends})")

    service.is_down = False
    try:
        await list_bridges()
    except BreakerOpen as error:
        # Its cause is the service's own exception, where this call has met one.
        print(f"    the service is back, and the breaker is {executor.breaker('acme').state}")
        await anyio.sleep(error.retry_after or 0)
        bridges = await list_bridges()
        print(f"    later: {len(bridges)} bridges, and the breaker is {executor.breaker('acme').state}")
    else:
        print("    the service is back, and so are the calls")


async def main() -> None:
    """Compare the three."""
    for env in (None, "budget", "both"):
        await outage(env)


if __name__ == "__main__":
    anyio.run(main)
