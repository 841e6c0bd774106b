"""A request's fields by their names on the wire, read and changed in whatever form the request has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as onsmqtt
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.request import CommonRequest
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest
from surface_calls import fields_of, with_fields
from surface_peer import OPERATIONS, arguments
from tencentcloud.mqtt.v20240516 import models as mqtt

from resilience.clients.vendor.calls import SdkMethod as Method

GROUP = {"GroupId": "GID_a", "InstanceId": "i"}
TOPIC = {"Topic": "a", "InstanceId": "i"}


def tea() -> Any:
    return onsmqtt.CreateGroupIdRequest(group_id="GID_a", instance_id="i")


def tagging() -> Any:
    tag = onsmqtt.TagResourcesRequestTag(key="k", value="v")
    return onsmqtt.TagResourcesRequest(resource_id=["r"], resource_type="INSTANCE", tag=[tag])


class OwnRequest(onsmqtt.CreateGroupIdRequest):  # type: ignore[misc]  # the SDK ships no types
    """A request of a script's own, which is made from a device."""

    def __init__(self, device: str) -> None:
        super().__init__(group_id="GID_a", instance_id="i")
        self.device = device


def old() -> Any:
    request = CreateGroupIdRequest()
    request.set_GroupId("GID_a")
    request.set_InstanceId("i")
    return request


def in_the_body() -> Any:
    request = CommonRequest(product="OnsMqtt", version="2020-04-20", action_name="CreateGroupId")
    request.add_body_params("GroupId", "GID_a")
    request.add_query_param("InstanceId", "i")
    return request


def model() -> Any:
    request = mqtt.CreateTopicRequest()
    request.Topic, request.InstanceId = "a", "i"
    request.headers = {"X-TC-TraceId": "t"}
    return request


OTHERS = {"X-TC-TraceId": "t"}

CASES = [
    pytest.param("alibaba", lambda: ((tea(), RuntimeOptions()), {}), GROUP),
    pytest.param("alibaba", lambda: ((RuntimeOptions(),), {"request": tea()}), GROUP),
    pytest.param("alibaba", lambda: ((OwnRequest("d"), RuntimeOptions()), {}), GROUP),
    pytest.param("alibaba", lambda: ((old(),), {}), GROUP),
    pytest.param("alibaba", lambda: ((), {"acs_request": old()}), GROUP),
    pytest.param("alibaba", lambda: ((in_the_body(),), {}), GROUP),
    pytest.param("tencent", lambda: ((model(),), {}), TOPIC),
    pytest.param("tencent", lambda: ((model(), {"Endpoint": "e"}), {}), TOPIC),
    pytest.param("tencent", lambda: ((), {"opts": {}, "request": model()}), TOPIC),
    pytest.param("tencent", lambda: (("CreateTopic", dict(TOPIC), OTHERS), {}), TOPIC),
    pytest.param("tencent", lambda: ((), {"headers": OTHERS, "action": "CreateTopic", "params": dict(TOPIC)}), TOPIC),
    pytest.param("tencent", lambda: (("CreateTopic", json.dumps(TOPIC)), {"headers": OTHERS}), TOPIC),
    pytest.param("tencent", lambda: (("CreateTopic",), {"params": json.dumps(TOPIC).encode()}), TOPIC),
]
FORMS = pytest.mark.parametrize(
    ("provider", "call", "expected"),
    CASES,
    ids=["model", "model-by-name", "own-model", "old", "old-by-name", "old-body", "tencent-model", "opts", "opts-first",
         "mapping", "headers-first", "json", "bytes"],
)  # fmt: skip

Call = Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


@FORMS
def test_fields_have_their_names_on_the_wire(provider: str, call: Call, expected: Mapping[str, Any]) -> None:
    """Every form of a request gives the same fields; headers and options are none."""
    args, kwargs = call()
    assert fields_of(provider, args, kwargs) == expected


@FORMS
def test_a_field_is_changed_in_a_copy(provider: str, call: Call, expected: Mapping[str, Any]) -> None:
    """The new arguments have the new value and all else as it was; the script's own objects keep theirs."""
    args, kwargs = call()
    name = "GroupId" if provider == "alibaba" else "Topic"
    new_args, new_kwargs = with_fields(provider, args, kwargs, {name: "GID_b"})
    assert fields_of(provider, new_args, new_kwargs) == {**expected, name: "GID_b"}
    assert fields_of(provider, args, kwargs) == expected
    assert [type(value) for value in new_args] == [type(value) for value in args]
    assert {key: type(value) for key, value in new_kwargs.items()} == {k: type(v) for k, v in kwargs.items()}


@pytest.mark.parametrize(
    ("name", "method"), [pytest.param(name, method, id=f"{name}-{method.name}") for name, method in OPERATIONS]
)
def test_every_request_can_be_changed(name: str, method: Method) -> None:
    """Each plain field of each request of the SDKs can be changed, and no other field changes with it."""
    args = arguments(name, method)
    fields = fields_of(method.provider, args, {})
    for field in [field for field, value in fields.items() if isinstance(value, str)]:
        changed, _ = with_fields(method.provider, args, {}, {field: "new"})
        assert fields_of(method.provider, changed, {}) == {**fields, field: "new"}


def test_a_copy_is_deep() -> None:
    """What is inside a copied request belongs to the copy: the SDKs write to headers, and scripts to tags."""
    request, topic, given = tagging(), model(), {"Filters": [{"Name": "n"}], "Topic": "a"}
    ((tagged, _), _) = with_fields("alibaba", (request, RuntimeOptions()), {}, {"ResourceType": "GROUP"})
    ((headed,), _) = with_fields("tencent", (topic,), {}, {"Topic": "b"})
    ((_, mapped), _) = with_fields("tencent", ("DescribeTopicList", given), {}, {"Topic": "b"})
    tagged.tag[0].value = headed.headers["X-TC-Token"] = mapped["Filters"][0]["Name"] = "other"
    assert request.tag[0].value == "v"
    assert topic.headers == {"X-TC-TraceId": "t"}
    assert given == {"Filters": [{"Name": "n"}], "Topic": "a"}


def test_a_copy_of_the_old_sdks_request_has_its_own_parameters() -> None:
    """The old SDK writes parameters and headers while it sends; the script's request gets none of the copy's."""
    request = old()
    ((fresh,), _) = with_fields("alibaba", (request,), {}, {"GroupId": "GID_b"})
    fresh.add_query_param("Format", "JSON")
    fresh.add_header("Authorization", "x")
    assert fresh.get_action_name() == "CreateGroupId"
    assert request.get_query_params() == GROUP
    assert "Authorization" not in request.get_headers()


def test_what_a_script_added_to_its_request_stays() -> None:
    """A request of the script's own class is copied with all that it has."""
    ((fresh,), _) = with_fields("alibaba", (OwnRequest("d"),), {}, {"GroupId": "GID_b"})
    assert isinstance(fresh, OwnRequest)
    assert fresh.device == "d"


def test_lists_of_models_can_be_changed() -> None:
    """A list of models takes new values as the wire spells them."""
    request = mqtt.DescribeTopicListRequest()
    request._deserialize({"InstanceId": "i", "Filters": [{"Name": "TopicName", "Values": ["a"]}]})
    new = [{"Name": "TopicName", "Values": ["b"]}]
    ((fresh,), _) = with_fields("tencent", (request,), {}, {"Filters": new})
    assert type(fresh.Filters[0]) is type(request.Filters[0])
    assert fields_of("tencent", (fresh,), {})["Filters"] == new
    assert request.Filters[0].Values == ["a"]


def test_without_a_change_the_arguments_stay_as_they_are() -> None:
    """Where nothing changes, nothing is copied."""
    request = tea()
    assert with_fields("alibaba", (request,), {"runtime": 1}, {}) == ((request,), {"runtime": 1})


@pytest.mark.parametrize(
    ("provider", "args"),
    [("alibaba", ()), ("alibaba", (None,)), ("alibaba", (RuntimeOptions(),)), ("tencent", ("CreateTopic",)),
     ("tencent", ("CreateTopic", "[1]")), ("elsewhere", ({"Topic": "a"},))],
)  # fmt: skip
def test_where_there_is_no_request_there_are_no_fields(provider: str, args: tuple[Any, ...]) -> None:
    """A call without a request has no fields, and none can be changed."""
    assert fields_of(provider, args, {}) == {}
    with pytest.raises(LookupError, match="Topic"):
        with_fields(provider, args, {}, {"Topic": "b"})


@pytest.mark.parametrize(("provider", "make"), [("alibaba", tea), ("tencent", model)])
def test_a_field_that_a_request_cannot_have_is_an_error(provider: str, make: Callable[[], Any]) -> None:
    """A change that the request's class does not know is refused, and not lost on the way."""
    with pytest.raises(LookupError, match="Colour"):
        with_fields(provider, (make(),), {}, {"Colour": "red"})


def test_a_request_that_cannot_be_read_has_no_fields() -> None:
    """A request that the SDK will refuse is left to the SDK."""
    broken = tagging()
    broken.tag = 7
    assert fields_of("alibaba", (broken,), {}) == {}
