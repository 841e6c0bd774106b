"""Verifiers for what clients of boto3 and aiobotocore create in AWS IoT Core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resilience.clients.aws.traits import PROVIDER
from resilience.clients.aws.verifying.certificates import certificate_finders
from resilience.clients.aws.verifying.finders import FINDERS
from resilience.clients.aws.verifying.lost_certificates import discarder
from resilience.clients.aws.verifying.querying import is_async, query_client_of, verifier_of
from resilience.clients.common.lookups import Purchases, Verifier


def verifiers(client: object, purchases: Purchases) -> Mapping[str, Verifier] | None:
    """
    Return verifiers, coroutine functions for an asynchronous client; None for a client of another service.

    Raises:
        ValueError: ``purchases`` is not empty, but such a client buys nothing.
    """
    query_client = query_client_of(client)
    if query_client is None:
        return None
    if purchases:
        raise ValueError("verifiers_for: a client for iot buys nothing, so no field distinguishes purchases")
    found = {**FINDERS, **certificate_finders()}
    return {f"{PROVIDER}:{name}": verifier_of(query_client, name, find) for name, find in found.items()}


def discarders(client: Any) -> Mapping[str, Verifier]:
    """Return the verifiers that discard what they find; none for an asynchronous client."""
    query_client = query_client_of(client)
    if query_client is None or is_async(client):
        return {}
    return {f"{PROVIDER}:CreateKeysAndCertificate": discarder(client, query_client)}
