"""
Make botocore's exception for a failure that botocore returned as a success, or that another attempt would have met.

Source: botocore 1.43.117, exceptions.py and errorfactory.py, read 2026-11-28.
"""

from __future__ import annotations

import sys
from typing import Any

from resilience.clients.aws import accepted
from resilience.clients.common.fields import attribute
from resilience.core.fault import Fault


def service_error(client: object, operation: str, fault: Fault, message: str) -> Any:
    """
    Return the exception; None if the script has not imported its module.

    A fault with a code or a status becomes the class that ``client.exceptions`` has for the code.
    """
    module: Any = sys.modules.get("botocore.exceptions")
    if module is None:
        return None
    if fault.code is not None or fault.status is not None:
        code = fault.code or str(fault.status)
        said = accepted.made({"Error": {"Code": code, "Message": message}, "RequestId": fault.request_id}, fault.status)
        return _class_of(client, code, module.ClientError)(said, operation)
    endpoint = attribute(attribute(client, "meta"), "endpoint_url")
    if fault.transport == "unsent":
        return module.EndpointConnectionError(endpoint_url=endpoint, error=message)
    return module.HTTPClientError(endpoint_url=endpoint, error=message)


def _class_of(client: object, code: str, default: Any) -> Any:
    from_code = attribute(attribute(client, "exceptions"), "from_code")
    return from_code(code) if callable(from_code) else default
