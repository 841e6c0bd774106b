"""Repeats that clients of Alibaba's old SDK make on their own: of operations of ECS (2.16.1)."""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.clients.common.fields import attribute

_POLICIES: Final = "aliyunsdkcore.retry.retry_policy"


def switch_off(client: Any) -> str | None:
    """Switch that off for this client. Say what was switched off."""
    if not attribute(client, "_auto_retry"):
        return None
    policy = attribute(sys.modules.get(_POLICIES), "NO_RETRY_POLICY")
    if policy is None:
        return None
    # The policy was chosen when the client was made; the flag is what it answers when asked.
    client._auto_retry = False  # noqa: SLF001
    client._retry_policy = policy  # noqa: SLF001
    return "switched off the client's auto_retry, which repeats operations of ECS"
