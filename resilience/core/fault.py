"""What a failed attempt says: the fault, and whether the request may have taken effect."""

from __future__ import annotations

from typing import Final, Literal

from attrs import field, frozen

Effect = Literal["none", "unknown"]
"""Whether a failed attempt changed anything: certainly not, or unknown."""

Transport = Literal["unsent", "lost", "garbled"]
"""A failure without a code: never sent, sent without an answer, or answered unreadably."""

Repeat = Literal["safe", "equal", "conflict", "duplicate"]
"""
What doing an operation again does: nothing changes; nothing changes if it says the same, and is refused if it says
something else; it is refused; or it is done twice.
"""

TRANSPORTS: Final[tuple[Transport, ...]] = ("unsent", "lost", "garbled")
"""Every transport failure, in the order in which a request meets them."""

_CLIENT_ERROR = range(400, 500)

# Both services' messages are far shorter, and what a proxy writes a page about it says at its beginning.
_LONGEST_MESSAGE: Final = 4096


class Message:
    """
    What a service said in words: rules can look for a text in it, and nothing shows it.

    Parameters, names and keys may stand in it. So it is no string: what prints, records or sends a fault gets
    nothing of it. Only its first 4096 characters are kept.
    """

    __slots__ = ("_folded",)

    def __init__(self, text: str) -> None:
        self._folded = text[:_LONGEST_MESSAGE].casefold()

    def __contains__(self, literal: str) -> bool:
        """Tell whether a text stands in it, in whatever case."""
        return literal.casefold() in self._folded

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<message>"


def _private(text: str | Message | None) -> Message | None:
    return Message(text) if isinstance(text, str) else text


@frozen(kw_only=True, slots=False)
class Fault:
    """
    One failed attempt, in the words of the service and nothing more.

    A fault shows no message, parameter or URL: those may carry secrets, and
    faults travel into spans, journals and notes.

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
        message: What rules with ``message`` look at; given as a text, kept so that nothing can show it, and no part of
            what makes two faults equal.
    """

    provider: str | None = None
    code: str | None = None
    transport: Transport | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    effect: Effect | None = None
    error: str = ""
    message: Message | None = field(default=None, converter=_private, eq=False, repr=False)

    def of_provider(self, provider: str | None) -> Fault:
        """Return the same fault of this provider; ``attrs.evolve`` does it in five times the time."""
        return Fault(
            provider=provider,
            code=self.code,
            transport=self.transport,
            status=self.status,
            request_id=self.request_id,
            retry_after=self.retry_after,
            effect=self.effect,
            error=self.error,
            message=self.message,
        )

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
