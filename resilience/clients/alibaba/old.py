"""The adapter of Alibaba's old SDK, aliyunsdkcore."""

from __future__ import annotations

from typing import Any, ClassVar

from resilience.clients.alibaba import olderrors, oldretries, oldtimeouts
from resilience.clients.alibaba.base import AlibabaSdk
from resilience.clients.common.timeouts import Call
from resilience.core.fault import Fault


class OldSdk(AlibabaSdk):
    """Clients of aliyunsdkcore, and requests of any ``aliyunsdk*`` package."""

    packages: ClassVar[tuple[str, ...]] = olderrors.PACKAGES

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own."""
        return olderrors.translate(error)

    def escaped(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of another package that the SDK let through."""
        return olderrors.escaped(error)

    def within(self, function: Call, client: Any, seconds: float) -> Call | None:
        """Return a method that waits no longer than so, on a copy of its client."""
        return oldtimeouts.within(function, client, seconds)

    def switch_off_retries(self, client: Any) -> str | None:
        """Make this client do each call once."""
        return oldretries.switch_off(client)
