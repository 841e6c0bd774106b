"""The keys that sign requests, and the credentials that an SDK's client renews by itself."""

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

    ``repr`` shows no secret, and pickling raises TypeError.

    Attributes:
        access_key_id: The id of the key; Tencent calls it SecretId.
        access_key_secret: The secret; Tencent calls it SecretKey.
        security_token: The token of temporary credentials; None for a permanent key.
        expires_at: When the keys expire, in epoch seconds; None if they do not expire, or if that is unknown.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Raise TypeError: a pickle may be stored."""
        raise TypeError("credentials are not pickled; pass a function that loads them instead")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class ManagedKeys(Protocol):
    """The credential of a client that renews its keys by itself; call one of ``renew`` and ``fetch`` at a time."""

    @property
    def identity(self) -> object:
        """The credential, hashable and weakly referable; clients that share it share its refreshes."""

    def renew(self) -> None:
        """
        Fetch new keys now, even if the present ones have not expired; blocks.

        Raises:
            Exception: The SDK's own; the credential then keeps the present keys, which other calls may still use.
        """

    def is_due(self) -> bool:
        """Tell whether the SDK would refresh within its next call; does no I/O."""

    def expires_at(self) -> float | None:
        """Return when the present keys expire, in epoch seconds; None if there are no keys yet, or it is unknown."""

    def fetch(self) -> None:
        """
        Refresh as the SDK would do within its next call, if a refresh is due; blocks.

        Raises:
            Exception: The SDK's own.
        """


def users_keys(credential: object, getter: str) -> ManagedKeys | None:
    """Return the credential of a class of the user's that has a plain method ``refresh()``; None for any other."""
    refresh = attribute(credential, "refresh")
    if not callable(refresh) or iscoroutinefunction(refresh) or not callable(attribute(credential, getter)):
        return None
    return _UserObject(identity_of(credential), credential, getter)


@frozen(eq=False)
class _Same:
    """Stands for an object that is not hashable, or not weakly referable."""

    thing: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def identity_of(credential: object) -> object:
    """Return a credential as a key of weak mappings; a stand-in if it cannot be one."""
    try:
        hash(credential)
        weakref.ref(credential)
    except TypeError:
        return _Same(credential)
    return credential


@frozen(eq=False)
class _UserObject:
    """A credential of a class of the user's; its expiry is unknown."""

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
    """Return temporary keys; None if a part is missing, as the token is in permanent ones."""
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str) and token):
        return None
    return KeyTriple(access_key_id=key_id, access_key_secret=secret, security_token=token)
