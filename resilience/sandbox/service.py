"""What all services have in common: state, keys, and the order in which a request is judged."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from threading import RLock
from typing import Any, ClassVar

from resilience.sandbox.exchange import Asked, Fields, HttpRequest, Refusal, Reply
from resilience.sandbox.keys import Clock, Keyring, TemporaryKey

Handler = Callable[[Fields], Fields]


class Table(dict[Hashable, Fields]):
    """Rows of one kind of resource in the vendor's spelling, in order of creation."""

    def rows(self, **where: Any) -> list[Fields]:
        """Return copies of the rows whose fields have the given values."""
        return [copy.deepcopy(row) for row in self._where(where)]

    def count(self, **where: Any) -> int:
        """Count those rows; cheaper than copying them, which would make many creations quadratic."""
        return sum(1 for _ in self._where(where))

    def _where(self, where: Mapping[str, Any]) -> Iterator[Fields]:
        return (row for row in self.values() if all(row.get(name) == value for name, value in where.items()))


class Service(ABC):
    """
    One management API; each has a room of its own, and a place in ``services.py``.

    Attributes:
        provider: The provider whose catalogue knows its operations.
        title: What a user reads.
        apis: Products and versions, for a user.

    Args:
        keys: The keys that it accepts.
        clock: Seconds since the epoch.
    """

    provider: ClassVar[str]
    title: ClassVar[str]
    apis: ClassVar[str]

    def __init__(self, keys: Keyring, clock: Clock) -> None:
        self.keys = keys
        self.clock = clock
        self.lock = RLock()
        self.endpoint = ""
        self.handlers: dict[str, Handler] = {}

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(rows)} {name}" for name, rows in self.tables().items() if rows)
        return f"<{self.provider} at {self.endpoint or 'no address yet'}: {counts or 'empty'}>"

    @property
    @abstractmethod
    def instances(self) -> list[Fields]:
        """The instances that there are."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the environment variables that point scripts here: endpoint and keys."""

    def for_examples(self) -> dict[str, str]:
        """Return the variables that the examples read, beyond those."""
        return {}

    def issue_token(self, lifetime: float = 3600.0) -> TemporaryKey:
        """Issue a temporary triple that is accepted for ``lifetime`` seconds."""
        return self.keys.issue(lifetime)

    def expire_tokens(self) -> int:
        """Reject every temporary triple issued so far; return how many that newly concerns."""
        return self.keys.expire()

    def state(self) -> dict[str, list[Fields]]:
        """Return copies of all rows, by kind."""
        with self.lock:
            return {name: table.rows() for name, table in self.tables().items()}

    def perform(self, operation: str, arguments: Fields) -> Fields:
        """
        Carry out an operation.

        Returns:
            The fields of the answer, without RequestId.

        Raises:
            Refusal: The service says no; nothing was changed.
        """
        with self.lock:
            return self.handlers.get(operation, self.other(operation))(arguments)

    @abstractmethod
    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""

    @abstractmethod
    def other(self, operation: str) -> Handler:
        """Return what plays a known operation that has no state here."""

    @abstractmethod
    def read(self, request: HttpRequest) -> Asked:
        """Find out what is asked, checking nothing; what is absent or unreadable is empty."""

    @abstractmethod
    def check(self, request: HttpRequest, asked: Asked) -> None:
        """
        Check key, token, signature, time, version and operation, in the vendor's order.

        Raises:
            Refusal: One of them is wrong.
        """

    @abstractmethod
    def new_request_id(self) -> str:
        """Return an id as the vendor writes them."""

    @abstractmethod
    def success(self, fields: Fields, request_id: str) -> Reply:
        """Return the answer to a call that worked; the fields hold the RequestId already, unless a fault took it."""

    @abstractmethod
    def failure(self, refusal: Refusal, request_id: str) -> Reply:
        """Return the answer to a call that the service refuses."""
