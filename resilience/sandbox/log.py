"""The call log, without secrets: each call's request, answer, and whether the service carried it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from threading import RLock
from typing import Any

from attrs import asdict, evolve, field, frozen

MASK = "***"


def masked(value: Any, secrets: Collection[str], name: str = "") -> Any:
    """
    Return a copy of a JSON value with ``***`` for every non-empty field that holds a secret.

    Args:
        value: The value.
        secrets: The names of the fields that hold secrets.
        name: The name of the field that has the value; empty for none.
    """
    if name in secrets and value:
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(item, secrets, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, secrets) for item in value]
    return value


@frozen
class Call:
    """One request that named an operation."""

    number: int
    """Counted from 1 over all services."""
    provider: str
    operation: str
    arguments: Mapping[str, Any]
    """In the vendor's spelling; secrets are ``***``."""
    at: float
    """Seconds since the epoch, by the sandbox's clock."""
    applied: bool
    """Whether the service carried it out, regardless of the answer."""
    answer: str
    """``ok``, the code, ``http-503`` and the like, or the kind of fault, such as ``reset``."""
    request_id: str
    access_key_id: str

    def as_dict(self) -> dict[str, Any]:
        """Return the call as a JSON object."""
        return asdict(self)


@frozen
class CallLog:
    """All calls so far, in order of arrival; safe to use from many threads."""

    _lock: RLock = field(factory=RLock, repr=False)
    _calls: list[Call] = field(factory=list)

    def add(self, arguments: Mapping[str, Any], secrets: Collection[str], **what: Any) -> Call:
        """
        Record a call with the next number.

        Args:
            arguments: The arguments as they were sent.
            secrets: The names of the arguments that hold secrets.
            what: The other fields of ``Call``, without ``number``.
        """
        with self._lock:
            call = Call(number=len(self._calls) + 1, arguments=masked(arguments, secrets), **what)
            self._calls.append(call)
            return call

    def mark_applied(self, number: int) -> None:
        """Note that a call took effect after its answer."""
        with self._lock:
            self._calls[number - 1] = evolve(self._calls[number - 1], applied=True)

    def snapshot(self) -> tuple[Call, ...]:
        """Return the calls so far."""
        with self._lock:
            return tuple(self._calls)
