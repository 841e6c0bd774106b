"""
Find and switch off the retries of Alibaba's present SDK.

tea-openapi 0.4 has retry options in the client; 0.3 obeys ``autoretry`` in the runtime options of a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from resilience.clients.common.fields import attribute, packages


def retries_itself(client: object) -> str | None:
    """Return a sentence about how a client, or the runtime options of a call, retry; None if they do not."""
    if "alibabacloud_tea_util" in packages(type(client)):
        return _runtime_options(client)
    return _client(client) if _is_client(client) else None


def switch_off(client: Any) -> str | None:
    """Switch off the client's retries, and return a sentence about it; None if there was nothing to switch off."""
    if not _is_client(client) or _client(client) is None:
        return None
    client._retry_options = None  # noqa: SLF001  # the client reads nothing else: do_request, 0.4.6
    return "switched off the client's retry_options, which repeat calls blindly"


def options_count(client: object) -> bool:
    """Tell whether a client reads ``autoretry`` in runtime options: one with retry options of its own does not."""
    return not hasattr(client, "_retry_options")


def without_autoretry(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """
    Return the arguments of a call without the retries that its runtime options ask for.

    Only tea-openapi 0.3 obeys them. It retries after network errors, also calls that write.

    Args:
        args: The positional arguments of a client's method, with or without the client; left unchanged.
        kwargs: The keyword arguments; left unchanged.

    Returns:
        The same objects if there is nothing to switch off, else copies of the options with ``autoretry`` off.
    """
    if any(_runtime_options(value) for value in args):
        args = tuple(_calm_options(value) for value in args)
    if any(_runtime_options(value) for value in kwargs.values()):
        kwargs = {name: _calm_options(value) for name, value in kwargs.items()}
    return args, kwargs


def _is_client(client: object) -> bool:
    return "alibabacloud_tea_openapi" in packages(type(client))


def _client(client: object) -> str | None:
    options = attribute(client, "_retry_options")
    # Without a condition the SDK never retries: darabonba/core.py 1.0.9, should_retry.
    if options is None or attribute(options, "retryable") is False or attribute(options, "retry_condition") == []:
        return None
    return "the client has retry_options, which repeat calls blindly; leave Config.retry_options out"


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
