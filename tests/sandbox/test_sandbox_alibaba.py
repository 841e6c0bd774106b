from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from aliyunsdkcore.acs_exception.exceptions import ServerException as OldServerException
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest as OldRequest
from darabonba.runtime import RuntimeOptions
from sandbox_clients import ALIBABA_INSTANCE, Ask, alibaba_config

from resilience.sandbox import Sandbox, TemporaryKey

pytest_plugins = ("sandbox_fixtures",)


def assume_role(sandbox: Sandbox, **fields: Any) -> Any:
    request = sts_models.AssumeRoleRequest(role_arn="acs:ram::1:role/x", role_session_name="test", **fields)
    return StsClient(alibaba_config(sandbox)).assume_role(request).body.credentials


def test_the_sdk_creates_a_group_once(sandbox: Sandbox, create_group: Ask) -> None:
    """The unmodified SDK creates a group, and state and log both show it."""
    answer = create_group("GID_sensors")

    assert [row["GroupId"] for row in sandbox.alibaba.groups] == ["GID_sensors"]
    assert sandbox.applied("CreateGroupId", GroupId="GID_sensors") == 1
    assert answer == {"RequestId": sandbox.calls[0].request_id}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_async_sdk_creates_a_group(sandbox: Sandbox, anyio_backend: str) -> None:
    """The SDK's async methods work too, on asyncio, the one event loop they run on."""
    assert anyio_backend == "asyncio"
    request = models.CreateGroupIdRequest(group_id="GID_async", instance_id=ALIBABA_INSTANCE)
    await Client(alibaba_config(sandbox)).create_group_id_async(request)

    assert sandbox.applied("CreateGroupId", GroupId="GID_async") == 1


def test_the_old_sdk_creates_a_group(sandbox: Sandbox, old_alibaba: Any) -> None:
    """The old SDK's signature in the query is understood."""
    answer = json.loads(old_alibaba().do_action_with_exception(old_request(sandbox)))

    assert answer["RequestId"] == sandbox.calls[0].request_id
    assert sandbox.applied("CreateGroupId", GroupId="GID_old") == 1


def old_request(sandbox: Sandbox) -> OldRequest:
    request = OldRequest()
    request.set_endpoint(sandbox.alibaba.endpoint)
    request.set_protocol_type("http")
    request.set_GroupId("GID_old")
    request.set_InstanceId(ALIBABA_INSTANCE)
    return request


def test_the_old_sdk_recognises_a_wrong_secret(sandbox: Sandbox, old_alibaba: Any) -> None:
    """The message of SignatureDoesNotMatch has the form from which the old SDK concludes that the secret is wrong."""
    with pytest.raises(OldServerException) as caught:
        old_alibaba("wrong").do_action_with_exception(old_request(sandbox))

    assert caught.value.get_error_code() == "InvalidAccessKeySecret"
    assert sandbox.calls[0].answer == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("operation", "fields", "code"),
    [
        pytest.param("create_group_id", {"group_id": "GID_there"}, "GroupIdAlreadyExsited", id="exists"),
        pytest.param("create_group_id", {"group_id": "GID_taken"}, "GroupIdAlreadyUsedByOtherUsers", id="taken"),
        pytest.param("create_group_id", {"group_id": "sensors"}, "ParameterFieldCheckFailed", id="name"),
        pytest.param("create_group_id", {"group_id": "GID_" + "x" * 61}, "ParameterFieldCheckFailed", id="too-long"),
        pytest.param(
            "create_group_id", {"group_id": "GID_new", "instance_id": "other"}, "InstanceNotFound", id="where"
        ),
        pytest.param("create_group_id", {}, "MissingGroupId", id="missing"),
        pytest.param(
            "query_token", {"token": "t", "instance_id": "other"}, "InstancePermissionCheckFailed", id="not-listed"
        ),
        pytest.param(
            "apply_token",
            {"actions": "X", "resources": "t", "expire_time": 1},
            "InvalidParameter.Actions",
            id="sub-code",
        ),
        pytest.param(
            "apply_token", {"actions": "R", "resources": "t", "expire_time": 1}, "ParameterCheckFailed", id="expiry"
        ),
        pytest.param("get_device_credential", {"client_id": "GID_one@@@1"}, "DeviceCredentialNotFound", id="no-device"),
    ],
)
def test_refusals_have_the_documented_codes(
    sandbox: Sandbox, alibaba: Ask, operation: str, fields: dict[str, Any], code: str
) -> None:
    """What the service would refuse is refused with the code listed for it, as HTTP 400, and changes nothing."""
    alibaba("create_group_id", group_id="GID_there", instance_id=ALIBABA_INSTANCE)
    sandbox.alibaba.add_foreign_group("GID_taken")
    before = sandbox.alibaba.state()

    with pytest.raises(ClientException) as caught:
        alibaba(operation, **{"instance_id": ALIBABA_INSTANCE, **fields})

    assert (caught.value.code, caught.value.status_code) == (code, 400)
    assert caught.value.request_id == sandbox.calls[-1].request_id
    assert not sandbox.calls[-1].applied
    assert sandbox.alibaba.state() == before


def test_a_group_can_be_listed_and_deleted_twice(alibaba: Ask, create_group: Ask) -> None:
    """A group is in ListGroupId until it is deleted, and deleting it again is no error."""
    create_group("GID_one")
    (row,) = alibaba("list_group_id", instance_id=ALIBABA_INSTANCE)["Data"]
    assert (row["GroupId"], row["IndependentNaming"]) == ("GID_one", True)

    for _ in range(2):
        alibaba("delete_group_id", instance_id=ALIBABA_INSTANCE, group_id="GID_one")
    assert alibaba("list_group_id", instance_id=ALIBABA_INSTANCE)["Data"] == []


def test_an_mqtt_token_lives_until_it_is_revoked(sandbox: Sandbox, alibaba: Ask) -> None:
    """QueryToken believes a token until RevokeToken, and the log never shows it."""
    where = {"instance_id": ALIBABA_INSTANCE}
    expires = int((time.time() + 3600) * 1000)
    token = alibaba("apply_token", actions="R,W", resources="a/b", expire_time=expires, **where)["Token"]
    assert alibaba("query_token", token=token, **where)["TokenStatus"] is True

    alibaba("revoke_token", token=token, **where)
    assert alibaba("query_token", token=token, **where)["TokenStatus"] is False
    assert token not in repr(sandbox.calls)


def test_a_device_credential_rotates_at_every_refresh(alibaba: Ask) -> None:
    """A second registration is refused, each refresh makes another secret, and after unregistering there is none."""
    who = {"instance_id": ALIBABA_INSTANCE, "client_id": "GID_one@@@1"}
    first = alibaba("register_device_credential", **who)["DeviceCredential"]
    with pytest.raises(ClientException, match="credential") as caught:
        alibaba("register_device_credential", **who)
    assert caught.value.code == "DeviceCredentialExsit"

    second = alibaba("refresh_device_credential", **who)["DeviceCredential"]
    assert second["DeviceAccessKeySecret"] != first["DeviceAccessKeySecret"]
    assert alibaba("get_device_credential", **who)["DeviceCredential"] == second
    listed = alibaba(
        "list_device_credential_client_id", instance_id=ALIBABA_INSTANCE, group_id="GID_one", page_size="10"
    )
    assert listed["DeviceCredentialClientIdList"]["ClientIdList"] == ["GID_one@@@1"]

    alibaba("un_register_device_credential", **who)
    with pytest.raises(ClientException):
        alibaba("un_register_device_credential", **who)


def test_a_permanent_error_can_have_status_500(alibaba: Ask) -> None:
    """Registering the same certificate again is RegisterCodeError with HTTP 500, permanent all the same."""
    what = {
        "mqtt_instance_id": ALIBABA_INSTANCE,
        "ca_name": "ca",
        "ca_content": "PEM",
        "verification_content": "PEM",
    }
    assert alibaba("register_ca_certificate", **what)["Sn"]
    with pytest.raises(ServerException) as caught:
        alibaba("register_ca_certificate", **what)
    assert (caught.value.code, caught.value.status_code) == ("RegisterCodeError", 500)


def test_any_text_is_signed_alike(sandbox: Sandbox, alibaba: Ask) -> None:
    """Text that must be escaped arrives as it was sent, and its signature fits."""
    payload = "grün ~*+/?&=%20 温度\n"
    alibaba("send_message", instance_id=ALIBABA_INSTANCE, mqtt_topic="a/b", payload=payload)
    assert [row["Payload"] for row in sandbox.alibaba.messages] == [payload]


def test_an_operation_without_state_says_success(sandbox: Sandbox, alibaba: Ask) -> None:
    """Known operations that the sandbox keeps no state for answer with a success of the right shape."""
    answer = alibaba("add_custom_auth_identity", instance_id=ALIBABA_INSTANCE, username="u", secret="s3cret")

    assert answer["Success"] is True
    assert "s3cret" not in repr(sandbox.calls)


def api(action: str) -> Params:
    """Return the description of an operation for the SDK's general method."""
    return Params(
        action=action,
        version="2020-04-20",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )


def test_parameters_may_come_in_a_form(sandbox: Sandbox) -> None:
    """Parameters in a form body are signed and understood like those in the query."""
    form = {"GroupId": "GID_form", "InstanceId": ALIBABA_INSTANCE}
    request = OpenApiRequest(body=form)
    Client(alibaba_config(sandbox)).call_api(api("CreateGroupId"), request, RuntimeOptions())
    assert sandbox.applied("CreateGroupId", **form) == 1


def test_an_unknown_operation_is_not_found(sandbox: Sandbox) -> None:
    """An operation that the API does not have is InvalidApi.NotFound with HTTP 404."""
    with pytest.raises(ClientException) as caught:
        Client(alibaba_config(sandbox)).call_api(api("CreateInstance"), OpenApiRequest(), RuntimeOptions())
    assert (caught.value.code, caught.value.status_code) == ("InvalidApi.NotFound", 404)


@pytest.mark.parametrize(
    ("wrong", "code", "status"),
    [
        pytest.param({"access_key_secret": "wrong"}, "SignatureDoesNotMatch", 400, id="secret"),
        pytest.param({"access_key_id": "LTAIunknown"}, "InvalidAccessKeyId.NotFound", 404, id="key"),
        pytest.param({"security_token": "unknown"}, "InvalidSecurityToken.Malformed", 400, id="token"),
    ],
)
def test_wrong_keys_are_refused(
    sandbox: Sandbox, create_group: Ask, wrong: dict[str, str], code: str, status: int
) -> None:
    """A signature is really computed: a wrong secret, an unknown key and an unknown token each have their code."""
    sandbox.fault("CreateGroupId", "InternalError")
    with pytest.raises(ClientException) as caught:
        create_group(config=wrong)

    assert (caught.value.code, caught.value.status_code) == (code, status)
    assert len(sandbox.pending_faults) == 1, "a request that is not let in uses up no fault"
    assert sandbox.alibaba.groups == []


def test_half_a_triple_is_noticed(sandbox: Sandbox, create_group: Ask) -> None:
    """A token with another triple's key, and a temporary key without its token, have codes of their own."""
    one, two = sandbox.alibaba.issue_token(), sandbox.alibaba.issue_token()
    torn = TemporaryKey(one.key_id, one.secret, two.token, one.expiration)
    with pytest.raises(ClientException) as caught:
        create_group(key=torn)
    assert caught.value.code == "InvalidSecurityToken.MismatchWithAccessKey"

    with pytest.raises(ClientException) as caught:
        create_group(config={"access_key_id": one.key_id, "access_key_secret": one.secret})
    assert caught.value.code == "MissingSecurityToken"


def test_assume_role_gives_a_triple_that_can_be_expired(sandbox: Sandbox, create_group: Ask) -> None:
    """The triple of the STS SDK is accepted until the sandbox expires it; the next triple is accepted again."""

    def fresh() -> TemporaryKey:
        got = assume_role(sandbox)
        return TemporaryKey(got.access_key_id, got.access_key_secret, got.security_token, 0.0)

    key = fresh()
    create_group("GID_one", key=key)
    assert sandbox.alibaba.expire_tokens() == 1
    with pytest.raises(ClientException) as caught:
        create_group("GID_two", key=key)
    assert caught.value.code == "InvalidSecurityToken.Expired"

    create_group("GID_two", key=fresh())
    assert sandbox.applied("CreateGroupId") == 2


def test_tokens_expire_with_the_clock() -> None:
    """A triple is refused from its expiry on, by the sandbox's clock."""
    ahead = 0.0
    with Sandbox(clock=lambda: time.time() + ahead) as sandbox:
        client = Client(alibaba_config(sandbox, sandbox.alibaba.issue_token(lifetime=60.0)))
        request = models.ListGroupIdRequest(instance_id=ALIBABA_INSTANCE)
        client.list_group_id(request)
        ahead = 61.0
        with pytest.raises(ClientException) as caught:
            client.list_group_id(request)
        assert caught.value.code == "InvalidSecurityToken.Expired"
        ahead = 1000.0
        with pytest.raises(ClientException) as caught:
            client.list_group_id(request)
        assert caught.value.code == "InvalidTimeStamp.Expired"


def test_assume_role_checks_the_duration(sandbox: Sandbox) -> None:
    """AssumeRole refuses a session shorter than the 900 seconds that the service allows."""
    with pytest.raises(ClientException) as caught:
        assume_role(sandbox, duration_seconds=60)
    assert caught.value.code == "InvalidParameter.DurationSeconds"


def test_a_throttle_can_carry_the_hint_that_the_sdk_reads(sandbox: Sandbox, create_group: Ask) -> None:
    """With ``retry_after_ms`` the SDK raises its throttling class and passes the milliseconds on."""
    sandbox.fault("CreateGroupId", "Throttling.User", retry_after_ms=300)
    with pytest.raises(ThrottlingException) as caught:
        create_group()
    assert (caught.value.code, caught.value.retry_after) == ("Throttling.User", 300)


@pytest.mark.parametrize(
    ("code", "status"), [("SystemOverFlow", 500), ("ApplyTokenOverFlow", 400), ("InvalidAccessKeyId.NotFound", 404)]
)
def test_a_scripted_code_has_its_own_status(sandbox: Sandbox, create_group: Ask, code: str, status: int) -> None:
    """A scripted code comes with the HTTP status that the service gives it."""
    sandbox.fault("CreateGroupId", code)
    with pytest.raises((ClientException, ServerException)) as caught:
        create_group()
    assert (caught.value.code, caught.value.status_code) == (code, status)


def test_a_value_can_be_an_error(sandbox: Sandbox, alibaba: Ask) -> None:
    """Fields can be put into a success, so that a 200 says ``Success: false`` and the SDK raises nothing."""
    sandbox.fault("CloseConnection", fields={"Success": False, "Code": "InternalError", "RequestId": None})
    answer = alibaba("close_connection", instance_id=ALIBABA_INSTANCE, client_id="c")
    assert (answer["Success"], answer["Code"], "RequestId" in answer) == (False, "InternalError", False)


def test_a_replayed_request_is_refused(sandbox: Sandbox) -> None:
    """The same signed request a second time is SignatureNonceUsed, and takes no second effect."""
    url = signed_url(sandbox)
    with urllib.request.urlopen(url) as answer:  # noqa: S310  a loopback address of ours
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as caught, urllib.request.urlopen(url):  # noqa: S310  the same
        pass
    with caught.value as answer:
        assert json.load(answer)["Code"] == "SignatureNonceUsed"
    assert sandbox.applied("SendMessage") == 1


def signed_url(sandbox: Sandbox) -> str:
    """Return a URL that the old SDK's own signer has signed."""
    from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url  # noqa: PLC0415  one use

    parameters = {"Action": "SendMessage", "Version": "2020-04-20", "InstanceId": ALIBABA_INSTANCE}
    key = (sandbox.alibaba.access_key_id, sandbox.alibaba.access_key_secret)
    url, _ = get_signed_url({**parameters, "MqttTopic": "a/b", "Payload": "x*~ y"}, *key, "JSON", "GET", {})
    return f"http://{sandbox.alibaba.endpoint}{url}"
