"""Ready-made verifiers, with the vendors' SDKs against the sandbox."""

from __future__ import annotations

import copy
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from raw_peer import Peer, Script
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.retry import StandardRetryer
from tencentcloud.mqtt.v20240516 import models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience import Executor, Policy, RemedyFailed
from resilience.catalog import catalogue
from resilience.clients import Ambiguous, AnswerError, classify, verifiers_for
from resilience.clients.alibaba.tea.verifying.finders import FINDERS as ALIBABA_FINDERS
from resilience.clients.common.lookups import ExpectedResource, certificates
from resilience.clients.tencent.verifying.finders import scan
from resilience.sandbox import Sandbox

INSTANCE = "mqtt-sandbox"
GROUPS = "mqtt-cn-sandbox"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n"
CA_SN = "ca"

BACKENDS = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])

POLICY = {"InstanceId": INSTANCE, "PolicyName": "reads", "Priority": 1, "Effect": "allow", "Actions": "sub"}
RULE = {"InstanceId": INSTANCE, "RuleName": "stamp", "Condition": "e30=", "Actions": "W10=", "Priority": 1}

# What makes one of each kind, but for instances.
CREATES: Mapping[str, Mapping[str, Any]] = {
    "CreateTopic": {"InstanceId": INSTANCE, "Topic": "sensors"},
    "CreateUser": {"InstanceId": INSTANCE, "Username": "dashboard"},
    "CreateAuthorizationPolicy": POLICY,
    "CreateBlockRule": {"InstanceId": INSTANCE, "Name": "noisy"},
    "CreateMessageEnrichmentRule": RULE,
    "CreateJWTAuthenticator": {"InstanceId": INSTANCE, "Algorithm": "hmac-based", "From": "password"},
    "CreateJWKSAuthenticator": {"InstanceId": INSTANCE, "Endpoint": "https://x.invalid"},
    "CreateHttpAuthenticator": {"InstanceId": INSTANCE, "Endpoint": "https://x.invalid"},
    "CreateDeviceIdentity": {"InstanceId": INSTANCE, "DeviceId": "dev-1"},
    "CreateInsPublicEndpoint": {"InstanceId": INSTANCE, "Bandwidth": 1},
    "RegisterCaCertificate": {"InstanceId": INSTANCE, "CaCertificate": PEM, "VerificationCertificate": "proof"},
    "RegisterDeviceCertificate": {"InstanceId": INSTANCE, "DeviceCertificate": PEM, "CaSn": CA_SN},
}
EACH = pytest.mark.parametrize("operation", CREATES)

BUY = {"InstanceType": "BASIC", "Name": "plant-7", "SkuCode": "basic_1k"}


def tagged(value: str, key: str = "order") -> dict[str, Any]:
    return {**BUY, "TagList": [{"TagKey": key, "TagValue": value}]}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def _tencent_arguments(sandbox: Sandbox, **other: Any) -> tuple[Any, ...]:
    credential = Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)
    http = HttpProfile(endpoint=sandbox.tencent.endpoint, protocol="http", reqTimeout=5)
    return credential, "ap-guangzhou", ClientProfile(httpProfile=http, **other)


@pytest.fixture
def tencent(sandbox: Sandbox) -> MqttClient:
    return MqttClient(*_tencent_arguments(sandbox))


@asynccontextmanager
async def async_tencent(sandbox: Sandbox) -> AsyncIterator[AsyncMqttClient]:
    async with AsyncMqttClient(*_tencent_arguments(sandbox)) as client:
        yield client


@pytest.fixture
def alibaba(sandbox: Sandbox) -> Client:
    return Client(
        Config(
            access_key_id=sandbox.alibaba.access_key_id,
            access_key_secret=sandbox.alibaba.access_key_secret,
            endpoint=sandbox.alibaba.endpoint,
            protocol="HTTP",
        )
    )


def model(operation: str, fields: Mapping[str, Any]) -> Any:
    request = getattr(models, f"{operation}Request")()
    request._deserialize(copy.deepcopy(dict(fields)))
    return request


def prepared(client: MqttClient, operation: str) -> dict[str, Any]:
    """Return the request that makes one of a kind, after making what it needs."""
    fields = dict(CREATES[operation])
    if operation.startswith("Register"):
        client.call_json("ApplyRegistrationCode", {"InstanceId": INSTANCE})
    if operation == "RegisterDeviceCertificate":
        ca = {"InstanceId": INSTANCE, "CaCertificate": "ca", "VerificationCertificate": "proof"}
        fields["CaSn"] = client.call_json("RegisterCaCertificate", ca)["Response"]["CaSn"]
    return fields


def without_id(answer: Any) -> dict[str, Any]:
    """Return the fields of an answer but for its request id, which must be there."""
    fields = dict(answer if isinstance(answer, dict) else answer._serialize())
    assert fields.pop("RequestId")
    return fields


# Tencent: what an instance holds


@EACH
def test_a_plain_client_finds_what_it_made(tencent: MqttClient, operation: str) -> None:
    """Not there, then made, then there: with the fields and the type that the create answered with."""
    request = model(operation, prepared(tencent, operation))
    verifier = verifiers_for(tencent)[f"tencent:{operation}"]
    assert not inspect.iscoroutinefunction(verifier)
    assert verifier(request) is None
    answer = getattr(tencent, operation)(request)
    found = verifier(request)
    assert type(found) is type(answer)
    assert without_id(found) == without_id(answer)


@pytest.mark.anyio
@BACKENDS
@EACH
async def test_an_asynchronous_client_finds_what_it_made(sandbox: Sandbox, tencent: MqttClient, operation: str) -> None:
    """The same with coroutines, on asyncio and trio."""
    request = model(operation, prepared(tencent, operation))
    async with async_tencent(sandbox) as client:
        verifier = verifiers_for(client)[f"tencent:{operation}"]
        assert inspect.iscoroutinefunction(verifier)
        assert await verifier(request) is None
        answer = await getattr(client, operation)(request, {})
        found = await verifier(request, {})
    assert type(found) is type(answer)
    assert without_id(found) == without_id(answer)


@EACH
def test_json_is_answered_with_json(tencent: MqttClient, sandbox: Sandbox, operation: str) -> None:
    """A call through ``call_json`` is verified with its own arguments, also of the client that knows no product."""
    fields = prepared(tencent, operation)
    common = CommonClient("mqtt", "2024-05-16", *_tencent_arguments(sandbox))
    for client in tencent, common:
        verifier = verifiers_for(client)[f"tencent:{operation}"]
        assert client is common or verifier(operation, fields) is None
        if client is tencent:
            answer = client.call_json(operation, fields)
        found = verifier(action=operation, params=fields, headers={})
        assert without_id(found["Response"]) == without_id(answer["Response"])


@EACH
def test_another_instance_has_its_own(sandbox: Sandbox, tencent: MqttClient, operation: str) -> None:
    """What the same name means in another instance is not there in this one."""
    sandbox.tencent.add_instance("mqtt-other")
    tencent.call_json(operation, prepared(tencent, operation))
    other = {**CREATES[operation], "InstanceId": "mqtt-other"}
    assert verifiers_for(tencent)[f"tencent:{operation}"](model(operation, other)) is None


@EACH
@pytest.mark.parametrize("code", ["ResourceNotFound.Instance", "InternalError", "AuthFailure.UnauthorizedOperation"])
def test_any_other_error_leaves(sandbox: Sandbox, tencent: MqttClient, operation: str, code: str) -> None:
    """An error that does not say "this is not there" says nothing: it leaves, with its code."""
    read_back = catalogue("tencent").operations[operation].read_back
    sandbox.fault(f"tencent:{read_back}", code)
    with pytest.raises(Exception, match=code) as refused:
        verifiers_for(tencent)[f"tencent:{operation}"](model(operation, CREATES[operation]))
    fault = classify(refused.value)
    assert fault is not None
    assert fault.code == code


@EACH
def test_an_error_in_disguise_is_no_absence(sandbox: Sandbox, tencent: MqttClient, operation: str) -> None:
    """Under a content type that the SDK does not know, an error looks like an empty answer, and is an error."""
    read_back = catalogue("tencent").operations[operation].read_back
    sandbox.fault(f"tencent:{read_back}", "InternalError", content_type="application/json; charset=utf-8")
    with pytest.raises(AnswerError, match="InternalError") as refused:
        verifiers_for(tencent)[f"tencent:{operation}"](model(operation, CREATES[operation]))
    assert refused.value.fault.code == "InternalError"


@EACH
def test_an_answer_without_its_fields_is_no_absence(sandbox: Sandbox, tencent: MqttClient, operation: str) -> None:
    """An answer that lacks what it must have says neither "there" nor "not there"."""
    read_back = catalogue("tencent").operations[operation].read_back
    lost = dict.fromkeys(("Data", "Authenticators", "Topic", "DeviceId", "Status", "TotalCount"))
    prepared_fields = prepared(tencent, operation)
    tencent.call_json(operation, prepared_fields)
    sandbox.fault(f"tencent:{read_back}", fields=lost)
    with pytest.raises(AnswerError) as refused:
        verifiers_for(tencent)[f"tencent:{operation}"](model(operation, prepared_fields))
    assert refused.value.fault.transport == "garbled"


@pytest.mark.anyio
@BACKENDS
async def test_an_asynchronous_error_leaves(sandbox: Sandbox) -> None:
    """The same of an asynchronous client: errors leave, and so do those in disguise."""
    request = model("CreateTopic", CREATES["CreateTopic"])
    sandbox.fault("tencent:DescribeTopic", "InternalError")
    sandbox.fault("tencent:DescribeTopic", "ResourceNotFound.Topic", content_type="application/json; charset=utf-8")
    sandbox.fault("tencent:DescribeTopic", "RequestLimitExceeded", content_type="application/json; charset=utf-8")
    async with async_tencent(sandbox) as client:
        verifier = verifiers_for(client)["tencent:CreateTopic"]
        with pytest.raises(Exception, match="InternalError"):
            await verifier(request)
        assert await verifier(request) is None
        with pytest.raises(AnswerError, match="RequestLimitExceeded"):
            await verifier(request)


@pytest.mark.parametrize(
    ("operation", "field", "neighbours"),
    [
        pytest.param("CreateUser", "Username", ["dashboard2", "a-dashboard", "Dashboard"], id="user"),
        pytest.param("CreateBlockRule", "Name", ["noisy2", "Noisy"], id="block-rule"),
        pytest.param("CreateTopic", "Topic", ["sensors2", "Sensors"], id="topic"),
        pytest.param("CreateDeviceIdentity", "DeviceId", ["dev-11", "DEV-1"], id="device"),
        pytest.param("CreateMessageEnrichmentRule", "RuleName", ["stamp2", "Stamp"], id="rule"),
    ],
)
def test_a_neighbours_name_is_not_ours(tencent: MqttClient, operation: str, field: str, neighbours: list[str]) -> None:
    """Names that contain ours, or differ in case, are other names, whatever a filter finds."""
    for name in neighbours:
        tencent.call_json(operation, {**CREATES[operation], field: name})
    assert verifiers_for(tencent)[f"tencent:{operation}"](model(operation, CREATES[operation])) is None


def test_a_neighbouring_policy_is_not_ours(tencent: MqttClient) -> None:
    """Policies have a priority of their own each, and the Id of ours is what comes back."""
    for priority, name in enumerate(["reads2", "Reads", "reads", "a-reads"], start=1):
        tencent.call_json("CreateAuthorizationPolicy", {**POLICY, "PolicyName": name, "Priority": priority})
    found = verifiers_for(tencent)["tencent:CreateAuthorizationPolicy"](model("CreateAuthorizationPolicy", POLICY))
    assert (found.InstanceId, found.Id) == (INSTANCE, 3)


def test_a_user_is_found_on_a_later_page(sandbox: Sandbox, tencent: MqttClient) -> None:
    """The filter finds more users than a page holds: all pages are read."""
    for number in range(120):
        tencent.call_json("CreateUser", {"InstanceId": INSTANCE, "Username": f"dashboard-{number}"})
    verifier = verifiers_for(tencent)["tencent:CreateUser"]
    request = model("CreateUser", CREATES["CreateUser"])
    assert verifier(request) is None
    tencent.CreateUser(request)
    assert verifier(request) is not None
    assert sandbox.asked("DescribeUserList", Offset=100, Limit=100) == 2


def test_a_list_that_shrinks_while_it_is_read_is_read_again() -> None:
    """A row may have slipped to a page that was read before, so what was read is not believed."""
    look = scan("DescribeUserList", {}, "Username")
    next(look)
    rows = [{"Username": str(number)} for number in range(100)]
    assert look.send({"TotalCount": 150, "Data": rows}).fields["Offset"] == 100
    with pytest.raises(AnswerError):
        look.send({"TotalCount": 149, "Data": []})


def test_a_row_that_moves_to_the_next_page_is_one_row() -> None:
    """A list that grows while it is read shows rows twice; they count once."""
    look = scan("DescribeUserList", {}, "Username")
    next(look)
    rows = [{"Username": str(number)} for number in range(100)]
    look.send({"TotalCount": 100 + 1, "Data": rows})
    with pytest.raises(StopIteration) as end:
        look.send({"TotalCount": 100 + 2, "Data": [rows[-1], {"Username": "x"}]})
    assert len(end.value.value) == 101


def test_a_code_that_says_nothing_is_there_is_believed(sandbox: Sandbox, tencent: MqttClient) -> None:
    """An empty list and a code of its own both mean that an instance has no authenticator."""
    sandbox.fault("DescribeAuthenticator", "ResourceNotFound.NoAuthenticator")
    request = model("CreateJWTAuthenticator", CREATES["CreateJWTAuthenticator"])
    assert verifiers_for(tencent)["tencent:CreateJWTAuthenticator"](request) is None


def test_an_empty_list_may_be_null_where_it_is_counted(sandbox: Sandbox, tencent: MqttClient) -> None:
    """A count of zero says that there is nothing, however the list is written."""
    sandbox.fault("DescribeUserList", fields={"Data": None, "TotalCount": 0})
    request = model("CreateUser", CREATES["CreateUser"])
    assert verifiers_for(tencent)["tencent:CreateUser"](request) is None


def test_json_of_somebody_else_is_no_absence() -> None:
    """What a proxy says in JSON of its own is nothing that the service said."""
    with Peer(Script(body=b'{"message": "no route"}', headers=(("Content-Type", "application/json; v=1"),))) as peer:
        http = HttpProfile(endpoint=peer.address, protocol="http", reqTimeout=5)
        client = MqttClient(Credential("id", "key"), "ap-guangzhou", ClientProfile(httpProfile=http))
        with pytest.raises(AnswerError) as refused:
            verifiers_for(client)["tencent:CreateTopic"](model("CreateTopic", CREATES["CreateTopic"]))
    assert refused.value.fault.transport == "garbled"


def test_a_public_endpoint_that_closes_is_not_there(sandbox: Sandbox, tencent: MqttClient) -> None:
    """What is on its way out was not opened by a call that has just failed."""
    tencent.call_json("CreateInsPublicEndpoint", CREATES["CreateInsPublicEndpoint"])
    verifier = verifiers_for(tencent)["tencent:CreateInsPublicEndpoint"]
    request = model("CreateInsPublicEndpoint", CREATES["CreateInsPublicEndpoint"])
    for status, there in {"CREATING": True, "MODIFYING": True, "CLOSING": False, "CLOSE": False}.items():
        sandbox.fault("DescribeInsPublicEndpoints", fields={"Status": status})
        assert (verifier(request) is not None) is there, status


def test_a_rule_of_the_same_name_that_says_something_else_is_ambiguous(tencent: MqttClient) -> None:
    """Names of rules are not unique, so a rule that differs is neither ours nor a reason to make another one."""
    verifier, request = (
        verifiers_for(tencent)["tencent:CreateMessageEnrichmentRule"],
        model("CreateMessageEnrichmentRule", RULE),
    )
    other = tencent.call_json("CreateMessageEnrichmentRule", {**RULE, "Priority": 2})["Response"]["Id"]
    with pytest.raises(Ambiguous) as told:
        verifier(request)
    assert told.value.found == (other,)
    ours = tencent.CreateMessageEnrichmentRule(request).Id
    assert verifier(request).Id == ours
    tencent.CreateMessageEnrichmentRule(request)
    with pytest.raises(Ambiguous, match="not unique"):
        verifier(request)


def test_a_certificate_that_the_list_does_not_show_is_ambiguous(sandbox: Sandbox, tencent: MqttClient) -> None:
    """Without its text a certificate cannot be told from another one."""
    request = model("RegisterCaCertificate", CREATES["RegisterCaCertificate"])
    sandbox.fault("DescribeCaCertificates", fields={"Data": [{"CaSn": "1"}]})
    with pytest.raises(Ambiguous) as told:
        verifiers_for(tencent)["tencent:RegisterCaCertificate"](request)
    assert told.value.found == ("1",)


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", "\\n"),
        f"subject=/CN=x\n{PEM}\n",
        "-----BEGIN CERTIFICATE-----MIIBAAAA-----END CERTIFICATE-----",
        "MIIBAAAA",
    ],
)
def test_certificates_are_compared_by_what_they_say(text: str) -> None:
    """Line ends and remarks make no other certificate."""
    assert certificates(text) == ("MIIBAAAA",)


def test_each_certificate_of_a_text_counts() -> None:
    """A chain is more than its first certificate, and what is no text has none."""
    assert certificates(PEM + PEM.replace("MIIB", "MIIC")) == ("MIIBAAAA", "MIICAAAA")
    assert certificates(None) == certificates(" ") == ()


# The instances themselves


def test_an_instance_of_no_such_name_is_not_there(tencent: MqttClient) -> None:
    """Where none has the name, nothing was bought; a neighbour's name is another name."""
    for name in "plant-77", "a-plant-7", "Plant-7":
        tencent.call_json("CreateInstance", {**BUY, "Name": name})
    for options in {}, {"unique_names": True}, {"unique_tag": "order"}:
        verifier = verifiers_for(tencent, **options)["tencent:CreateInstance"]
        assert verifier(model("CreateInstance", BUY)) is None
        assert verifier("CreateInstance", BUY) is None


def test_an_instance_is_not_taken_for_ours_without_a_word(tencent: MqttClient) -> None:
    """Names are not unique: one of the name may be older than the call. It is neither adopted nor bought again."""
    bought = tencent.call_json("CreateInstance", BUY)["Response"]["InstanceId"]
    verifier = verifiers_for(tencent)["tencent:CreateInstance"]
    with pytest.raises(Ambiguous, match=r"unique_tag=.*unique_names=True") as told:
        verifier(model("CreateInstance", BUY))
    assert told.value.found == (bought,)
    assert bought in str(told.value)
    assert classify(told.value) is not None


def test_unique_names_are_believed(tencent: MqttClient) -> None:
    """On the promise that names are unique, the one of that name is ours."""
    bought = tencent.call_json("CreateInstance", BUY)["Response"]["InstanceId"]
    verifier = verifiers_for(tencent, unique_names=True)["tencent:CreateInstance"]
    found = verifier(model("CreateInstance", BUY))
    assert isinstance(found, models.CreateInstanceResponse)
    assert found.InstanceId == bought
    assert verifier("CreateInstance", BUY)["Response"]["InstanceId"] == bought


def test_a_broken_promise_is_noticed(tencent: MqttClient) -> None:
    """Two of a name, or one of another type or specification, show that names are not unique after all."""
    verifier = verifiers_for(tencent, unique_names=True)["tencent:CreateInstance"]
    tencent.call_json("CreateInstance", BUY)
    with pytest.raises(Ambiguous, match="another InstanceType"):
        verifier(model("CreateInstance", {**BUY, "InstanceType": "PRO", "SkuCode": "pro_1k"}))
    with pytest.raises(Ambiguous, match="another SkuCode"):
        verifier(model("CreateInstance", {**BUY, "SkuCode": "basic_2k"}))
    tencent.call_json("CreateInstance", BUY)
    with pytest.raises(Ambiguous) as told:
        verifier(model("CreateInstance", BUY))
    assert len(told.value.found) == 2


@pytest.mark.parametrize("status", ["DELETING", "DESTROYED"])
def test_the_name_of_a_deleted_instance_is_free(sandbox: Sandbox, tencent: MqttClient, status: str) -> None:
    """An instance on its way out is not the one that was just asked for."""
    bought = tencent.call_json("CreateInstance", BUY)["Response"]["InstanceId"]
    sandbox.tencent.set_instance(bought, InstanceStatus=status)
    assert verifiers_for(tencent)["tencent:CreateInstance"](model("CreateInstance", BUY)) is None


@pytest.mark.parametrize("status", ["CREATE_FAILURE", "OVERDUE"])
def test_an_instance_that_is_of_no_use_is_shown_to_a_person(sandbox: Sandbox, tencent: MqttClient, status: str) -> None:
    """What was bought and does not work is no success, and no reason to buy another one."""
    bought = tencent.call_json("CreateInstance", BUY)["Response"]["InstanceId"]
    sandbox.tencent.set_instance(bought, InstanceStatus=status)
    with pytest.raises(Ambiguous, match=status):
        verifiers_for(tencent, unique_names=True)["tencent:CreateInstance"](model("CreateInstance", BUY))


def test_a_unique_tag_tells_instances_of_one_name_apart(tencent: MqttClient) -> None:
    """The tag of the purchase is exact: older instances of the same name are not ours, and no obstacle."""
    tencent.call_json("CreateInstance", BUY)
    tencent.call_json("CreateInstance", tagged("41"))
    verifier = verifiers_for(tencent, unique_tag="order")["tencent:CreateInstance"]
    request = model("CreateInstance", tagged("42"))
    assert verifier(request) is None
    bought = tencent.CreateInstance(request).InstanceId
    assert verifier(request).InstanceId == bought


def test_a_tag_of_another_key_is_not_the_unique_one(tencent: MqttClient) -> None:
    """Other tags are shared between instances: a purchase that has only those is judged by its name."""
    bought = tencent.call_json("CreateInstance", tagged("prod", key="stage"))["Response"]["InstanceId"]
    verifier = verifiers_for(tencent, unique_tag="order")["tencent:CreateInstance"]
    with pytest.raises(Ambiguous) as told:
        verifier(model("CreateInstance", tagged("prod", key="stage")))
    assert told.value.found == (bought,)


def test_a_unique_tag_that_is_not_unique_is_noticed(sandbox: Sandbox, tencent: MqttClient) -> None:
    """Two instances with the tag, or one of another name or on its way out, are shown to a person."""
    verifier = verifiers_for(tencent, unique_tag="order")["tencent:CreateInstance"]
    request = model("CreateInstance", tagged("42"))
    bought = tencent.CreateInstance(request).InstanceId
    with pytest.raises(Ambiguous, match="another Name"):
        verifier(model("CreateInstance", {**tagged("42"), "Name": "plant-8"}))
    sandbox.tencent.set_instance(bought, InstanceStatus="DELETING")
    with pytest.raises(Ambiguous, match="DELETING"):
        verifier(request)
    tencent.CreateInstance(request)
    with pytest.raises(Ambiguous, match="several have the tag order"):
        verifier(request)


def test_an_instance_is_found_on_a_later_page(tencent: MqttClient) -> None:
    """More instances have a name like ours than a page holds: all pages are read."""
    for number in range(105):
        tencent.call_json("CreateInstance", {**BUY, "Name": f"plant-7-{number}"})
    bought = tencent.call_json("CreateInstance", BUY)["Response"]["InstanceId"]
    verifier = verifiers_for(tencent, unique_names=True)["tencent:CreateInstance"]
    assert verifier(model("CreateInstance", BUY)).InstanceId == bought


def test_a_deleted_instance_is_gone(sandbox: Sandbox, tencent: MqttClient) -> None:
    """What is looked for is the instance's being gone; one that runs is not deleted yet."""
    verifier = verifiers_for(tencent)["tencent:DeleteInstance"]
    request = model("DeleteInstance", {"InstanceId": INSTANCE})
    assert verifier(request) is None
    sandbox.tencent.set_instance(INSTANCE, InstanceStatus="DELETING")
    assert isinstance(verifier(request), models.DeleteInstanceResponse)
    sandbox.tencent.set_instance(INSTANCE, InstanceStatus="RUNNING")
    tencent.DeleteInstance(request)
    assert isinstance(verifier(request), models.DeleteInstanceResponse)
    sandbox.fault("DescribeInstance", "ResourceNotFound")
    with pytest.raises(Exception, match="ResourceNotFound"):
        verifier(request)


def test_an_instance_without_a_state_is_not_gone(sandbox: Sandbox, tencent: MqttClient) -> None:
    """An answer that does not say how the instance is says nothing."""
    sandbox.fault("DescribeInstance", fields={"InstanceStatus": None})
    with pytest.raises(AnswerError):
        verifiers_for(tencent)["tencent:DeleteInstance"](model("DeleteInstance", {"InstanceId": INSTANCE}))


def test_an_isolated_instance_is_not_deleted_again(sandbox: Sandbox, tencent: MqttClient) -> None:
    """The second delete of a prepaid instance destroys it for good: whether it is the first, a person says."""
    sandbox.tencent.set_instance(INSTANCE, PayMode="PREPAID")
    request = model("DeleteInstance", {"InstanceId": INSTANCE})
    verifier = verifiers_for(tencent)["tencent:DeleteInstance"]
    assert verifier(request) is None
    tencent.DeleteInstance(request)
    with pytest.raises(Ambiguous, match="destroy it for good") as told:
        verifier(request)
    assert told.value.found == (INSTANCE,)


# Alibaba


def group(group_id: str = "GID_sensors", instance_id: str = GROUPS) -> Any:
    return alibaba_models.CreateGroupIdRequest(group_id=group_id, instance_id=instance_id)


def device(client_id: str = "GID_sensors@@@dev-1") -> Any:
    return alibaba_models.RegisterDeviceCredentialRequest(client_id=client_id, instance_id=GROUPS)


def ca(content: str = PEM, name: str = "ca") -> Any:
    return alibaba_models.RegisterCaCertificateRequest(
        ca_content=content, ca_name=name, mqtt_instance_id=GROUPS, verification_content="proof"
    )


def body(answer: Any) -> dict[str, Any]:
    fields = answer.body.to_map()
    assert fields.pop("RequestId")
    return dict(fields)


@pytest.mark.parametrize(
    ("operation", "method", "request_of"),
    [
        pytest.param("CreateGroupId", "create_group_id", group, id="group"),
        pytest.param("RegisterDeviceCredential", "register_device_credential", device, id="device"),
        pytest.param("RegisterCaCertificate", "register_ca_certificate", ca, id="certificate"),
    ],
)
def test_an_alibaba_client_finds_what_it_made(
    sandbox: Sandbox, alibaba: Client, operation: str, method: str, request_of: Callable[[], Any]
) -> None:
    """Not there, then made, then there, as the create answered: with the secret that the lost answer had."""
    request = request_of()
    verifier = verifiers_for(alibaba)[f"alibaba:{operation}"]
    assert not inspect.iscoroutinefunction(verifier)
    assert verifier(request) is None
    answer = getattr(alibaba, method)(request)
    for found in verifier(request), verifier(request, RuntimeOptions()), verifier(request=request):
        assert type(found) is type(answer)
        assert found.status_code == 200
        assert body(found) == body(answer)
    read_back = catalogue("alibaba").operations[operation].read_back
    for code in "InternalError", "InstancePermissionCheckFailed":
        sandbox.fault(f"alibaba:{read_back}", code)
        with pytest.raises(Exception, match=code):
            verifier(request)


def test_runtime_options_hold_for_the_question(sandbox: Sandbox, alibaba: Client) -> None:
    """The timeouts of the creating call are those of the question."""
    sandbox.fault("alibaba:ListGroupId", kind="hang")
    with pytest.raises(Exception, match="Read timed out"):
        verifiers_for(alibaba)["alibaba:CreateGroupId"](group(), RuntimeOptions(read_timeout=200))


def test_a_neighbouring_group_is_not_ours(alibaba: Client) -> None:
    """Names that contain ours, or differ in case, or stand in another instance, are other groups."""
    for name, instance_id in ("GID_sensors2", GROUPS), ("GID_Sensors", GROUPS), ("GID_sensors", "post-cn-sandbox"):
        alibaba.create_group_id(group(name, instance_id))
    assert verifiers_for(alibaba)["alibaba:CreateGroupId"](group()) is None


def test_a_certificate_is_found_by_what_it_says(alibaba: Client) -> None:
    """Names of certificates are not unique; another certificate of the name is not ours."""
    alibaba.register_ca_certificate(ca(PEM.replace("MIIB", "MIIC")))
    verifier = verifiers_for(alibaba)["alibaba:RegisterCaCertificate"]
    assert verifier(ca()) is None
    made = alibaba.register_ca_certificate(ca(name="another"))
    assert verifier(ca()).body.sn == made.body.sn


def test_all_pages_of_certificates_are_read() -> None:
    """A full page has a next one, until one is short or brings nothing new."""
    first = [{"Sn": str(number), "CaContent": f"c{number}"} for number in range(100)]
    expected = ExpectedResource("RegisterCaCertificate", {"MqttInstanceId": GROUPS, "CaContent": "c100"})
    for second, sn in ([{"Sn": "100", "CaContent": "c100"}], "100"), (first, None):
        look = ALIBABA_FINDERS["RegisterCaCertificate"](expected)
        assert next(look).fields["PageNo"] == "1"
        assert look.send({"Data": {"CaCertificateVOS": first}}).fields["PageNo"] == "2"
        with pytest.raises(StopIteration) as end:
            look.send({"Data": {"CaCertificateVOS": second}})
        assert end.value.value == (None if sn is None else {"Sn": sn})


def test_alibabas_unreadable_answers_are_no_absence(sandbox: Sandbox, alibaba: Client) -> None:
    """What the SDK returns as a success is none without a body, or with the status of a redirect."""
    verifiers = verifiers_for(alibaba)
    sandbox.fault("alibaba:ListGroupId", "InternalError", status=302)
    with pytest.raises(AnswerError) as refused:
        verifiers["alibaba:CreateGroupId"](group())
    assert refused.value.fault.status == 302
    sandbox.fault("alibaba:ListCaCertificate", fields={"Data": None})
    with pytest.raises(AnswerError):
        verifiers["alibaba:RegisterCaCertificate"](ca())
    sandbox.fault("alibaba:ListCaCertificate", fields={"Data": {"CaCertificateVOS": [{"Sn": "1"}]}})
    with pytest.raises(Ambiguous):
        verifiers["alibaba:RegisterCaCertificate"](ca())


# What is refused early, and the whole


def test_every_verifier_is_of_an_operation_that_is_read_back(tencent: MqttClient, alibaba: Client) -> None:
    """Names carry their provider, so that they are registered whatever the executor's provider is."""
    names = [*verifiers_for(tencent), *verifiers_for(alibaba)]
    assert len(names) == len(CREATES) + 2 + 3
    for name in names:
        provider, _, operation = name.partition(":")
        assert catalogue(provider).operations[operation].read_back is not None


def test_a_foreign_client_is_refused(sandbox: Sandbox) -> None:
    """A client of another product or library has nothing to verify here."""
    other = CommonClient("cvm", "2017-03-12", *_tencent_arguments(sandbox))
    for client in object(), other:
        with pytest.raises(TypeError, match="expected a client of"):
            verifiers_for(client)


def test_a_client_that_retries_by_itself_is_refused(sandbox: Sandbox) -> None:
    """Its answers are not to be trusted: it also repeats what succeeded."""
    with pytest.raises(ValueError, match="StandardRetryer"):
        verifiers_for(MqttClient(*_tencent_arguments(sandbox, retryer=StandardRetryer())))


def test_words_about_instances_are_refused_where_there_are_none(alibaba: Client) -> None:
    """A word that changes nothing would be a word misunderstood."""
    with pytest.raises(ValueError, match="a client that buys nothing"):
        verifiers_for(alibaba, unique_names=True)
    with pytest.raises(ValueError, match="a client that buys nothing"):
        verifiers_for(alibaba, unique_tag="order")


def test_arguments_of_another_function_are_refused(tencent: MqttClient, alibaba: Client) -> None:
    """A function of the user's own has other parameters, and needs a verifier of its own."""
    with pytest.raises(TypeError, match="found str, str"):
        verifiers_for(tencent)["tencent:CreateTopic"](INSTANCE, "sensors")
    with pytest.raises(TypeError, match="found no argument"):
        verifiers_for(alibaba)["alibaba:CreateGroupId"]()


def test_a_request_without_a_name_is_refused(sandbox: Sandbox, tencent: MqttClient) -> None:
    """Without a name nothing is looked for, and certainly not what has none either."""
    with pytest.raises(ValueError, match="expected Topic in the request"):
        verifiers_for(tencent)["tencent:CreateTopic"](model("CreateTopic", {"InstanceId": INSTANCE}))
    assert sandbox.calls == ()


def _executor(provider: str | None, verifiers: Mapping[str, Callable[..., Any]]) -> Executor:
    executor = Executor(Policy.load("builtin:provisioning", env="dev"), provider=provider)
    for operation, verifier in verifiers.items():
        executor.verify(operation)(verifier)
    return executor


@pytest.mark.anyio
@BACKENDS
async def test_a_lost_purchase_is_found_and_not_repeated(sandbox: Sandbox) -> None:
    """After a lost answer the executor asks, and returns what the SDK would have returned; one instance is bought."""
    sandbox.script("tencent:CreateInstance", "applied lost")
    async with async_tencent(sandbox) as client:
        executor = _executor("tencent", verifiers_for(client, unique_tag="order"))
        found = await executor.call("CreateInstance", client.CreateInstance, model("CreateInstance", tagged("42")))
    assert isinstance(found, models.CreateInstanceResponse)
    assert found.InstanceId in {row["InstanceId"] for row in sandbox.tencent.instances}
    assert sandbox.asked("CreateInstance") == 1


@pytest.mark.anyio
@BACKENDS
async def test_a_doubtful_purchase_ends_with_the_instance_in_question(sandbox: Sandbox, tencent: MqttClient) -> None:
    """Where nothing tells whose an instance is, the call stops, and nothing is bought again."""
    sandbox.script("tencent:CreateInstance", "applied lost")
    executor = _executor("tencent", verifiers_for(tencent))
    with pytest.raises(RemedyFailed) as stopped:
        await executor.call("CreateInstance", tencent.CreateInstance, model("CreateInstance", BUY))
    assert isinstance(stopped.value.__cause__, Ambiguous)
    assert sandbox.asked("CreateInstance") == 1


@pytest.mark.anyio
@BACKENDS
async def test_one_executor_takes_the_verifiers_of_both(sandbox: Sandbox, tencent: MqttClient, alibaba: Client) -> None:
    """RegisterCaCertificate exists twice; with its provider each verifier finds its place."""
    executor = _executor(None, {**verifiers_for(tencent), **verifiers_for(alibaba)})
    sandbox.script("alibaba:RegisterDeviceCredential", "applied lost")
    found = await executor.call("RegisterDeviceCredential", alibaba.register_device_credential, device())
    [row] = sandbox.alibaba.device_credentials
    assert found.body.device_credential.device_access_key_secret == row["DeviceAccessKeySecret"]
    sandbox.script("tencent:CreateUser", "applied lost")
    made = await executor.call("CreateUser", tencent.CreateUser, model("CreateUser", CREATES["CreateUser"]))
    assert isinstance(made, models.CreateUserResponse)
    assert sandbox.applied("CreateUser") == sandbox.applied("RegisterDeviceCredential") == 1


@pytest.mark.parametrize(
    ("unique", "is_found"),
    [
        pytest.param(("TagList",), True, id="all-tags"),
        pytest.param(("TagList.order",), True, id="one-tag"),
        pytest.param(("Name", "TagList.order"), True, id="name-and-tag"),
        pytest.param(("TagList.other",), None, id="a-tag-that-it-lacks"),
        pytest.param((), None, id="nobody-said-it"),
    ],
)
def test_a_policy_says_what_tells_a_purchase_from_others(
    tencent: MqttClient, unique: tuple[str, ...], *, is_found: bool | None
) -> None:
    """Older instances of the same name are not ours; where nothing tells, the error has the line to write."""
    tencent.call_json("CreateInstance", BUY)
    verifier = verifiers_for(tencent, unique=unique)["tencent:CreateInstance"]
    request = model("CreateInstance", tagged("42"))
    if is_found is None:
        with pytest.raises(Ambiguous, match=r"write \[operations.tencent\] CreateInstance = { unique = \[\"Name\"\] }"):
            verifier(request)
        return
    assert verifier(request) is None
    bought = tencent.CreateInstance(request).InstanceId
    assert verifier(request).InstanceId == bought
    tencent.CreateInstance(model("CreateInstance", {**tagged("42"), "Name": "plant-9"}))
    if "Name" in unique:
        assert verifier(request).InstanceId == bought
    else:
        with pytest.raises(Ambiguous, match="which is therefore not unique"):
            verifier(request)
