"""The room for clients of plain HTTP; the policy names the services that they call."""

from __future__ import annotations

from typing import Final

from resilience.clients.common.room import Room
from resilience.clients.rest.traits import HOOKS, PACKAGES

ROOM: Final = Room(adapters=("resilience.clients.rest.sdk:RestSdk",), hooks=frozenset(HOOKS), packages=PACKAGES)
