"""Inspect an SDK's client before its use: its own retries, and the credentials that it renews by itself."""

from __future__ import annotations

from typing import Any

from resilience.clients import registry
from resilience.clients.common.keys import ManagedKeys


def retries_itself(client: object) -> str | None:
    """
    Return a sentence about how an SDK's client retries or redirects calls by itself; None if it does not.

    Such a client hides attempts from the policy, multiplies them, and repeats
    writes that may have taken effect.

    Args:
        client: A client of an SDK, or the options of one call. For any other object the result is None.
    """
    sdk = registry.of_class(type(client))
    return None if sdk is None else sdk.retries_itself(client)


def switch_off_retries(client: Any) -> str | None:
    """
    Make a client send each call once, from its next call on.

    Only this client changes: a profile or a configuration that other clients share stays as it is.

    Args:
        client: A client of an SDK. Any other object stays unchanged.

    Returns:
        A sentence about what was switched off; None if there was nothing to switch off.
    """
    sdk = registry.of_class(type(client))
    return None if sdk is None else sdk.switch_off_retries(client)


def managed_keys(client: object) -> ManagedKeys | None:
    """
    Return the credential that a client renews by itself.

    Such a credential does two kinds of harm. It looks at the clock and not at the answer, so it never
    replaces a token that the service refuses before its expiry. And it refreshes inside the call,
    which stops an event loop. So the executor calls :meth:`ManagedKeys.fetch` in a worker thread before
    an attempt, and :meth:`ManagedKeys.renew` in one after a refusal.

    The adapters hold no lock of the SDK while they wait for the network, unless the SDK's own method
    does so: a call on an event loop would stop at that lock.

    Args:
        client: A client of an SDK.

    Returns:
        None for permanent or static keys, for credentials that :mod:`resilience` renews already, and for unknown
        classes. A class of the user's counts if it has a plain public method ``refresh()`` beside the method that the
        SDK calls for keys.
    """
    sdk = registry.of_class(type(client))
    return None if sdk is None else sdk.managed_keys(client)
