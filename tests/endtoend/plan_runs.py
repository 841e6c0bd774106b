"""
What ``plan`` says against what ``provision`` then takes, in real time.

To see it, for limits of a service that counts a window or has a token bucket::

    python tests/endtoend/plan_runs.py [--limits 5 20 100 500] [--seconds 10]

Each line is one fleet of so many seconds of calls. In the third kind a third of the rows is done by an earlier run, and
in the fourth one a third is there without a ledger that knows it. The times are those of an idle machine; on a busy one
the runs take longer.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final, Literal

from attrs import frozen
from limited_service import limited_service

from resilience import DONE, Executor, Policy, ServiceError
from resilience.fleet import FleetPlan, FleetReport, plan, provision

Kind = Literal["bare", "verified", "known", "there"]
KINDS: Final[tuple[Kind, ...]] = ("bare", "verified", "known", "there")

_POLICY: Final = """
schema = 1
name = "plan-runs"
limits = { deadline = "10m", settle = "10ms" }
backoff.default = { kind = "constant", base = "50ms" }
operations.acme.Make = { repeat = "conflict", key = ["Name"], read_back = "Look" }
operations.acme.Look = "safe"
rules.acme.BUSY = { do = "retry", counts = false }
rules.acme.EXISTS = { do = "accept", if = "ours" }
rate.acme.operations.Make = "{limit}/s"
ledger.path = "{ledger}"
"""
_CODES: Final = {"busy": "BUSY", "exists": "EXISTS"}


@frozen
class Compared:
    """What was said, and what it took."""

    plan: FleetPlan
    report: FleetReport
    took: float

    @property
    def ratio(self) -> float:
        """How many times as long as it was said."""
        return self.took / self.plan.seconds if self.plan.seconds else 1.0


def compared(kind: Kind, limit: int, rows: int, *, counting: str = "window", latency: float = 0.02) -> Compared:
    """Plan a fleet, and run it."""
    with tempfile.TemporaryDirectory() as folder, limited_service(limit, counting, latency) as port:
        ledger = str(Path(folder) / "ledger.db")
        policy = Policy.loads(_POLICY.replace("{limit}", str(limit)).replace("{ledger}", ledger))

        async def ask(words: str) -> str:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"{words}\n".encode())
            answer = (await reader.readline()).decode().strip()
            writer.close()
            if answer in _CODES:
                raise ServiceError(_CODES[answer], status=429 if answer == "busy" else 409)
            return answer

        executor = Executor(policy, provider="acme")

        @executor.wrap("Make")
        async def make(name: str) -> None:
            await ask(f"make {name}")

        if kind != "bare":

            @make.verify
            async def find(name: str) -> object:
                return DONE if await ask(f"look {name}") == "yes" else None

        fleet = [{"name": f"n{number}"} for number in range(rows)]
        earlier = fleet[: rows // 3]
        if kind == "known":
            provision(make, earlier, policy=policy)
        elif kind == "there":
            asyncio.run(_make_all(ask, [each["name"] for each in earlier], 1 / limit))
        if kind in {"known", "there"}:
            time.sleep(1)  # the service has forgotten these, and so has the next executor
        told = plan(make, fleet, policy=policy)
        began = time.perf_counter()
        report = provision(make, fleet, policy=policy)
        return Compared(told, report, time.perf_counter() - began)


async def _make_all(ask: object, names: list[str], every: float) -> None:
    for name in names:
        await ask(f"make {name}")  # type: ignore[operator]  # the function above
        await asyncio.sleep(every)


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limits", type=int, nargs="+", default=[5, 20, 100, 500])
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    _tell(f"{'limit':>6} {'counting':9} {'kind':9} {'rows':>6} {'calls':>6} {'said':>7} {'took':>7} {'ratio':>6}")
    for limit in options.limits:
        for counting in ("window", "bucket"):
            for kind in KINDS:
                rows = limit * options.seconds
                found = compared(kind, limit, rows, counting=counting)
                told = found.plan
                _tell(
                    f"{f'{limit}/s':>6} {counting:9} {kind:9} {rows:6} {told.calls:6} {told.seconds:7.2f} "
                    f"{found.took:7.2f} {found.ratio:6.2f}"
                )


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a report


if __name__ == "__main__":
    main()
