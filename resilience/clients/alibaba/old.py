"""The adapter of Alibaba's old SDK, aliyunsdkcore."""

from __future__ import annotations

from typing import ClassVar

from resilience.clients.alibaba import olderrors
from resilience.clients.alibaba.base import AlibabaSdk
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
