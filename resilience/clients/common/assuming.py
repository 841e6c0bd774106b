"""The parts that the AssumeRole of every token service shares."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from resilience.clients.common.calls import Check
from resilience.clients.common.keys import KeyTriple
from resilience.clients.common.lookups import AnswerError

Keys = KeyTriple | Callable[[], KeyTriple]
"""The keys that sign AssumeRole, or a function that returns them; it is called for each request, and must not block."""

OPERATION: Final = "AssumeRole"

SESSION_NAME: Final = "mqtt-resilience"


def check_arguments(name: str, keys: Keys | None, client: object, duration: int, durations: range) -> None:
    """
    Check the arguments of a function that assumes a role.

    Args:
        name: The name of the function.
        keys: The keys; None if a client is given.
        client: The client; None if keys are given.
        duration: The lifetime of the new keys, in seconds.
        durations: The lifetimes that the service allows.

    Raises:
        ValueError: An argument is not allowed.
    """
    if (keys is None) == (client is None):
        raise ValueError(f"{name}: expected either keys or client, found {'neither' if keys is None else 'both'}")
    if duration not in durations:
        raise ValueError(f"{name}: expected a duration of {durations[0]} to {durations[-1]} s, got {duration}")


def check_answer(check: Check, answer: object) -> None:
    """
    Check an answer that the SDK took for a success.

    Raises:
        AnswerError: The answer is a failure.
    """
    fault = check(answer)
    if fault is not None:
        raise AnswerError(OPERATION, fault)


def current(keys: Keys) -> Callable[[], KeyTriple]:
    """Return a function that returns the keys."""
    return (lambda: keys) if isinstance(keys, KeyTriple) else keys


def imported(name: str, module: str, package: str) -> Any:
    """
    Import a module of an SDK.

    Raises:
        ImportError: The SDK is not installed; the message names the package to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"sts.{name} needs {module}: pip install {package}", name=module) from error


def brought(key_id: object, secret: object, token: object, expires_at: float) -> KeyTriple:
    """
    Return the keys of an answer.

    Raises:
        TypeError: A part of the keys is missing.
    """
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str)):
        raise TypeError("an answer without keys")
    return KeyTriple(access_key_id=key_id, access_key_secret=secret, security_token=token, expires_at=expires_at)
