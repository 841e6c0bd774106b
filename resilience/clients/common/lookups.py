"""
Make verifiers of two parts: a finder, which knows the service, and a query client, which knows the SDK.

A *finder* is a generator. It yields queries, receives answers as plain mappings in the
spelling of the wire, and returns the resource that it found. It does no I/O, so the same
finder serves plain and asynchronous clients. A *query client* sends the queries through
an SDK's client.
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
"""Takes the arguments of the SDK's method, and returns what the method would have returned; None for "not there"."""

_REQUEST_NAMES: Final = ("request", "params")


@frozen
class Query:
    """One query: an operation that changes nothing, and its request fields."""

    operation: str
    fields: Fields


Search = Generator[Query, Fields, Fields | None]
"""A finder that runs; it returns the fields of a good answer of the creating operation, or None for "not there"."""


@frozen
class ExpectedResource:
    """
    The resource that a creating call asked for.

    Attributes:
        operation: The creating operation.
        fields: The fields of its request.
    """

    operation: str
    fields: Fields

    def need(self, name: str) -> str:
        """
        Return a field that the search needs.

        Raises:
            ValueError: The request has no such field.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self.operation}: expected {name} in the request, found none; it says what to look for")
        return value


Finder = Callable[[ExpectedResource], Search]


@frozen(kw_only=True)
class Purchases:
    """
    The request fields that distinguish one purchase from all others; a bought resource has no name of its own.

    Attributes:
        tag: The key of a tag that has another value in each purchase; None for no such tag.
        by_name: Whether no two purchases of the account ask for the same name.
        fields: The request fields that a policy names; empty if it names none, None if there is no policy.
    """

    tag: str | None = None
    by_name: bool = False
    fields: tuple[str, ...] | None = None

    def __bool__(self) -> bool:
        return self.tag is not None or self.by_name or bool(self.fields)


class Ambiguous(LookupError):  # noqa: N818  # it says what was found, and nothing failed
    """
    A resource is there, and the verifier cannot tell whether this call made it.

    If it is not ours, the program would use another program's resource. If it is ours, another
    attempt would make a second one. So a person has to decide.

    Attributes:
        operation: The operation whose result the verifier looked for.
        found: The ids of the resources that are there, or their names if they have no ids.
        reason: Why the verifier cannot decide, and what to do about it.
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
    An answer that the SDK took for a success, but which is a failure or cannot be read.

    Attributes:
        operation: The operation that was called.
        fault: The fault in the answer; rules match it like the fault of an exception of the SDK.
    """

    __module__ = "resilience.clients"  # where users import it from

    def __init__(self, operation: str, fault: Fault) -> None:
        super().__init__(operation, fault)
        self.operation = operation
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.operation}: {self.fault.label}: the answer is no success, although the SDK took it"


class QueryClient(Protocol):
    """Sends a finder's queries through one client of an SDK."""

    @property
    def provider(self) -> str:
        """The provider of the operations."""
        ...

    def check(self, operation: str, answer: Any) -> Fault | None:
        """Return the fault in an answer that the SDK took for a success."""
        ...

    def is_request(self, value: object) -> bool:
        """Tell whether an argument is the request of a creating call."""
        ...

    def fields(self, request: Any) -> Fields:
        """Return the fields of a request."""
        ...

    def put(self, query: Query, options: object) -> Any:
        """Send a query, with the options of the call if they fit; return the SDK's answer, or an awaitable of it."""
        ...

    def read(self, answer: Any) -> Fields:
        """Return the fields of an answer; an empty mapping if it has none."""
        ...

    def made(self, operation: str, request: Any, fields: Fields, answer: Any) -> Any:
        """Return the creating call's answer; ``answer`` is that of the last query, or None without one."""
        ...


@frozen
class _Call:
    """The request and the options among the arguments of a creating call."""

    request: Any
    options: object

    @classmethod
    def of(cls, query_client: QueryClient, operation: str, args: Sequence[Any], kwargs: Fields) -> _Call:
        named = [kwargs[name] for name in _REQUEST_NAMES if name in kwargs]
        values = [*args, *named, *(value for name, value in kwargs.items() if name not in _REQUEST_NAMES)]
        for index, value in enumerate(values):
            if query_client.is_request(value):
                return cls(value, next(iter(values[index + 1 :]), None))
        found = ", ".join(type(value).__name__ for value in values) or "no argument"
        raise TypeError(
            f"{operation}: expected the SDK's own arguments with a request among them, found {found}; "
            "give a function with other parameters a verifier of its own"
        )


def plain(query_client: QueryClient, operation: str, find: Finder) -> Verifier:
    """Return a verifier for a client with blocking methods: a plain function."""

    def verify(*args: Any, **kwargs: Any) -> Any:
        lookup = _lookup(query_client, operation, find, args, kwargs)
        try:
            answer = next(lookup)
            while True:
                answer = lookup.send(answer)
        except StopIteration as end:
            return end.value

    return verify


def awaited(query_client: QueryClient, operation: str, find: Finder) -> Callable[..., Awaitable[Any]]:
    """Return a verifier for a client with asynchronous methods: a coroutine function."""

    async def verify(*args: Any, **kwargs: Any) -> Any:
        lookup = _lookup(query_client, operation, find, args, kwargs)
        try:
            pending = next(lookup)
            while True:
                try:
                    answer = await pending
                except Exception as error:  # noqa: BLE001  # the finder decides what it means
                    pending = lookup.throw(error)
                else:
                    pending = lookup.send(answer)
        except StopIteration as end:
            return end.value

    return verify


def _lookup(
    query_client: QueryClient, operation: str, find: Finder, args: Sequence[Any], kwargs: Fields
) -> Generator[Any, Any, Any]:
    """Run a finder; yield what the client returns for each query, and receive the answer in it."""
    call = _Call.of(query_client, operation, args, kwargs)
    search, answer = find(ExpectedResource(operation, query_client.fields(call.request))), None
    step: Callable[[], Query] = partial(next, search)
    while True:
        try:
            query = step()
        except StopIteration as end:
            return None if end.value is None else query_client.made(operation, call.request, end.value, answer)
        try:
            answer = yield query_client.put(query, call.options)
            step = partial(search.send, _checked(query_client, query, answer))
        except Exception as error:  # noqa: BLE001  # the finder knows which mean "not there", and raises the others
            step = partial(search.throw, error)


def _checked(query_client: QueryClient, query: Query, answer: Any) -> Fields:
    fault = query_client.check(query.operation, answer)
    if fault is not None:
        raise AnswerError(query.operation, fault)
    fields = query_client.read(answer)
    if not fields:
        raise unreadable(query_client.provider, query.operation)
    return fields


def unreadable(provider: str, operation: str, request_id: object = None) -> AnswerError:
    """Return the error for an answer without its required fields: it says neither "there" nor "not there"."""
    known = request_id if isinstance(request_id, str) else None
    return AnswerError(operation, Fault(provider=provider, transport="garbled", request_id=known))


def code_of(error: Exception, translate: Callable[[Exception], Fault | None]) -> str | None:
    """
    Return the service's code in the exception of a query; None if it has none.

    Args:
        error: An exception of the SDK's own, or one with its fault in the attribute ``fault``.
        translate: Returns the fault in an exception of the SDK's own.
    """
    carried = attribute(error, "fault")
    fault = carried if isinstance(carried, Fault) else translate(error)
    return None if fault is None else fault.code


def certificates(text: object) -> tuple[str, ...]:
    """
    Return the certificates in a PEM text as base64 without line ends, so that two texts can be compared.

    A list may show other line ends and remarks around a certificate than the request had. Alibaba's reference shows a
    line end as a backslash and an ``n`` (RegisterCaCertificate, CaContent; read 2026-11-21).
    """
    if not isinstance(text, str):
        return ()
    flat = text.replace("\\n", "\n").replace("\\r", "\n")
    parts = [part.partition("-----END ")[0] for part in flat.split("-----BEGIN CERTIFICATE-----")[1:]] or [flat]
    return tuple(found for part in parts if (found := "".join(part.split())))


def only(operation: str, rows: Sequence[Fields], name: str, reason: str) -> Fields | None:
    """
    Return the only row; None if there is no row.

    Raises:
        Ambiguous: There are several rows; the error lists the field ``name`` of each.
    """
    if len(rows) > 1:
        raise Ambiguous(operation, [row.get(name) for row in rows], reason)
    return rows[0] if rows else None
