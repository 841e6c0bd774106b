"""Renew the fixed temporary keys of clients from the source that the policy names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from attrs import define, field

from resilience.clients import registry
from resilience.clients.common.keys import KeyTriple
from resilience.core.policy import PolicyValues
from resilience.core.settings.credentials import CredentialSource
from resilience.engine.credentials.loaded import Loaded
from resilience.engine.credentials.source import Credentials
from resilience.engine.runtime.attribution import as_attempt
from resilience.engine.sharing.shared_store import SharedStore


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
    _sources: Mapping[str, CredentialSource] = field(factory=dict)
    _shared: SharedStore | None = None
    _names: Callable[[str], str] = str
    _known: dict[str, PolicySource] = field(factory=dict, init=False)
    _guard: threading.Lock = field(factory=threading.Lock, init=False)

    @classmethod
    def of_policy(cls, policy: PolicyValues, shared: SharedStore | None, names: Callable[[str], str]) -> PolicySources:
        """
        Return the sources of a policy.

        Args:
            policy: The policy.
            shared: The store of the processes that refresh in turn; None for none.
            names: Returns what begins the names of a provider's values there.
        """
        sources = {
            provider: limits.source for provider, limits in policy.credentials.items() if limits.source is not None
        }
        if not sources:
            return cls({})
        from resilience.clients.key_sources import key_source  # noqa: PLC0415  # few policies have sources

        fetch = {provider: key_source(provider, source) for provider, source in sources.items()}
        return cls(fetch, sources, shared, names)

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
                source = self._known[provider] = self._new(provider, keys, fetch)
        if source.first_id != keys.access_key_id:
            return None
        sdk.give_keys(client, source.current)
        return source

    def _new(self, provider: str, keys: KeyTriple, fetch: Callable[[], KeyTriple]) -> PolicySource:
        made, said = PolicySource(keys, fetch), self._sources[provider]
        # A file is read and asks no token service; what another process has renewed is there.
        if self._shared is not None and said.kind != "file":
            same = said.kind, said.role, said.endpoint, said.session_name, said.region, said.written
            made.take_turns(self._shared, self._names(provider), repr(same))
        return made
