"""What the memory store and the SQLite store do with a question, in the tables of each; it is one change."""

from __future__ import annotations

import json
import math
from typing import Protocol

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.permits import GivenPermits, PermitRequest
from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.state.store.permits import Holding, give_permits
from resilience.state.store.slots import Log, give_out, next_version


class StoreTables(Protocol):
    """
    What a store holds, while one change is made.

    Attributes:
        now: The store's time, in seconds.
    """

    @property
    def now(self) -> float:
        """The store's time, in seconds."""
        ...

    def log(self, limit: SharedLimit) -> Log:
        """Return the log of a limit."""
        ...

    def keep_log(self, limit: SharedLimit, log: Log, until: float) -> None:
        """Keep a log that has changed, until a time."""
        ...

    def value(self, key: str) -> tuple[str, str]:
        """Return the version and the text of a value; empty for none."""
        ...

    def keep_value(self, key: str, version: str, value: str, until: float) -> None:
        """Keep a value until a time."""
        ...


def answer(request: SlotRequest, tables: StoreTables) -> GivenSlots:
    """Change a value, give permits and give out slots, as a question asks."""
    kept = permits = None
    wanted, now = request.wanted, tables.now
    if request.proposal is not None:
        kept = exchange(request.proposal, tables)
        if not request.proposal.holds(kept):
            return GivenSlots(now=now, kept=kept)
    if request.permits is not None:
        permits = _permits(request.permits, tables)
        if not permits.usable:
            wanted = 0
    logs = [(limit, tables.log(limit)) for limit in request.limits]
    given = give_out(request, logs, now, wanted=wanted)
    for limit, log in logs:
        tables.keep_log(limit, log, now + limit.held + request.within)
    return GivenSlots(now=now, slots=given.slots, next=given.next, kept=kept, permits=permits)


def exchange(proposal: Proposal, tables: StoreTables) -> KeptValue:
    """Put a value in the place of another, if that has not changed meanwhile."""
    now, (known, value) = tables.now, tables.value(proposal.key)
    if not proposal.value or proposal.version != known:
        return KeptValue(now, known, value, is_changed=False)
    following = next_version(known, now)
    tables.keep_value(proposal.key, following, proposal.value, now + proposal.lasts)
    return KeptValue(now, following, proposal.value, is_changed=True)


def _permits(request: PermitRequest, tables: StoreTables) -> GivenPermits:
    version, value = tables.value(request.key)
    holdings = {name: Holding(*each) for name, each in json.loads(value or "{}").items()}
    given = give_permits(request, holdings, tables.now)
    until = max((each.until for each in holdings.values()), default=-math.inf)
    tables.keep_value(request.key, next_version(version, tables.now), json.dumps(holdings), until)
    return given
