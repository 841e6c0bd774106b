"""What the AssumeRole of every service has in common."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from resilience.clients.common.keys import KeyTriple

Keys = KeyTriple | Callable[[], KeyTriple]
"""What signs AssumeRole itself, or a function that returns it: it is asked for each time, and must not block."""

OPERATION: Final = "AssumeRole"

SESSION_NAME: Final = "mqtt-resilience"


def check_arguments(name: str, keys: Keys | None, client: object, duration: int, durations: range) -> None:
    """
    Refuse what no service takes.

    Raises:
        ValueError: Not exactly one of keys and client, or a duration that the service refuses.
    """
    if (keys is None) == (client is None):
        raise ValueError(f"{name}: expected either keys or client, found {'neither' if keys is None else 'both'}")
    if duration not in durations:
        raise ValueError(f"{name}: expected a duration of {durations[0]} to {durations[-1]} s, got {duration}")


def current(keys: Keys) -> Callable[[], KeyTriple]:
    """Return a function that returns the keys."""
    if isinstance(keys, KeyTriple):
        held = keys
        return lambda: held
    return keys


def imported(name: str, module: str, package: str) -> Any:
    """
    Import a module of an SDK.

    Raises:
        ImportError: It is not installed; the message says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"sts.{name} needs {module}: pip install {package}", name=module) from error


def brought(key_id: object, secret: object, token: object, expires_at: float) -> KeyTriple:
    """
    Return what an answer brought.

    Raises:
        TypeError: A part of it is missing.
    """
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str)):
        raise TypeError("an answer without keys")
    return KeyTriple(access_key_id=key_id, access_key_secret=secret, security_token=token, expires_at=expires_at)
