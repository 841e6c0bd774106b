"""
Find and switch off the retries of botocore's clients.

They are handlers of the event ``needs-retry``, which an endpoint sends after every answer, in three modes. A call has
no option for them. The given client stays as it is: a wrapped client gets another endpoint, with the same connections.
Sources: botocore 1.43.117, endpoint.py, retries/ and retryhandler.py; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.aws.methods import service_of
from resilience.clients.common.fields import attribute
from resilience.clients.common.timeouts import twin

_TOTAL: Final = "total_max_attempts"
_LEGACY: Final = "legacy"

# Attempts of a call if the configuration does not say it: botocore/data/_retry.json, and retries/standard.py.
_DEFAULTS: Final[Mapping[str, int]] = {_LEGACY: 5}
_DEFAULT: Final = 3


def retries_itself(client: object) -> str | None:
    """Return a sentence about how a client retries; None if it does not."""
    found = _mode_and_attempts(client)
    if found is None:
        return None
    mode, attempts = found
    return (
        f"the client retries by itself (mode {mode}, up to {attempts} attempts), also creations whose answer is lost; "
        'make it with Config(retries={"total_max_attempts": 1})'
    )


def switch_off(client: Any) -> str | None:
    """Switch off the client's retries, and return a sentence about it; None if there was nothing to switch off."""
    found = _mode_and_attempts(client)
    if found is None:
        return None
    mode, attempts = found
    config = twin(client.meta.config)
    config.retries = {**(config.retries or {}), _TOTAL: 1}
    meta, endpoint = twin(client.meta), twin(client._endpoint)  # noqa: SLF001  # no public name leads to it
    meta._client_config = config  # noqa: SLF001
    is_async = any(cls.__module__.startswith("aiobotocore.") for cls in type(client).__mro__)
    endpoint._needs_retry = _never_async if is_async else _never  # noqa: SLF001
    client.meta, client._client_config, client._endpoint = meta, config, endpoint  # noqa: SLF001
    return (
        f"switched off, for this client: botocore's retries (mode {mode}, up to {attempts} attempts), "
        "which also repeat creations whose answer is lost"
    )


def _mode_and_attempts(client: object) -> tuple[str, int] | None:
    """Return how a client retries; None if it does not, or is no client."""
    if service_of(client) is None:
        return None
    retries = attribute(attribute(attribute(client, "meta"), "config"), "retries")
    settings = retries if isinstance(retries, Mapping) else {}
    mode = settings.get("mode", _LEGACY)
    attempts = settings.get(_TOTAL, _DEFAULTS.get(mode, _DEFAULT))
    return (str(mode), attempts) if isinstance(attempts, int) and attempts > 1 else None


def _never(*_: object, **__: object) -> bool:
    return False


async def _never_async(*_: object, **__: object) -> bool:
    return False
