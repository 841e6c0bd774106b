"""The adapter of Alibaba's old SDK, aliyunsdkcore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from resilience.clients.alibaba.base import AlibabaSdk
from resilience.clients.alibaba.old import credentials, errors, refreshing, retries, timeouts
from resilience.clients.common.keys import KeyTriple, OwnKeys
from resilience.clients.common.timeouts import Call
from resilience.core.fault import Fault


class OldSdk(AlibabaSdk):
    """Clients of aliyunsdkcore, and requests of any ``aliyunsdk*`` package."""

    packages: ClassVar[tuple[str, ...]] = errors.PACKAGES

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own."""
        return errors.translate(error)

    def escaped(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of another package that the SDK let through."""
        return errors.escaped(error)

    def within(self, function: Call, client: Any, seconds: float) -> Call | None:
        """Return a method that waits no longer than so, on a copy of its client."""
        return timeouts.within(function, client, seconds)

    def switch_off_retries(self, client: Any) -> str | None:
        """Make this client do each call once."""
        return retries.switch_off(client)

    def own_keys(self, client: object) -> OwnKeys | None:
        """Return what can be done with the credential that a client refreshes by itself."""
        return refreshing.own_keys(client)

    def fixed_keys(self, client: object) -> KeyTriple | None:
        """Return the temporary keys that a client was made with."""
        return credentials.fixed_keys(client)

    def give_keys(self, client: Any, current: Callable[[], KeyTriple]) -> None:
        """Let a client ask for its keys before each request."""
        credentials.give_keys(client, current)

    def given_by(self, client: object) -> Callable[[], KeyTriple] | None:
        """Return the function that a client asks for its keys."""
        return credentials.given_by(client)
