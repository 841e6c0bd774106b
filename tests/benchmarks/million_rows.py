"""
A million rows in fifty accounts, on a virtual clock: how long they take, and what holds them up.

To see it (in about ten minutes; with --rows 200 it takes some seconds)::

    python tests/benchmarks/million_rows.py [--accounts 50] [--rows 20000] [--limit 10/s] [--per-host 280/s]
        [--addresses 1] [--ledger 630] [--answers 0.05] [--latency 0.05]

Real are the executors with their limits and their store, one for each account, the code of a ledger on a server with
its claims and leases, and the code of fleets that reads rows and asks the ledger for them. Played are the clock, the
service, which answers after ``--latency``, and the server of the ledger: in one second it carries the questions of so
many calls as ``--ledger`` says (see fleet_ledger.py), and its answer takes ``--answers`` at least. The accounts behind
one address share a store, and so the limit of that address.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import anyio
from attrs import define, evolve, field

from resilience import Executor, Policy
from resilience.engine.runtime import event_loop
from resilience.fleet.calls import Fleet
from resilience.fleet.function import under_policy
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import length
from resilience.fleet.rows.check import rows_for
from resilience.fleet.rows.remembered import not_done
from resilience.fleet.rows.source import rows_of
from resilience.state.ledger.entry import LedgerEntry, State, kind_of
from resilience.state.ledger.leases.backend import LeasedBackend
from resilience.state.ledger.unended import UnendedRun
from resilience.testing import virtual_backend

T = TypeVar("T")

POLICY: Final = """\
schema = 1
name = "million"
[limits]
deadline = "10m"
attempt_timeout = "20s"
[operations.acme]
CreateThing = {{ repeat = "duplicate", key = ["Name"] }}
[rate.acme]
per_host = "{per_host}"
[rate.acme.operations]
CreateThing = "{limit}"
[state]
store = "redis://address-{address}"
[ledger]
url = "redis://played"
"""

QUESTIONS: Final = 3
"""What a call asks the ledger: for its key with what is known of it, for the note of its start, and of its end."""


@define(eq=False)
class PlayedLedgerStore:
    """What a server keeps of a ledger; see :class:`resilience.state.ledger.leases.store.LeaseStore`."""

    name: str = "played"
    _entries: dict[str, LedgerEntry] = field(factory=dict)
    _claims: dict[str, int] = field(factory=dict)
    _tokens: int = 0

    def claim(self, key: str, holder: str, lease: float) -> int | None:  # noqa: ARG002  # one process asks
        """Claim a key that is free."""
        if key in self._claims:
            return None
        self._tokens += 1
        self._claims[key] = self._tokens
        return self._tokens

    def renew(self, tokens: Mapping[str, int], lease: float) -> set[str]:  # noqa: ARG002  # leases do not end
        """Return the keys still held."""
        return {key for key, token in tokens.items() if self._claims.get(key) == token}

    def release(self, tokens: Mapping[str, int]) -> None:
        """Give keys back."""
        for key in self.renew(tokens, 0.0):
            del self._claims[key]

    def start(self, entry: LedgerEntry, token: int, lease: float) -> bool:  # noqa: ARG002  # likewise
        """Note an entry as started."""
        return self._note(entry, token, "started")

    def finish(self, entry: LedgerEntry, token: int) -> bool:
        """Note an entry as done."""
        is_noted = self._note(entry, token, "done")
        self.release({entry.key: token})
        return is_noted

    def _note(self, entry: LedgerEntry, token: int, state: State) -> bool:
        if self._claims.get(entry.key) != token:
            return False
        self._entries[entry.key] = evolve(entry, state=state)
        return True

    def forget(self, key: str, token: int) -> bool | None:  # noqa: ARG002  # one process asks
        """Remove an entry."""
        return self._entries.pop(key, None) is not None

    def get(self, key: str) -> LedgerEntry | None:
        """Return an entry."""
        return self._entries.get(key)

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry."""
        return {key: self._entries[key].state for key in keys if key in self._entries}

    def renamed_to(self, kind: str, name: str) -> list[LedgerEntry]:
        """Return the entries with a new name."""
        found = (each for each in self._entries.values() if each.renamed)
        return [each for each in found if kind_of(each) == kind and name in str(each.renamed)]

    def entries(self) -> list[LedgerEntry]:
        """Return all entries."""
        return sorted(self._entries.values(), key=lambda each: each.key)

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return None: no run is traced."""

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Do nothing: no run is traced."""

    def end_run(self, fleet: str) -> None:
        """Do nothing: no run is traced."""

    def close(self) -> None:
        """Do nothing."""


@define
class PlayedQueue:
    """
    The time that a server takes for questions.

    Attributes:
        each: How long it is busy with one.
        answers: How long an answer takes at least.
        free_at: When it has done all that it was asked.
    """

    each: float
    answers: float
    free_at: float = 0.0

    async def ask_ledger(self, function: Callable[[], T], threads: int) -> T:  # noqa: ARG002  # it has a time of its own
        """Ask a question, and wait for the answer."""
        now = anyio.current_time()
        self.free_at = max(self.free_at, now) + self.each
        value = function()
        await anyio.sleep(max(self.free_at - now, self.answers))
        return value


@define
class PlayedService:
    """
    What counts requests.

    Attributes:
        latency: How long it takes to answer.
        made: How often each thing was made.
        requests: How many requests came in each second, by address.
    """

    latency: float
    made: Counter[str] = field(factory=Counter)
    requests: dict[int, Counter[int]] = field(factory=dict)

    async def make(self, address: int, name: str) -> None:
        """Make a thing."""
        await anyio.sleep(self.latency / 2)
        self.made[name] += 1
        self.requests.setdefault(address, Counter())[int(anyio.current_time())] += 1
        await anyio.sleep(self.latency / 2)


def fleet_of(number: int, wanted: argparse.Namespace, service: PlayedService, backend: LeasedBackend) -> Fleet:
    """Return the calls of one account."""
    address = number % wanted.addresses
    policy = Policy.loads(POLICY.format(limit=wanted.limit, per_host=wanted.per_host, address=address))

    async def create(name: str) -> None:
        await service.make(address, name)

    executor = Executor(policy, provider="acme", account=f"account-{number}", observers=())
    called = under_policy(executor.wrap("CreateThing", key={"Name": "name"})(create), policy)
    ledger = called.target.setting.ledger
    assert ledger is not None
    ledger._backend = backend
    rows = rows_for(called.target, called.key_of, rows_of({"name": f"{number}-{row}"} for row in range(wanted.rows)))
    progress = FleetProgress(called, rows.count)
    return Fleet(called, rows.parameters, not_done(called, rows, progress.know), progress)


async def run(fleets: list[Fleet]) -> list[float]:
    """Make all calls; return how long each account took."""
    took = [0.0] * len(fleets)

    async def one(number: int, fleet: Fleet) -> None:
        executor: Any = fleet.function.executor
        await fleet._on_loop(executor)
        took[number] = anyio.current_time()

    async with anyio.create_task_group() as group:
        for number, fleet in enumerate(fleets):
            group.start_soon(one, number, fleet)
    return took


def main() -> None:
    """Run it, and say what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--limit", default="10/s")
    parser.add_argument("--per-host", default="280/s")
    parser.add_argument("--addresses", type=int, default=1)
    parser.add_argument("--ledger", type=float, default=630.0)
    parser.add_argument("--answers", type=float, default=0.05)
    parser.add_argument("--latency", type=float, default=0.05)
    wanted = parser.parse_args()
    service, store = PlayedService(wanted.latency), PlayedLedgerStore()
    ledger = LeasedBackend(lambda: store, "played", 30.0)
    played = PlayedQueue(1 / (wanted.ledger * QUESTIONS), wanted.answers)
    setattr(event_loop.Loop, "ask_ledger", lambda _, function, threads: played.ask_ledger(function, threads))  # noqa: B010
    began = time.monotonic()
    fleets = [fleet_of(number, wanted, service, ledger) for number in range(wanted.accounts)]
    backend, options = virtual_backend("asyncio")
    took = anyio.run(run, fleets, backend=backend, backend_options=options)
    done = sum(fleet.progress.done for fleet in fleets)  # type: ignore[attr-defined]
    rows = wanted.accounts * wanted.rows
    twice = sum(times > 1 for times in service.made.values())
    peaks = ", ".join(f"{max(each.values())}" for each in service.requests.values())
    say(f"{done:,} of {rows:,} rows done, {len(service.made):,} made, {twice} twice, in {wanted.accounts} accounts")
    say(f"{length(max(took))} ({length(min(took))} in the first account), {rows / max(took):.0f}/s in all")
    say(f"at most {peaks} requests in a second from each of {wanted.addresses} addresses")
    say(f"{len(store.entries()):,} entries in the ledger; simulated in {length(time.monotonic() - began)}")


def say(words: str) -> None:
    """Print a line of the report."""
    print(words, flush=True)  # noqa: T201  # a report


if __name__ == "__main__":
    main()
