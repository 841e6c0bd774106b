"""The answers that accepted calls get, in the SDKs' own types."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as onsmqtt
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest
from surface_calls import accepted_answer, fields_of, methods_of
from surface_peer import CLASSES, OPERATIONS, arguments, make, models_of
from tencentcloud.mqtt.v20240516 import models as mqtt

from resilience.clients import check_value
from resilience.clients.vendor.calls import SdkMethod as Method

TOPIC = {"InstanceId": "i", "Topic": "t", "Remark": "r"}


def offline(name: str) -> Any:
    """Return a client that nobody opens, as the asynchronous ones want a loop to close on."""
    cls = CLASSES[name]
    client = cls.__new__(cls)
    client._service, client._apiVersion = "mqtt", "2024-05-16"
    client.session = None  # which the old SDK's client closes when it goes
    return client


def body_of(method: Method, answer: Any) -> dict[str, Any]:
    """Return the fields of an answer that have something in them."""
    body = answer.body.to_map() if method.provider == "alibaba" else answer._serialize()
    return {name: value for name, value in body.items() if value not in (None, [])}


@pytest.mark.parametrize(
    ("name", "method"), [pytest.param(name, method, id=f"{name}-{method.name}") for name, method in OPERATIONS]
)
def test_an_answer_has_what_the_request_says(name: str, method: Method) -> None:
    """An accepted answer is of the operation's own type, has its request id, and holds nothing that nobody said."""
    operation, args = str(method.operation), arguments(name, method)
    answer = accepted_answer(method, offline(name), args, {}, operation, "r-1")
    assert type(answer) is getattr(models_of(name), f"{operation}Response")
    said = body_of(method, answer)
    asked = fields_of(method.provider, args, {})
    assert said.pop("RequestId") == "r-1"
    assert said.pop("Success", True) is True
    assert said == {field: asked[field] for field in said}
    facts = getattr(models_of(name), f"{operation}Response{'Body' if method.provider == 'alibaba' else ''}")
    known = {key.replace("_", "").lower() for key in vars(facts())} - {"requestid", "success"}
    assert {field.lower() for field in said} == known & {field.lower() for field in asked}


def test_alibabas_answer_says_that_it_worked() -> None:
    """The answer looks like one of HTTP, and its verdict is good where it has one."""
    methods = methods_of(CLASSES["onsmqtt"])
    client, method = offline("onsmqtt"), methods["add_custom_auth_identity_with_options"]
    request = onsmqtt.AddCustomAuthIdentityRequest(instance_id="i", username="u")
    answer = accepted_answer(method, client, (request,), {}, "AddCustomAuthIdentity", None)
    assert (answer.status_code, answer.headers, answer.body.success) == (200, {}, True)
    assert answer.body.request_id == ""
    assert check_value("alibaba", "AddCustomAuthIdentity", answer) is None


def test_a_topic_that_was_there_is_answered_with_its_name() -> None:
    """What a script reads from the answer of a creation is what it asked for."""
    method = methods_of(CLASSES["mqtt"])["CreateTopic"]
    request = mqtt.CreateTopicRequest()
    request._deserialize(TOPIC)
    answer = accepted_answer(method, offline("mqtt"), (), {"request": request}, "CreateTopic", "r-1")
    assert (answer.InstanceId, answer.Topic, answer.RequestId) == ("i", "t", "r-1")
    assert not hasattr(answer, "Remark")


@pytest.mark.parametrize("name", ["mqtt", "common", "mqtt-async", "common-async"])
@pytest.mark.parametrize("loaded", [True, False], ids=["models", "no-models"])
def test_json_is_answered_with_json(monkeypatch: pytest.MonkeyPatch, name: str, loaded: bool) -> None:  # noqa: FBT001
    """A call by action gets JSON, whether or not the script has loaded the models."""
    if not loaded:
        monkeypatch.delitem(sys.modules, "tencentcloud.mqtt.v20240516.models")
    method = methods_of(CLASSES[name])["call_and_deserialize" if name.endswith("async") else "call_json"]
    answer = accepted_answer(method, offline(name), ("CreateTopic", TOPIC), {}, "CreateTopic", "r-1")
    assert answer == {"Response": {"InstanceId": "i", "Topic": "t", "RequestId": "r-1"}}
    assert check_value("tencent", "CreateTopic", answer) is None
    assert accepted_answer(method, offline(name), ("FreezeTopic", TOPIC), {}, "FreezeTopic", None) == {
        "Response": {"RequestId": ""}
    }


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("CreateTopic", TOPIC, mqtt.CreateTopicResponse), {}),
        ((), {"action": "CreateTopic", "params": TOPIC, "resp_cls": mqtt.CreateTopicResponse}),
    ],
    ids=["by-place", "by-name"],
)
def test_a_model_that_was_asked_for_is_the_answer(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """The asynchronous client's general method says itself what it wants back."""
    method = methods_of(CLASSES["common-async"])["call_and_deserialize"]
    answer = accepted_answer(method, offline("common-async"), args, kwargs, "CreateTopic", "r-1")
    assert type(answer) is mqtt.CreateTopicResponse
    assert (answer.InstanceId, answer.Topic, answer.RequestId) == ("i", "t", "r-1")


def test_headers_are_no_model() -> None:
    """The third argument of the plain client's general method is headers, and no class of an answer."""
    method = methods_of(CLASSES["mqtt"])["call_json"]
    args = ("CreateTopic", TOPIC, {"X-TC-TraceId": "t"})
    answer = accepted_answer(method, offline("mqtt"), args, {}, "CreateTopic", "r-1")
    assert answer == {"Response": {"InstanceId": "i", "Topic": "t", "RequestId": "r-1"}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("CreateGroupId", {"RequestId": "r-1"}),
        ("ActiveCaCertificate", {"RequestId": "r-1", "Sn": "7"}),
        ("AddCustomAuthIdentity", {"RequestId": "r-1", "Success": True}),
        ("FreezeGroup", {"RequestId": "r-1"}),
    ],
)
def test_the_old_sdk_is_answered_with_bytes(operation: str, expected: dict[str, Any]) -> None:
    """The old SDK returns the text of the answer, as bytes."""
    method = methods_of(CLASSES["old"])["do_action_with_exception"]
    request = CreateGroupIdRequest()
    request.set_GroupId("GID_a")
    request.add_query_param("Sn", "7")
    answer = accepted_answer(method, offline("old"), (request,), {}, operation, "r-1")
    assert isinstance(answer, bytes)
    assert json.loads(answer) == expected


class NewerResponse(mqtt.CreateTopicResponse):  # type: ignore[misc]  # the SDK ships no types
    """An answer whose topic is a model of its own."""

    def _deserialize(self, params: Any) -> None:
        if "Topic" in params:
            params["Topic"].get("Name")
        super()._deserialize(params)


def test_a_field_of_another_type_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer SDK may answer with another type under the same name; the answer then has no field of the request."""
    monkeypatch.setattr(mqtt, "CreateTopicResponse", NewerResponse)
    method = methods_of(CLASSES["mqtt"])["CreateTopic"]
    request = mqtt.CreateTopicRequest()
    request._deserialize(TOPIC)
    answer = accepted_answer(method, offline("mqtt"), (request,), {}, "CreateTopic", "r-1")
    assert (type(answer), answer.Topic, answer.RequestId) == (NewerResponse, None, "r-1")


def test_a_client_of_a_script_is_answered_as_the_sdk_does() -> None:
    """A derived class gets the answers of the class that it comes from."""
    derived = type("Mine", (CLASSES["onsmqtt"],), {"__module__": "__main__", "__init__": lambda _: None})
    method = methods_of(derived)["create_group_id_with_options"]
    request = onsmqtt.CreateGroupIdRequest(group_id="GID_a", instance_id="i")
    answer = accepted_answer(method, derived(), (request,), {}, "CreateGroupId", "r-1")
    assert type(answer) is onsmqtt.CreateGroupIdResponse


def test_what_an_sdk_cannot_answer_is_an_error() -> None:
    """A class that is no client, and an operation without a model, are told apart from an answer."""
    method = methods_of(CLASSES["mqtt"])["CreateTopic"]
    with pytest.raises(LookupError, match="object is no client"):
        accepted_answer(method, object(), (), {}, "CreateTopic", None)
    with pytest.raises(LookupError, match="no FreezeTopicResponse"):
        accepted_answer(method, make("mqtt"), (), {}, "FreezeTopic", None)
