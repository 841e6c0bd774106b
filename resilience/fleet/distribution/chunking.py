"""
Rows that travel together to another process or machine, and the calls that are made of them there.

:func:`chunks` and :func:`run_chunk` are the seam to any engine that places work on machines. An engine may give a chunk
twice; with a ledger, nothing is made twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from attrs import asdict, evolve, field, frozen

from resilience.core.policy import PolicyValues
from resilience.engine.outcome import Outcome
from resilience.fleet.calls import Fleet
from resilience.fleet.distribution.kept import KeptFunction, kept
from resilience.fleet.function import FleetFunction, imported, shared_by, under_policy
from resilience.fleet.rows.check import KeyOf, NumberedRow, rows_for
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.rows.remembered import not_done
from resilience.fleet.rows.source import rows_of
from resilience.fleet.tally import label_of
from resilience.policyfile import Policy
from resilience.telemetry.spans.fleet_span import current_traceparent, fleet_span

SIZE: Final = 100
"""Rows of a chunk: at 10 calls in a second ten seconds of work, so that little is repeated when a process dies."""

TOGETHER: Final = ("account", "account_id", "region", "region_id")
"""Columns in which the rows of a chunk agree: so one set of credentials and one limit of the service serve a chunk."""

_MOST_OPEN: Final = 50_000
"""How many rows are held at most until their chunks are full, where rows of many accounts and regions are mixed."""


@frozen
class Chunk:
    """
    Some rows. Its ``repr`` shows none of their values.

    Attributes:
        key: The same for the same rows at the same place of the input, in every run.
        rows: Their numbers from 0, lines and arguments.
        traceparent: The span that was current where it was made, as W3C Trace Context writes it; None without one.
        began: When the run began that it is of, in epoch seconds.
        delivery: How often it has been given to a worker, as far as is known; 1 at first.
        earlier: The spans of earlier deliveries, as far as they are known, in the form of ``traceparent``.
    """

    key: str
    rows: tuple[NumberedRow, ...] = field(repr=False)
    traceparent: str | None = None
    began: float = 0.0
    delivery: int = 1
    earlier: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what can be written as JSON, for engines that write down what they give to workers."""
        return asdict(self)

    @classmethod
    def of_json(cls, written: Mapping[str, Any]) -> Chunk:
        """Return the chunk that :meth:`as_json` has written."""
        rows = tuple((number, line, arguments) for number, line, arguments in written["rows"])
        return cls(**{**written, "rows": rows, "earlier": tuple(written["earlier"])})


@frozen
class RowOutcome:
    """
    How the call of one row ended.

    Attributes:
        number: The number of the row, from 0.
        line: Its line in the input.
        failure: What it failed with: a code, or a stop reason; None for a success.
        is_known: Whether an earlier run had done it.
        adapted: Which part of its declared limit the worker sent at most then: 1, or less where it had adapted.
    """

    number: int
    line: int
    failure: str | None = None
    is_known: bool = False
    adapted: float = 1.0

    @classmethod
    def of(cls, number: int, line: int, outcome: Outcome[Any], *, adapted: float = 1.0) -> RowOutcome:
        """Make it from the outcome of a call."""
        failure = None if outcome.error is None else label_of(outcome)
        return cls(number, line, failure, is_known=failure is None and not outcome.attempts, adapted=adapted)


@frozen
class ChunkResult:
    """
    How the calls of a chunk ended.

    Attributes:
        key: That of the chunk.
        outcomes: One for each row that has one; calls that were not begun, or were broken off, have none.
    """

    key: str
    outcomes: tuple[RowOutcome, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what can be written as JSON: no value, and nothing of a row but its number and line."""
        return asdict(self)


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

    All rows of a chunk have the same ``account``, ``account_id``, ``region`` and ``region_id``, as far as the function
    has such parameters.

    Raises:
        RowsError: Rows do not fit the function; before the first chunk.
    """
    called = _under(function, policy, env, operation, 1)
    yield from divided(rows_for(called.target, called.key_of, rows_of(rows)), size, key_of=called.key_of)


def divided(rows: Iterable[NumberedRow], size: int, *, key_of: KeyOf) -> Iterator[Chunk]:
    """
    Yield checked rows in chunks of one account and region each.

    Args:
        rows: The rows.
        size: The most rows of a chunk.
        key_of: Names the resource of a call; a chunk's key is a hash of these names.
    """
    began = time.time()
    open_rows: dict[tuple[Any, ...], list[NumberedRow]] = {}
    held = 0
    for row in rows:
        group = tuple(str(row[2].get(name)) for name in TOGETHER)
        found = open_rows.setdefault(group, [])
        found.append(row)
        held += 1
        if len(found) >= size or held >= _MOST_OPEN:
            full = max(open_rows, key=lambda each: len(open_rows[each]))
            held -= len(open_rows[full])
            yield _chunk(open_rows.pop(full), key_of, began)
    for found in open_rows.values():
        yield _chunk(found, key_of, began)


def _chunk(rows: list[NumberedRow], key_of: KeyOf, began: float) -> Chunk:
    digest = blake2b(digest_size=8)
    for _, _, arguments in rows:
        named = key_of(arguments) or arguments
        digest.update(json.dumps(dict(named), sort_keys=True, default=repr).encode())
    return Chunk(f"{rows[0][0]}-{digest.hexdigest()}", tuple(rows), current_traceparent(), began)


def run_chunk(  # noqa: PLR0913  # a keyword for each thing that a user may say
    function: str | Callable[..., Any],
    chunk: Chunk,
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    operation: str | None = None,
    concurrency: int | None = None,
    share: int = 1,
    delivery: int | None = None,
) -> ChunkResult:
    """
    Make the calls of a chunk in this process, below a span of the chunk.

    Args:
        function: As for :func:`resilience.fleet.provision`. With an import name and a policy's file, all chunks of a
            process share the policy's limits and an event loop, and are made one after another.
        chunk: The chunk.
        policy: As for ``provision``.
        env: Likewise.
        operation: Likewise.
        concurrency: Likewise.
        share: How many processes run chunks at the same time; each has an equal part of the policy's rates.
        delivery: How often the engine has given the chunk to a worker, where the engine tells: 2 for the first repeat.
            Then what the first worker had done is not counted as done by an earlier run.

    Raises:
        Exception: The function has a mistake; or it, the policy or the operation cannot be used.
    """
    if delivery is not None:
        chunk = evolve(chunk, delivery=delivery)
    if isinstance(function, str) and not isinstance(policy, PolicyValues):
        return outcomes_of(kept(function, str(policy), env, operation, share), chunk, concurrency=concurrency)
    return outcomes_of(KeptFunction(_under(function, policy, env, operation, share)), chunk, concurrency=concurrency)


def outcomes_of(
    function: KeptFunction,
    chunk: Chunk,
    *,
    concurrency: int | None,
    begun: Callable[[Fleet], object] = lambda _: None,
) -> ChunkResult:
    """
    Make the calls of a chunk.

    Args:
        function: What is called.
        chunk: The chunk.
        concurrency: How many calls are under way at a time; None for as many as the policy says.
        begun: Is called with the calls before the first of them begins, and may stop them.
    """
    called = function.called
    parameters = Parameters(called.target.function)
    collected = _Collected(called)
    rows = not_done(called, chunk.rows, collected.know)
    name = f"chunk {called.target.operation.name}"
    fleet = Fleet(called, parameters, rows, collected, concurrency=concurrency)
    span = fleet_span(
        name,
        called.executor.policy,
        len(chunk.rows),
        traceparent=chunk.traceparent,
        delivery=chunk.delivery,
        earlier=chunk.earlier,
    )
    with function.turn(), span as counts:
        try:
            begun(fleet)
            function.run(fleet)
        finally:
            counts.failed = sum(each.failure is not None for each in collected.found)
            counts.done = len(collected.found) - counts.failed
    arguments = {number: values for number, _, values in chunk.rows}
    told = [
        evolve(each, is_known=was_done_before(called, parameters, chunk, arguments[each.number]))
        if each.is_known
        else each
        for each in collected.found
    ]
    return ChunkResult(chunk.key, tuple(sorted(told, key=lambda each: each.number)))


def was_done_before(called: FleetFunction, parameters: Parameters, chunk: Chunk, arguments: Mapping[str, Any]) -> bool:
    """
    Return whether an earlier run had done a row that the ledger knows as done.

    In a chunk that comes for the second time, it may have been this run: the worker that had it first.
    """
    if chunk.delivery == 1:
        return True
    args, kwargs = parameters.call(arguments)
    claim = called.target.track(args, kwargs)
    entry = None if claim is None else claim.ledger.get(claim.entry.key)
    return entry is None or entry.done_at is None or entry.done_at < chunk.began


class _Collected:
    def __init__(self, called: FleetFunction) -> None:
        self._called = called
        self.found: list[RowOutcome] = []

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        self.found.append(RowOutcome.of(number, line, outcome, adapted=self._called.adapted))

    def know(self, number: int, line: int) -> None:
        self.found.append(RowOutcome(number, line, is_known=True))


def _under(
    function: str | Callable[..., Any],
    policy: str | Path | PolicyValues,
    env: str | None,
    operation: str | None,
    share: int,
) -> FleetFunction:
    values = policy if isinstance(policy, PolicyValues) else Policy.load(policy, env=env)
    found = imported(function) if isinstance(function, str) else function
    return under_policy(found, shared_by(values, share), operation)
