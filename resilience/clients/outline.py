"""
What a process has to know of SDKs before it imports one: modules to wait for, and requests that no call has sent.

Little is imported here, because many Pythons that a script starts never use an SDK. What an adapter knows besides is in
``registry.py``.
"""

from __future__ import annotations

from typing import Final

from resilience.clients.alibaba.room import ROOM as ALIBABA
from resilience.clients.common.room import Room, SentRequest
from resilience.clients.rest import traits as rest
from resilience.clients.rest.room import ROOM as REST
from resilience.clients.tencent.room import ROOM as TENCENT

ROOMS: Final[tuple[Room, ...]] = (ALIBABA, TENCENT, REST)
"""All rooms; the registry makes their adapters."""

SDK_HOOKS: Final = frozenset(module for room in ROOMS if room.provider for module in room.hooks)
"""The modules in which the client classes of vendors' SDKs are."""

HTTP_HOOKS: Final = frozenset(module for room in ROOMS if not room.provider for module in room.hooks)
"""The modules in which clients of plain HTTP are."""

LOGGERS: Final = rest.LOGGERS
"""Where HTTP libraries log each request."""

# Libraries that send, by their top-level packages: those of the SDKs, and those under them. The outermost of their
# frames around a request says what the script has used.
_PACKAGES: Final = tuple(package for room in ROOMS for package in room.packages)
_UNDER: Final = frozenset({"aiohttp", "http", "httpcore", "urllib", "urllib3"})
# Of libraries whose modules say no more than their package.
_WHOLE: Final = (_UNDER - {"http", "urllib"}).union(rest.LIBRARIES)


def named_by_vendor(sent: SentRequest) -> str | None:
    """Return ``provider:operation`` of a request to a service that has a catalogue; None for any other request."""
    for room in ROOMS:
        operation = room.operation_of(sent)
        if operation is not None:
            return f"{room.provider}:{operation}"
    return None


def is_host_of_service(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, is of a service that has a catalogue."""
    return any(room.is_host(host) for room in ROOMS)


def is_library(package: str) -> bool:
    """Tell whether a top-level package is one of those that send HTTP requests."""
    return package in _UNDER or f"{package}.".startswith(_PACKAGES)


def way_of(module: str) -> str:
    """Return how messages call the library that a module is of."""
    for below, words in rest.BELOW.items():
        if module.startswith(below):
            return words
    package = module.partition(".")[0]
    return package if package in _WHOLE else module
