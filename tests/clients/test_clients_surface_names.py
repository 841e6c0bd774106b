"""Where later requests name what this run has renamed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as onsmqtt
from surface_calls import fields_of, name_references, renamed_fields, with_fields
from tencentcloud.mqtt.v20240516 import models as mqtt

from resilience.clients.common.renaming import Renaming, scope_of

HERE = {"InstanceId": "i"}
RENAMES = {
    Renaming("alibaba", "GroupId", "i", "GID_old"): "GID_new",
    Renaming("tencent", "Topic", "i", "old"): "new",
    Renaming("tencent", "Username", "i", "ann"): "ann-2",
    Renaming("tencent", "PolicyName", "i", "reads"): "reads-2",
    Renaming("tencent", "Name", "i", "noisy"): "noisy-2",
}


def encoded(**condition: Any) -> str:
    return base64.b64encode(json.dumps(condition, separators=(",", ":")).encode()).decode()


def filters(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": "Other", "Values": list(values)}, {"Name": name, "Values": list(values)}]


@pytest.mark.parametrize(
    ("provider", "fields", "expected"),
    [
        pytest.param("alibaba", {"GroupId": "GID_old"}, {"GroupId": "GID_new"}, id="group"),
        pytest.param("alibaba", {"ClientId": "GID_old@@@d1"}, {"ClientId": "GID_new@@@d1"}, id="device"),
        pytest.param("alibaba", {"ClientId": "GID_old@@@d@@@1"}, {"ClientId": "GID_new@@@d@@@1"}, id="marks-in-device"),
        pytest.param(
            "alibaba",
            {"ClientIdList": ["GID_old@@@1", "GID_x@@@2", "GID_old@@@3"]},
            {"ClientIdList": ["GID_new@@@1", "GID_x@@@2", "GID_new@@@3"]},
            id="sessions",
        ),
        pytest.param(
            "alibaba",
            {"ClientIdList.1": "GID_x@@@1", "ClientIdList.2": "GID_old@@@2"},
            {"ClientIdList.2": "GID_new@@@2"},
            id="sessions-of-the-old-sdk",
        ),
        pytest.param(
            "alibaba",
            {"Identity": "GID_old@@@1", "IdentityType": "CLIENT"},
            {"Identity": "GID_new@@@1"},
            id="permission-of-a-client",
        ),
        pytest.param("alibaba", {"MqttTopic": "t/p2p/GID_old@@@d"}, {"MqttTopic": "t/p2p/GID_new@@@d"}, id="receiver"),
        pytest.param("alibaba", {"Topic": "t/p2p/GID_old@@@d"}, {"Topic": "t/p2p/GID_new@@@d"}, id="permission"),
        pytest.param(
            "alibaba",
            {"Resources": "a/#,t/p2p/GID_old@@@1,t/p2p/GID_old@@@2"},
            {"Resources": "a/#,t/p2p/GID_new@@@1,t/p2p/GID_new@@@2"},
            id="resources-of-a-token",
        ),
        pytest.param("tencent", {"Topic": "old"}, {"Topic": "new"}, id="topic"),
        pytest.param("tencent", {"Topic": "old/room"}, {"Topic": "new/room"}, id="level-below"),
        pytest.param("tencent", {"TargetTopic": "old/room/1"}, {"TargetTopic": "new/room/1"}, id="publish"),
        pytest.param("tencent", {"TopicFilter": "old/#"}, {"TopicFilter": "new/#"}, id="subscription"),
        pytest.param("tencent", {"TopicFilter": "$share/g/old/+"}, {"TopicFilter": "$share/g/new/+"}, id="shared"),
        pytest.param("tencent", {"Subscription": "old"}, {"Subscription": "new"}, id="message"),
        pytest.param("tencent", {"SharedSubscription": "$share/g/old"}, {"SharedSubscription": "$share/g/new"}),
        pytest.param("tencent", {"Resources": "a/#, old/#,old"}, {"Resources": "a/#, new/#,new"}, id="resources"),
        pytest.param("tencent", {"Filters": filters("TopicName", "old", "x")},
                     {"Filters": [filters("", "old", "x")[0], {"Name": "TopicName", "Values": ["new", "x"]}]},
                     id="topic-filter"),
        pytest.param("tencent", {"Filters": filters("Username", "ann")},
                     {"Filters": [filters("", "ann")[0], {"Name": "Username", "Values": ["ann-2"]}]}, id="user-filter"),
        pytest.param("tencent", {"Condition": encoded(clientId="c", username="ann", topic="old/r")},
                     {"Condition": encoded(clientId="c", username="ann-2", topic="new/r")}, id="enrichment"),
        pytest.param("tencent", {"Username": "ann"}, {"Username": "ann-2"}, id="user"),
        pytest.param("tencent", {"PolicyName": "reads", "Username": "ann", "Resources": "old"},
                     {"PolicyName": "reads-2", "Username": "ann-2", "Resources": "new"}, id="policy"),
        pytest.param("tencent", {"Name": "noisy", "Include": "*"}, {"Name": "noisy-2"}, id="block-rule"),
        pytest.param("tencent", {"BlockRuleName": "noisy"}, {"BlockRuleName": "noisy-2"}, id="delete-block-rule"),
    ],
)  # fmt: skip
def test_a_renamed_thing_is_found_by_its_new_name(
    provider: str, fields: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """A field that names it changes where the name is, and keeps the rest."""
    given = {**HERE, **fields}
    assert renamed_fields(provider, given, RENAMES) == expected


@pytest.mark.parametrize(
    ("provider", "fields"),
    [
        pytest.param("alibaba", {"InstanceId": "other", "GroupId": "GID_old"}, id="other-instance"),
        pytest.param("alibaba", {"GroupId": "GID_old"}, id="no-instance"),
        pytest.param("tencent", {**HERE, "GroupId": "GID_old"}, id="other-provider"),
        pytest.param("elsewhere", {**HERE, "GroupId": "GID_old"}, id="unknown-provider"),
        pytest.param("alibaba", {**HERE, "GroupId": "GID_older"}, id="longer-name"),
        pytest.param("alibaba", {**HERE, "GroupId": "gid_old"}, id="other-case"),
        pytest.param("alibaba", {**HERE, "ClientId": "GID_old"}, id="no-device"),
        pytest.param("alibaba", {**HERE, "ClientId": "d@@@GID_old"}, id="group-after-the-mark"),
        pytest.param("alibaba", {**HERE, "Identity": "GID_old@@@1", "IdentityType": "USER"}, id="user"),
        pytest.param("alibaba", {**HERE, "MqttTopic": "t/GID_old@@@d"}, id="no-p2p"),
        pytest.param("alibaba", {**HERE, "MqttTopic": "t/p2p/GID_old"}, id="no-device-behind-p2p"),
        pytest.param("alibaba", {**HERE, "Payload": "GID_old@@@d", "Secret": "GID_old"}, id="payload"),
        pytest.param("alibaba", {**HERE, "GroupId": 7, "ClientId": None, "ClientIdList": 7, "Topic": 7}, id="numbers"),
        pytest.param("tencent", {**HERE, "Topic": "a/old"}, id="second-level"),
        pytest.param("tencent", {**HERE, "TopicFilter": "$share/old/a"}, id="shared-group"),
        pytest.param("tencent", {**HERE, "TopicFilter": "$share/old"}, id="shared-nothing"),
        pytest.param("tencent", {**HERE, "Topic": "", "Resources": 1, "Filters": 1, "Condition": 1}, id="other-types"),
        pytest.param("tencent", {**HERE, "Filters": ["old", {"Name": "TopicName"}]}, id="odd-filters"),
        pytest.param("tencent", {**HERE, "Filters": filters("Username", "old")}, id="topic-among-users"),
        pytest.param("tencent", {**HERE, "Username": "old"}, id="other-kind"),
        pytest.param("tencent", {**HERE, "Remark": "old", "Payload": "old"}, id="prose"),
        pytest.param("tencent", {**HERE, "Name": "noisy", "Remark": "r"}, id="name-of-the-instance"),
        pytest.param("tencent", {**HERE, "Condition": "not base64"}, id="no-base64"),
        pytest.param("tencent", {**HERE, "Condition": base64.b64encode(b"[1]").decode()}, id="no-object"),
        pytest.param(
            "tencent", {**HERE, "Condition": base64.b64encode(b'{ "topic": "a" }').decode()}, id="own-spacing"
        ),
        pytest.param("tencent", {**HERE, "Condition": encoded(clientId="old")}, id="client-in-condition"),
    ],
)
def test_what_is_not_meant_stays(provider: str, fields: Mapping[str, Any]) -> None:
    """Another instance, kind, level or provider keeps its names, and so does a value that is none."""
    assert renamed_fields(provider, fields, RENAMES) == {}


def test_both_names_of_the_instance_are_the_same_thing() -> None:
    """Alibaba's operations on certificates call the instance by another name."""
    assert scope_of({"MqttInstanceId": "i"}) == scope_of({"InstanceId": "i"}) == "i"
    assert scope_of({"InstanceId": 7, "Topic": "t"}) == ""
    assert renamed_fields("alibaba", {"MqttInstanceId": "i", "GroupId": "GID_old"}, RENAMES) == {"GroupId": "GID_new"}


def test_a_name_that_was_given_up_for_another_is_not_followed_twice() -> None:
    """The new name of one thing may be the old name of another, which is not meant."""
    renames = {
        Renaming("tencent", "Topic", "i", "a"): "b",
        Renaming("tencent", "Topic", "i", "b"): "c",
    }
    assert renamed_fields("tencent", {**HERE, "Resources": "a,b"}, renames) == {"Resources": "b,c"}


def test_without_renames_nothing_is_looked_at() -> None:
    """Most runs rename nothing, and their requests are not read for it."""
    assert renamed_fields("tencent", None, {}) == {}  # type: ignore[arg-type]  # it would fail if it were read


@pytest.mark.parametrize(
    ("provider", "request_"),
    [
        ("alibaba", onsmqtt.CreateGroupIdRequest(instance_id="i", group_id="GID_old")),
        ("alibaba", onsmqtt.ListDeviceCredentialClientIdRequest(instance_id="i", group_id="GID_old")),
        ("alibaba", onsmqtt.RegisterDeviceCredentialRequest(instance_id="i", client_id="GID_old@@@d")),
        ("alibaba", onsmqtt.UnRegisterDeviceCredentialRequest(instance_id="i", client_id="GID_old@@@d")),
        ("alibaba", onsmqtt.QuerySessionByClientIdRequest(instance_id="i", client_id="GID_old@@@d")),
        ("alibaba", onsmqtt.BatchQuerySessionByClientIdsRequest(instance_id="i", client_id_list=["GID_old@@@d"])),
        ("alibaba", onsmqtt.SendMessageRequest(instance_id="i", mqtt_topic="t/p2p/GID_old@@@d")),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_requests_of_the_sdk_are_redirected(provider: str, request_: Any) -> None:
    """A request of the SDK that names a renamed group is sent with its new name."""
    fields = fields_of(provider, (request_,), {})
    ((fresh,), _) = with_fields(provider, (request_,), {}, renamed_fields(provider, fields, RENAMES))
    assert "GID_new" in str(fresh.to_map())
    assert "GID_old" not in str(fresh.to_map())
    assert "GID_old" in str(request_.to_map())


def test_a_list_of_models_is_redirected() -> None:
    """The filters of a list of topics name the renamed one as well."""
    request = mqtt.DescribeTopicListRequest()
    request._deserialize({**HERE, "Filters": [{"Name": "TopicName", "Values": ["old"]}]})
    changes = renamed_fields("tencent", fields_of("tencent", (request,), {}), RENAMES)
    ((fresh,), _) = with_fields("tencent", (request,), {}, changes)
    assert fresh.Filters[0].Values == ["new"]


def every_field(module: Any) -> set[str]:
    """Return the wire names of the fields of all requests of a module of models."""
    found: set[str] = set()
    for name, cls in vars(module).items():
        if name.endswith("Request"):
            fields = vars(cls())
            found |= {field.replace("_", "").lower() for field in fields}
    return found


@pytest.mark.parametrize(("provider", "module"), [("alibaba", onsmqtt), ("tencent", mqtt)])
def test_the_places_are_fields_of_the_sdk(provider: str, module: Any) -> None:
    """Every field that is looked at is one that requests of the SDK have."""
    assert {name.lower() for name in name_references(provider)} <= every_field(module)
