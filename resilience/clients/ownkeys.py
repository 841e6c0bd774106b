"""
The credentials that an SDK's client refreshes by itself, made to refresh when and where they should.

Left alone they do two kinds of harm. A token that the service refuses before its time
is never replaced: they look at the clock, not at the answer. And they refresh inside
the call, which stops an event loop. So :meth:`OwnKeys.fetch` in a worker thread
before a call, and :meth:`OwnKeys.renew` in one after a refusal, do it from outside.

Nothing here holds a lock of the SDK while it waits for the network, except where the SDK's own
method does: a call on an event loop would stop there.
"""

from __future__ import annotations

from resilience.clients import registry
from resilience.clients.common.keys import OwnKeys


def own_keys(client: object) -> OwnKeys | None:
    """
    Return what can be done with the credential that a client refreshes by itself.

    Args:
        client: A client of an SDK.

    Returns:
        None for permanent or static keys, for credentials that :mod:`resilience` renews already, and for classes that
        nothing is known about. An object of the user's own counts if it has a plain public method ``refresh()`` beside
        the method that its SDK asks it for keys by.
    """
    sdk = registry.of_class(type(client))
    return None if sdk is None else sdk.own_keys(client)
