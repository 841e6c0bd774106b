"""
What a process asks a store for, and what it gets: permits for attempts under way, of all processes together.

A permit is held for a time (a lease), so that those of a process that died come back by themselves. A process begins
attempts with a permit only for a short part of the lease, and asks again then. The rest of the lease is as long as an
attempt may take, so that no attempt goes on after its permit has come back.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

REVIEW: Final = 1.0
"""For so many seconds a process begins attempts before it asks again; then it learns what others need."""


@frozen(kw_only=True)
class PermitRequest:
    """
    A question to a store: for permits of one limit.

    Attributes:
        key: The name of the limit in the store, the same in all processes that share it.
        count: The most permits, of all processes together.
        holder: Names the process; no other has the same.
        held: The permits that the process goes on using, whatever the answer is.
        wanted: The most permits that it could use, those that it holds among them; 0 to give all back.
        lasts: After how many seconds without another question the permits come back.
    """

    key: str
    count: int
    holder: str
    held: int
    wanted: int
    lasts: float


@frozen(kw_only=True)
class GivenPermits:
    """
    What a store has given.

    Attributes:
        granted: The permits that the process holds now.
        target: The permits that it should hold: where it holds more, it gives back those whose attempts have ended.
        review: For how many seconds it may begin attempts.
        again: After how many seconds it is of use to ask for more; None where it has all that it wanted.
        spare: The permits that no process holds.
    """

    granted: int
    target: int
    spare: int
    review: float = REVIEW
    again: float | None = None

    @property
    def usable(self) -> int:
        """How many attempts may be under way when another one begins."""
        return min(self.granted, self.target)
