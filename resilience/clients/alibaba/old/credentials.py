"""Credentials of Alibaba's old SDK; its signers hold the keys (aliyun-python-sdk-core 2.16.1, read 2026-11-28)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import KeyTriple, triple


def fixed_keys(client: object) -> KeyTriple | None:
    """Return the temporary keys that a client was made with."""
    signer = attribute(client, "_signer")
    if type(signer).__name__ != "StsTokenSigner":
        return None
    keys = attribute(signer, "_credential")
    return triple(*(attribute(keys, name) for name in ("sts_access_key_id", "sts_access_key_secret", "sts_token")))


def give_keys(client: Any, current: Callable[[], KeyTriple]) -> None:
    """Make a client call ``current`` for its keys before each request."""
    client._signer = _CurrentSigner(type(client._signer), current)  # noqa: SLF001


def given_by(client: object) -> Callable[[], KeyTriple] | None:
    """Return the function that :func:`give_keys` gave a client; None if it gave none."""
    holder = attribute(client, "_signer")
    return holder._current if isinstance(holder, _CurrentSigner) else None  # noqa: SLF001  # made here


@frozen(eq=False)
class _CurrentSigner:
    """Signs each request of the old SDK with the keys of one generation."""

    _signer: Any
    _current: Callable[[], KeyTriple]

    def sign(self, region_id: str, request: Any) -> Any:
        """Return the headers and the URL of a request."""
        keys = self._current()
        return self._signer(_SignerKeys(keys)).sign(region_id, request)


class _SignerKeys:
    """Keys under the attribute names that the old SDK's signer reads."""

    def __init__(self, keys: KeyTriple) -> None:
        self.sts_access_key_id = keys.access_key_id
        self.sts_access_key_secret = keys.access_key_secret
        self.sts_token = keys.security_token
