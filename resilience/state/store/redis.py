"""A store on a Redis or Valkey server, for the processes of many machines; its clock is the server's."""

from __future__ import annotations

import math
from typing import Any

from attrs import define, field

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.reservation import GivenSlots, SlotRequest
from resilience.state.redis_client import RedisClient, RedisUnavailableError
from resilience.state.store.protocol import StateError
from resilience.state.store.redis_scripts import EXCHANGE, RESERVE
from resilience.state.store.slots import JUMP


@define(eq=False)
class RedisStore:
    """
    A store on a server.

    Args:
        url: The server.
        shown: The server, as it may be shown.

    Raises:
        StateError: The package for it is missing.
    """

    _url: str = field(repr=False)
    shown: str
    _client: RedisClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        try:
            self._client = RedisClient(self._url)
        except RedisUnavailableError as error:
            raise StateError(self.shown, str(error)) from None

    def reserve(self, request: SlotRequest, timeout: float) -> GivenSlots:
        """Give out slots in all limits of a question."""
        keys: list[str] = []
        arguments: list[str | float] = [request.wanted, request.after, request.within, request.name, JUMP]
        arguments.append(len(request.limits))
        for limit in request.limits:
            keys += [limit.key, f"{limit.key}:pace"]
            arguments += [limit.count, limit.held, limit.gap, limit.least_gap, limit.slack]
        arguments.append(len(request.late))
        for name, at in request.late.items():
            arguments += [name, f"{at:.6f}"]
        arguments += [len(request.unused), *request.unused]
        now, following, *slots = self._run(RESERVE, keys, arguments, timeout)
        return GivenSlots(now=float(now), slots=tuple(map(float, slots)), next=float(following) if following else None)

    def exchange(self, proposal: Proposal, timeout: float) -> KeptValue:
        """Put a value in the place of another, if that has not changed meanwhile."""
        arguments: list[str | float] = [proposal.version, proposal.value, math.ceil(proposal.lasts * 1000)]
        now, version, value, is_changed = self._run(EXCHANGE, [proposal.key], arguments, timeout)
        return KeptValue(float(now), version, value, is_changed=bool(int(is_changed)))

    def _run(self, script: str, keys: list[str], arguments: list[str | float], timeout: float) -> list[Any]:
        try:
            answer: list[Any] = self._client.run(script, keys, arguments, timeout)
        except RedisUnavailableError as error:
            raise StateError(self.shown, str(error)) from None
        return answer

    def close(self) -> None:
        """End the connection."""
        self._client.close()
