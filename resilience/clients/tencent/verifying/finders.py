"""
Query clients for TDMQ for MQTT, and the finders for the resources of an instance.

A finder compares whole names, because the filters of the lists find parts of names
too. Sources: tencentcloud-sdk-python-mqtt
3.1.195 (shapes, filters, page sizes) and the code lists of tencentcloud-sdk-go
mqtt/v20240516; read 2026-11-21.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.catalog import catalogue
from resilience.clients.common.lookups import (
    Ambiguous,
    ExpectedResource,
    Fields,
    Finder,
    Query,
    Search,
    certificates,
    code_of,
    only,
    unreadable,
)
from resilience.clients.tencent import answers, errors
from resilience.clients.tencent.traits import PROVIDER
from resilience.core.fault import Fault

_SERVICE: Final = "mqtt"
_CLIENTS: Final = ("tencentcloud.common.abstract_client", "tencentcloud.common.abstract_client_async")

# The rows that a page may have (models.py, Limit). No finder uses DescribeTopicList, which allows 20.
_PAGE: Final = 100

# Public access that is on, or on its way (models.py, DescribeInsPublicEndpointsResponse.Status).
_OPEN: Final = frozenset({"NORMAL", "CREATING", "MODIFYING"})

_UNIQUE: Final = "such names are unique in an instance, so the answer is wrong; ask the service"


def query_client_of(client: object) -> PlainQueryClient | AwaitedQueryClient | None:
    """Return the query client of a client of Tencent's SDK for MQTT; None for any other object."""
    if not any(cls.__module__ in _CLIENTS for cls in type(client).__mro__):
        return None
    if getattr(client, "_service", None) != _SERVICE:
        return None
    is_awaited = inspect.iscoroutinefunction(getattr(client, "call_and_deserialize", None))
    return AwaitedQueryClient(client) if is_awaited else PlainQueryClient(client)


@frozen(eq=False)
class PlainQueryClient:
    """
    Asks through a synchronous client.

    It asks for JSON. Models do not distinguish an empty list from a missing one, and make an
    answer without fields of an error under an unusual content type.
    """

    _client: Any

    @property
    def provider(self) -> str:
        """The provider's short name."""
        return PROVIDER

    def is_request(self, value: object) -> bool:
        """Tell whether an argument is a request model, or the fields for ``call_json``."""
        return isinstance(value, Mapping) or callable(getattr(value, "_serialize", None))

    def fields(self, request: Any) -> Fields:
        """Return a request's fields that are set."""
        # The SDK's own methods serialise requests with this; the public method returns JSON text.
        return request if isinstance(request, Mapping) else dict(request._serialize())  # noqa: SLF001

    def check(self, operation: str, answer: Any) -> Fault | None:
        """Return the fault in an answer that the SDK took for a success."""
        return answers.checker(catalogue(PROVIDER).operation(operation))(answer)

    def put(self, ask: Query, _: object) -> Any:
        """Send a query."""
        return self._client.call_json(ask.operation, dict(ask.fields))

    def read(self, answer: Any) -> Fields:
        """Return the fields in ``Response``."""
        fields = answer.get("Response")
        return fields if isinstance(fields, Mapping) else {}

    def made(self, operation: str, request: Any, fields: Fields, answer: Any) -> Any:
        """Return a model if the request is a model, else JSON; the request id is that of the last query."""
        body = {"RequestId": None if answer is None else self.read(answer).get("RequestId"), **fields}
        if isinstance(request, Mapping):
            return {"Response": body}
        response = getattr(sys.modules[type(request).__module__], f"{operation}Response")()
        response._deserialize(body)  # noqa: SLF001  # as the SDK's own methods do; the public method takes JSON text
        return response


@frozen(eq=False)
class AwaitedQueryClient(PlainQueryClient):
    """Asks through an asynchronous client, on asyncio and trio alike."""

    def put(self, ask: Query, options: object) -> Any:
        """Send a query, with the options of the creating call."""
        opts = dict(options) if isinstance(options, Mapping) else {}
        return self._client.call_and_deserialize(ask.operation, dict(ask.fields), opts=opts)


def rows_of(answer: Fields, operation: str, name: str = "Data") -> list[Fields]:
    """
    Return the rows of a list.

    Raises:
        AnswerError: There is no list. The reference allows null for none of these lists.
    """
    rows = answer.get(name)
    if isinstance(rows, list):
        return rows
    if rows is None and answer.get("TotalCount") == 0:
        return []
    raise unreadable(PROVIDER, operation, answer.get("RequestId"))


def scan(operation: str, fields: Fields, key: str) -> Generator[Query, Fields, list[Fields]]:
    """
    Return the rows of all pages, each once.

    Args:
        operation: A list operation with Offset and Limit.
        fields: The fields that narrow the list.
        key: The field that identifies a row; a row may move to the next page between two queries.

    Raises:
        AnswerError: The list became shorter between two queries, so a row may have moved to a page already read.
    """
    rows: dict[object, Fields] = {}
    offset, most = 0, 0
    while True:
        answer = yield Query(operation, {**fields, "Offset": offset, "Limit": _PAGE})
        page = rows_of(answer, operation)
        total = answer.get("TotalCount")
        if not isinstance(total, int) or total < most:
            raise unreadable(PROVIDER, operation, answer.get("RequestId"))
        rows |= {row.get(key): row for row in page}
        offset, most = offset + len(page), total
        if not page or offset >= total:
            return list(rows.values())


def _absent(error: Exception, *codes: str) -> bool:
    """Tell whether an error means "not there": its code is exactly one of these."""
    return code_of(error, errors.translate) in codes


def _topic(expected: ExpectedResource) -> Search:
    named = {"InstanceId": expected.need("InstanceId"), "Topic": expected.need("Topic")}
    try:
        found = yield Query("DescribeTopic", named)
    except Exception as error:
        if _absent(error, "ResourceNotFound.Topic"):
            return None
        raise
    if found.get("Topic") != named["Topic"]:
        raise unreadable(PROVIDER, "DescribeTopic", found.get("RequestId"))
    return named


def _user(expected: ExpectedResource) -> Search:
    """Find a user by name; CreateUser's answer never has a generated password, DescribeUserList has it."""
    name = expected.need("Username")
    narrowed = {"InstanceId": expected.need("InstanceId"), "Filters": [{"Name": "Username", "Values": [name]}]}
    rows = yield from scan("DescribeUserList", narrowed, "Username")
    return {} if any(row.get("Username") == name for row in rows) else None


def _listed(operation: str, name: str, *answered: str) -> Finder:
    """Return a finder by name in a list without pages; it returns InstanceId and the row's fields ``answered``."""

    def find(expected: ExpectedResource) -> Search:
        instance_id, value = expected.need("InstanceId"), expected.need(name)
        listed = yield Query(operation, {"InstanceId": instance_id})
        rows = [row for row in rows_of(listed, operation) if row.get(name) == value]
        found = only(expected.operation, rows, answered[0], _UNIQUE)
        return None if found is None else {"InstanceId": instance_id, **{each: found.get(each) for each in answered}}

    return find


def _rule(expected: ExpectedResource) -> Search:
    """Find a rule by name and content: several rules may have the same name."""
    instance_id, name = expected.need("InstanceId"), expected.need("RuleName")
    listed = yield Query("DescribeMessageEnrichmentRules", {"InstanceId": instance_id})
    rows = [row for row in rows_of(listed, "DescribeMessageEnrichmentRules") if row.get("RuleName") == name]
    parts = ("Condition", "Actions", "Priority")
    same = [row for row in rows if all(row.get(part) == expected.fields.get(part) for part in parts)]
    reason = "names of rules are not unique, and nothing tells which of these the call made; compare and delete"
    found = only(expected.operation, same or rows, "Id", reason)
    if found is None:
        return None
    if not same:
        raise Ambiguous(expected.operation, [found.get("Id")], "a rule of this name says something else; compare them")
    return {"InstanceId": instance_id, "Id": found.get("Id")}


def _authenticator(kind: str) -> Finder:
    """Return a finder for the authenticator of a type; an instance has at most one of each type."""

    def find(expected: ExpectedResource) -> Search:
        try:
            listed = yield Query("DescribeAuthenticator", {"InstanceId": expected.need("InstanceId"), "Type": kind})
        except Exception as error:
            if _absent(error, "ResourceNotFound.NoAuthenticator"):
                return None
            raise
        rows = rows_of(listed, "DescribeAuthenticator", "Authenticators")
        return {} if any(row.get("Type") == kind for row in rows) else None

    return find


def _device_identity(expected: ExpectedResource) -> Search:
    named = {"InstanceId": expected.need("InstanceId"), "DeviceId": expected.need("DeviceId")}
    try:
        found = yield Query("DescribeDeviceIdentity", named)
    except Exception as error:
        # The product has no narrower code for a device; a missing instance has its own code.
        if _absent(error, "ResourceNotFound"):
            return None
        raise
    if found.get("DeviceId") != named["DeviceId"]:
        raise unreadable(PROVIDER, "DescribeDeviceIdentity", found.get("RequestId"))
    return {}


def _endpoint(expected: ExpectedResource) -> Search:
    """Find public access that is on or opening; access that is closing is not from this call."""
    found = yield Query("DescribeInsPublicEndpoints", {"InstanceId": expected.need("InstanceId")})
    status = found.get("Status")
    if not status:
        raise unreadable(PROVIDER, "DescribeInsPublicEndpoints", found.get("RequestId"))
    return {} if status in _OPEN else None


def _by_content(rows: list[Fields], expected: ExpectedResource, field: str, sn: str) -> Fields | None:
    """Find a certificate by its content, since the request has no serial number."""
    content = certificates(expected.need(field))
    found = next((row for row in rows if certificates(row.get(field)) == content), None)
    unknown = [row.get(sn) for row in rows if not certificates(row.get(field))]
    if found is None and unknown:
        raise Ambiguous(
            expected.operation, unknown, "the list does not show these certificates; compare serial numbers"
        )
    return found


def _ca_certificate(expected: ExpectedResource) -> Search:
    instance_id = expected.need("InstanceId")
    listed = yield Query("DescribeCaCertificates", {"InstanceId": instance_id})
    rows = rows_of(listed, "DescribeCaCertificates")
    found = _by_content(rows, expected, "CaCertificate", "CaSn")
    return None if found is None else {"InstanceId": instance_id, "CaSn": found.get("CaSn")}


def _device_certificate(expected: ExpectedResource) -> Search:
    instance_id, ca = expected.need("InstanceId"), expected.need("CaSn")
    narrowed = {"InstanceId": instance_id, "Filters": [{"Name": "CaSn", "Values": [ca]}]}
    rows = yield from scan("DescribeDeviceCertificates", narrowed, "DeviceCertificateSn")
    rows = [row for row in rows if row.get("CaSn") == ca]
    found = _by_content(rows, expected, "DeviceCertificate", "DeviceCertificateSn")
    if found is None:
        return None
    return {"InstanceId": instance_id, "CaSn": ca, "DeviceCertificateSn": found.get("DeviceCertificateSn")}


FINDERS: Final[Mapping[str, Finder]] = {
    "CreateTopic": _topic,
    "CreateUser": _user,
    "CreateAuthorizationPolicy": _listed("DescribeAuthorizationPolicies", "PolicyName", "Id"),
    "CreateBlockRule": _listed("DescribeBlockRuleList", "Name", "Name"),
    "CreateMessageEnrichmentRule": _rule,
    "CreateJWTAuthenticator": _authenticator("JWT"),
    "CreateJWKSAuthenticator": _authenticator("JWKS"),
    "CreateHttpAuthenticator": _authenticator("HTTP"),
    "CreateDeviceIdentity": _device_identity,
    "CreateInsPublicEndpoint": _endpoint,
    "RegisterCaCertificate": _ca_certificate,
    "RegisterDeviceCertificate": _device_certificate,
}
"""The finders for the resources of an instance, by operation."""
