"""
One entry point: any exception in, one fault out.

The order counts. An SDK's own classes come first, because they may wrap anything; then
what escaped from an SDK; then programming errors, which are no faults; then everything
that any HTTP client or any user may raise.
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
from resilience.core.fault import Fault

_SAID: Final = ("message", "description", "error_msg")
"""Where exceptions have what the service said."""

_UNTRACED: Final = (RuntimeError, AttributeError, TypeError, ValueError, LookupError)

_PLAIN: Final[tuple[Callable[[Exception], Fault | None], ...]] = (plain.answered, plain.own_code, plain.unanswered)


def classify(error: Exception, *, provider: str | None = None, words: bool = True) -> Fault | None:
    """
    Say what failed, in the words of the service.

    Args:
        error: What an attempt raised. For a group, classify each of its ``leaves``.
        provider: The provider of the call, where the exception does not tell its own.
        words: Whether a rule looks at what it says in words; to gather these takes as long as all the rest.

    Returns:
        The fault, which shows no message, URL or parameter of the exception. None if there
        is no fault but a programming error, which no rule may answer. An exception
        that carries a fault in ``fault`` is that fault.
    """
    fault = _translate(error)
    if fault is not None and fault.transport == "unsent" and followed_redirect(error):
        # What could not be reached is where the service sent us on to: it has had the request.
        fault = evolve(fault, transport="lost", effect="unknown")
    if fault is None:
        return None
    if fault.provider is None and provider is not None:
        fault = fault.of_provider(provider)
    return with_message(fault, error) if words else fault


def with_message(fault: Fault, error: Exception) -> Fault:
    """Return a fault that also has what its exception says in words, for rules with ``message``."""
    return fault if fault.message is not None else evolve(fault, message=_message(error))


def _message(error: Exception) -> str | None:
    """
    Return what an exception says: its text, the SDK's message where the text leaves it out, and the answer's body.

    Bodies are those in memory: nothing is read from the network here.
    """
    try:
        text = text_of(str(error))
    except Exception:  # noqa: BLE001  # it is foreign code, and a fault without words is a fault all the same
        text = None
    response = attribute(error, "response")
    bodies = () if response is None else (attribute(response, name) for name in plain.BODY_ATTRIBUTES)
    kept: list[str] = [] if text is None else [text]
    for each in map(text_of, (*(attribute(error, name) for name in _SAID), *bodies)):
        if each and all(each not in other for other in kept):
            kept.append(each)
    return "\n".join(kept) or None


def leaves(error: Exception) -> tuple[Exception, ...]:
    """Return the exceptions in a group and in its groups, left to right; an exception that is no group is its own."""
    if not isinstance(error, ExceptionGroup):
        return (error,)
    return tuple(leaf for inner in error.exceptions for leaf in leaves(inner))


def _passed_an_sdk(error: Exception) -> bool:
    sdk_packages = registry.packages()
    return any(f"{module_of(frame)}.".startswith(sdk_packages) for frame in frames(error))


def _translate(error: Exception) -> Fault | None:
    carried = attribute(error, "fault")
    if isinstance(carried, Fault):
        return carried
    sdk = registry.of_class(type(error))
    if sdk is not None and sdk.owns(error):
        return sdk.fault(error)
    # What an SDK let through has passed it, or is of one of the classes that say so without a traceback.
    if isinstance(error, _UNTRACED) or _passed_an_sdk(error):
        for sdk in registry.sdks():
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
