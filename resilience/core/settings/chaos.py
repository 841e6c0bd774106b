"""The values of `[chaos]`: the faults for rehearsals."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from resilience.core.fault import Fault, Origin


@frozen(kw_only=True)
class Injection:
    """
    One entry of ``[chaos]``: a fault for rehearsals.

    Attributes:
        id: The entry's table and key: ``alibaba."CreateGroupId/InternalError"``.
        provider: The provider of the calls that get the fault.
        operation: The operation's name or a glob with ``*``; None for every operation.
        code: The service's code; or ``unsent``, ``lost``, ``garbled``, or ``http-...``.
        fault: The fault of the attempt.
        rate: The part of the attempts that fails, from 0 to 1.
        applied: Whether the real call is made first, and its answer dropped.
        delay: The seconds before the fault.
        message: The service's message, for rules with ``message``; it is part of ``fault``.
        locate: Returns the entry's position in its file; None for a policy that was built in Python.
    """

    id: str
    provider: str
    operation: str | None
    code: str
    fault: Fault
    rate: float
    applied: bool = False
    delay: float = 0.0
    message: str | None = field(default=None, repr=False)
    locate: Callable[[], Origin] | None = field(default=None, eq=False, repr=False)

    @property
    def origin(self) -> Origin | None:
        """The entry's position in its file; the first use scans the file for positions."""
        return None if self.locate is None else self.locate()


@frozen(kw_only=True)
class Chaos:
    """
    The faults for rehearsals; :mod:`resilience.core.chaos` chooses the attempts that get them.

    Attributes:
        seed: The seed of that choice.
        injections: The entries, in the order of the files.
    """

    seed: int = 0
    injections: tuple[Injection, ...] = ()
