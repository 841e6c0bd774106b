"""Find and switch off the retries of Tencent's clients: a retryer, and a region breaker (3.1.195)."""

from __future__ import annotations

from copy import copy
from typing import Any, Final

from resilience.clients.common.fields import attribute

_NO_RETRY: Final = "NoopRetryer"


def retries_itself(client: object) -> str | None:
    """Return a sentence about how a client retries; None if it does not."""
    profile = attribute(client, "profile")
    if (name := _retryer(profile)) is not None:
        return (
            f"the client's profile has retryer {name}, which also repeats calls that succeeded; "
            "set ClientProfile.retryer to None"
        )
    if _has_breaker(profile):
        return (
            "the client's profile has the region breaker on, which hides network errors; "
            "set ClientProfile.disable_region_breaker to True"
        )
    return None


def _retryer(profile: object) -> str | None:
    retryer = attribute(profile, "retryer")
    return None if retryer is None or type(retryer).__name__ == _NO_RETRY else type(retryer).__name__


def _has_breaker(profile: object) -> bool:
    return attribute(profile, "disable_region_breaker") is False


def switch_off(client: Any) -> str | None:
    """Switch off the client's retries, and return a sentence about it; None if there was nothing to switch off."""
    profile: Any = attribute(client, "profile")
    name, has_breaker = _retryer(profile), _has_breaker(profile)
    found = [] if name is None else [f"retryer {name}, which also repeats calls that succeeded"]
    found += ["the region breaker, which hides network errors"] * has_breaker
    if not found:
        return None
    # Another client may share the profile, and may be meant to retry.
    client.profile = profile = copy(profile)
    profile.retryer = None
    if has_breaker:
        profile.disable_region_breaker = True
        # The asynchronous client reads only this attribute: abstract_client_async.py 3.1.195, _create_default_chain.
        client.circuit_breaker = None
    return f"switched off, for this client: {', and '.join(found)}"
