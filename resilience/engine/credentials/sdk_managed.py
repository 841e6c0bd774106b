"""Sources for credentials that an SDK's client renews by itself."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

from attrs import define, field

from resilience.clients.common.keys import ManagedKeys
from resilience.clients.inspection import managed_keys
from resilience.core.settings.credentials import CredentialLimits
from resilience.engine.credentials.loaded import Loaded, NoneLoaded
from resilience.engine.credentials.source import EARLY_SECONDS, Credentials, OnRefresh
from resilience.engine.errors import RemedyFailed
from resilience.engine.runtime.attribution import as_attempt
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.locks import ProcessLock
from resilience.engine.runtime.runtime import Runtime


class SdkManagedCredentials(Credentials[None]):
    """
    A source that makes the client's own credential renew its keys.

    The SDK reads the keys, not the script, so this source returns none. On an event loop it renews
    them ahead in a worker thread, because the SDK itself would block the loop.
    """

    def __init__(self, keys: ManagedKeys, runtime: Runtime) -> None:
        super().__init__(as_attempt(keys.renew))
        self._keys = keys
        self._runtime = runtime
        self._loaded: Loaded[None] = Loaded(None, 1, read=True)

    @property
    def loaded(self) -> Loaded[None]:
        """A stand-in for the keys; it is due for renewal when the SDK would block an event loop to renew them."""
        is_due = not self._runtime.blocks and self._keys.is_due()
        self._loaded.renew_at = 0.0 if is_due else float("inf")
        return self._loaded

    @loaded.setter
    def loaded(self, loaded: Loaded[None] | NoneLoaded) -> None:
        if isinstance(loaded, Loaded):
            loaded.read = True
            self._loaded = loaded

    async def ready(
        self,
        limits: CredentialLimits | None = None,
        on_flight: OnRefresh | None = None,
        runtime: Runtime = LOOP,
    ) -> RemedyFailed | None:
        """Renew keys that are due; if that fails, the SDK tries again in its call, and raises its own exception."""
        if runtime.blocks or not self._keys.is_due():
            return None
        limits = limits or CredentialLimits()
        return await self._renew_early(self.generation, EARLY_SECONDS, limits, on_flight, runtime)


@define(eq=False)
class SdkManagedSources:
    """
    The sources for clients: one for each credential, which several clients may share.

    The references to sources are weak, because a source keeps its credential alive. The caller keeps the source as
    long as it needs the same one.
    """

    runtime: Runtime
    _known: WeakValueDictionary[Any, SdkManagedCredentials] = field(factory=WeakValueDictionary, init=False)
    # Two threads may ask at the same time for clients that share a credential.
    _guard: ProcessLock = field(factory=ProcessLock, init=False)

    def of(self, client: object) -> SdkManagedCredentials | None:
        """Return the source of a client; None if its keys never change by themselves."""
        keys = managed_keys(client)
        if keys is None:
            return None
        with self._guard:
            source = self._known.get(keys.identity)
            if source is None:
                source = self._known[keys.identity] = SdkManagedCredentials(keys, self.runtime)
        return source
