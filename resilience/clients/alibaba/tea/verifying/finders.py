"""
Finders and query client for ApsaraMQ for MQTT.

Sources: alibabacloud_onsmqtt20200420 1.7.1 and its API reference, "Error codes"; read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from attrs import frozen

from resilience.catalog import catalogue
from resilience.clients.alibaba import answers
from resilience.clients.alibaba.tea import errors
from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.common.lookups import (
    Ambiguous,
    ExpectedResource,
    Fields,
    Finder,
    Query,
    Search,
    certificates,
    code_of,
    unreadable,
)
from resilience.core.fault import Fault

_PACKAGE: Final = "alibabacloud_onsmqtt"
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# "Value range: 1 to 100" (models.py, ListCaCertificateRequest.page_size).
_PAGE: Final = 100


def query_client_of(client: object) -> AlibabaQueryClient | None:
    """Return the query client of a client of Alibaba's MQTT SDK; None for any other object."""
    for cls in type(client).__mro__:
        package, _, module = cls.__module__.rpartition(".")
        if package.startswith(_PACKAGE) and module == "client":
            return AlibabaQueryClient(client, import_module(f"{package}.models"))
    return None


@frozen(eq=False)
class AlibabaQueryClient:
    """
    Asks through the synchronous methods, which every client of this SDK has.

    The asynchronous methods need asyncio; the synchronous ones work in a worker thread of any event loop.
    """

    _client: Any
    _models: ModuleType

    @property
    def provider(self) -> str:
        """The provider's short name."""
        return PROVIDER

    def is_request(self, value: object) -> bool:
        """Tell whether an argument is a model of the SDK."""
        return callable(getattr(value, "to_map", None)) and type(value).__name__.endswith("Request")

    def fields(self, request: Any) -> Fields:
        """Return a request's fields that are set."""
        return dict(request.to_map())

    def check(self, operation: str, answer: Any) -> Fault | None:
        """Return the fault in an answer that the SDK took for a success."""
        return answers.checker(catalogue(PROVIDER).operation(operation))(answer)

    def put(self, ask: Query, options: object) -> Any:
        """Send a query, with the runtime options of the creating call."""
        request = getattr(self._models, f"{ask.operation}Request")().from_map(dict(ask.fields))
        method = _HUMP.sub("_", ask.operation).lower()
        if type(options).__name__ == "RuntimeOptions":
            return getattr(self._client, f"{method}_with_options")(request, options)
        return getattr(self._client, method)(request)

    def read(self, answer: Any) -> Fields:
        """Return the body's fields."""
        return dict(answer.body.to_map())

    def made(self, operation: str, _: Any, fields: Fields, answer: Any) -> Any:
        """Return the operation's own response, with the headers and the request id of the last query."""
        last = {} if answer is None else answer.to_map()
        body = {"RequestId": last.get("body", {}).get("RequestId"), **fields}
        response = getattr(self._models, f"{operation}Response")()
        return response.from_map({"headers": last.get("headers"), "statusCode": 200, "body": body})


def _group(expected: ExpectedResource) -> Search:
    """Find a GroupId in the list of its instance, which has no pages."""
    instance_id, group_id = expected.need("InstanceId"), expected.need("GroupId")
    listed = yield Query("ListGroupId", {"InstanceId": instance_id})
    for row in listed.get("Data") or []:
        if row.get("GroupId") == group_id and row.get("InstanceId") in (None, instance_id):
            return {}
    return None


def _device_credential(expected: ExpectedResource) -> Search:
    """Find a device credential; the read-back has the secret that was in the lost answer."""
    named = {"InstanceId": expected.need("InstanceId"), "ClientId": expected.need("ClientId")}
    try:
        found = yield Query("GetDeviceCredential", named)
    except Exception as error:
        if code_of(error, errors.translate) == "DeviceCredentialNotFound":
            return None
        raise
    return {"DeviceCredential": found["DeviceCredential"]}


def _ca_certificate(expected: ExpectedResource) -> Search:
    """Find a certificate by its content: the request has no serial number, and the name is not unique."""
    instance_id, content = expected.need("MqttInstanceId"), certificates(expected.need("CaContent"))
    seen: dict[str, Fields] = {}
    number = 0
    while True:
        number += 1
        page = {"MqttInstanceId": instance_id, "PageNo": str(number), "PageSize": str(_PAGE)}
        listed = yield Query("ListCaCertificate", page)
        data = listed.get("Data")
        if not isinstance(data, Mapping):
            raise unreadable(PROVIDER, "ListCaCertificate", listed.get("RequestId"))
        rows = {row["Sn"]: row for row in data.get("CaCertificateVOS") or []}
        # The reference says of Total that it counts pages, and elsewhere that it counts rows. Under both readings a
        # page that is short, or has no new rows, is the last one.
        is_last = len(rows) < _PAGE or rows.keys() <= seen.keys()
        seen |= rows
        if is_last:
            break
    for sn, row in seen.items():
        if certificates(row.get("CaContent")) == content:
            return {"Sn": sn}
    unknown = [sn for sn, row in seen.items() if not certificates(row.get("CaContent"))]
    if unknown:
        raise Ambiguous(
            expected.operation, unknown, "the list does not show these certificates; compare serial numbers"
        )
    return None


FINDERS: Final[Mapping[str, Finder]] = {
    "CreateGroupId": _group,
    "RegisterDeviceCredential": _device_credential,
    "RegisterCaCertificate": _ca_certificate,
}
"""The finders, by operation."""
