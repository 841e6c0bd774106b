"""
How a verifier asks: what to look up is one thing, how an SDK is asked is another.

A *finder* knows a service and no SDK. It is a generator that yields questions, gets
answers as plain mappings in the spelling of the wire, and returns what it found. It
waits for nothing itself, so the same finder serves plain and asynchronous clients.
A *query client* knows an SDK's client and no operation: it puts the questions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.core.fault import Fault

Fields = Mapping[str, Any]
"""Request or answer fields, spelled as on the wire."""

Verifier = Callable[..., Any]
"""Takes the arguments of the SDK's own method; returns what that would have returned, or None."""

_REQUEST_NAMES: Final = ("request", "params")


@frozen
class Query:
    """One question: an operation that changes nothing, and its request fields."""

    operation: str
    fields: Fields


Search = Generator[Query, Fields, Fields | None]
"""A search under way: it returns the fields of a good answer to the creating operation, or None."""


@frozen
class ExpectedResource:
    """
    What a creating call asked for.

    Attributes:
        operation: The operation.
        fields: Its request fields.
    """

    operation: str
    fields: Fields

    def need(self, name: str) -> str:
        """
        Return a field without which nothing can be looked for.

        Raises:
            ValueError: The request does not have it.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self.operation}: expected {name} in the request, found none; it says what to look for")
        return value


Finder = Callable[[ExpectedResource], Search]


@frozen(kw_only=True)
class Purchases:
    """
    What tells one purchase from all others, where what is bought has no name of its own.

    Attributes:
        tag: The key of a tag whose value each purchase has for itself; None for no such tag.
        by_name: Whether no two purchases of the account ask for the same name.
        fields: The request fields that a policy names; empty where it names none, None where no policy is asked.
    """

    tag: str | None = None
    by_name: bool = False
    fields: tuple[str, ...] | None = None

    def __bool__(self) -> bool:
        return self.tag is not None or self.by_name or bool(self.fields)


class Ambiguous(LookupError):  # noqa: N818  # it says what was found, and nothing failed
    """
    Something is there, and nothing tells whether this call made it.

    To take it for ours could adopt another program's; to take it for nothing could
    make it twice. So a person has to look.

    Attributes:
        operation: The operation whose result was looked for.
        found: The ids, or where there are none the names, of what is there.
        reason: Why it cannot be told, and what to do about it.
    """

    __module__ = "resilience.clients"  # where users import it from

    def __init__(self, operation: str, found: Sequence[object], reason: str) -> None:
        super().__init__(operation, tuple(found), reason)
        self.operation = operation
        self.found = tuple(found)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.operation}: found {', '.join(map(str, self.found))}; {self.reason}"


class AnswerError(Exception):
    """
    A service's answer that the SDK took for a success, and that is none or cannot be read.

    Attributes:
        operation: The operation that was asked.
        fault: What the answer says; a policy meets it as it meets an exception of the SDK.
    """

    __module__ = "resilience.clients"  # where users import it from

    def __init__(self, operation: str, fault: Fault) -> None:
        super().__init__(operation, fault)
        self.operation = operation
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.operation}: {self.fault.label}: the answer is no success, although the SDK took it"


class QueryClient(Protocol):
    """Puts a finder's questions to one client."""

    @property
    def provider(self) -> str:
        """Whose operations these are."""
        ...

    def check(self, operation: str, answer: Any) -> Fault | None:
        """Return the fault in an answer that the SDK took for a success."""
        ...

    def is_request(self, value: object) -> bool:
        """Tell whether an argument is what a creating call sends."""
        ...

    def fields(self, request: Any) -> Fields:
        """Return the fields of a request."""
        ...

    def put(self, query: Query, options: object) -> Any:
        """Ask, with the options of the call if they fit; return the SDK's answer, or an awaitable of it."""
        ...

    def read(self, answer: Any) -> Fields:
        """Return the fields of an answer; empty if it has none."""
        ...

    def made(self, operation: str, request: Any, fields: Fields, answer: Any) -> Any:
        """Return what the creating call would have returned; ``answer`` is that of the last question, or None."""
        ...


@frozen
class _Call:
    """The arguments of one creating call, as far as a verifier needs them."""

    request: Any
    options: object

    @classmethod
    def of(cls, query_client: QueryClient, operation: str, args: Sequence[Any], kwargs: Fields) -> _Call:
        named = [kwargs[name] for name in _REQUEST_NAMES if name in kwargs]
        values = [*args, *named, *(value for name, value in kwargs.items() if name not in _REQUEST_NAMES)]
        for place, value in enumerate(values):
            if query_client.is_request(value):
                return cls(value, next(iter(values[place + 1 :]), None))
        found = ", ".join(type(value).__name__ for value in values) or "no argument"
        raise TypeError(
            f"{operation}: expected the SDK's own arguments with a request among them, found {found}; "
            "give a function with other parameters a verifier of its own"
        )


def plain(query_client: QueryClient, operation: str, find: Finder) -> Verifier:
    """Return a plain function for a client whose methods wait in their thread."""

    def verify(*args: Any, **kwargs: Any) -> Any:
        call = _Call.of(query_client, operation, args, kwargs)
        search, answer = find(ExpectedResource(operation, query_client.fields(call.request))), None
        step: Callable[[], Query] = partial(next, search)
        while True:
            try:
                query = step()
            except StopIteration as end:
                return None if end.value is None else query_client.made(operation, call.request, end.value, answer)
            try:
                answer = query_client.put(query, call.options)
                step = partial(search.send, _checked(query_client, query, answer))
            except Exception as error:  # noqa: BLE001  # the finder knows which mean "not there", and raises the others
                step = partial(search.throw, error)

    return verify


def awaited(query_client: QueryClient, operation: str, find: Finder) -> Callable[..., Awaitable[Any]]:
    """Return a coroutine function for a client whose methods are awaited; otherwise the same as ``plain``."""

    async def verify(*args: Any, **kwargs: Any) -> Any:
        call = _Call.of(query_client, operation, args, kwargs)
        search, answer = find(ExpectedResource(operation, query_client.fields(call.request))), None
        step: Callable[[], Query] = partial(next, search)
        while True:
            try:
                query = step()
            except StopIteration as end:
                return None if end.value is None else query_client.made(operation, call.request, end.value, answer)
            try:
                answer = await query_client.put(query, call.options)
                step = partial(search.send, _checked(query_client, query, answer))
            except Exception as error:  # noqa: BLE001  # the finder knows which mean "not there", and raises the others
                step = partial(search.throw, error)

    return verify


def _checked(query_client: QueryClient, query: Query, answer: Any) -> Fields:
    fault = query_client.check(query.operation, answer)
    if fault is not None:
        raise AnswerError(query.operation, fault)
    fields = query_client.read(answer)
    if not fields:
        raise unreadable(query_client.provider, query.operation)
    return fields


def unreadable(provider: str, operation: str, request_id: object = None) -> AnswerError:
    """Return the error for an answer that lacks what it must have: it says neither "there" nor "not there"."""
    known = request_id if isinstance(request_id, str) else None
    return AnswerError(operation, Fault(provider=provider, transport="garbled", request_id=known))


def code_of(error: Exception, translate: Callable[[Exception], Fault | None]) -> str | None:
    """
    Return the service's code in what a question raised, or None.

    Args:
        error: What it raised: an exception of the SDK's own, or one that carries its fault.
        translate: Returns the fault in an exception of the SDK's own.
    """
    carried = attribute(error, "fault")
    fault = carried if isinstance(carried, Fault) else translate(error)
    return None if fault is None else fault.code


def certificates(text: object) -> tuple[str, ...]:
    """
    Return the certificates in a PEM text as bare base64, so that two texts can be compared.

    Line ends and remarks around a certificate differ between what was sent and what is listed. Alibaba's reference
    shows a line end as a backslash and an ``n`` (RegisterCaCertificate, CaContent; read 2026-11-21).
    """
    if not isinstance(text, str):
        return ()
    flat = text.replace("\\n", "\n").replace("\\r", "\n")
    parts = [part.partition("-----END ")[0] for part in flat.split("-----BEGIN CERTIFICATE-----")[1:]] or [flat]
    return tuple(found for part in parts if (found := "".join(part.split())))


def only(operation: str, rows: Sequence[Fields], name: str, reason: str) -> Fields | None:
    """
    Return the one row, None if there is none.

    Raises:
        Ambiguous: There are more; the error lists the field ``name`` of each.
    """
    if len(rows) > 1:
        raise Ambiguous(operation, [row.get(name) for row in rows], reason)
    return rows[0] if rows else None
