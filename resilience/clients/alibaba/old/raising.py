"""
The SDK's own exception for an answer that was a failure although the SDK raised nothing.

Source: aliyun-python-sdk-core 2.16.1, read 2026-11-21.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.core.fault import Fault

_OK: Final = 200

# What the SDK calls an error without a code.
_UNREADABLE: Final = "SDK.UnknownServerError"


def service_error(fault: Fault, message: str) -> Any:
    """Return the exception; None if its module was not imported."""
    exceptions: Any = sys.modules.get("aliyunsdkcore.acs_exception.exceptions")
    if exceptions is None:
        return None
    code = fault.code or _UNREADABLE
    return exceptions.ServerException(code, message, fault.status or _OK, fault.request_id)
