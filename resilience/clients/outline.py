"""
List the rooms of ``clients/``: the modules of SDKs to wait for, and the requests of each vendor.

This module imports little, because many Python processes that a script starts never use an SDK. The adapters
themselves are in ``registry.py``.
"""

from __future__ import annotations

from typing import Final

from resilience.clients.alibaba.room import ROOM as ALIBABA
from resilience.clients.aws.room import ROOM as AWS
from resilience.clients.azure.room import ROOM as AZURE
from resilience.clients.common.room import Room, SentRequest
from resilience.clients.rest import traits as rest
from resilience.clients.rest.room import ROOM as REST
from resilience.clients.tencent.room import ROOM as TENCENT

ROOMS: Final[tuple[Room, ...]] = (ALIBABA, TENCENT, AWS, AZURE, REST)
"""All rooms; ``registry.py`` makes their adapters."""

SDK_HOOKS: Final = frozenset(module for room in ROOMS if room.provider for module in room.hooks)
"""The modules that have client classes of vendors' SDKs."""

HTTP_HOOKS: Final = frozenset(module for room in ROOMS if not room.provider for module in room.hooks)
"""The modules that have client classes of plain HTTP."""

LOGGERS: Final = rest.LOGGERS
"""The loggers to which HTTP libraries write each request."""

# The top-level packages of libraries that send: of the SDKs, and of the libraries that they use. The outermost frame of
# them around a request shows which library the script has used.
_PACKAGES: Final = tuple(package for room in ROOMS for package in room.packages)
_UNDER: Final = frozenset({"aiohttp", "http", "httpcore", "urllib", "urllib3"})
# The libraries that messages call by their package alone.
_WHOLE: Final = (_UNDER - {"http", "urllib"}).union(rest.LIBRARIES)


def named_by_vendor(sent: SentRequest) -> str | None:
    """Return ``provider:operation`` of a request to a service with a catalogue; None for other requests."""
    for room in ROOMS:
        operation = room.operation_of(sent)
        if operation is not None:
            return f"{room.provider}:{operation}"
    return None


def is_host_of_service(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, belongs to a service with a catalogue."""
    return any(room.is_host(host) for room in ROOMS)


def is_library(package: str) -> bool:
    """Tell whether a top-level package sends HTTP requests."""
    return package in _UNDER or f"{package}.".startswith(_PACKAGES)


def way_of(module: str) -> str:
    """Return the name in messages of the library that has a module."""
    for below, words in rest.BELOW.items():
        if module.startswith(below):
            return words
    package = module.partition(".")[0]
    return package if package in _WHOLE else module
