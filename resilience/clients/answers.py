"""
Find the failures among returned values: an SDK may return an answer as a success that is none.

The adapter of an SDK knows which answers these are.
"""

from __future__ import annotations

from functools import lru_cache

from resilience.clients import registry
from resilience.clients.common.calls import Check
from resilience.clients.sdk import no_fault
from resilience.core.fault import Fault


# The size exceeds the number of operations in the shipped catalogues; the rest is for operations that users declare.
@lru_cache(maxsize=256)
def checker(provider: str, operation: str) -> Check:
    """
    Return a function that returns the fault in an SDK's answer; None for a success.

    The function remembers the classes of good answers, so that the next good one costs a fraction of a microsecond.
    Many threads may use it.

    Args:
        provider: The provider of the call. The function takes values of other SDKs for a success.
        operation: The operation. Its catalogue entry lists the fields that a good answer always has.

    Returns:
        A function of the value that the SDK's method returned. If an SDK of this provider returns bytes, the function
        takes bytes for an answer, which must be JSON.
    """
    sdk = registry.of_provider(provider)
    return no_fault if sdk is None else sdk.checker(operation)


def check_value(provider: str, operation: str, value: object) -> Fault | None:
    """Return the fault that the :func:`checker` of an operation finds in one value; None for a success."""
    return checker(provider, operation)(value)
