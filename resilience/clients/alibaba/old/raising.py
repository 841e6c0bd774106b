"""
Make the old SDK's exception for a failure that the SDK returned as a success.

Source: aliyun-python-sdk-core 2.16.1, read 2026-11-21.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.core.fault import Fault

_OK: Final = 200

# The SDK's code for an error that has none.
_UNREADABLE: Final = "SDK.UnknownServerError"


def service_error(fault: Fault, message: str) -> Any:
    """Return the exception; None if the script has not imported its module."""
    exceptions: Any = sys.modules.get("aliyunsdkcore.acs_exception.exceptions")
    if exceptions is None:
        return None
    code = fault.code or _UNREADABLE
    return exceptions.ServerException(code, message, fault.status or _OK, fault.request_id)
