"""
Credentials of Tencent's SDK: a credential that calls a function for its keys, and the fixed keys of a client.

The credential takes id, secret and token from one snapshot. With the id of one generation and the secret of the next,
a client would sign wrongly. Source for fixed keys: tencentcloud-sdk-python-common 3.1.195, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import KeyTriple, triple


def tencent_credential(current: Callable[[], KeyTriple]) -> TencentCredential:
    """
    Return an object for the ``credential`` argument of Tencent's clients, synchronous and asynchronous.

    Args:
        current: Returns the keys that sign the next request. The credential calls it once for each question of the
            SDK, possibly from several threads, so it must not block.
    """
    return TencentCredential(current)


@frozen(eq=False)
class TencentCredential:
    """A credential for Tencent's clients; they sign with the result of :meth:`get_credential_info`."""

    _current: Callable[[], KeyTriple] = field(repr=False)

    def get_credential_info(self) -> tuple[str, str, str | None]:
        """Return id, secret and token of one generation."""
        keys = self._current()
        return keys.access_key_id, keys.access_key_secret, keys.security_token

    @property
    def secret_id(self) -> str:
        """The id of the key."""
        return self._current().access_key_id

    @property
    def secret_key(self) -> str:
        """The secret."""
        return self._current().access_key_secret

    @property
    def token(self) -> str | None:
        """The token, or None for a permanent key."""
        return self._current().security_token

    @property
    def secretId(self) -> str:  # noqa: N802  # older SDKs read these names
        """The id of the key."""
        return self._current().access_key_id

    @property
    def secretKey(self) -> str:  # noqa: N802
        """The secret."""
        return self._current().access_key_secret


def fixed_keys(client: object) -> KeyTriple | None:
    """Return the temporary keys that a client was made with."""
    credential = attribute(client, "credential")
    kind = type(credential)
    if kind.__module__ != "tencentcloud.common.credential" or kind.__name__ != "Credential":
        return None
    return triple(*(attribute(credential, name) for name in ("secret_id", "secret_key", "token")))


def give_keys(client: Any, current: Callable[[], KeyTriple]) -> None:
    """Make a client call ``current`` for its keys before each request."""
    client.credential = tencent_credential(current)


def given_by(client: object) -> Callable[[], KeyTriple] | None:
    """Return the function that :func:`give_keys` gave a client; None if it gave none."""
    holder = attribute(client, "credential")
    return holder._current if isinstance(holder, TencentCredential) else None  # noqa: SLF001  # made here
