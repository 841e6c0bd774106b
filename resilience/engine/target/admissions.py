"""The admission of each provider's calls, for the process that makes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from threading import Lock

from attrs import define, field

from resilience.core.admission.admission import Admission, admission_of
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.shared.names import SharedNames
from resilience.core.admission.shared.shared_admission import SharedAdmission
from resilience.engine.sharing.shared_store import SharedStore


def account_name(provider: str, account: str) -> str:
    """Return what begins the names, in a store, of values that belong to one account."""
    return f"resilience:{provider}:{sha256(account.encode()).hexdigest()[:12]}"


@define(eq=False)
class Admissions:
    """
    The admissions of one executor.

    A process that was forked from this one has admissions of its own: calls that wait here will never go on there.

    Attributes:
        rates: What the policy says, by provider.
        account: The account of the calls.
        store: What they share with other processes; None if nothing.
    """

    rates: Mapping[str, RateLimits]
    account: str = ""
    store: SharedStore | None = None
    _made: dict[tuple[int, str], Admission | None] = field(factory=dict, init=False)

    def of(self, provider: str | None) -> Admission | None:
        """Return the admission of a provider's calls; None where the policy limits no rate of theirs."""
        if provider is None or provider not in self.rates:
            return None
        key = os.getpid(), provider
        found = self._made.get(key)
        if found is None:
            # Of two threads that come first, one makes what both use: that is one step for a dictionary.
            found = self._made.setdefault(key, self._make(provider))
        return found

    def _make(self, provider: str) -> Admission | None:
        if self.store is None:
            return admission_of(self.rates, provider, Lock())
        names = SharedNames(
            account=account_name(provider, self.account),
            provider=f"resilience:{provider}",
            holder=self.store.holder,
        )
        return SharedAdmission(self.rates[provider], Lock(), names=names)
