"""Which operation of the policy's own APIs a request is that no call has sent."""

from __future__ import annotations

from resilience.clients.common.room import Sent
from resilience.clients.rest.calls import RestRequest
from resilience.clients.rest.operations import operation_of, provider_of
from resilience.runner.settings import Setting


def named_by_policy(setting: Setting, sent: Sent) -> str | None:
    """Return ``provider:operation`` of a request; None if it is to no API of the policy."""
    request = RestRequest(sent.method, sent.host, sent.target)
    provider = provider_of(setting.apis, request)
    return provider and f"{provider}:{operation_of(setting.apis[provider], sent.method, sent.target)}"
