"""The calls of one fleet, as an engine gets to know them."""

from __future__ import annotations

import pickle

from attrs import frozen

from resilience.core.admission.limits import RateLimits
from resilience.core.policy import PolicyValues
from resilience.executors import run_of_this_program
from resilience.fleet.function import FleetFunction, import_name


@frozen
class FleetJob:
    """
    The calls of one fleet.

    Attributes:
        called: What is called, in the process that gives the chunks.
        concurrency: How many calls are under way at a time in all workers; None for as many as the policy says.
    """

    called: FleetFunction
    concurrency: int | None = None

    @property
    def function(self) -> str:
        """
        The import name of the function.

        Raises:
            FunctionError: Other processes cannot import it.
        """
        return import_name(self.called.given)

    @property
    def policy(self) -> PolicyValues:
        """The policy, with the limits of all workers together."""
        return self.called.executor.policy

    @property
    def journal_run(self) -> str | None:
        """The id of the run in the journals of all workers; None where the policy asks for no journal."""
        telemetry = self.policy.telemetry
        return None if telemetry is None or telemetry.journal is None else run_of_this_program()

    @property
    def operation(self) -> str:
        """The operation, as ``provider:Name``."""
        operation = self.called.target.operation
        return f"{operation.provider}:{operation.name}"

    def concurrency_of_one(self, workers: int, part: int | None = None) -> int | None:
        """
        Return how many calls are under way at a time in one of so many workers.

        Args:
            workers: How many there are.
            part: Which of them it is, from 0; None where that is unknown, and every worker gets the same.
        """
        return RateLimits(concurrency=self.concurrency, share=workers, part=part).own_concurrency

    @property
    def most_workers(self) -> int | None:
        """How many workers can have a part of each limit; more would have nothing to do. None for any number."""
        if self.policy.state is not None:
            return self.concurrency  # the limits are not divided
        operation = self.called.target.operation
        limits = self.policy.rates.get(operation.provider or "", RateLimits())
        found = (limits.most_processes(operation.name), self.concurrency)
        return min((each for each in found if each is not None), default=None)


def portable(error: Exception) -> Exception:
    """Return an error of a worker in a form that another process can read."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    except Exception:  # noqa: BLE001  # an exception of the user may do anything
        return RuntimeError(f"a worker of the fleet ended with {type(error).__name__}")
    return error
