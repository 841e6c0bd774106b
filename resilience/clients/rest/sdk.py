"""The adapter of requests and httpx, for the APIs that a policy describes."""

from __future__ import annotations

from typing import ClassVar

from resilience.clients.sdk import Sdk


class RestSdk(Sdk):
    """Clients of plain HTTP: what they raise says nothing of one service, so their exceptions are nobody's own."""

    provider: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ("requests", "httpx")

    def owns(self, error: Exception) -> bool:  # noqa: ARG002
        """Tell that no exception is a service's: what HTTP clients raise is read the same, whoever calls them."""
        return False
