"""New keys from where the policy says, for clients that were made with temporary ones which nothing renews."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from attrs import define, field

from resilience.clients import registry
from resilience.clients.common.keys import KeyTriple
from resilience.core.policy import PolicyValues
from resilience.engine.credentials.source import Credentials, Loaded
from resilience.engine.runtime.attribution import as_attempt


class PolicySource(Credentials[KeyTriple]):
    """
    The keys that clients were made with, and those that the policy's source has given since.

    Args:
        first: The keys that the first of these clients was made with.
        fetch: Gets new ones; blocks.
    """

    def __init__(self, first: KeyTriple, fetch: Callable[[], KeyTriple]) -> None:
        # What it sends belongs to the attempt that waits for it, and is no call of the script's.
        super().__init__(as_attempt(fetch), expires=lambda keys: keys.expires_at)
        # When they end is unknown, so only a refusal renews them.
        self.held = Loaded(first, 1, read=True)
        self.first_id = first.access_key_id


@define(eq=False)
class PolicySources:
    """
    The sources of a policy: one for each provider, however many clients there are.

    A source stands for one identity, the first that a client shows. A client that was made with other keys may be
    another account's, and nothing of it is ever signed with these.
    """

    _fetch: Mapping[str, Callable[[], KeyTriple]]
    _known: dict[str, PolicySource] = field(factory=dict, init=False)
    _guard: threading.Lock = field(factory=threading.Lock, init=False)

    @classmethod
    def of_policy(cls, policy: PolicyValues) -> PolicySources:
        """Return the sources that a policy has."""
        said = {provider: limits.source for provider, limits in policy.credentials.items() if limits.source is not None}
        if not said:
            return cls({})
        from resilience.clients.key_sources import key_source  # noqa: PLC0415  # few policies have any

        return cls({provider: key_source(provider, source) for provider, source in said.items()})

    def has(self, provider: str) -> bool:
        """Tell whether the policy says where keys of a provider come from."""
        return provider in self._fetch

    def of(self, provider: str, client: object) -> PolicySource | None:
        """Return the source of a client's keys, and let the client ask for them; None if it has none."""
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
