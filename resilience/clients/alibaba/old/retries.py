"""Switch off the retries of Alibaba's old SDK; it retries operations of ECS (aliyun-python-sdk-core 2.16.1)."""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.clients.common.fields import attribute

_POLICIES: Final = "aliyunsdkcore.retry.retry_policy"


def switch_off(client: Any) -> str | None:
    """Switch off the client's retries, and return a sentence about it; None if there was nothing to switch off."""
    if not attribute(client, "_auto_retry"):
        return None
    policy = attribute(sys.modules.get(_POLICIES), "NO_RETRY_POLICY")
    if policy is None:
        return None
    # The client chose its retry policy when it was made, so the flag alone changes nothing.
    client._auto_retry = False  # noqa: SLF001
    client._retry_policy = policy  # noqa: SLF001
    return "switched off the client's auto_retry, which repeats operations of ECS"
