"""What a program does to a breaker by hand, for the other processes that share it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from resilience.core.admission.breaker import Breaker
from resilience.core.admission.shared.shared_breaker import SharedBreaker
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.sharing.shared_store import TIMEOUT, SharedStore
from resilience.state.store import StateError, Store

# How often it is told anew where other processes are quicker; then the next call tells it.
_TRIES: Final = 20


def tell_by_hand(shared: SharedStore, breaker: Breaker, runtime: Runtime) -> None:
    """Tell the store what was done to a breaker; blocks. Where the store is away, the next call tells it."""
    if not isinstance(breaker, SharedBreaker):
        return
    virtual = runtime.virtual_store(shared.settings.store)

    def tell(store: Store) -> None:
        with shared.turn(breaker.key):
            for _ in range(_TRIES):
                proposal = breaker.propose_by_hand()
                if breaker.learn_by_hand(proposal, store.exchange(proposal, TIMEOUT)):
                    return

    if shared.error is None or shared.begins_trial():
        with suppress(StateError):
            shared.use(tell, virtual)
