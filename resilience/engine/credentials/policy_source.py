"""Renew the fixed temporary keys of clients from the source that the policy names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from attrs import define, field

from resilience.clients import registry
from resilience.clients.common.keys import KeyTriple
from resilience.core.policy import PolicyValues
from resilience.engine.credentials.loaded import Loaded
from resilience.engine.credentials.source import Credentials
from resilience.engine.runtime.attribution import as_attempt


class PolicySource(Credentials[KeyTriple]):
    """
    The fixed keys of clients, and later the keys from the policy's source.

    Args:
        first: The keys of the first client.
        fetch: Gets new keys; blocks.
    """

    def __init__(self, first: KeyTriple, fetch: Callable[[], KeyTriple]) -> None:
        # The requests of `fetch` belong to the attempt that waits for it, and are no calls of the script.
        super().__init__(as_attempt(fetch), expires=lambda keys: keys.expires_at)
        # The expiry of these keys is unknown, so only a refusal renews them.
        self.loaded = Loaded(first, 1, read=True)
        self.first_id = first.access_key_id


@define(eq=False)
class PolicySources:
    """
    The sources of a policy: one for each provider, for all clients.

    A source has one identity, that of the first client. A client with other keys may belong to another account, so it
    never gets keys from this source.
    """

    _fetch: Mapping[str, Callable[[], KeyTriple]]
    _known: dict[str, PolicySource] = field(factory=dict, init=False)
    _guard: threading.Lock = field(factory=threading.Lock, init=False)

    @classmethod
    def of_policy(cls, policy: PolicyValues) -> PolicySources:
        """Return the sources of a policy."""
        sources = {
            provider: limits.source for provider, limits in policy.credentials.items() if limits.source is not None
        }
        if not sources:
            return cls({})
        from resilience.clients.key_sources import key_source  # noqa: PLC0415  # few policies have sources

        return cls({provider: key_source(provider, source) for provider, source in sources.items()})

    def has(self, provider: str) -> bool:
        """Tell whether the policy names a source for a provider."""
        return provider in self._fetch

    def of(self, provider: str, client: object) -> PolicySource | None:
        """Return the source for a client, and make the client use it; None if the client has no source."""
        fetch, sdk = self._fetch.get(provider), registry.of_class(type(client))
        if fetch is None or sdk is None:
            return None
        current = sdk.given_by(client)
        if current is not None:
            owner = getattr(current, "__self__", None)
            return owner if isinstance(owner, PolicySource) else None
        keys = sdk.fixed_keys(client)
        if keys is None:
            return None
        with self._guard:
            source = self._known.get(provider)
            if source is None:
                source = self._known[provider] = PolicySource(keys, fetch)
        if source.first_id != keys.access_key_id:
            return None
        sdk.give_keys(client, source.current)
        return source
