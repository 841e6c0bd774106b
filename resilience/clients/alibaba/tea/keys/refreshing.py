"""
What Alibaba's present SDK refreshes by itself: the providers of alibabacloud-credentials.

They refresh within a call. In the ``*_async`` methods that stops the event loop, for five seconds as soon as two calls
meet, by a thread lock. Only private attributes tell what they keep; seen in alibabacloud-credentials 1.0.12, read
2026-11-21.
"""

from __future__ import annotations

import time
from copy import copy
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import OwnKeys, identity_of, users_keys

# Providers that look for another one at their first use, and what they keep it in.
_INNER: Final = ("__innerProvider", "__last_used_provider")


def inner_name(provider: object) -> str | None:
    """Return the attribute in which a provider keeps the one that it has found; None if it looks for none."""
    names = (f"_{cls.__name__}{name}" for cls in type(provider).__mro__ for name in _INNER)
    return next((name for name in names if hasattr(provider, name)), None)


@frozen(eq=False)
class ProviderKeys:
    """A provider of alibabacloud-credentials that keeps what it fetched, or that hands on to such a one."""

    identity: object
    _provider: Any

    def renew(self) -> None:
        """Fetch new keys; the ones that are there stay in use until then, and if that fails."""
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
        """Tell whether there are no keys yet, or such that the provider would replace within a call."""
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
        # The one for ECS refreshes in a thread of its own as long as its keys are good.
        return type(attribute(supplier, "_prefetch_strategy")).__name__ != "NonBlocking"

    def expires_at(self) -> float | None:
        """Return the end of the keys, where the provider was told it."""
        supplier = self._supplier()
        kept = None if supplier is None else supplier._cached_value  # noqa: SLF001
        expiration = None if kept is None else kept.value().get_expiration()
        return float(expiration) if isinstance(expiration, int | float) and expiration > 0 else None

    def fetch(self) -> None:
        """Ask the provider for keys if it is due; of several threads, its lock lets one fetch."""
        if not self.is_due():
            return
        self._provider.get_credentials()
        supplier = self._supplier()
        if supplier is not None:
            _postpone(supplier)

    def _supplier(self) -> Any:
        """Return what keeps the keys; None as long as no provider was found, and where they are static."""
        # Most have one of their own, and this is asked before every call.
        own = attribute(self._provider, "_credentials_cache")
        return own or next((found for each in self._chain() if (found := attribute(each, "_credentials_cache"))), None)

    def _chain(self) -> list[Any]:
        """Return the provider, the one that it hands on to, and so on, as far as they are known by now."""
        found: list[Any] = []
        each = self._provider
        while each is not None:
            found.append(each)
            name = inner_name(each)
            each = None if name is None else attribute(each, name)
        return found

    def _look_again(self) -> None:
        """Read files and variables again: static keys change there."""
        finder = next(each for each in reversed(self._chain()) if inner_name(each) is not None)
        name = inner_name(finder)
        # On a copy, for others are using what it has found.
        twin = copy(finder)
        setattr(twin, str(name), None)
        twin.get_credentials()
        setattr(finder, str(name), getattr(twin, str(name)))


def _postpone(supplier: Any) -> None:
    """
    Let keys that the SDK would replace at once live for half of the time that is left.

    It renews 15 minutes ahead, so that of a session of 15 minutes, the shortest, every call
    would fetch new keys, within the call.
    """
    kept = supplier._cached_value  # noqa: SLF001
    now, expiration = int(time.time()), kept.value().get_expiration()
    if now >= kept.stale_time() and isinstance(expiration, int) and expiration > now:
        supplier._cached_value = type(kept)(  # noqa: SLF001
            value=kept.value(),
            stale_time=now + (expiration - now) // 2,
            prefetch_time=kept.prefetch_time(),
        )


def own_keys(client: object) -> OwnKeys | None:
    """Return what can be done with the credential of a client of the present SDK; None if it renews nothing."""
    credential = attribute(client, "_credential")
    provider = attribute(attribute(credential, "cloud_credential"), "provider")
    if provider is None:
        return users_keys(credential, "get_credential")
    if attribute(provider, "_credentials_cache") is not None or inner_name(provider) is not None:
        return ProviderKeys(identity_of(provider), provider)
    return users_keys(provider, "get_credentials")
