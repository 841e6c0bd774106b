"""The valid keys of a service: one long-lived pair, and temporary triples that expire."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from threading import RLock
from typing import Literal, TypeAlias

from attrs import field, frozen

TimeSource: TypeAlias = Callable[[], float]
"""Seconds since the epoch."""

Verdict: TypeAlias = Literal["valid", "expired", "missing", "mismatch", "malformed"]


@frozen
class TemporaryKey:
    """
    A temporary triple from STS; it unpacks to ``key_id, secret, token``.

    The attributes have both vendors' names, so that each vendor's SDK can use the value.
    """

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expiration: float
    """Seconds since the epoch."""

    def __iter__(self) -> Iterator[str]:
        return iter((self.key_id, self.secret, self.token))

    @property
    def access_key_id(self) -> str:
        """Alibaba's name for the id."""
        return self.key_id

    @property
    def access_key_secret(self) -> str:
        """Alibaba's name for the secret."""
        return self.secret

    @property
    def security_token(self) -> str:
        """Alibaba's name for the token."""
        return self.token

    @property
    def secret_id(self) -> str:
        """Tencent's name for the id."""
        return self.key_id

    @property
    def secret_key(self) -> str:
        """Tencent's name for the secret."""
        return self.secret


class Keyring:
    """
    The keys of one service; safe to use from many threads.

    Args:
        key_id: The long-lived id.
        secret: Its secret.
        prefix: The beginning of temporary ids: ``STS.`` at Alibaba, ``AKID`` at Tencent.
        clock: The clock for the expiry of temporary keys.
    """

    def __init__(self, key_id: str, secret: str, *, prefix: str, clock: TimeSource) -> None:
        self.key_id = key_id
        self.secret = secret
        self._prefix = prefix
        self._clock = clock
        self._lock = RLock()
        self._issued: dict[str, TemporaryKey] = {}
        self._dead: set[str] = set()

    def issue(self, lifetime: float) -> TemporaryKey:
        """
        Make a temporary triple that is valid for ``lifetime`` seconds.

        Earlier triples stay valid until their own expiry, as with both vendors.
        """
        key = TemporaryKey(
            f"{self._prefix}{secrets.token_hex(12)}",
            secrets.token_urlsafe(30),
            secrets.token_urlsafe(90),
            self._clock() + lifetime,
        )
        with self._lock:
            self._issued[key.key_id] = key
        return key

    def expire(self) -> int:
        """Reject every issued triple from now on; return the number of newly rejected ones."""
        with self._lock:
            fresh = set(self._issued) - self._dead
            self._dead |= fresh
            return len(fresh)

    def secret_of(self, key_id: str) -> str | None:
        """Return the secret of an id, expired or not; None for an unknown id."""
        if key_id == self.key_id:
            return self.secret
        with self._lock:
            key = self._issued.get(key_id)
        return None if key is None else key.secret

    def judge(self, key_id: str, token: str) -> Verdict:
        """
        Judge the token with a known id.

        ``mismatch`` is a token that belongs to another id.
        """
        with self._lock:
            key = self._issued.get(key_id)
            known = any(secrets.compare_digest(token.encode(), other.token.encode()) for other in self._issued.values())
            if key is None:
                return "valid" if not token else ("mismatch" if known else "malformed")
            if not token:
                return "missing"
            if token != key.token:
                return "mismatch" if known else "malformed"
            return "expired" if key_id in self._dead or self._clock() >= key.expiration else "valid"
