"""The exceptions that scripts catch, for answers that were failures although their SDK raised nothing."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from alibabacloud_tea_openapi import exceptions as tea_openapi
from aliyunsdkcore.acs_exception.exceptions import ServerException
from attrs import evolve
from surface_calls import service_error
from surface_peer import CLASSES
from Tea.exceptions import TeaException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from resilience.clients import classify
from resilience.core.fault import Fault

REFUSED = Fault(provider="alibaba", code="ApiNotSupport", request_id="r-1")


def client(name: str) -> Any:
    found = CLASSES[name].__new__(CLASSES[name])
    found.session = None  # which the old SDK's client closes when it goes
    return found


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(REFUSED, tea_openapi.ClientException, id="documented-4xx"),
        pytest.param(evolve(REFUSED, code="SystemOverFlow"), tea_openapi.ServerException, id="documented-5xx"),
        pytest.param(evolve(REFUSED, code="InternalFailure"), tea_openapi.ServerException, id="internal"),
        pytest.param(evolve(REFUSED, code="NoSuchCode"), tea_openapi.ClientException, id="unknown-code"),
        pytest.param(evolve(REFUSED, status=503), tea_openapi.ServerException, id="5xx"),
        pytest.param(evolve(REFUSED, code="SystemOverFlow", status=400), tea_openapi.ClientException, id="4xx"),
        pytest.param(evolve(REFUSED, code=None, transport="garbled"), tea_openapi.ServerException, id="empty"),
        pytest.param(evolve(REFUSED, retry_after=1.5), tea_openapi.ThrottlingException, id="hint"),
    ],
)
def test_alibabas_exception_is_chosen_as_the_sdk_does(fault: Fault, expected: type[Exception]) -> None:
    """The class follows the status, the code's documented one where the answer had none, or the server's hint."""
    error = service_error(client("onsmqtt"), fault, "not today")
    assert type(error) is expected
    assert classify(error) == evolve(fault, error=f"{expected.__module__}.{expected.__qualname__}")


def test_alibabas_exception_has_what_scripts_read() -> None:
    """Code, message, status, request id and data stand where the SDK puts them."""
    error: Any = service_error(client("onsmqtt"), evolve(REFUSED, retry_after=1.5), "not today")
    assert (error.code, error.status_code, error.statusCode, error.request_id) == ("ApiNotSupport", 200, 200, "r-1")
    assert error.message == "code: 200, not today request id: r-1"
    assert error.data["RequestId"] == "r-1"
    assert error.retry_after == 1500
    assert isinstance(error, TeaException)


def test_the_generation_before_has_one_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """tea-openapi 0.3 has no classes of its own, and keeps the request id in the data."""
    monkeypatch.delitem(sys.modules, "alibabacloud_tea_openapi.exceptions")
    error: Any = service_error(client("onsmqtt"), REFUSED, "not today")
    assert type(error) is TeaException
    assert (error.code, error.statusCode, error.data["RequestId"]) == ("ApiNotSupport", 200, "r-1")
    fault = classify(error)
    assert fault is not None
    assert (fault.code, fault.request_id) == ("ApiNotSupport", "r-1")


@pytest.mark.parametrize(
    ("fault", "code"),
    [(REFUSED, "ApiNotSupport"), (evolve(REFUSED, code=None, transport="garbled"), "SDK.UnknownServerError")],
    ids=["code", "no-code"],
)
def test_the_old_sdk_raises_a_server_exception(fault: Fault, code: str) -> None:
    """The old SDK's exception has its own names for the same things."""
    error: Any = service_error(client("old"), fault, "not today")
    assert type(error) is ServerException
    assert (error.get_error_code(), error.get_error_msg(), error.get_http_status()) == (code, "not today", 200)
    assert error.get_request_id() == "r-1"
    assert classify(error) == evolve(fault, error="aliyunsdkcore.acs_exception.exceptions.ServerException")


@pytest.mark.parametrize("name", ["mqtt", "mqtt-async", "tencent-sts", "common", "common-async"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(provider="tencent", code="InternalError", request_id="r-1"), "InternalError"),
        (Fault(provider="tencent", transport="garbled", request_id="r-1"), "ServerNetworkError"),
    ],
    ids=["code", "no-code"],
)
def test_tencents_sdk_has_one_exception(name: str, fault: Fault, code: str) -> None:
    """All of Tencent's clients raise the same class; without a code it has the SDK's word for a bad answer."""
    error: Any = service_error(client(name), fault, "not today")
    assert type(error) is TencentCloudSDKException
    assert (error.get_code(), error.get_message(), error.get_request_id()) == (code, "not today", "r-1")
    assert classify(error) == evolve(fault, error=f"{TencentCloudSDKException.__module__}.TencentCloudSDKException")


@pytest.mark.parametrize("name", ["onsmqtt", "old", "mqtt"])
def test_without_the_fault_the_exception_says_the_same(name: str) -> None:
    """A copy that has lost our fault, as one that crossed a process, has code and request id all the same."""
    fault = evolve(REFUSED, provider="tencent" if name == "mqtt" else "alibaba")
    error = service_error(client(name), fault, "not today")
    assert error is not None
    del error.fault  # type: ignore[attr-defined]  # put there by service_error
    found = classify(error)
    assert found is not None
    assert (found.provider, found.code, found.request_id) == (fault.provider, "ApiNotSupport", "r-1")
    assert found.effect != "none", "the answer came from the service, so it is no mistake made here"


@pytest.mark.parametrize("other", [object(), "client", ValueError()])
def test_a_client_of_no_known_sdk_has_no_exception(other: object) -> None:
    """Where the SDK is unknown there is nothing that a script could be waiting for."""
    assert service_error(other, REFUSED, "not today") is None


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("onsmqtt", ("alibabacloud_tea_openapi.exceptions", "Tea.exceptions")),
        ("old", ("aliyunsdkcore.acs_exception.exceptions",)),
        ("mqtt", ("tencentcloud.common.exception.tencent_cloud_sdk_exception",)),
    ],
)
def test_nothing_is_imported_for_it(monkeypatch: pytest.MonkeyPatch, name: str, modules: tuple[str, ...]) -> None:
    """An SDK's exceptions that are not loaded cannot be what a script catches."""
    found = client(name)
    for module in modules:
        monkeypatch.delitem(sys.modules, module)
    assert service_error(found, REFUSED, "not today") is None
