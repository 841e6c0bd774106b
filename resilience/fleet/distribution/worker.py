"""A process that makes calls of a fleet: what it is given, and what it tells."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

from attrs import evolve, frozen

from resilience.core.policy import PolicyValues
from resilience.engine.outcome import Outcome
from resilience.fleet.calls import Fleet
from resilience.fleet.distribution.chunking import Chunk, RowOutcome, was_done_before
from resilience.fleet.distribution.job import portable
from resilience.fleet.function import FleetFunction, imported, under_policy
from resilience.fleet.rows.check import NumberedRow
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.rows.remembered import not_done
from resilience.fleet.tracing import SERVICE
from resilience.telemetry.providers.environment import LAST_PATIENCE, flush_providers, set_providers
from resilience.telemetry.spans.fleet_span import under

NEXT: Final = "next"
"""A worker wants another chunk; it asks while it still has one."""

END: Final = "end"
"""There is no other chunk; a worker says it too, when all its calls have ended."""

STOP: Final = "stop"
"""Begin no further call."""


@frozen
class WorkerJob:
    """
    What a worker needs besides rows; no secret is in it.

    Attributes:
        function: The import name of the function.
        policy: Its part of the policy.
        operation: The operation.
        concurrency: How many of its calls are under way at a time; None for as many as the policy says.
        traceparent: The span of the fleet, as W3C Trace Context writes it; None without one.
        run: The id of the fleet's run in journals; None for one of the worker's own.
    """

    function: str
    policy: PolicyValues
    operation: str
    concurrency: int | None
    traceparent: str | None = None
    run: str | None = None


def work(connection: Connection, job: WorkerJob) -> None:
    """Make the calls of chunks until there are no more; Ctrl-C is for the process that gives them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        teller = _Teller(connection)
        function = imported(job.function)
        set_providers(SERVICE)
        called = under_policy(function, job.policy, job.operation, run=job.run)
        parameters = Parameters(called.target.function)
        given = _Given(connection, teller)
        outcomes = _Outcomes(called, parameters, given, teller)
        fleet = Fleet(called, parameters, given.rows(called, outcomes.know), outcomes, concurrency=job.concurrency)
        threading.Thread(target=given.listen, args=(fleet,), name="resilience fleet chunks", daemon=True).start()
        with under(job.traceparent):
            fleet.run()
    except Exception as error:  # noqa: BLE001  # it leaves in the process that the user started
        teller.tell(portable(error))
    else:
        teller.tell(END)
    finally:
        flush_providers(LAST_PATIENCE)


class _Teller:
    """Tells outcomes; two threads use it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def tell(self, message: object) -> None:
        with self._lock:
            try:
                self._connection.send(message)
            except OSError:
                return  # the other process is gone; what is under way ends, and the ledger knows it


class _Outcomes:
    """Tells how calls ended."""

    def __init__(self, called: FleetFunction, parameters: Parameters, given: _Given, teller: _Teller) -> None:
        self._called = called
        self._parameters = parameters
        self._given = given
        self._teller = teller

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        self._tell(RowOutcome.of(number, line, outcome, adapted=self._called.adapted))

    def know(self, number: int, line: int) -> None:
        self._tell(RowOutcome(number, line, is_known=True))

    def _tell(self, told: RowOutcome) -> None:
        number, chunk = told.number, self._given.again.pop(told.number, None)
        if chunk is not None and told.is_known:
            arguments = next(row[2] for row in chunk.rows if row[0] == number)
            told = evolve(told, is_known=was_done_before(self._called, self._parameters, chunk, arguments))
        self._teller.tell(told)


class _Given:
    """
    The rows that have been given.

    Attributes:
        again: The chunks that come for the second time, by the numbers of their rows.
    """

    def __init__(self, connection: Connection, teller: _Teller) -> None:
        self._connection = connection
        self._teller = teller
        self._chunks: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        self.again: dict[int, Chunk] = {}

    def rows(self, called: FleetFunction, know: Callable[[int, int], object]) -> Iterator[NumberedRow]:
        # The next chunk is asked for before this one is begun, so calls under way do not wait for it.
        self._teller.tell(NEXT)
        self._teller.tell(NEXT)
        while (chunk := self._chunks.get()) is not None:
            if chunk.delivery > 1:
                self.again.update(dict.fromkeys((row[0] for row in chunk.rows), chunk))
            yield from not_done(called, chunk.rows, know)
            self._teller.tell(NEXT)

    def listen(self, fleet: Fleet) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                message = STOP
            if isinstance(message, Chunk):
                self._chunks.put(message)
                continue
            if message == STOP:
                fleet.stop()
            self._chunks.put(None)
            if message == STOP:
                return
