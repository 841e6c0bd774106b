"""
The protocol of stores, which several processes share.

What a store holds may be lost: limits begin anew then. So it is no ledger. Nothing in it is a secret.

All methods block, for a given time at most, and any thread may call them. On an event loop they run in a worker thread;
so one store serves asyncio, trio and programs without an event loop.
"""

from __future__ import annotations

from typing import Protocol

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.reservation import GivenSlots, SlotRequest


class StateError(Exception):
    """
    The store that executors share cannot be used; where the policy says so, a call ends before it sends anything.

    Attributes:
        store: The store, without a password.
        reason: The problem, and what to do about it.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, reason)
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        """Return the store and the reason."""
        return f"state {self.store}: {self.reason}"


class Store(Protocol):
    """What several processes share; each change is atomic, and times are those of the store's clock."""

    def reserve(self, request: SlotRequest, timeout: float) -> GivenSlots:
        """
        Give out slots in all limits of a question, and what the question asks for besides; all of it is one change.

        Args:
            request: The question.
            timeout: How long to wait for the store, in seconds.

        Raises:
            StateError: The store cannot be used, or has not answered in time.
        """
        ...

    def exchange(self, proposal: Proposal, timeout: float) -> KeptValue:
        """
        Put a value in the place of another, if that has not changed meanwhile.

        Args:
            proposal: The change.
            timeout: How long to wait for the store, in seconds.

        Returns:
            The new value with its version; or what is there instead.

        Raises:
            StateError: The store cannot be used, or has not answered in time.
        """
        ...

    def close(self) -> None:
        """Give back connections, files and threads; the store is of no more use."""
        ...
