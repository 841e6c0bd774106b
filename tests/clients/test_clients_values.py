"""Returned values that are failures, as the real SDKs return them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.client import AcsClient
from aliyunsdkonsmqtt.request.v20200420.ListGroupIdRequest import ListGroupIdRequest as OldListRequest
from raw_peer import Peer, Script
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models as tencent_models
from tencentcloud.mqtt.v20240516 import mqtt_client

from resilience.catalog import catalogue
from resilience.clients import check_value
from resilience.clients.answers import checker
from resilience.core.fault import Fault

_CHARSET = (("Content-Type", "application/json; charset=utf-8"),)


def _from_alibaba(operation: str, script: Script) -> object:
    """Return what the real client returns when it is answered so."""
    method = {"CreateGroupId": "create_group_id", "ApplyToken": "apply_token", "CloseConnection": "close_connection"}
    request = getattr(alibaba_models, f"{operation}Request")(instance_id="mqtt-x")
    with Peer(script) as peer:
        client = Client(
            Config(access_key_id="a", access_key_secret="b", endpoint=peer.address, protocol="HTTP", read_timeout=1000)
        )
        value: object = getattr(client, method[operation])(request)
    return value


def _from_tencent(operation: str, body: bytes) -> object:
    """Return what the real client returns when a proxy has added a charset to the content type."""
    request = getattr(tencent_models, f"{operation}Request")()
    with Peer(Script(body=body, headers=_CHARSET)) as peer:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=peer.address, reqTimeout=1))
        client = mqtt_client.MqttClient(Credential("a", "b"), "r", profile)
        value: object = getattr(client, operation)(request)
    return value


@pytest.mark.parametrize(
    ("operation", "script", "expected"),
    [
        pytest.param("CreateGroupId", Script(body=b'{"RequestId":"R"}'), None, id="success"),
        pytest.param("ApplyToken", Script(body=b'{"RequestId":"R","Token":"T"}'), None, id="success-with-answer"),
        pytest.param(
            "CloseConnection", Script(body=b'{"RequestId":"R","Success":true,"Code":200}'), None, id="verdict-good"
        ),
        pytest.param(
            "CloseConnection",
            Script(body=b'{"RequestId":"R","Success":false,"Code":10001,"Message":"m"}'),
            Fault(provider="alibaba", code="10001", request_id="R"),
            id="verdict-bad",
        ),
        pytest.param("CreateGroupId", Script(body=b"null"), Fault(provider="alibaba", transport="garbled"), id="null"),
        pytest.param("CreateGroupId", Script(body=b"[]"), Fault(provider="alibaba", transport="garbled"), id="list"),
        pytest.param("CreateGroupId", Script(body=b"{}"), Fault(provider="alibaba", transport="garbled"), id="empty"),
        pytest.param(
            "CreateGroupId",
            Script(status=302, body=b"{}", headers=(("x-acs-request-id", "R"),)),
            Fault(provider="alibaba", transport="garbled", status=302, request_id="R"),
            id="redirect",
        ),
        pytest.param(
            "ApplyToken",
            Script(body=b'{"RequestId":"R"}'),
            Fault(provider="alibaba", transport="garbled", request_id="R"),
            id="token-missing",
        ),
    ],
)
def test_what_alibabas_client_returns_may_be_a_failure(operation: str, script: Script, expected: Fault | None) -> None:
    """A redirect, an empty answer, a bad verdict and a missing field are failures, and a good answer is none."""
    assert check_value("alibaba", operation, _from_alibaba(operation, script)) == expected


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        pytest.param(
            "CreateTopic",
            b'{"Response":{"InstanceId":"i","Topic":"t","RequestId":"R"}}',
            None,
            id="success",
        ),
        pytest.param(
            "CreateTopic",
            b'{"Response":{"Error":{"Code":"InternalError","Message":"m"},"RequestId":"R"}}',
            Fault(provider="tencent", transport="garbled", request_id="R"),
            id="hidden-error",
        ),
        pytest.param("DeleteTopic", b'{"Response":{"RequestId":"R"}}', None, id="nothing-to-expect"),
    ],
)
def test_an_error_that_tencents_client_hides_is_seen(operation: str, body: bytes, expected: Fault | None) -> None:
    """An answer without its required fields is no success."""
    assert check_value("tencent", operation, _from_tencent(operation, body)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            {"Response": {"Error": {"Code": "InternalError", "Message": "m"}, "RequestId": "R"}},
            Fault(provider="tencent", code="InternalError", request_id="R"),
            id="hidden-error",
        ),
        pytest.param(
            {"Response": {"Error": None, "RequestId": "R"}},
            Fault(provider="tencent", transport="garbled", request_id="R"),
            id="error-without-a-code",
        ),
        pytest.param(
            {"Response": {"RequestId": "R"}},
            Fault(provider="tencent", transport="garbled", request_id="R"),
            id="fields-missing",
        ),
        pytest.param({"Response": {"InstanceId": "i", "RequestId": "R"}}, None, id="success"),
        pytest.param({"anything": 1}, None, id="not-the-sdks"),
    ],
)
def test_the_json_of_call_json_is_checked_too(value: object, expected: Fault | None) -> None:
    """The generic client returns the error itself when the content type hides it."""
    assert check_value("tencent", "CreateInstance", value) == expected


@pytest.mark.parametrize(
    ("body", "transport"),
    [(b"<html>", "garbled"), (b"null", "garbled"), (b"[]", "garbled"), (b'{"RequestId":"R","Data":[]}', None)],
)
def test_bytes_of_the_old_sdk_must_be_an_answer(body: bytes, transport: str | None) -> None:
    """The old SDK returns whatever a 200 brings; an empty list of groups is an answer."""
    request = OldListRequest()
    with Peer(Script(body=body)) as peer:
        request.set_endpoint(peer.address)
        request.set_protocol_type("http")
        value = AcsClient("a", "b", "cn-hangzhou", timeout=1).do_action_with_exception(request)
    fault = check_value("alibaba", "ListGroupId", value)
    assert (fault and fault.transport) == transport


def test_the_generic_client_of_alibaba_is_checked_too() -> None:
    """``call_api`` returns a mapping of status, headers and body."""
    answer: dict[str, Any] = {"statusCode": 200, "headers": {}, "body": {"RequestId": "R", "Success": False}}
    assert check_value("alibaba", "CloseConnection", answer) == Fault(provider="alibaba", request_id="R")
    answer["body"] = {"RequestId": "R", "Success": True}
    assert check_value("alibaba", "CloseConnection", answer) is None


@pytest.mark.parametrize("value", ["GID_x", 7, None, [], {"body": 1}, object(), json])
@pytest.mark.parametrize("provider", ["alibaba", "tencent", "another"])
def test_a_value_that_is_not_the_sdks_is_a_success(provider: str, value: object) -> None:
    """What users make of an answer is theirs, whatever it looks like."""
    assert check_value(provider, "CreateInstance", value) is None


def test_an_operation_that_the_catalogue_does_not_know_is_checked_as_far_as_possible() -> None:
    """An unknown operation has no required fields, and a redirect is still a failure."""
    assert check_value("tencent", "Invented", {"Response": {"RequestId": "R"}}) is None
    assert check_value("alibaba", "Invented", {"statusCode": 302, "body": {"a": 1}}) is not None


def _alibaba_variants(operation: str) -> Iterator[object]:
    """Yield a good answer of the SDK, then that answer with one thing after another wrong."""
    answer, body = (getattr(alibaba_models, f"{operation}{kind}") for kind in ("Response", "ResponseBody"))
    names = list(vars(body()))
    full: dict[str, Any] = {name: True if name == "success" else "x" for name in names}
    for fields in (
        full,
        *({**full, name: wrong} for name in names for wrong in (None, False)),
        {},
        {"request_id": "R"},
    ):
        yield answer(headers={}, status_code=200, body=body(**fields))
    for status in (None, 199, 201, 302, "200", "302", 200.0):
        yield answer(headers={"x-acs-request-id": "R"}, status_code=status, body=body(**full))
    others: list[object] = [None, {}, {"Success": False, "RequestId": "R"}, [], tencent_models.CreateTopicResponse()]
    for other in others:
        yield answer(headers={}, status_code=200, body=other)
    yield body(**full)
    yield {"statusCode": 200, "headers": {}, "body": {}}
    yield b"[]"


def _tencent_variants(operation: str) -> Iterator[object]:
    """Yield a good answer of the SDK, then that answer with one thing after another wrong."""
    make = getattr(tencent_models, f"{operation}Response")
    names = [*vars(make())]
    for missing in ([], *([name] for name in names), names):
        answer = make()
        vars(answer).update({name: None if name in missing else "x" for name in names})
        yield answer
    yield {"Response": {"RequestId": "R"}}
    yield {"Response": {"Error": {"Code": "InternalError"}, "RequestId": "R"}}
    yield alibaba_models.CreateGroupIdResponse()


@pytest.mark.parametrize(
    ("provider", "models", "variants"),
    [
        pytest.param("alibaba", alibaba_models, _alibaba_variants, id="alibaba"),
        pytest.param("tencent", tencent_models, _tencent_variants, id="tencent"),
    ],
)
def test_what_was_learned_changes_no_verdict(provider: str, models: Any, variants: Any) -> None:
    """A checker that knows the models of good answers says of every answer what one says that has seen nothing."""
    found = set()
    for operation in catalogue(provider).operations:
        if not hasattr(models, f"{operation}Response"):
            continue  # another SDK's
        learned = checker.__wrapped__(provider, operation)
        for value in [*variants(operation)] * 2:
            verdict = checker.__wrapped__(provider, operation)(value)
            assert learned(value) == verdict, (operation, value)
            found.add(verdict is None)
    assert found == {True, False}


def test_a_checker_is_made_once() -> None:
    """Who asks again gets what has been learned."""
    assert checker("alibaba", "CreateGroupId") is checker("alibaba", "CreateGroupId")
    assert checker("another", "CreateGroupId")(b"anything") is None
