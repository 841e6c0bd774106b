"""Look at an SDK's client before it is used: does it retry by itself, and can that be switched off?"""

from __future__ import annotations

from typing import Any

from resilience.clients import registry


def retries_itself(client: object) -> str | None:
    """
    Say in one sentence how an SDK's client repeats or redirects calls on its own; None if it does not.

    Such a client hides attempts from the policy, multiplies them, and repeats
    writes that may have taken effect.

    Args:
        client: A client of an SDK, or the options of one call. Anything else retries, as far as can be seen from
            here, nothing.
    """
    sdk = registry.of_class(type(client))
    return None if sdk is None else sdk.retries_itself(client)


def switch_off_retries(client: Any) -> str | None:
    """
    Make a client do each call once, from its next call on; nothing else about it changes.

    Only this client is changed: a profile or a configuration that others share stays as it is.

    Args:
        client: A client of an SDK. Anything else is left alone.

    Returns:
        One sentence that says what was switched off; None if there was nothing.
    """
    sdk = registry.of_class(type(client))
    return None if sdk is None else sdk.switch_off_retries(client)
