"""
Renew the keys of the credentials that botocore refreshes by itself.

They look at the clock: a token that the service refuses earlier stays, and so does a role's token in the cache of the
credential. An asynchronous credential refreshes without stopping the event loop, so it only has to be told.
Sources: botocore 1.43.117 and aiobotocore 3.10.0, credentials.py; read 2026-11-28.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from resilience.clients.aws.keys.credentials import credential_of
from resilience.clients.common.fields import attribute, kinds
from resilience.clients.common.keys import ManagedKeys, identity_of, users_keys

_REFRESHABLE: Final = ("botocore", "RefreshableCredentials")
_ASYNC: Final = ("aiobotocore", "AioRefreshableCredentials")


@frozen(eq=False)
class RefreshableKeys:
    """A credential with a function that fetches new keys."""

    identity: object
    _credential: Any

    def renew(self) -> None:
        """Fetch new keys, without the credential's lock, which a call that signs would wait for."""
        credential = self._credential
        _forget_cached(credential._refresh_using)  # noqa: SLF001  # no public method renews keys before they expire
        found = credential._refresh_using()  # noqa: SLF001
        with credential._refresh_lock:  # noqa: SLF001
            credential._set_from_data(found)  # noqa: SLF001
            if hasattr(credential, "_publish_refresh"):
                credential._publish_refresh()  # noqa: SLF001
                credential._staged_expiry_time = None  # noqa: SLF001
            else:
                # Older versions have no such method.
                kind: Any = sys.modules["botocore.credentials"]
                parts = (credential._access_key, credential._secret_key, credential._token)  # noqa: SLF001
                credential._frozen_credentials = kind.ReadOnlyCredentials(*parts)  # noqa: SLF001

    def is_due(self) -> bool:
        """Tell whether the credential would fetch keys before it next signs."""
        return bool(self._credential.refresh_needed())

    def expires_at(self) -> float | None:
        """Return when the keys expire, in epoch seconds; None if there are none yet."""
        end = self._credential._expiry_time  # noqa: SLF001
        return end.timestamp() if isinstance(end, datetime) else None

    def fetch(self) -> None:
        """Fetch keys if they are due; botocore ignores a failure as long as the present keys are valid."""
        self._credential.get_frozen_credentials()


@frozen(eq=False)
class AioRefreshableKeys(RefreshableKeys):
    """The same for aiobotocore, whose credential fetches keys within its next call, on the event loop."""

    def renew(self) -> None:
        """Let the present keys end, so that the next request fetches others."""
        _forget_cached(self._credential._refresh_using)  # noqa: SLF001  # see RefreshableKeys
        self._credential._expiry_time = datetime.now(UTC)  # noqa: SLF001

    def is_due(self) -> bool:
        """Return False: fetching keys does not stop the event loop."""
        return False

    def fetch(self) -> None:
        """Fetch nothing: the next request does."""


def managed_keys(client: object) -> ManagedKeys | None:
    """Return the credential of a client; None if the credential does not renew its keys."""
    credential = credential_of(client)
    known = kinds(type(credential))
    if _ASYNC in known:
        return AioRefreshableKeys(identity_of(credential), credential)
    if _REFRESHABLE in known:
        return RefreshableKeys(identity_of(credential), credential)
    if any(package in ("aiobotocore", "botocore", "resilience") for package, _ in known):
        return None
    return users_keys(credential, "get_frozen_credentials")


def _forget_cached(refresh: object) -> None:
    """Drop the keys in the cache of a fetcher, which it would return again until they expire."""
    fetcher = attribute(refresh, "__self__")
    cache: Any = attribute(fetcher, "_cache")
    key = attribute(fetcher, "_cache_key")
    if cache is not None and isinstance(key, str) and key in cache:
        del cache[key]
