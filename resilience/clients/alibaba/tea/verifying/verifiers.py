"""Verifiers for what clients of Alibaba's present SDK create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resilience.clients.alibaba.tea.verifying.calldesk import CallDesk
from resilience.clients.alibaba.tea.verifying.finders import FINDERS, desk_of
from resilience.clients.common.asking import Desk, Purchases, Verifier, plain


def verifiers(client: object, purchases: Purchases) -> Mapping[str, Verifier] | None:
    """Return verifiers that take and return models; None for a client of another product."""
    desk = desk_of(client)
    if desk is None:
        return None
    if purchases:
        raise ValueError(
            "verifiers_for: unique_tag, unique_names and unique are of no use for a client that buys nothing"
        )
    return _all(desk)


def generic_verifiers(client: Any) -> Mapping[str, Verifier]:
    """Return verifiers for methods that take the operation as an argument."""
    return _all(CallDesk(client))


def _all(desk: Desk) -> Mapping[str, Verifier]:
    return {f"{desk.provider}:{name}": plain(desk, name, find) for name, find in FINDERS.items()}
