"""
Rows that travel together to another process or machine, and the calls that are made of them there.

:func:`chunks` and :func:`run_chunk` are the seam to any engine that places work on machines. An engine may give a chunk
twice; with a ledger, nothing is made twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from resilience.core.policy import PolicyValues
from resilience.engine.outcome import Outcome
from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction, imported, shared_by, under_policy
from resilience.fleet.rows.check import NumberedRow, rows_for
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.rows.source import rows_of
from resilience.fleet.tally import label_of
from resilience.policyfile import Policy
from resilience.telemetry.spans.fleet_span import current_traceparent, fleet_span

SIZE: Final = 100
"""Rows of a chunk: at 10 calls in a second ten seconds of work, so that little is repeated when a process dies."""


@frozen
class Chunk:
    """
    Some rows. Its ``repr`` shows none of their values.

    Attributes:
        key: The same for the same rows at the same place of the input, in every run.
        rows: Their numbers from 0, lines and arguments.
        traceparent: The span that was current where it was made, as W3C Trace Context writes it; None without one.
    """

    key: str
    rows: tuple[NumberedRow, ...] = field(repr=False)
    traceparent: str | None = None


@frozen
class RowOutcome:
    """
    How the call of one row ended.

    Attributes:
        number: The number of the row, from 0.
        line: Its line in the input.
        failure: What it failed with: a code, or a stop reason; None for a success.
        is_known: Whether an earlier run had done it.
    """

    number: int
    line: int
    failure: str | None = None
    is_known: bool = False

    @classmethod
    def of(cls, number: int, line: int, outcome: Outcome[Any]) -> RowOutcome:
        """Make it from the outcome of a call."""
        if outcome.error is not None:
            return cls(number, line, label_of(outcome))
        return cls(number, line, is_known=not outcome.attempts)


@frozen
class ChunkResult:
    """
    How the calls of a chunk ended.

    Attributes:
        key: That of the chunk.
        outcomes: One for each row.
    """

    key: str
    outcomes: tuple[RowOutcome, ...]


def chunks(  # noqa: PLR0913  # a keyword for each thing that a user may say
    rows: str | Path | Iterable[Mapping[str, Any]],
    function: str | Callable[..., Any],
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    operation: str | None = None,
    size: int = SIZE,
) -> Iterator[Chunk]:
    """
    Check all rows for a function, and yield them in chunks; see :func:`resilience.fleet.provision`.

    Raises:
        RowsError: Rows do not fit the function; before the first chunk.
    """
    called = _under(function, policy, env, operation, 1)
    yield from divided(rows_for(called.target, called.key_of, rows_of(rows)), size)


def divided(rows: Iterable[NumberedRow], size: int) -> Iterator[Chunk]:
    """Yield checked rows in chunks."""
    left = iter(rows)
    while found := tuple(islice(left, size)):
        digest = blake2b(digest_size=8)
        for _, _, arguments in found:
            digest.update(json.dumps(arguments, sort_keys=True, default=repr).encode())
        yield Chunk(f"{found[0][0]}-{digest.hexdigest()}", found, current_traceparent())


def run_chunk(  # noqa: PLR0913  # a keyword for each thing that a user may say
    function: str | Callable[..., Any],
    chunk: Chunk,
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    operation: str | None = None,
    concurrency: int | None = None,
    share: int = 1,
) -> ChunkResult:
    """
    Make the calls of a chunk in this process, below a span of the chunk.

    Args:
        function: As for :func:`resilience.fleet.provision`. With an import name and a policy's file, all chunks of a
            process share the policy's limits.
        chunk: The chunk.
        policy: As for ``provision``.
        env: Likewise.
        operation: Likewise.
        concurrency: Likewise.
        share: How many processes run chunks at the same time; each has an equal part of the policy's rates.

    Raises:
        Exception: The function has a mistake; or it, the policy or the operation cannot be used.
    """
    called = _under(function, policy, env, operation, share)
    outcomes = _Collected()
    name = f"chunk {called.target.operation.name}"
    values = called.executor.policy
    with fleet_span(name, values, len(chunk.rows), traceparent=chunk.traceparent) as counts:
        try:
            Fleet(called, Parameters(called.target.function), chunk.rows, outcomes, concurrency=concurrency).run()
        finally:
            counts.failed = sum(each.failure is not None for each in outcomes.found)
            counts.done = len(outcomes.found) - counts.failed
    return ChunkResult(chunk.key, tuple(sorted(outcomes.found, key=lambda each: each.number)))


class _Collected:
    def __init__(self) -> None:
        self.found: list[RowOutcome] = []

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        self.found.append(RowOutcome.of(number, line, outcome))


def _under(
    function: str | Callable[..., Any],
    policy: str | Path | PolicyValues,
    env: str | None,
    operation: str | None,
    share: int,
) -> FleetFunction:
    if isinstance(function, str) and not isinstance(policy, PolicyValues):
        return _kept(function, str(policy), env, operation, share)
    values = policy if isinstance(policy, PolicyValues) else Policy.load(policy, env=env)
    found = imported(function) if isinstance(function, str) else function
    return under_policy(found, shared_by(values, share), operation)


# An engine gives a process one chunk after another, and they share the limits that the executor holds.
@lru_cache(maxsize=4)
def _kept(function: str, policy: str, env: str | None, operation: str | None, share: int) -> FleetFunction:
    return under_policy(imported(function), shared_by(Policy.load(policy, env=env), share), operation)
