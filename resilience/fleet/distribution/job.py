"""The calls of one fleet, as an engine gets to know them."""

from __future__ import annotations

import pickle

from attrs import frozen

from resilience.core.policy import PolicyValues
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
    def operation(self) -> str:
        """The operation, as ``provider:Name``."""
        operation = self.called.target.operation
        return f"{operation.provider}:{operation.name}"

    def concurrency_of_one(self, workers: int) -> int | None:
        """Return how many calls are under way at a time in one of so many workers."""
        return None if self.concurrency is None else max(self.concurrency // workers, 1)


def portable(error: Exception) -> Exception:
    """Return an error of a worker in a form that another process can read."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    except Exception:  # noqa: BLE001  # an exception of the user may do anything
        return RuntimeError(f"a worker of the fleet ended with {type(error).__name__}")
    return error
