"""
Returned values that are failures: services have answers that their SDKs take for success.

Which these are, the adapter of an SDK says.
"""

from __future__ import annotations

from functools import lru_cache

from resilience.clients import registry
from resilience.clients.common.calls import Check
from resilience.clients.sdk import no_fault
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
    return no_fault if sdk is None else sdk.checker(operation)


def check_value(provider: str, operation: str, value: object) -> Fault | None:
    """Return what the :func:`checker` of an operation says about one value."""
    return checker(provider, operation)(value)
