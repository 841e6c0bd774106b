"""
Make the SDK's exception for a failure that the SDK returned as a success.

Source: tencentcloud-sdk-python-common 3.1.195, read 2026-11-21.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.core.fault import Fault

# The SDK's code for an answer that cannot be read.
_UNREADABLE: Final = "ServerNetworkError"


def service_error(fault: Fault, message: str) -> Any:
    """Return the exception; None if the script has not imported its module."""
    module: Any = sys.modules.get("tencentcloud.common.exception.tencent_cloud_sdk_exception")
    if module is None:
        return None
    return module.TencentCloudSDKException(fault.code or _UNREADABLE, message, fault.request_id)
