"""Look at an SDK's client before it is used: does it retry by itself, and can that be switched off?"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from copy import copy
from typing import Any, Final

from resilience.clients.common.fields import attribute, packages

_NO_RETRY: Final = "NoopRetryer"
_OLD_POLICIES: Final = "aliyunsdkcore.retry.retry_policy"


def retries_itself(client: object) -> str | None:
    """
    Say in one sentence how an SDK's client repeats or redirects calls on its own; None if it does not.

    Such a client hides attempts from the policy, multiplies them, and repeats
    writes that may have taken effect.

    Args:
        client: A client of Alibaba's or Tencent's SDK, or the runtime options of one
            call. Anything else retries, as far as can be seen from here, nothing.
    """
    bases = packages(type(client))
    if "tencentcloud" in bases:
        return _tencent(attribute(client, "profile"))
    if "alibabacloud_tea_util" in bases:
        return _runtime_options(client)
    if "alibabacloud_tea_openapi" in bases:
        return _alibaba(client)
    return None


def switch_off_retries(client: Any) -> str | None:
    """
    Make a client do each call once, from its next call on; nothing else about it changes.

    Only this client is changed: a profile or a configuration that others share stays as it is.

    Args:
        client: A client of Alibaba's SDKs, the old one included, or of Tencent's. Anything else is left alone.
            The old SDK repeats operations of ECS alone, so :func:`retries_itself` does not report it.

    Returns:
        One sentence that says what was switched off; None if there was nothing.
    """
    bases = packages(type(client))
    if "tencentcloud" in bases:
        return _calm_tencent(client)
    if "alibabacloud_tea_openapi" in bases and _alibaba(client) is not None:
        client._retry_options = None  # noqa: SLF001  # the client reads nothing else: do_request, 0.4.6
        return "switched off the client's retry_options, which repeat calls blindly"
    if "aliyunsdkcore" in bases and attribute(client, "_auto_retry"):
        return _calm_old(client)
    return None


def without_autoretry(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """
    Return the arguments of a call without the retries that its runtime options ask for.

    Only tea-openapi 0.3 obeys them; it repeats after network errors, writes too.

    Args:
        args: The arguments of a method of Alibaba's client, with or without the client; left unchanged.
        kwargs: Likewise.

    Returns:
        The same objects if there is nothing to switch off, else copies of the options with ``autoretry`` off.
    """
    if any(_runtime_options(value) for value in args):
        args = tuple(_calm_options(value) for value in args)
    if any(_runtime_options(value) for value in kwargs.values()):
        kwargs = {name: _calm_options(value) for name, value in kwargs.items()}
    return args, kwargs


def _tencent(profile: object) -> str | None:
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


def _calm_tencent(client: Any) -> str | None:
    profile: Any = attribute(client, "profile")
    name, has_breaker = _retryer(profile), _has_breaker(profile)
    found = [] if name is None else [f"retryer {name}, which also repeats calls that succeeded"]
    found += ["the region breaker, which hides network errors"] * has_breaker
    if not found:
        return None
    # Profiles are made to be shared, and another client may be meant to retry.
    client.profile = profile = copy(profile)
    profile.retryer = None
    if has_breaker:
        profile.disable_region_breaker = True
        # The asynchronous client looks at this alone: abstract_client_async.py 3.1.195, _create_default_chain.
        client.circuit_breaker = None
    return f"switched off, for this client: {', and '.join(found)}"


def _alibaba(client: object) -> str | None:
    options = attribute(client, "_retry_options")
    # Without a condition the SDK never retries: darabonba/core.py 1.0.9, should_retry.
    if options is None or attribute(options, "retryable") is False or attribute(options, "retry_condition") == []:
        return None
    return "the client has retry_options, which repeat calls blindly; leave Config.retry_options out"


def _calm_old(client: Any) -> str | None:
    policy = attribute(sys.modules.get(_OLD_POLICIES), "NO_RETRY_POLICY")
    if policy is None:
        return None
    # The policy was chosen when the client was made; the flag is what it answers when asked.
    client._auto_retry = False  # noqa: SLF001
    client._retry_policy = policy  # noqa: SLF001
    return "switched off the client's auto_retry, which repeats operations of ECS"


def _runtime_options(options: object) -> str | None:
    if "alibabacloud_tea_util" not in packages(type(options)) or attribute(options, "autoretry") is not True:
        return None
    return "the runtime options have autoretry on, which tea-openapi 0.3 obeys; leave RuntimeOptions.autoretry out"


def _calm_options(value: Any) -> Any:
    if _runtime_options(value) is None:
        return value
    calm = copy(value)
    calm.autoretry = False
    return calm
