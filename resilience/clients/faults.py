"""
Translate any exception into a fault.

The order of the questions counts. An SDK's own classes come first, because they may wrap any
exception. Then come exceptions that an SDK let through, programming errors, which are no
faults, and last the exceptions of HTTP clients and of users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from resilience.clients import registry
from resilience.clients.common.fields import attribute, text_of
from resilience.clients.common.raised import plain
from resilience.clients.common.raised.frames import followed_redirect, frames, module_of
from resilience.clients.common.raised.misuse import is_misuse
from resilience.clients.rest.answers import described
from resilience.clients.sdk import Sdk
from resilience.core.fault import Fault
from resilience.core.operations.apis import RestApi

_MESSAGES: Final = ("message", "description", "error_msg")
"""The attributes of exceptions that have the service's message."""

_UNTRACED: Final = (RuntimeError, AttributeError, TypeError, ValueError, LookupError)

_PLAIN: Final[tuple[Callable[[Exception], Fault | None], ...]] = (plain.answered, plain.own_code, plain.unanswered)


def classify(
    error: Exception, *, provider: str | None = None, api: RestApi | None = None, words: bool = True
) -> Fault | None:
    """
    Return the fault in an exception, in the words of the service.

    Args:
        error: The exception of an attempt. For a group, classify each of its ``leaves``.
        provider: The provider of the call; used if the exception does not tell its own.
        api: The REST API of that provider, if the policy describes it: where an answer has its code and message.
        words: Whether a rule looks at the message; collecting the message takes as long as the rest.

    Returns:
        The fault; its ``repr`` shows no message, URL or parameter of the exception. None for a
        programming error, which no rule matches. An exception with a fault in the
        attribute ``fault`` has that fault.
    """
    fault = _translate(error)
    if fault is not None and fault.transport == "unsent" and followed_redirect(error):
        # The service received the request and answered with a redirect; its target could not be reached.
        fault = evolve(fault, transport="lost", effect="unknown")
    if fault is None:
        return None
    if fault.provider is None and provider is not None:
        fault = fault.of_provider(provider)
        if api is not None and fault.status is not None and plain.is_of_http_library(error):
            fault = described(api, fault, attribute(error, "response"))
    return with_message(fault, error) if words else fault


def with_message(fault: Fault, error: Exception) -> Fault:
    """Return the fault with the message of its exception, for rules with ``message``."""
    return fault if fault.message is not None else evolve(fault, message=_message(error))


def _message(error: Exception) -> str | None:
    """
    Return the message of an exception: its text, the SDK's message if the text lacks it, and the answer's body.

    Only a body that is in memory counts: this function does no I/O.
    """
    try:
        text = text_of(str(error))
    except Exception:  # noqa: BLE001  # foreign code; a fault needs no message
        text = None
    response = attribute(error, "response")
    bodies = () if response is None else (attribute(response, name) for name in plain.BODY_ATTRIBUTES)
    kept: list[str] = [] if text is None else [text]
    for each in map(text_of, (*(attribute(error, name) for name in _MESSAGES), *bodies)):
        if each and all(each not in other for other in kept):
            kept.append(each)
    return "\n".join(kept) or None


def leaves(error: Exception) -> tuple[Exception, ...]:
    """Return the exceptions in a group and its inner groups, left to right; for no group, the exception itself."""
    if not isinstance(error, ExceptionGroup):
        return (error,)
    return tuple(leaf for inner in error.exceptions for leaf in leaves(inner))


def _passed_sdks(error: Exception) -> list[Sdk]:
    """Return the adapters of the SDKs whose frames an exception passed."""
    sdk_packages = registry.packages()
    passed = {module for frame in frames(error) if (module := f"{module_of(frame)}.").startswith(sdk_packages)}
    return [sdk for sdk in registry.sdks() if any(module.startswith(sdk.packages) for module in passed)]


def _translate(error: Exception) -> Fault | None:
    carried = attribute(error, "fault")
    if isinstance(carried, Fault):
        return carried
    sdk = registry.of_class(type(error))
    if sdk is not None and sdk.owns(error):
        return sdk.fault(error)
    # An exception that an SDK let through has a frame of this SDK, or has lost its traceback.
    passed = _passed_sdks(error)
    for sdk in passed or (registry.sdks() if isinstance(error, _UNTRACED) else ()):
        fault = sdk.escaped(error)
        if fault is not None:
            return fault
    if is_misuse(error):
        return None
    for recognise in _PLAIN:
        fault = recognise(error)
        if fault is not None:
            return fault
    return plain.unknown(error)
