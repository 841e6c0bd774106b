"""
Returned values that are failures: services have answers that their SDKs take for success.

Which these are, the adapter of an SDK says.
"""

from __future__ import annotations

from functools import lru_cache

from resilience.catalog import catalogue, providers
from resilience.clients import registry
from resilience.clients.common.answerfields import field_of
from resilience.clients.sdk import Check, no_fault
from resilience.core.fault import Fault


# The shipped catalogues together know fewer operations; the rest is what users declare.
@lru_cache(maxsize=256)
def checker(provider: str, operation: str) -> Check:
    """
    Return a function that tells the fault in what an SDK returned for an operation.

    It remembers the models that the SDK answers with, so that another good one costs a
    fraction of a microsecond. It may be used from many threads.

    Args:
        provider: The provider of the call; values of others are taken as they are.
        operation: The operation, whose catalogue entry says which fields a good answer always has.

    Returns:
        A function of what the SDK's method returned, and of nothing that was made of it. Bytes are an answer,
        and must be JSON, where an SDK of this provider returns such.
    """
    sdk = registry.of_provider(provider)
    facts = catalogue(provider).operation(operation) if provider in providers() else None
    return no_fault if sdk is None else sdk.check(facts)


def check_value(provider: str, operation: str, value: object) -> Fault | None:
    """Return what the :func:`checker` of an operation says about one value."""
    return checker(provider, operation)(value)


def complete(provider: str | None, fields: tuple[str, ...], check: Check) -> Check:
    """
    Return a check that also takes an answer for garbled which lacks one of some fields.

    A value that has no fields, such as a text that a function has read out of its answer, is taken as it is.

    Args:
        provider: The provider of the call.
        fields: The fields, by their names on the wire; ``data.id`` is a field inside of another.
        check: What else there is to check.
    """

    def checked(value: object) -> Fault | None:
        fault = check(value)
        if fault is not None or all(_reached(value, name) is not None for name in fields):
            return fault
        return Fault(provider=provider, transport="garbled", effect="unknown")

    return checked


def _reached(answer: object, name: str) -> object:
    """Return a field of an answer, of its body, or of an object inside; None if it is not there."""
    value = field_of(answer, name)
    outer, dot, inner = name.partition(".")
    if value is None and dot and (held := field_of(answer, outer)) is not None:
        value = _reached(held, inner)
    for body in ("body", "Response") if value is None else ():
        if (held := field_of(answer, body)) is not None and held is not answer:
            value = _reached(held, name)
    return value
