"""The base of all services: state, keys, and the order of checks of a request."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from threading import RLock
from typing import Any, ClassVar

from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Refusal, Reply
from resilience.sandbox.http.authority import TRUST, Authority
from resilience.sandbox.keys import Keyring, TemporaryKey, TimeSource

Handler = Callable[[JsonObject], JsonObject]


class Table(dict[Hashable, JsonObject]):
    """Rows of one kind of resource in the vendor's spelling, in order of creation."""

    def rows(self, **where: Any) -> list[JsonObject]:
        """Return copies of the rows whose fields have the given values."""
        return [copy.deepcopy(row) for row in self._where(where)]

    def count(self, **where: Any) -> int:
        """Return the number of such rows; copying them for each creation would take quadratic time."""
        return sum(1 for _ in self._where(where))

    def _where(self, where: Mapping[str, Any]) -> Iterator[JsonObject]:
        return (row for row in self.values() if all(row.get(name) == value for name, value in where.items()))


class Rows:
    """An attribute of a service: copies of the rows of the table with the attribute's name."""

    def __set_name__(self, _: type[Service], name: str) -> None:
        self._name = name

    def __get__(self, service: Service, _: type[Service]) -> list[JsonObject]:
        with service.lock:
            return service.tables()[self._name].rows()


class Service(ABC):
    """
    One management API; each has its own folder, and a line in ``services.py``.

    Attributes:
        provider: The provider whose catalogue has its operations.
        title: Its name for users.
        apis: Its products and versions, for users.
        secrets: The fields of its requests that hold secrets, which the log does not show.
        endpoint: ``host:port``; empty before the start.
        authority: The certificate of the sandbox; None before the start.

    Args:
        keys: The valid keys.
        clock: Seconds since the epoch.
    """

    provider: ClassVar[str]
    title: ClassVar[str]
    apis: ClassVar[str]
    secrets: ClassVar[frozenset[str]]

    def __init__(self, keys: Keyring, clock: TimeSource) -> None:
        self.keys = keys
        self.clock = clock
        self.lock = RLock()
        self.endpoint = ""
        self.authority: Authority | None = None
        self.handlers: dict[str, Handler] = {}

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(rows)} {name}" for name, rows in self.tables().items() if rows)
        return f"<{self.provider} at {self.endpoint or 'no address yet'}: {counts or 'empty'}>"

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts: endpoint and keys."""

    def trust(self) -> dict[str, str]:
        """Return the environment variables that make clients trust the sandbox's certificate; empty without one."""
        file = None if self.authority is None else self.authority.trusted
        return {} if file is None else dict.fromkeys(TRUST, file)

    def about(self) -> str:
        """Return what is there from the start, for users."""
        return f"instances: {', '.join(row['InstanceId'] for row in self.tables()['instances'].rows())}"

    def for_examples(self) -> dict[str, str]:
        """Return the other environment variables of the examples."""
        return {}

    def issue_token(self, lifetime: float = 3600.0) -> TemporaryKey:
        """Issue a temporary triple that is valid for ``lifetime`` seconds."""
        return self.keys.issue(lifetime)

    def expire_tokens(self) -> int:
        """Reject every issued temporary triple; return the number of newly rejected ones."""
        return self.keys.expire()

    def state(self) -> dict[str, list[JsonObject]]:
        """Return copies of all rows, by kind."""
        with self.lock:
            return {name: table.rows() for name, table in self.tables().items()}

    def perform(self, operation: str, arguments: JsonObject) -> JsonObject:
        """
        Carry out an operation.

        Returns:
            The fields of the answer, without RequestId.

        Raises:
            Refusal: The service refuses, and changes nothing.
        """
        with self.lock:
            return self.handlers.get(operation, self.other(operation))(arguments)

    @abstractmethod
    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""

    @abstractmethod
    def other(self, operation: str) -> Handler:
        """Return the handler of a known operation without state."""

    @abstractmethod
    def read(self, request: HttpRequest) -> Asked:
        """Read a request without checks; absent and unreadable parts are empty."""

    @abstractmethod
    def check(self, request: HttpRequest, asked: Asked) -> None:
        """
        Check key, token, signature, time, version and operation, in the vendor's order.

        Raises:
            Refusal: One of these is wrong.
        """

    @abstractmethod
    def new_request_id(self) -> str:
        """Return an id in the vendor's form."""

    @abstractmethod
    def success(self, fields: JsonObject, request_id: str) -> Reply:
        """Return the answer to a successful call; the fields have the RequestId, unless a fault removes it."""

    @abstractmethod
    def failure(self, refusal: Refusal, request_id: str) -> Reply:
        """Return the answer to a refused call."""
