"""A store on a Redis or Valkey server, for the processes of many machines; its clock is the server's."""

from __future__ import annotations

import math
from typing import Any

from attrs import define, field

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.permits import GivenPermits
from resilience.core.admission.shared.reservation import GivenSlots, SlotRequest
from resilience.state.redis_client import RedisClient, RedisUnavailableError
from resilience.state.store.protocol import StateError
from resilience.state.store.redis_scripts import EXCHANGE, RESERVE


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
        """Give out slots and permits."""
        keys: list[str] = []
        arguments: list[str | float] = [request.wanted, request.after, request.within, request.name]
        proposal, permits = request.proposal, request.permits
        arguments.append(int(proposal is not None))
        if proposal is not None:
            keys.append(proposal.key)
            arguments += _proposed(proposal)
        arguments.append(int(permits is not None))
        if permits is not None:
            keys.append(permits.key)
            arguments += [permits.holder, permits.count, permits.held, permits.wanted, permits.lasts]
        arguments.append(len(request.limits))
        for limit in request.limits:
            keys += [limit.key, f"{limit.key}:pace"]
            arguments += [limit.count, limit.held, limit.gap, limit.least_gap, limit.slack]
        arguments.append(len(request.late))
        for name, at in request.late.items():
            arguments += [name, f"{at:.6f}"]
        arguments += [len(request.unused), *request.unused]
        return _given(self._run(RESERVE, keys, arguments, timeout))

    def exchange(self, proposal: Proposal, timeout: float) -> KeptValue:
        """Put a value in the place of another, if that has not changed meanwhile."""
        now, *kept = self._run(EXCHANGE, [proposal.key], _proposed(proposal), timeout)
        return _kept(now, kept)

    def _run(self, script: str, keys: list[str], arguments: list[str | float], timeout: float) -> list[Any]:
        try:
            answer: list[Any] = self._client.run(script, keys, arguments, timeout)
        except RedisUnavailableError as error:
            raise StateError(self.shown, str(error)) from None
        return answer

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def _proposed(proposal: Proposal) -> list[str | float]:
    return [proposal.version, proposal.value, math.ceil(proposal.lasts * 1000)]


def _kept(now: str, kept: list[Any]) -> KeptValue:
    version, value, is_changed = kept
    return KeptValue(float(now), version, value, is_changed=bool(int(is_changed)))


def _given(answer: list[Any]) -> GivenSlots:
    now, following, kept, permits, slots = answer
    return GivenSlots(
        now=float(now),
        slots=tuple(map(float, slots)),
        next=float(following) if following else None,
        kept=_kept(now, kept) if kept else None,
        permits=None
        if not permits
        else GivenPermits(
            granted=int(permits[0]),
            target=int(permits[1]),
            spare=int(permits[2]),
            review=float(permits[3]),
            again=float(permits[4]) if permits[4] else None,
        ),
    )
