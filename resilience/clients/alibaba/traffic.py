"""Requests to Alibaba Cloud's services, whatever has sent them; little is imported for it."""

from __future__ import annotations

from resilience.clients.alibaba.traits import HOSTS, PRODUCTS
from resilience.clients.common.sent import Sent, product_of


def is_host(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, is of a product that the catalogue is about."""
    return host.endswith(HOSTS) and product_of(host) in PRODUCTS


def operation_of(sent: Sent) -> str | None:
    """Return the operation of a request, or its method where nobody can tell it; None for any other request."""
    host = sent.host.partition(":")[0]
    action, version = sent.said("x-acs-action", "Action"), sent.said("x-acs-version", "Version")
    is_ours = is_host(host) if host.endswith(HOSTS) else action and version in PRODUCTS.values()
    return (action or sent.method) if is_ours else None
