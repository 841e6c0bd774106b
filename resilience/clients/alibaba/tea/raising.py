"""
The SDK's own exception for an answer that was a failure although the SDK raised nothing.

A script catches what its SDK raises, so that is what it gets for ``Success: false``
in an answer with status 200, too. Sources: alibabacloud_tea_openapi 0.4.6 and 0.3.16; read 2026-11-21.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from resilience.catalog import catalogue
from resilience.clients.alibaba.traits import PROVIDER
from resilience.core.fault import Fault

_OK: Final = 200
_SERVER: Final = 500

# tea-openapi writes this where a service says nothing (alibabacloud_tea_openapi/client.py 0.4.6).
_ABSENT: Final = "None"

# Codes whose documented status is unknown, and that are the service's own fault.
_INTERNAL: Final = frozenset({"internal", "transient"})


def service_error(fault: Fault, message: str) -> Any:
    """Return the exception; None if its module was not imported."""
    # The status of the answer itself was a success, but the exception always has one, and scripts compare it.
    status = fault.status or _OK
    code, request_id = fault.code or _ABSENT, fault.request_id or _ABSENT
    # The texts are what the SDK makes of an error's body, which is all that the older generation keeps.
    data = {"Code": code, "Message": message, "RequestId": request_id, "statusCode": status}
    text = f"code: {status}, {message} request id: {request_id}"
    exceptions: Any = sys.modules.get("alibabacloud_tea_openapi.exceptions")
    if exceptions is None:
        tea: Any = sys.modules.get("Tea.exceptions")
        return None if tea is None else tea.TeaException({"code": code, "message": text, "data": data})
    said: dict[str, Any] = {
        "status_code": status,
        "code": code,
        "message": text,
        "data": data,
        "request_id": request_id,
    }
    if fault.retry_after is not None:
        # The field is in milliseconds.
        return exceptions.ThrottlingException(**said, retry_after=round(fault.retry_after * 1000))
    kind = exceptions.ServerException if _is_servers(fault) else exceptions.ClientException
    return kind(**said)


def _is_servers(fault: Fault) -> bool:
    """Tell whether a refusal would have had a status from 500 on: the SDK chooses its class by that."""
    if fault.status is not None:
        return fault.status >= _SERVER
    if fault.code is None:
        return True
    facts = catalogue(PROVIDER).code(fault.code)
    if facts is None:
        return False
    return facts.class_ in _INTERNAL if facts.status is None else facts.status >= _SERVER
