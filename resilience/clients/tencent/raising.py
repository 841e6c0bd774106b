"""
The SDK's own exception for an answer that was a failure although the SDK raised nothing.

Source: tencentcloud-sdk-python-common 3.1.195, read 2026-11-21.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.core.fault import Fault

# What the SDK calls an answer that is none.
_UNREADABLE: Final = "ServerNetworkError"


def service_error(fault: Fault, message: str) -> Any:
    """Return the exception; None if its module was not imported."""
    module: Any = sys.modules.get("tencentcloud.common.exception.tencent_cloud_sdk_exception")
    if module is None:
        return None
    return module.TencentCloudSDKException(fault.code or _UNREADABLE, message, fault.request_id)
