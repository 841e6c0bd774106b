"""REST APIs that a policy describes: the paths of codes in answers, and the requests of operations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from attrs import frozen

from resilience.core.fault import Repeat

PlaceKind = Literal["json", "header"]
"""The part of an HTTP answer that has a value."""

METHODS: Final[Mapping[str, Repeat]] = MappingProxyType(
    {
        **dict.fromkeys(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"), "safe"),
        **dict.fromkeys(("POST", "PATCH"), "duplicate"),
    }
)
"""
What a repeat of an HTTP request does by default; a request with any other method is done twice.

Source: RFC 9110, 9.2.2, "Idempotent Methods".
"""


@frozen
class AnswerPath:
    """
    The path of a value in an HTTP answer.

    Attributes:
        kind: ``json`` for the body, ``header`` for a header.
        path: The keys, and the indexes of arrays, in the body; or the one name of a header.
    """

    kind: PlaceKind
    path: tuple[str, ...]

    def __str__(self) -> str:
        """Return the path in the form of policies: ``json:errors.0.title``, ``header:x-request-id``."""
        return f"{self.kind}:{'.'.join(self.path)}"


def is_placeholder(segment: str) -> bool:
    """Tell whether a segment of a template is a placeholder, which matches any one part of a path."""
    return segment.startswith("{")


@frozen
class RequestTemplate:
    """
    The template of one operation's requests.

    Attributes:
        operation: The name of the operation.
        method: The HTTP method, in capitals.
        segments: The parts of the path between its slashes; a part in braces is a placeholder.
    """

    operation: str
    method: str
    segments: tuple[str, ...]

    @property
    def literals(self) -> int:
        """The number of segments that are no placeholders; of two templates that fit, the one with more wins."""
        return sum(not is_placeholder(each) for each in self.segments)

    def __str__(self) -> str:
        """Return the template in the form of policies: ``POST /users/{user}``."""
        return f"{self.method} /{'/'.join(self.segments)}"


# The hash is kept, because each call looks the API's matchers up by it.
@frozen(kw_only=True, cache_hash=True)
class RestApi:
    """
    A REST API that a policy describes.

    Attributes:
        code: The path of the error code in an answer with an error status; None for an API without codes.
        message: The path of the message, for rules with ``message``; None for the whole body.
        request_id: The path of the request's id; None for the usual headers.
        retry_after: The path of the seconds to wait; without a value there, ``Retry-After`` counts.
        success: The path of a boolean that tells whether an answer with status 2xx is a success; None if each one is.
        hosts: The hosts of the API: ``host``, on any port, or ``host:port``, in lower case. Empty for any host.
        operations: The templates of operations. A request that fits none is named by its method.
    """

    code: AnswerPath | None = None
    message: AnswerPath | None = None
    request_id: AnswerPath | None = None
    retry_after: AnswerPath | None = None
    success: AnswerPath | None = None
    hosts: tuple[str, ...] = ()
    operations: tuple[RequestTemplate, ...] = ()

    def template(self, operation: str) -> RequestTemplate | None:
        """Return the template of an operation; None if the policy has none."""
        return next((each for each in self.operations if each.operation == operation), None)
