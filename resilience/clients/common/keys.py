"""Keys that sign requests: one generation of them, and what a client's own credential can be asked to do."""

from __future__ import annotations

import weakref
from inspect import iscoroutinefunction
from typing import Any, NoReturn, Protocol, Self

from attrs import field, frozen

from resilience.clients.common.fields import attribute


@frozen(kw_only=True)
class KeyTriple:
    """
    One generation of credentials.

    Neither ``repr`` nor a pickle shows a secret: a pickle is refused.

    Attributes:
        access_key_id: The id of the key; Tencent calls it SecretId.
        access_key_secret: The secret; Tencent calls it SecretKey.
        security_token: The token of temporary credentials, or None for a permanent key.
        expires_at: When they end, in epoch seconds, or None if they do not or nobody knows.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied into anything that might be stored."""
        raise TypeError("credentials are not pickled; pass a function that loads them instead")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class OwnKeys(Protocol):
    """What can be done with a client's own refreshing credential; ask for one refresh at a time."""

    @property
    def identity(self) -> object:
        """The credential: clients that share it share its refreshes. Hashable, and can be referred to weakly."""

    def renew(self) -> None:
        """
        Fetch new keys now, however good the present ones look; blocks.

        Raises:
            Exception: The SDK's own; the present keys then stay, for calls that they may be good enough for.
        """

    def is_due(self) -> bool:
        """Tell whether the SDK would refresh within its next call; no I/O."""

    def expires_at(self) -> float | None:
        """Return when the present keys end, in epoch seconds; None if there are none yet or nobody knows."""

    def fetch(self) -> None:
        """
        Do what the SDK would do within its next call, if that is due; blocks.

        Raises:
            Exception: The SDK's own.
        """


def users_keys(credential: object, getter: str) -> OwnKeys | None:
    """Return what can be done with a credential of the user's own: one with a plain public method ``refresh()``."""
    refresh = attribute(credential, "refresh")
    if not callable(refresh) or iscoroutinefunction(refresh) or not callable(attribute(credential, getter)):
        return None
    return _UserObject(identity_of(credential), credential, getter)


@frozen(eq=False)
class _Same:
    """Stands for an object that cannot be hashed, or not be referred to weakly."""

    thing: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def identity_of(credential: object) -> object:
    """Return a credential, or what stands for it, as a key of weak mappings."""
    try:
        hash(credential)
        weakref.ref(credential)
    except TypeError:
        return _Same(credential)
    return credential


@frozen(eq=False)
class _UserObject:
    """What users write: nobody can tell when it is due."""

    identity: object
    _credential: Any
    _getter: str

    def renew(self) -> None:
        self._credential.refresh()

    def is_due(self) -> bool:
        return False

    def expires_at(self) -> float | None:
        return None

    def fetch(self) -> None:
        getattr(self._credential, self._getter)()


def triple(key_id: object, secret: object, token: object) -> KeyTriple | None:
    """Return temporary keys; None if a part is missing, as with permanent ones."""
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str) and token):
        return None
    return KeyTriple(access_key_id=key_id, access_key_secret=secret, security_token=token)
