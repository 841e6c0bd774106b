"""
Make the present SDK's exception for a failure that the SDK returned as a success.

A script catches the SDK's exceptions, so it also gets one for ``Success: false`` in an answer
with status 200. Sources: alibabacloud_tea_openapi 0.4.6 and 0.3.16; read 2026-11-21.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.catalog import catalogue
from resilience.clients.alibaba.traits import PROVIDER
from resilience.core.fault import Fault

_OK: Final = 200
_SERVER: Final = 500

# The text that tea-openapi has for a missing field (alibabacloud_tea_openapi/client.py 0.4.6).
_ABSENT: Final = "None"

# The classes of codes that are the service's fault, for codes without a documented status.
_INTERNAL: Final = frozenset({"internal", "transient"})


def service_error(fault: Fault, message: str) -> Any:
    """Return the exception; None if the script has not imported its module."""
    # Every exception of the SDK has a status, and scripts compare it; here it is that of the answer, a success.
    status = fault.status or _OK
    code, request_id = fault.code or _ABSENT, fault.request_id or _ABSENT
    # The SDK makes these texts of an error's body; tea-openapi 0.3 keeps nothing else.
    data = {"Code": code, "Message": message, "RequestId": request_id, "statusCode": status}
    text = f"code: {status}, {message} request id: {request_id}"
    exceptions: Any = sys.modules.get("alibabacloud_tea_openapi.exceptions")
    if exceptions is None:
        tea: Any = sys.modules.get("Tea.exceptions")
        return None if tea is None else tea.TeaException({"code": code, "message": text, "data": data})
    details: dict[str, Any] = {
        "status_code": status,
        "code": code,
        "message": text,
        "data": data,
        "request_id": request_id,
    }
    if fault.retry_after is not None:
        # The field is in milliseconds.
        return exceptions.ThrottlingException(**details, retry_after=round(fault.retry_after * 1000))
    kind = exceptions.ServerException if _is_servers(fault) else exceptions.ClientException
    return kind(**details)


def _is_servers(fault: Fault) -> bool:
    """Tell whether a refusal would have had a status of 500 or more: the SDK chooses the exception class by it."""
    if fault.status is not None:
        return fault.status >= _SERVER
    if fault.code is None:
        return True
    facts = catalogue(PROVIDER).code(fault.code)
    if facts is None:
        return False
    return facts.class_ in _INTERNAL if facts.status is None else facts.status >= _SERVER
