from __future__ import annotations

import time
from typing import Any

import pytest
from sandbox_clients import TENCENT_INSTANCE, Ask, tencent_credential, tencent_profile
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.mqtt.v20240516 import models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.sts.v20180813 import models as sts_models
from tencentcloud.sts.v20180813.sts_client import StsClient

from resilience.sandbox import Sandbox, TemporaryKey

pytest_plugins = ("sandbox_fixtures",)


def refused(call: Ask, *args: Any, **fields: Any) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(TencentCloudSDKException) as caught:
        call(*args, **fields)
    return str(caught.value.code)


def assume_role(sandbox: Sandbox, duration: int = 1800) -> TemporaryKey:
    request = sts_models.AssumeRoleRequest()
    request.RoleArn, request.RoleSessionName, request.DurationSeconds = "qcs::cam::uin/1:roleName/x", "test", duration
    client = StsClient(tencent_credential(sandbox), "ap-guangzhou", tencent_profile(sandbox))
    got = client.AssumeRole(request)
    key = got.Credentials
    return TemporaryKey(key.TmpSecretId, key.TmpSecretKey, key.Token, got.ExpiredTime)


def test_the_sdk_creates_a_topic_once(sandbox: Sandbox) -> None:
    """The unmodified SDK creates a topic, and state and log both show it."""
    request = models.CreateTopicRequest()
    request.InstanceId, request.Topic = TENCENT_INSTANCE, "sensors"
    answer = MqttClient(tencent_credential(sandbox), "", tencent_profile(sandbox)).CreateTopic(request)

    assert (answer.Topic, answer.RequestId) == ("sensors", sandbox.calls[0].request_id)
    assert [row["Topic"] for row in sandbox.tencent.topics] == ["sensors"]
    assert sandbox.applied("CreateTopic", Topic="sensors") == 1


async def test_the_async_sdk_creates_a_topic(sandbox: Sandbox, async_tencent: Any, anyio_backend_name: str) -> None:
    """The native async client works on asyncio and on trio."""
    request = models.CreateTopicRequest()
    request.InstanceId, request.Topic = TENCENT_INSTANCE, f"on-{anyio_backend_name}"
    async with async_tencent() as client:
        answer = await client.CreateTopic(request)

    assert answer.Topic == request.Topic
    assert sandbox.applied("tencent:CreateTopic") == 1


def test_an_error_comes_with_http_200_and_a_request_id(sandbox: Sandbox, create_topic: Ask) -> None:
    """A repeated CreateTopic is the product's already-exists code, and its request id is in the log."""
    create_topic()
    with pytest.raises(TencentCloudSDKException) as caught:
        create_topic()
    assert caught.value.code == "UnsupportedOperation.ResourceAlreadyExists"
    assert caught.value.requestId == sandbox.calls[-1].request_id
    assert sandbox.applied("CreateTopic") == 1


def test_any_text_is_signed_alike(sandbox: Sandbox, create_topic: Ask) -> None:
    """Text outside ASCII arrives as it was sent, and its signature fits."""
    create_topic(Remark="grün 温度")
    assert sandbox.tencent.topics[0]["Remark"] == "grün 温度"


def test_create_instance_makes_another_one_every_time(sandbox: Sandbox, tencent: Ask) -> None:
    """CreateInstance duplicates; a fuzzy DescribeInstanceList finds both, and one by its tag."""
    what = {"InstanceType": "BASIC", "Name": "plant-7", "SkuCode": "basic_1k"}
    first = tencent("CreateInstance", **what)["InstanceId"]
    tag = {"TagKey": "run", "TagValue": "42"}
    second = tencent("CreateInstance", **what, TagList=[tag])["InstanceId"]
    assert first != second

    by_name = [{"Name": "InstanceName", "Values": ["lant"]}]
    found = tencent("DescribeInstanceList", Filters=by_name)
    assert [row["InstanceId"] for row in found["Data"]] == [first, second]
    by_tag = [{"TagKey": "run", "TagValues": ["42"]}]
    found = tencent("DescribeInstanceList", TagFilters=by_tag, Filters=[{"Name": "InstanceId", "Values": ["other"]}])
    assert [row["InstanceId"] for row in found["Data"]] == [second]
    assert sandbox.applied("CreateInstance", Name="plant-7") == 2


def test_a_new_instance_can_take_time_to_run() -> None:
    """With ``boot_seconds`` a new instance refuses topics as not ready until the clock has passed them."""
    ahead = 0.0
    with Sandbox(clock=lambda: time.time() + ahead) as sandbox:
        sandbox.tencent.boot_seconds = 60.0
        client = MqttClient(tencent_credential(sandbox), "", tencent_profile(sandbox))
        what = {"InstanceType": "PRO", "Name": "slow", "SkuCode": "pro_6k_1"}
        where = {"InstanceId": client.call_json("CreateInstance", what)["Response"]["InstanceId"]}
        assert client.call_json("DescribeInstance", where)["Response"]["InstanceStatus"] == "CREATING"
        code = refused(client.call_json, "CreateTopic", {**where, "Topic": "abc"})
        assert code == "FailedOperation.InstanceNotReady"
        ahead = 61.0
        client.call_json("CreateTopic", {**where, "Topic": "abc"})
        assert sandbox.applied("CreateTopic") == 1


def test_a_prepaid_instance_is_isolated_before_it_is_destroyed(sandbox: Sandbox, tencent: Ask) -> None:
    """The first DeleteInstance of a prepaid instance isolates it, the second destroys it, the third finds nothing."""
    what = {"InstanceType": "BASIC", "Name": "paid", "SkuCode": "basic_1k", "PayMode": 1}
    where = {"InstanceId": tencent("CreateInstance", **what)["InstanceId"]}
    tencent("DeleteInstance", **where)
    assert tencent("DescribeInstance", **where)["InstanceStatus"] == "OVERDUE"
    tencent("DeleteInstance", **where)
    assert refused(tencent, "DeleteInstance", **where) == "ResourceNotFound.Instance"
    sandbox.tencent.set_instance(TENCENT_INSTANCE, DeleteProtect=True)
    assert refused(tencent, "DeleteInstance", InstanceId=TENCENT_INSTANCE) == "FailedOperation.DeleteProtect"


@pytest.mark.parametrize(
    ("operation", "fields", "code"),
    [
        pytest.param("CreateTopic", {"Topic": "abc", "InstanceId": "other"}, "ResourceNotFound.Instance", id="where"),
        pytest.param("CreateTopic", {}, "MissingParameter", id="missing"),
        pytest.param("CreateTopic", {"Topic": "a/b"}, "InvalidParameterValue", id="name"),
        pytest.param("CreateTopic", {"Topic": "abc", "Remark": "x" * 129}, "InvalidParameterValue", id="remark"),
        pytest.param("CreateTopic", {"Topic": "third"}, "LimitExceeded.TopicNum", id="quota"),
        pytest.param("DescribeTopic", {"Topic": "none"}, "ResourceNotFound.Topic", id="no-topic"),
        pytest.param("DescribeTopicList", {"Limit": 21}, "InvalidParameterValue", id="page"),
        pytest.param("DeleteTopic", {"Topic": "none"}, "ResourceNotFound.Topic", id="delete"),
        pytest.param("DeleteUser", {"Username": "none"}, "ResourceNotFound.Username", id="no-user"),
        pytest.param("DeleteAuthenticator", {"Type": "JWT"}, "ResourceNotFound.NoAuthenticator", id="no-jwt"),
        pytest.param("DeleteAuthorizationPolicy", {"Id": 7}, "ResourceNotFound.AuthorizationPolicy", id="no-policy"),
        pytest.param("DeleteCaCertificate", {"CaSn": "7"}, "ResourceNotFound.Ca", id="no-ca"),
        pytest.param(
            "RevokedDeviceCertificate", {"DeviceCertificateSn": "7"}, "ResourceNotFound.Certificate", id="cert"
        ),
        pytest.param(
            "RegisterCaCertificate",
            {"CaCertificate": "a", "VerificationCertificate": "b"},
            "FailedOperation.InstanceRegistrationCodeEmpty",
            id="no-code",
        ),
        pytest.param("CreateUser", {"Username": "a b"}, "InvalidParameterValue", id="user"),
        pytest.param("PublishMessage", {"Payload": "x"}, "InvalidParameter", id="target"),
        pytest.param("DescribeTopicList", {"Filters": "no list"}, "InternalError", id="nonsense"),
    ],
)
def test_refusals_have_the_documented_codes(
    sandbox: Sandbox, tencent: Ask, operation: str, fields: dict[str, Any], code: str
) -> None:
    """What the service would refuse is refused with the code listed for it, and changes nothing."""
    sandbox.tencent.set_instance(TENCENT_INSTANCE, TopicNumLimit=2)
    for topic in ("one", "two"):
        tencent("CreateTopic", InstanceId=TENCENT_INSTANCE, Topic=topic)
    before = sandbox.tencent.state()

    assert refused(tencent, operation, **{"InstanceId": TENCENT_INSTANCE, **fields}) == code
    assert sandbox.tencent.state() == before
    assert not sandbox.calls[-1].applied


def test_lists_come_in_pages_and_filters_are_fuzzy(tencent: Ask, create_topic: Ask) -> None:
    """DescribeTopicList gives 20 by default, counts all, and its filter matches inside names."""
    for number in range(25):
        create_topic(f"topic-{number}")
    where = {"InstanceId": TENCENT_INSTANCE}
    page = tencent("DescribeTopicList", **where)
    assert (page["TotalCount"], len(page["Data"])) == (25, 20)
    rest = tencent("DescribeTopicList", **where, Offset=20)
    assert [row["Topic"] for row in rest["Data"]] == [f"topic-{number}" for number in range(20, 25)]
    found = tencent("DescribeTopicList", **where, Filters=[{"Name": "TopicName", "Values": ["-2"]}])
    assert found["TotalCount"] == 6


def test_users_keep_a_password_that_no_log_shows(sandbox: Sandbox, tencent: Ask) -> None:
    """A user exists once; the list tells the password, the call log does not."""
    who = {"InstanceId": TENCENT_INSTANCE, "Username": "ada", "Password": "s3cret"}
    assert set(tencent("CreateUser", **who)) == {"RequestId"}
    assert refused(tencent, "CreateUser", **who) == "UnsupportedOperation.ResourceAlreadyExists"
    (row,) = tencent("DescribeUserList", InstanceId=TENCENT_INSTANCE)["Data"]
    assert row["Password"] == "s3cret"
    assert "s3cret" not in repr(sandbox.calls)


def test_policies_differ_in_name_and_priority(tencent: Ask) -> None:
    """Each clash has its own code, and priorities can be swapped in one call."""
    where = {"InstanceId": TENCENT_INSTANCE}
    what = {**where, "PolicyVersion": 1, "Effect": "allow", "Actions": "pub"}
    first = tencent("CreateAuthorizationPolicy", **what, PolicyName="one", Priority=1)["Id"]
    second = tencent("CreateAuthorizationPolicy", **what, PolicyName="two", Priority=2)["Id"]
    clash = {"PolicyName": "one", "Priority": 3}
    assert refused(tencent, "CreateAuthorizationPolicy", **what, **clash) == "FailedOperation.DuplicatePolicy"
    clash = {"PolicyName": "three", "Priority": 2}
    assert refused(tencent, "CreateAuthorizationPolicy", **what, **clash) == "FailedOperation.DuplicatePriority"

    equal = [{"Id": first, "Priority": 2}]
    assert refused(tencent, "UpdateAuthorizationPolicyPriority", **where, Priorities=equal).endswith("Priority")
    swapped = [{"Id": first, "Priority": 2}, {"Id": second, "Priority": 1}]
    tencent("UpdateAuthorizationPolicyPriority", **where, Priorities=swapped)
    rows = tencent("DescribeAuthorizationPolicies", **where)["Data"]
    assert {row["PolicyName"]: row["Priority"] for row in rows} == {"one": 2, "two": 1}
    tencent("ModifyAuthorizationPolicy", **where, Id=first, PolicyName="uno", Priority=2)
    assert refused(tencent, "ModifyAuthorizationPolicy", **where, Id=first, Priority=1).endswith("DuplicatePriority")


def test_enrichment_rules_and_messages_duplicate(sandbox: Sandbox, tencent: Ask) -> None:
    """What has no natural key is done twice when it is asked twice."""
    rule = {"RuleName": "r", "Condition": "e30=", "Actions": "e30=", "Priority": 1}
    message = {"Payload": "x", "TargetTopic": "a/b"}
    for _ in range(2):
        tencent("CreateMessageEnrichmentRule", InstanceId=TENCENT_INSTANCE, **rule)
        tencent("PublishMessage", InstanceId=TENCENT_INSTANCE, **message)
    assert (len(sandbox.tencent.rules), len(sandbox.tencent.messages)) == (2, 2)


def test_an_authenticator_exists_once_per_type(tencent: Ask) -> None:
    """Another type is fine, the same type again is not, and a change shows in its settings."""
    where = {"InstanceId": TENCENT_INSTANCE}
    tencent("CreateJWTAuthenticator", **where, Algorithm="hmac-based", From="password", Secret="s")
    tencent("CreateHttpAuthenticator", **where, Endpoint="https://a.invalid")
    assert refused(tencent, "CreateJWTAuthenticator", **where).endswith("ResourceAlreadyExists")
    tencent("ModifyJWTAuthenticator", **where, From="username")
    (row,) = tencent("DescribeAuthenticator", **where, Type="JWT")["Authenticators"]
    assert '"From": "username"' in row["Config"]
    assert '"Secret": "s"' in row["Config"]


def test_certificates_depend_on_each_other(tencent: Ask) -> None:
    """A CA needs a registration code, and cannot be deleted while a device certificate depends on it."""
    where = {"InstanceId": TENCENT_INSTANCE}
    code = tencent("ApplyRegistrationCode", **where)["RegistrationCode"]
    assert tencent("ApplyRegistrationCode", **where)["RegistrationCode"] == code
    ca = tencent("RegisterCaCertificate", **where, CaCertificate="ca", VerificationCertificate="proof")["CaSn"]
    device = tencent("RegisterDeviceCertificate", **where, DeviceCertificate="dev", CaSn=ca, ClientId="c")
    sn = device["DeviceCertificateSn"]
    assert refused(tencent, "DeleteCaCertificate", **where, CaSn=ca).endswith("RelatedDeviceCertificateExists")
    tencent("RevokedDeviceCertificate", **where, DeviceCertificateSn=sn)
    listed = tencent("DescribeDeviceCertificates", **where, Filters=[{"Name": "Status", "Values": ["REVOKED"]}])
    assert [row["DeviceCertificateSn"] for row in listed["Data"]] == [sn]
    tencent("DeleteDeviceCertificate", **where, DeviceCertificateSn=sn)
    tencent("DeleteCaCertificate", **where, CaSn=ca)


def test_the_instance_takes_everything_with_it(sandbox: Sandbox, tencent: Ask, create_topic: Ask) -> None:
    """Deleting an instance deletes what it holds."""
    create_topic()
    tencent("CreateDeviceIdentity", InstanceId=TENCENT_INSTANCE, DeviceId="d")
    assert tencent("DescribeDeviceIdentity", InstanceId=TENCENT_INSTANCE, DeviceId="d")["PrimaryKey"]
    tencent("DeleteInstance", InstanceId=TENCENT_INSTANCE)
    assert not any(sandbox.tencent.state().values())


@pytest.mark.parametrize(
    ("key", "code"),
    [
        pytest.param(lambda s: Credential(s.tencent.secret_id, "wrong"), "AuthFailure.SignatureFailure", id="secret"),
        pytest.param(lambda _: Credential("AKIDunknown", "x"), "AuthFailure.SecretIdNotFound", id="id"),
        pytest.param(
            lambda s: Credential(*list(s.tencent.issue_token())[:2], "torn"), "AuthFailure.TokenFailure", id="token"
        ),
        pytest.param(lambda s: Credential(*list(s.tencent.issue_token())[:2]), "AuthFailure.TokenFailure", id="none"),
    ],
)
def test_wrong_keys_are_refused(sandbox: Sandbox, key: Any, code: str) -> None:
    """A signature is really computed: a wrong secret, an unknown id and a wrong token each have their code."""
    client = MqttClient(key(sandbox), "", tencent_profile(sandbox))
    assert refused(client.call_json, "CreateTopic", {"InstanceId": TENCENT_INSTANCE, "Topic": "abc"}) == code
    assert sandbox.tencent.topics == []


def test_assume_role_gives_a_triple_that_can_be_expired(sandbox: Sandbox, create_topic: Ask) -> None:
    """The triple of the STS SDK is accepted until the sandbox expires it; the next triple is accepted again."""
    key = assume_role(sandbox)
    create_topic("one", key=key)
    assert sandbox.tencent.expire_tokens() == 1
    assert refused(create_topic, "two", key=key) == "AuthFailure.TokenFailure"
    create_topic("two", key=assume_role(sandbox))
    assert sandbox.applied("CreateTopic") == 2
    assert refused(lambda: assume_role(sandbox, duration=43201)) == "InvalidParameter.OverTimeError"


def test_a_clock_that_is_off_is_noticed() -> None:
    """A request signed more than five minutes ago, or ahead, is SignatureExpire."""
    with Sandbox(clock=lambda: time.time() + 400) as sandbox:
        client = MqttClient(tencent_credential(sandbox), "", tencent_profile(sandbox))
        assert refused(client.call_json, "DescribeInstanceList", {}) == "AuthFailure.SignatureExpire"


@pytest.mark.parametrize(("operation", "code"), [("CreateGroupId", "InvalidAction"), ("AssumeRole", "InvalidAction")])
def test_an_unknown_operation_is_an_invalid_action(sandbox: Sandbox, operation: str, code: str) -> None:
    """An operation that this version of the API does not have is InvalidAction, also that of STS."""
    client = MqttClient(tencent_credential(sandbox), "", tencent_profile(sandbox))
    assert refused(client.call_json, operation, {}) == code


def test_an_operation_without_state_says_success(tencent: Ask) -> None:
    """Known operations that the sandbox keeps no state for succeed where the instance exists."""
    assert set(tencent("KickOutClient", InstanceId=TENCENT_INSTANCE, ClientId="c")) == {"RequestId"}
    assert refused(tencent, "KickOutClient", InstanceId="other", ClientId="c") == "ResourceNotFound.Instance"


def test_a_rewritten_content_type_hides_an_error_from_the_sdk(sandbox: Sandbox) -> None:
    """With another content type the SDK takes an error for a success with empty fields, as behind a rewriting proxy."""
    sandbox.fault("CreateTopic", "InternalError", content_type="application/json; charset=utf-8")
    request = models.CreateTopicRequest()
    request.InstanceId, request.Topic = TENCENT_INSTANCE, "sensors"
    answer = MqttClient(tencent_credential(sandbox), "", tencent_profile(sandbox)).CreateTopic(request)
    assert (answer.Topic, answer.RequestId) == (None, sandbox.calls[0].request_id)
    assert sandbox.tencent.topics == []
