"""Name the operation of a request to an API of the policy."""

from __future__ import annotations

from resilience.clients.common.room import SentRequest
from resilience.clients.rest.calls import RestRequest
from resilience.clients.rest.operations import operation_of, provider_of
from resilience.runner.settings import RunSettings


def named_by_policy(settings: RunSettings, sent: SentRequest) -> str | None:
    """Return ``provider:operation`` of a request; None if the policy describes no such API."""
    request = RestRequest(sent.method, sent.host, sent.target)
    provider = provider_of(settings.apis, request)
    return provider and f"{provider}:{operation_of(settings.apis[provider], sent.method, sent.target)}"
