"""
The SDK's own exception for an answer that was a failure although the SDK raised nothing.

A script catches what its SDK raises, so that is what it gets for ``Success: false``
in an answer with status 200, too. Sources: alibabacloud_tea_openapi 0.4.6 and 0.3.16,
aliyun-python-sdk-core 2.16.1, tencentcloud-sdk-python-common 3.1.195; read 2026-11-21.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from attrs import evolve

from resilience.catalog import catalogue
from resilience.clients.alibaba.traits import PROVIDER as ALIBABA
from resilience.clients.common.fields import packages, type_name
from resilience.core.fault import Fault

_OK: Final = 200
_SERVER: Final = 500

# tea-openapi writes this where a service says nothing (alibabacloud_tea_openapi/client.py 0.4.6).
_ABSENT: Final = "None"
# What Tencent's SDK calls an answer that is none; the old one of Alibaba's, an error without a code.
_TENCENT_UNREADABLE: Final = "ServerNetworkError"
_OLD_UNREADABLE: Final = "SDK.UnknownServerError"

# Codes whose documented status is unknown, and that are the service's own fault.
_INTERNAL: Final = frozenset({"internal", "transient"})


def service_error(client: object, fault: Fault, message: str) -> Exception | None:
    """
    Return the exception that the client's SDK raises for such a failure; None if its SDK is not known.

    It has code, message and request id where the SDK puts them, and the fault
    itself, so that ``classify`` says the same of it.

    Args:
        client: The client whose method returned the answer.
        fault: What the answer says.
        message: What to tell a reader; it must hold nothing secret.
    """
    family = packages(type(client))
    make = next((make for package, make in _MAKERS if package in family), None)
    error: Exception | None = None if make is None else make(fault, message)
    if error is not None:
        error.fault = evolve(fault, error=type_name(error))  # type: ignore[attr-defined]  # any exception takes it
    return error


def _alibaba(fault: Fault, message: str) -> Any:
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
    facts = catalogue(ALIBABA).code(fault.code)
    if facts is None:
        return False
    return facts.class_ in _INTERNAL if facts.status is None else facts.status >= _SERVER


def _old_alibaba(fault: Fault, message: str) -> Any:
    exceptions: Any = sys.modules.get("aliyunsdkcore.acs_exception.exceptions")
    if exceptions is None:
        return None
    code = fault.code or _OLD_UNREADABLE
    return exceptions.ServerException(code, message, fault.status or _OK, fault.request_id)


def _tencent(fault: Fault, message: str) -> Any:
    module: Any = sys.modules.get("tencentcloud.common.exception.tencent_cloud_sdk_exception")
    if module is None:
        return None
    return module.TencentCloudSDKException(fault.code or _TENCENT_UNREADABLE, message, fault.request_id)


_MAKERS: Final[tuple[tuple[str, Callable[[Fault, str], Any]], ...]] = (
    ("alibabacloud_tea_openapi", _alibaba),
    ("aliyunsdkcore", _old_alibaba),
    ("tencentcloud", _tencent),
)
