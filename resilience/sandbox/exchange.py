"""What passes between the wire and a service: requests, replies, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

Fields: TypeAlias = dict[str, Any]
"""A JSON object in the vendor's own spelling."""

How: TypeAlias = Literal["reply", "truncated", "reset", "hangup", "hang"]
"""What the wire does with a connection; the words are those of ``faults.KINDS``."""


@frozen
class HttpRequest:
    """One HTTP request as it arrived."""

    method: str
    path: str
    query: str = field(repr=False)
    """The raw query string, still percent-encoded; holds tokens and signatures, so it is not shown."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return a header by its lower-case name, or an empty string."""
        return self.headers.get(name, "")


@frozen
class Reply:
    """One HTTP answer; the wire adds Content-Length and Date."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class WireAction:
    """What the wire shall do with one request."""

    how: How
    reply: Reply | None = None
    """Set for ``reply`` and ``truncated``."""
    delay: float = 0.0
    """Seconds to wait before doing it."""


@frozen
class Asked:
    """A request as the service understands it, before anything is checked."""

    operation: str
    version: str
    arguments: Fields = field(repr=False)
    key_id: str
    """The access key id or secret id that the caller claims."""


class Refusal(Exception):  # noqa: N818  it is the service's answer, not a fault of the sandbox
    """
    The service says no.

    Args:
        code: The code as the service spells it.
        message: For humans; must hold no secrets.
        status: The HTTP status, or None for the one that the service uses for this code.
    """

    def __init__(self, code: str, message: str = "", *, status: int | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
