"""
Renew the keys of the providers of alibabacloud-credentials, which refresh by themselves.

A provider refreshes within a call. In the ``*_async`` methods that stops the event loop, for five seconds if two calls
meet at its thread lock. The state of a provider is in private attributes, as in alibabacloud-credentials 1.0.12, read
2026-11-21.
"""

from __future__ import annotations

import time
from copy import copy
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import ManagedKeys, identity_of, users_keys

# The attributes in which a provider keeps the other provider that it found at its first use.
_INNER: Final = ("__innerProvider", "__last_used_provider")


def inner_name(provider: object) -> str | None:
    """Return the name of the attribute for a provider's inner provider; None if it has no inner provider."""
    names = (f"_{cls.__name__}{name}" for cls in type(provider).__mro__ for name in _INNER)
    return next((name for name in names if hasattr(provider, name)), None)


@frozen(eq=False)
class ProviderKeys:
    """A provider of alibabacloud-credentials that caches its keys, or that delegates to such a provider."""

    identity: object
    _provider: Any

    def renew(self) -> None:
        """Fetch new keys; the present keys stay in use until the new ones are there."""
        supplier = self._supplier()
        if supplier is None:
            self._look_again()
            return
        source: Any = attribute(supplier._refresh_callable, "__self__")  # noqa: SLF001
        if attribute(source, "_sts_expiration"):
            # OAuthCredentialsProvider keeps its keys a second time, until they end.
            source._sts_expiration = 0  # noqa: SLF001
        supplier._cached_value = supplier._handle_fetched_success(supplier._refresh_callable())  # noqa: SLF001
        _postpone(supplier)

    def is_due(self) -> bool:
        """Tell whether the provider would fetch keys within its next call."""
        supplier = self._supplier()
        if supplier is None:
            name = inner_name(self._provider)
            return name is not None and attribute(self._provider, name) is None
        kept = supplier._cached_value  # noqa: SLF001
        if kept is None:
            return True
        now = int(time.time())
        if now >= kept.stale_time() or now < kept.prefetch_time():
            return bool(now >= kept.stale_time())
        # The provider for ECS refreshes in a thread of its own as long as its keys are good.
        return type(attribute(supplier, "_prefetch_strategy")).__name__ != "NonBlocking"

    def expires_at(self) -> float | None:
        """Return when the keys expire, in epoch seconds; None if the provider does not know it."""
        supplier = self._supplier()
        kept = None if supplier is None else supplier._cached_value  # noqa: SLF001
        expiration = None if kept is None else kept.value().get_expiration()
        return float(expiration) if isinstance(expiration, int | float) and expiration > 0 else None

    def fetch(self) -> None:
        """Make the provider fetch keys if they are due; its lock lets one thread fetch at a time."""
        if not self.is_due():
            return
        self._provider.get_credentials()
        supplier = self._supplier()
        if supplier is not None:
            _postpone(supplier)

    def _supplier(self) -> Any:
        """Return the cache of the keys; None before a provider was found, and for static keys."""
        # Every call asks for this, and most providers have a cache of their own.
        own = attribute(self._provider, "_credentials_cache")
        return own or next((found for each in self._chain() if (found := attribute(each, "_credentials_cache"))), None)

    def _chain(self) -> list[Any]:
        """Return the provider, its inner provider, and so on, as far as they have been found."""
        found: list[Any] = []
        each = self._provider
        while each is not None:
            found.append(each)
            name = inner_name(each)
            each = None if name is None else attribute(each, name)
        return found

    def _look_again(self) -> None:
        """Find the inner provider anew: it reads files and variables, where static keys may have changed."""
        finder = next(each for each in reversed(self._chain()) if inner_name(each) is not None)
        name = inner_name(finder)
        # A copy looks, because other threads use the provider that was found.
        twin = copy(finder)
        setattr(twin, str(name), None)
        twin.get_credentials()
        setattr(finder, str(name), getattr(twin, str(name)))


def _postpone(supplier: Any) -> None:
    """
    Keep keys that the SDK would replace at once for half of the time that they have left.

    The SDK renews keys 15 minutes before they expire. With a session of 15 minutes, the shortest,
    every call would fetch new keys.
    """
    kept = supplier._cached_value  # noqa: SLF001
    now, expiration = int(time.time()), kept.value().get_expiration()
    if now >= kept.stale_time() and isinstance(expiration, int) and expiration > now:
        supplier._cached_value = type(kept)(  # noqa: SLF001
            value=kept.value(),
            stale_time=now + (expiration - now) // 2,
            prefetch_time=kept.prefetch_time(),
        )


def managed_keys(client: object) -> ManagedKeys | None:
    """Return the credential of a client of the present SDK; None if the credential does not renew its keys."""
    credential = attribute(client, "_credential")
    provider = attribute(attribute(credential, "cloud_credential"), "provider")
    if provider is None:
        return users_keys(credential, "get_credential")
    if attribute(provider, "_credentials_cache") is not None or inner_name(provider) is not None:
        return ProviderKeys(identity_of(provider), provider)
    return users_keys(provider, "get_credentials")
