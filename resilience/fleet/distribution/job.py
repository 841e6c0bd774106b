"""What a worker has to know besides rows; no secret is in it."""

from __future__ import annotations

from attrs import frozen

from resilience.core.policy import PolicyValues


@frozen
class FleetJob:
    """
    The calls of one fleet, for a process that makes some of them.

    Attributes:
        function: The import name of the function.
        policy: The policy, with the limits of all workers together.
        operation: The operation, as ``provider:Name``.
        concurrency: How many calls are under way at a time in all workers; None for as many as the policy says.
    """

    function: str
    policy: PolicyValues
    operation: str
    concurrency: int | None

    def concurrency_of_one(self, workers: int) -> int | None:
        """Return how many calls are under way at a time in one of so many workers."""
        return None if self.concurrency is None else max(self.concurrency // workers, 1)
