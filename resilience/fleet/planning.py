"""What a fleet would do: which rows are there already, how many calls the others take, and how long at the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from resilience.core.admission.rate import Rate
from resilience.core.policy import PolicyValues
from resilience.core.values import fixed
from resilience.engine.outcome import Outcome
from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction, imported, under_policy, verifying
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import length
from resilience.fleet.rows.check import CheckedRows, rows_for
from resilience.fleet.rows.source import rows_of
from resilience.policyfile import Policy


@frozen(kw_only=True)
class FleetPlan:
    """
    What a fleet would do.

    Attributes:
        operation: The operation.
        rows: How many rows there are.
        has_verifier: Whether the service could be asked; if not, every row counts as ``unknown``.
        there: Of how many rows the service has the resource.
        missing: Of how many it does not have it.
        unknown: Of how many that is not known.
        failures: How many questions failed with which code.
        rate: The declared limit of the operation; None where the policy has none.
    """

    operation: str
    rows: int
    has_verifier: bool
    there: int = 0
    missing: int = 0
    unknown: int = 0
    failures: Mapping[str, int] = field(factory=dict, converter=fixed)
    rate: Rate | None = None

    @property
    def calls(self) -> int:
        """How many calls a fleet would make, if each succeeds at once: for each row that is not known to be there."""
        return self.missing + self.unknown

    @property
    def seconds(self) -> float | None:
        """How long these take at the declared limit; None without one."""
        return None if self.rate is None else self.calls / self.rate.per_second

    def as_json(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {
            "operation": self.operation,
            "rows": self.rows,
            "has_verifier": self.has_verifier,
            "there": self.there if self.has_verifier else None,
            "missing": self.missing if self.has_verifier else None,
            "unknown": self.unknown,
            "failures": dict(self.failures),
            "calls": self.calls,
            "rate": None if self.rate is None else str(self.rate),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }

    def __str__(self) -> str:
        """Return one line: ``500 rows of CreateGroupId: 100 there, 400 to make; 400 calls, 40 s at 10/s``."""
        parts = [f"{self.there:,} there", f"{self.missing:,} to make"] if self.has_verifier else []
        if self.unknown:
            which = ", ".join(f"{label} {count:,}" for label, count in self.failures.items())
            parts.append(f"{self.unknown:,} not known{f' ({which})' if which else ''}")
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        if self.unknown:
            calls = f"at most {calls}"
        took = "no declared rate" if self.seconds is None else f"{length(self.seconds)} at {self.rate}"
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{rows} of {self.operation}: {', '.join(parts)}; {calls}, {took}"


class FleetFindings(FleetProgress):
    """
    Counts what the service said.

    Attributes:
        missing: How many resources it does not have.
    """

    missing = 0

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        """Note the answer of a verifier: a value, or None."""
        super().add(number, line, outcome)
        if outcome.error is None and outcome.value is None:
            self.missing += 1


def plan(  # noqa: PLR0913  # a keyword for each thing that a user may say
    function: str | Callable[..., Any],
    rows: str | Path | Iterable[Mapping[str, Any]],
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    operation: str | None = None,
    concurrency: int | None = None,
) -> FleetPlan:
    """
    Say what :func:`resilience.fleet.provision` with the same arguments would do; the same as ``resilience plan``.

    The function's verifier asks the service, within the policy's limits. Nothing is sent that changes anything.

    Raises:
        RowsError: Rows do not fit the function; all problems at once.
        PolicyError: The policy's file has a problem.
        ValueError: The function or its operation cannot be used, or ``concurrency`` is less than 1.
        TypeError: Likewise; or what the verifier raises by mistake.
        OSError: A file cannot be read.
    """
    values = policy if isinstance(policy, PolicyValues) else Policy.load(policy, env=env)
    called = under_policy(imported(function) if isinstance(function, str) else function, values, operation)
    known = rows_for(called.target, called.key_of, rows_of(rows))
    asks = verifying(called)
    findings = FleetFindings(called, known.count)
    if asks is not None:
        asking_of(asks, known, findings, concurrency=concurrency).run()
    return planned(called, findings, has_verifier=asks is not None)


def asking_of(asks: FleetFunction, rows: CheckedRows, findings: FleetFindings, *, concurrency: int | None) -> Fleet:
    """Return what asks the service about each row."""
    return Fleet(asks, rows.parameters, rows, findings, concurrency=concurrency)


def planned(function: FleetFunction, findings: FleetFindings, *, has_verifier: bool) -> FleetPlan:
    """Return what the answers mean."""
    report = findings.report()
    return FleetPlan(
        operation=report.operation,
        rows=report.rows,
        has_verifier=has_verifier,
        there=report.done - findings.missing,
        missing=findings.missing,
        unknown=report.failed + report.left,
        failures=report.failures,
        rate=function.rate,
    )
