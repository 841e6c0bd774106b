"""The values between the wire and a service: requests, replies, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object in the vendor's own spelling."""

How: TypeAlias = Literal["reply", "truncated", "reset", "hangup", "hang"]
"""The action of the wire; the words are those of ``faults.KINDS``."""


@frozen
class HttpRequest:
    """One HTTP request."""

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
    """The answer of the wire to one request."""

    how: How
    reply: Reply | None = None
    """Set for ``reply`` and ``truncated``."""
    delay: float = 0.0
    """Seconds before the action."""


@frozen
class Asked:
    """A request after reading, before any check."""

    operation: str
    version: str
    arguments: JsonObject = field(repr=False)
    key_id: str
    """The access key id or secret id that the caller claims."""


class Refusal(Exception):  # noqa: N818  an answer of the service, and no error of the sandbox
    """
    The service refuses a request.

    Args:
        code: The code, in the service's spelling.
        message: A message for people, without secrets.
        status: The HTTP status; None for the service's usual one for this code.
    """

    def __init__(self, code: str, message: str = "", *, status: int | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
