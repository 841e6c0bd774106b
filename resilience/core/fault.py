"""The fault of a failed attempt, and whether the request may have taken effect."""

from __future__ import annotations

from typing import Final, Literal

from attrs import field, frozen

Effect = Literal["none", "unknown"]
"""Whether a failed attempt changed anything: ``none`` for surely not, or ``unknown``."""

Transport = Literal["unsent", "lost", "garbled"]
"""A failure without a code: never sent, sent without an answer, or with an unreadable answer."""

Repeat = Literal["safe", "equal", "conflict", "duplicate"]
"""
The result of doing an operation again. ``safe``: nothing changes. ``equal``: the same request changes nothing, and
another one is refused. ``conflict``: the second one is refused. ``duplicate``: it is done twice.
"""

TRANSPORTS: Final[tuple[Transport, ...]] = ("unsent", "lost", "garbled")
"""Every transport failure, in the order of a request's life."""

_CLIENT_ERROR = range(400, 500)

# Both services' messages are much shorter, and a proxy's error page has the reason at its beginning.
_LONGEST_MESSAGE: Final = 4096


class Message:
    """
    A service's message: rules can look for a text in it, and no output shows it.

    The message may contain parameters, names and keys. So it is no string: code that prints, records or sends a fault
    cannot show it. Only its first 4096 characters are kept.
    """

    __slots__ = ("_folded",)

    def __init__(self, text: str) -> None:
        self._folded = text[:_LONGEST_MESSAGE].casefold()

    def __contains__(self, literal: str) -> bool:
        """Tell whether the message contains a text, in any case."""
        return literal.casefold() in self._folded

    def __repr__(self) -> str:
        """Return a stand-in without the message."""
        return "<message>"


def _private(text: str | Message | None) -> Message | None:
    return Message(text) if isinstance(text, str) else text


@frozen(kw_only=True, slots=False)
class Fault:
    """
    One failed attempt, in the words of the service.

    A fault shows no message, parameter or URL: they may contain secrets, and spans,
    journals and notes show faults.

    Attributes:
        provider: The SDK's provider (``"alibaba"``, ``"tencent"``); None if the exception
            does not tell it, and then the call's provider counts.
        code: The service's error code, as the service spells it; or None.
        transport: The kind of transport failure, if the service gave no code; or None.
        status: The HTTP status; None if the SDK hides it.
        request_id: The service's id of the request, for its support; or None.
        retry_after: The seconds that the server asks to wait; or None.
        effect: The effect, if the transport tells it; None if the catalogue and the
            status decide.
        error: The exception's class as ``module.qualname``; for a builtin the name alone.
        message: The message, for rules with ``message``. It is given as text, no output can show it, and it does not
            count when faults are compared.
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
        """Return the same fault with another provider; ``attrs.evolve`` takes five times as long."""
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
        """The name of this fault: its code, else ``http-503``, ``lost``, or the exception's class."""
        if self.code is not None:
            return self.code
        if self.status is not None:
            return f"http-{self.status}"
        return self.transport or self.error or "unknown"

    def effect_or_default(self) -> Effect:
        """Return the effect without a rule and a catalogue entry: ``none`` for 4xx and unsent, else ``unknown``."""
        if self.effect is not None:
            return self.effect
        if self.transport == "unsent" or self.status in _CLIENT_ERROR:
            return "none"
        return "unknown"


CUT: Final = Fault(transport="lost", effect="unknown", error="resilience.DeadlineExceeded")
"""The fault of an attempt or a verification that a limit cut short."""


@frozen
class Origin:
    """The position in a file where a value was set; lines and columns count from 1."""

    file: str = field()
    line: int = field()
    column: int = field()

    def __str__(self) -> str:
        """Return ``file:line:column``, which terminals and editors understand."""
        return f"{self.file}:{self.line}:{self.column}"
