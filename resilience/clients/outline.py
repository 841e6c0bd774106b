"""
What a process has to know of SDKs before it imports one: modules to wait for, and requests that no call has sent.

Little is imported here, because many Pythons that a script starts never use an SDK. What an adapter knows besides is in
``registry.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resilience.clients.alibaba import traffic as alibaba_traffic
from resilience.clients.alibaba import traits as alibaba
from resilience.clients.common.sent import Sent
from resilience.clients.rest import traits as rest
from resilience.clients.tencent import traffic as tencent_traffic
from resilience.clients.tencent import traits as tencent

SDK_HOOKS: Final = frozenset({*alibaba.TEA_HOOKS, *alibaba.OLD_HOOKS, *tencent.HOOKS})
"""The modules in which the client classes of vendors' SDKs are."""

HTTP_HOOKS: Final = frozenset(rest.HOOKS)
"""The modules in which clients of plain HTTP are."""

LOGGERS: Final = rest.LOGGERS
"""Where HTTP libraries log each request."""

# Libraries that send, by their top-level packages: those of the SDKs, and those under them. The outermost of their
# frames around a request says what the script has used.
_SDKS: Final = (*alibaba.TEA_PACKAGES, *alibaba.OLD_PACKAGES, *tencent.PACKAGES)
_UNDER: Final = frozenset({"aiohttp", "http", "httpcore", "urllib", "urllib3"})
# Of libraries whose modules say no more than their package.
_WHOLE: Final = (_UNDER - {"http", "urllib"}).union(rest.PACKAGES)

_SERVICES: Final[tuple[tuple[str, Callable[[Sent], str | None], Callable[[str], bool]], ...]] = (
    (alibaba.PROVIDER, alibaba_traffic.operation_of, alibaba_traffic.is_host),
    (tencent.PROVIDER, tencent_traffic.operation_of, tencent_traffic.is_host),
)


def named_by_vendor(sent: Sent) -> str | None:
    """Return ``provider:operation`` of a request to a service that has a catalogue; None for any other request."""
    for provider, operation_of, _ in _SERVICES:
        operation = operation_of(sent)
        if operation is not None:
            return f"{provider}:{operation}"
    return None


def is_host_of_service(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, is of a service that has a catalogue."""
    return any(is_host(host) for _, _, is_host in _SERVICES)


def is_library(package: str) -> bool:
    """Tell whether a top-level package is one of those that send HTTP requests."""
    return package in _UNDER or package in rest.PACKAGES or package.startswith(_SDKS)


def way_of(module: str) -> str:
    """Return how messages call the library that a module is of."""
    for below, words in rest.BELOW.items():
        if module.startswith(below):
            return words
    package = module.partition(".")[0]
    return package if package in _WHOLE else module
