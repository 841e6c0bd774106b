"""What a failed attempt says: the fault, and whether the request may have taken effect."""

from __future__ import annotations

from typing import Final, Literal

from attrs import field, frozen

Effect = Literal["none", "unknown"]
"""Whether a failed attempt changed anything: certainly not, or nobody knows."""

Transport = Literal["unsent", "lost", "garbled"]
"""A failure without a code: never sent, sent without an answer, or answered unreadably."""

Repeat = Literal["safe", "conflict", "duplicate"]
"""What doing an operation again does: nothing, it is refused, or it is done twice."""

TRANSPORTS: Final[tuple[Transport, ...]] = ("unsent", "lost", "garbled")
"""Every transport failure, in the order in which a request meets them."""

_CLIENT_ERROR = range(400, 500)


@frozen(kw_only=True)
class Fault:
    """
    One failed attempt, in the words of the service and nothing more.

    A fault never holds the raw message, a parameter or a URL: those may carry
    secrets, and faults travel into spans, journals and notes.

    Attributes:
        provider: The SDK's own provider (``"alibaba"``, ``"tencent"``), or None
            where the exception does not tell: then the call's provider counts.
        code: The service's error code, spelled as the service spells it, or None.
        transport: How the request failed where the service gave no code, or None.
        status: The HTTP status, or None where the SDK hides it.
        request_id: The service's id of the request, for its support, or None.
        retry_after: How long the server asks to wait, in seconds, or None.
        effect: What the transport knows about the effect, or None where the
            catalogue and the status decide.
        error: The exception's class as ``module.qualname``, builtins bare.
    """

    provider: str | None = None
    code: str | None = None
    transport: Transport | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    effect: Effect | None = None
    error: str = ""

    @property
    def label(self) -> str:
        """What to call this fault where it has no code: ``lost``, ``http-503``, or the exception's class."""
        if self.code is not None:
            return self.code
        if self.status is not None:
            return f"http-{self.status}"
        return self.transport or self.error or "unknown"

    def effect_or_default(self) -> Effect:
        """Return the effect where no rule and no catalogue entry says it: none for 4xx and unsent, else unknown."""
        if self.effect is not None:
            return self.effect
        if self.transport == "unsent" or self.status in _CLIENT_ERROR:
            return "none"
        return "unknown"


CUT: Final = Fault(transport="lost", effect="unknown", error="resilience.DeadlineExceeded")
"""What an attempt or a verification says that our own limit cut short."""


@frozen
class Origin:
    """Where in a file a value was set; lines and columns count from 1."""

    file: str = field()
    line: int = field()
    column: int = field()

    def __str__(self) -> str:
        """Return ``file:line:column``, as terminals and editors follow it."""
        return f"{self.file}:{self.line}:{self.column}"
