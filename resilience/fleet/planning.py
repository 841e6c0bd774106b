"""What a fleet would do: which rows are there already, how many calls the others take, and how long at the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from resilience.core.admission.rate import Rate
from resilience.core.policy import PolicyValues
from resilience.core.values import fixed
from resilience.engine.outcome import Outcome
from resilience.fleet.calls import Fleet
from resilience.fleet.concurrency import concurrency_of
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.forecast.estimate import seconds_of
from resilience.fleet.function import FleetFunction, imported, shared_by, under_policy, verifying
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import length
from resilience.fleet.rows.check import CheckedRows, NumberedRow, rows_for
from resilience.fleet.rows.remembered import looked_up
from resilience.fleet.rows.source import rows_of
from resilience.policyfile import Policy

if TYPE_CHECKING:
    from distributed import Client

_ENOUGH: Final = 999
"""Answers whose durations are kept, for their median."""

_SLOWER: Final = 1.2
"""So much longer than the limit alone, it is the answers and the calls under way at a time that take the time."""

_USUAL: Final = 0.05
"""Seconds. As long as an answer takes where none was asked for."""


@frozen(kw_only=True)
class FleetPlan:
    """
    What a fleet would do.

    Attributes:
        operation: The operation.
        rows: How many rows there are.
        has_verifier: Whether the service could be asked; if not, every row counts as ``unknown``.
        there: Of how many rows the service has the resource; those that the ledger knows to be done are among them, and
            are not asked about.
        missing: Of how many it does not have it.
        unknown: Of how many that is not known.
        known: How many rows an earlier run has done, as the ledger knows.
        unfinished: How many rows an earlier run has started and not finished, and need no call: the verifier says that
            they are there. The fleet asks it again.
        again: How many rows are there, but no ledger knows them; their calls are made, and the policy decides.
        failures: How many questions failed with which code.
        rate: The declared limit of the operation; None where the policy has none.
        latency: How long an answer to a question took, in seconds (the median); None without one.
        seconds: How long the calls take, as the limits of the policy let them begin; None without a declared limit.
    """

    operation: str
    rows: int
    has_verifier: bool
    there: int = 0
    missing: int = 0
    unknown: int = 0
    known: int = 0
    unfinished: int = 0
    again: int = 0
    failures: Mapping[str, int] = field(factory=dict, converter=fixed)
    rate: Rate | None = None
    latency: float | None = None
    seconds: float | None = None

    @property
    def calls(self) -> int:
        """How many calls a fleet would make, if each ends at once: for each row that no earlier run has done."""
        return self.rows - self.known - self.unfinished

    def as_json(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {
            "operation": self.operation,
            "rows": self.rows,
            "has_verifier": self.has_verifier,
            "there": self.there if self.has_verifier else None,
            "missing": self.missing if self.has_verifier else None,
            "unknown": self.unknown,
            "known": self.known,
            "unfinished": self.unfinished,
            "again": self.again,
            "failures": dict(self.failures),
            "calls": self.calls,
            "rate": None if self.rate is None else str(self.rate),
            "latency": None if self.latency is None else round(self.latency, 3),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }

    def __str__(self) -> str:
        """Return one line: ``500 rows of CreateGroupId: 100 there, 400 to make; 400 calls, 40 s at 10/s``."""
        earlier = f"{self.known:,} done by an earlier run"
        parts = [f"{self.there:,} there{f' ({earlier})' if self.known else ''}", f"{self.missing:,} to make"]
        if not self.has_verifier:
            parts = [earlier] if self.known else []
        if self.unknown:
            which = ", ".join(f"{label} {count:,}" for label, count in self.failures.items())
            parts.append(f"{self.unknown:,} not known{f' ({which})' if which else ''}")
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        if self.unknown:
            calls = f"at most {calls}"
        took = "no declared rate"
        if self.seconds is not None and self.rate is not None:
            took = f"{length(self.seconds)} at {self.rate}"
            if self.latency is not None and self.seconds > _SLOWER * self.calls / self.rate.per_second:
                took += f" with answers after {length(self.latency)}"
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{rows} of {self.operation}: {', '.join(parts)}; {calls}, {took}"


class FleetFindings(FleetProgress):
    """
    Counts what the service said.

    Attributes:
        missing: How many resources it does not have.
        unfinished: How many it has that an earlier run started and did not finish.
        again: How many it has that no earlier run started.
    """

    missing = 0
    unfinished = 0
    again = 0

    def __init__(self, function: FleetFunction, rows: int) -> None:
        super().__init__(function, rows)
        self._started = set[int]()
        self._durations: list[float] = []

    @property
    def latency(self) -> float | None:
        """The median of the first answers' durations, in seconds; None without one."""
        return median(self._durations) if self._durations else None

    def to_ask(self, rows: CheckedRows) -> Iterator[NumberedRow]:
        """
        Yield the rows that the ledger does not know to be done.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        ledger = self.function.target.setting.ledger
        is_verified = ledger is not None and ledger.on_unfinished == "verify"
        for row, state in looked_up(self.function, rows):
            if state == "done":
                self.know(row[0], row[1])
                continue
            if state == "started" and is_verified:
                self._started.add(row[0])
            yield row

    def look_up(self, rows: CheckedRows) -> None:
        """
        Note what the ledger knows, where no verifier can be asked about the rest.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        for _ in self.to_ask(rows):
            pass

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        """Note the answer of a verifier: a value, or None."""
        super().add(number, line, outcome)
        if outcome.error is None:
            is_there, is_started = outcome.value is not None, number in self._started
            self.missing += not is_there
            self.unfinished += is_there and is_started
            self.again += is_there and not is_started
            if len(self._durations) < _ENOUGH:
                self._durations.append(outcome.attempts[-1].duration)


def plan(  # noqa: PLR0913  # a keyword for each thing that a user may say
    function: str | Callable[..., Any],
    rows: str | Path | Iterable[Mapping[str, Any]],
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    on: int | Client | None = None,
    operation: str | None = None,
    concurrency: int | None = None,
) -> FleetPlan:
    """
    Say what :func:`resilience.fleet.provision` with the same arguments would do; the same as ``resilience plan``.

    The function's verifier asks the service about each row that the ledger does not know to be done, within the
    policy's limits. Nothing is sent that changes anything. How long the calls take is what the policy's limits allow;
    where this machine is too slow for them, or others use a part of them, it takes longer. Call it from a thread
    without an event loop, as ``provision``.

    Raises:
        RowsError: Rows do not fit the function; all problems at once.
        PolicyError: The policy's file has a problem.
        LedgerError: The ledger cannot be read.
        ValueError: The function or its operation cannot be used, or ``concurrency`` is less than 1.
        TypeError: Likewise; or what the verifier raises by mistake.
        OSError: A file cannot be read.
    """
    values = policy if isinstance(policy, PolicyValues) else Policy.load(policy, env=env)
    called = under_policy(imported(function) if isinstance(function, str) else function, values, operation)
    known = rows_for(called.target, called.key_of, rows_of(rows))
    findings = FleetFindings(called, known.count)
    asks = verifying(called)
    if asks is None:
        findings.look_up(known)
    else:
        asking_of(asks, known, findings, concurrency=concurrency).run()
    return planned(called, findings, has_verifier=asks is not None, workers=workers_of(on), concurrency=concurrency)


def workers_of(on: int | Client | None) -> int:
    """
    Return how many processes would make the calls.

    Args:
        on: As for :func:`resilience.fleet.provision`.

    Raises:
        TypeError: As for ``provision``.
        ValueError: Likewise.
    """
    if on is None:
        return 1
    from resilience.fleet.distribution.engines import engine_on  # noqa: PLC0415  # most fleets need one process

    engine = engine_on(on)
    found = engine.workers
    engine.end()
    return found


def asking_of(asks: FleetFunction, rows: CheckedRows, findings: FleetFindings, *, concurrency: int | None) -> Fleet:
    """Return what asks the service about each row that no earlier run has done."""
    return Fleet(asks, rows.parameters, findings.to_ask(rows), findings, concurrency=concurrency)


def planned(
    function: FleetFunction,
    findings: FleetFindings,
    *,
    has_verifier: bool,
    workers: int = 1,
    concurrency: int | None = None,
) -> FleetPlan:
    """
    Return what the answers mean.

    Args:
        function: What would be called.
        findings: The answers.
        has_verifier: Whether the service could be asked.
        workers: How many processes would make the calls, or workers of a cluster; those beyond a small limit make none.
        concurrency: How many calls would be under way at a time in all of them.
    """
    report = findings.report()
    found = FleetPlan(
        operation=report.operation,
        rows=report.rows,
        has_verifier=has_verifier,
        there=report.done - findings.missing,
        missing=findings.missing,
        unknown=report.failed + report.left,
        known=findings.known,
        unfinished=findings.unfinished,
        again=findings.again,
        failures=report.failures,
        rate=function.rate,
        latency=findings.latency,
    )
    if function.rate is None:
        return found
    policy, operation = function.executor.policy, function.target.operation
    if concurrency is None:
        # Together, processes keep the limits of one; but each has calls of its own under way.
        workers = min(workers, FleetJob(function).most_workers or workers)
        parts = [shared_by(policy, workers, part) for part in range(workers)]
        concurrency = sum(concurrency_of(None, part, operation.provider, operation.name) for part in parts)
    seconds = seconds_of(
        found.calls,
        policy=policy,
        plan=function.target.plan,
        rate=function.rate,
        latency=_USUAL if findings.latency is None else findings.latency,
        concurrency=concurrency,
    )
    return evolve(found, seconds=seconds)
