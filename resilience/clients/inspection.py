"""Look at an SDK's client before it is used: does it retry by itself?"""

from __future__ import annotations

from typing import Final

from resilience.clients.fields import attribute, packages

_NO_RETRY: Final = "NoopRetryer"


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


def _tencent(profile: object) -> str | None:
    retryer = attribute(profile, "retryer")
    if retryer is not None and type(retryer).__name__ != _NO_RETRY:
        return (
            f"the client's profile has retryer {type(retryer).__name__}, which also repeats calls that succeeded; "
            "set ClientProfile.retryer to None"
        )
    if attribute(profile, "disable_region_breaker") is False:
        return (
            "the client's profile has the region breaker on, which hides network errors; "
            "set ClientProfile.disable_region_breaker to True"
        )
    return None


def _alibaba(client: object) -> str | None:
    options = attribute(client, "_retry_options")
    # Without a condition the SDK never retries: darabonba/core.py 1.0.9, should_retry.
    if options is None or attribute(options, "retryable") is False or attribute(options, "retry_condition") == []:
        return None
    return "the client has retry_options, which repeat calls blindly; leave Config.retry_options out"


def _runtime_options(options: object) -> str | None:
    if attribute(options, "autoretry") is not True:
        return None
    return "the runtime options have autoretry on, which tea-openapi 0.3 obeys; leave RuntimeOptions.autoretry out"
