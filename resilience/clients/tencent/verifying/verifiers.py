"""Verifiers for what clients of Tencent's SDK create, and for the instances that they buy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from resilience.clients.common.lookups import Purchases, Verifier, awaited, plain
from resilience.clients.tencent.traits import PROVIDER
from resilience.clients.tencent.verifying import instances
from resilience.clients.tencent.verifying.finders import FINDERS, AwaitedQueryClient, query_client_of
from resilience.core.operations.advice import indistinct
from resilience.core.operations.subject import Subject

_IN_POLICY: Final = indistinct(
    Subject(provider=PROVIDER, operation="CreateInstance", repeat="duplicate", is_catalogued=True),
    (instances.NAME, instances.TAGS),
)


def verifiers(client: object, purchases: Purchases) -> Mapping[str, Verifier] | None:
    """Return verifiers, coroutine functions for an asynchronous client; None for a client of another product."""
    query_client = query_client_of(client)
    if query_client is None:
        return None
    # A purchase without the tag is judged by its name.
    tagged = () if purchases.tag is None else ((f"{instances.TAGS}.{purchases.tag}",),)
    named = ((instances.NAME,),) if purchases.by_name else ()
    in_policy = () if purchases.fields is None else (purchases.fields,)
    advice = instances.NOT_UNIQUE if purchases.fields is None else _IN_POLICY
    finders = {**FINDERS, **instances.finders((*in_policy, *tagged, *named), advice=advice)}
    make = awaited if isinstance(query_client, AwaitedQueryClient) else plain
    return {f"{query_client.provider}:{name}": make(query_client, name, find) for name, find in finders.items()}
