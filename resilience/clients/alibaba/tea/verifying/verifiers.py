"""Verifiers for what clients of Alibaba's present SDK create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resilience.clients.alibaba.tea.verifying.call_queries import CallQueryClient
from resilience.clients.alibaba.tea.verifying.finders import FINDERS, query_client_of
from resilience.clients.common.lookups import Purchases, QueryClient, Verifier, plain


def verifiers(client: object, purchases: Purchases) -> Mapping[str, Verifier] | None:
    """Return verifiers that take and return models; None for a client of another product."""
    query_client = query_client_of(client)
    if query_client is None:
        return None
    if purchases:
        raise ValueError(
            "verifiers_for: unique_tag, unique_names and unique are of no use for a client that buys nothing"
        )
    return _all(query_client)


def generic_verifiers(client: Any) -> Mapping[str, Verifier]:
    """Return verifiers for the generic methods."""
    return _all(CallQueryClient(client))


def _all(query_client: QueryClient) -> Mapping[str, Verifier]:
    return {f"{query_client.provider}:{name}": plain(query_client, name, find) for name, find in FINDERS.items()}
