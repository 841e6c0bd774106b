"""The adapter of requests and httpx, for the APIs that a policy describes."""

from __future__ import annotations

from typing import Any, ClassVar

from resilience.clients.common.timeouts import Call
from resilience.clients.rest.timeouts import within_httpx, within_requests
from resilience.clients.sdk import Sdk


class RestSdk(Sdk):
    """Clients of plain HTTP: what they raise says nothing of one service, so their exceptions are nobody's own."""

    provider: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ("requests", "httpx")

    def owns(self, error: Exception) -> bool:  # noqa: ARG002
        """Tell that no exception is a service's: what HTTP clients raise is read the same, whoever calls them."""
        return False

    def within(self, function: Call, client: Any, seconds: float) -> Call | None:
        """Return a method of a client, or a function of the library, that waits no longer than so."""
        is_httpx = function.__module__.partition(".")[0] == "httpx"
        return (within_httpx if is_httpx else within_requests)(function, client, seconds)
