"""Refreshers for temporary keys, with the vendors' STS SDKs against the sandbox."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import anyio
import pytest
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import ListGroupIdRequest
from alibabacloud_sts20150401.client import Client as AlibabaSts
from alibabacloud_tea_openapi.models import Config
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.retry import StandardRetryer
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.sts.v20180813.sts_client import StsClient

from resilience import Credentials
from resilience.clients import AnswerError, KeyTriple, alibaba_credential, classify, sts, tencent_credential
from resilience.clients.common import assuming
from resilience.sandbox import Sandbox

Refresher = Callable[..., Callable[[], KeyTriple]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def alibaba(sandbox: Sandbox) -> Refresher:
    service = sandbox.alibaba
    keys = KeyTriple(access_key_id=service.access_key_id, access_key_secret=service.access_key_secret)

    def make(**other: Any) -> Callable[[], KeyTriple]:
        given = {"role_arn": "acs:ram::1:role/r", "keys": keys, "endpoint": service.endpoint, "protocol": "http"}
        return sts.alibaba_assume_role(**{**given, **other})

    return make


@pytest.fixture
def tencent(sandbox: Sandbox) -> Refresher:
    service = sandbox.tencent
    keys = KeyTriple(access_key_id=service.secret_id, access_key_secret=service.secret_key)

    def make(**other: Any) -> Callable[[], KeyTriple]:
        given = {"role_arn": "qcs::cam::uin/1:roleName/r", "keys": keys}
        return sts.tencent_assume_role(**{**given, "endpoint": service.endpoint, "protocol": "http", **other})

    return make


@pytest.fixture(params=["alibaba", "tencent"])
def refresher(request: pytest.FixtureRequest) -> Refresher:
    made: Refresher = request.getfixturevalue(request.param)
    return made


def mqtt_alibaba(sandbox: Sandbox, current: Callable[[], KeyTriple]) -> Client:
    return Client(Config(credential=alibaba_credential(current), endpoint=sandbox.alibaba.endpoint, protocol="HTTP"))


def profile(sandbox: Sandbox, **other: Any) -> ClientProfile:
    return ClientProfile(httpProfile=HttpProfile(endpoint=sandbox.tencent.endpoint, protocol="http"), **other)


def test_alibabas_keys_sign_a_call(sandbox: Sandbox, alibaba: Refresher) -> None:
    """The keys are temporary ones that the MQTT service takes, and say when they end."""
    before = time.time()
    keys = alibaba(duration=900, session_name="me", external_id="x", policy="{}")()
    assert keys.access_key_id.startswith("STS.")
    assert keys.expires_at is not None
    # The service says it in whole seconds.
    assert before + 899 <= keys.expires_at <= time.time() + 901
    mqtt_alibaba(sandbox, lambda: keys).list_group_id(ListGroupIdRequest(instance_id="mqtt-cn-sandbox"))
    asked = next(call for call in sandbox.calls if call.operation == "AssumeRole").arguments
    assert (asked["RoleSessionName"], asked["DurationSeconds"], asked["Policy"]) == ("me", "900", "{}")
    assert asked["ExternalId"] == "x"


def test_tencents_keys_sign_a_call(sandbox: Sandbox, tencent: Refresher) -> None:
    """The keys are temporary ones that the MQTT service takes, and say when they end; a policy travels URL-encoded."""
    before = time.time()
    keys = tencent(duration=60, session_name="me", external_id="x", policy='{"version": "2.0"}')()
    assert keys.security_token
    assert keys.expires_at is not None
    assert before + 59 <= keys.expires_at <= time.time() + 61
    client = MqttClient(tencent_credential(lambda: keys), "ap-guangzhou", profile(sandbox))
    client.call_json("DescribeInstanceList", {})
    asked = next(call for call in sandbox.calls if call.operation == "AssumeRole").arguments
    assert (asked["RoleSessionName"], asked["DurationSeconds"], asked["ExternalId"]) == ("me", 60, "x")
    assert asked["Policy"] == "%7B%22version%22%3A%20%222.0%22%7D"


def test_the_usual_duration_is_the_services_own(sandbox: Sandbox, alibaba: Refresher, tencent: Refresher) -> None:
    """Without a word on it, keys live as long as each service's default."""
    alibaba()()
    tencent()()
    asked = [call.arguments["DurationSeconds"] for call in sandbox.calls]
    assert asked == ["3600", 7200]


def test_a_ready_client_is_used(sandbox: Sandbox) -> None:
    """A client that the user made is asked as it is."""
    config = Config(
        access_key_id=sandbox.alibaba.access_key_id,
        access_key_secret=sandbox.alibaba.access_key_secret,
        endpoint=sandbox.alibaba.endpoint,
        protocol="HTTP",
    )
    assert sts.alibaba_assume_role(role_arn="acs:ram::1:role/r", client=AlibabaSts(config))().security_token
    credential = Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)
    ready = StsClient(credential, "ap-guangzhou", profile(sandbox))
    assert sts.tencent_assume_role(role_arn="qcs::cam::uin/1:roleName/r", client=ready)().security_token
    assert sandbox.applied("AssumeRole") == 2


def test_keys_are_asked_for_each_time(sandbox: Sandbox, tencent: Refresher) -> None:
    """A function as ``keys`` may give other ones later: a role assumed with the keys of a role."""
    service = sandbox.tencent
    given: list[KeyTriple] = []

    def current() -> KeyTriple:
        given.append(KeyTriple(access_key_id=service.secret_id, access_key_secret=service.secret_key))
        return given[-1]

    refresh = tencent(keys=current)
    refresh()
    asked = len(given)
    refresh()
    assert len(given) > asked > 0


@pytest.mark.parametrize("code", ["InternalError", "Throttling", "NoPermission"])
def test_alibabas_refusal_keeps_its_code_and_has_no_effect(sandbox: Sandbox, alibaba: Refresher, code: str) -> None:
    """A refused refresh is the SDK's own exception, and leaves no doubt about the call: nothing of that was sent."""
    sandbox.fault("alibaba:AssumeRole", code, status=500)
    with pytest.raises(Exception, match=code) as refused:
        alibaba()()
    assert type(refused.value).__module__.startswith("alibabacloud_tea_openapi")
    fault = classify(refused.value)
    assert fault is not None
    assert (fault.provider, fault.code, fault.status, fault.effect) == ("alibaba", code, 500, "none")


@pytest.mark.parametrize("code", ["InternalError.SystemError", "RequestLimitExceeded", "ResourceNotFound.RoleNotFound"])
def test_tencents_refusal_keeps_its_code_and_has_no_effect(sandbox: Sandbox, tencent: Refresher, code: str) -> None:
    """A refused refresh is the SDK's own exception, and leaves no doubt about the call: nothing of that was sent."""
    sandbox.fault("tencent:AssumeRole", code)
    with pytest.raises(Exception, match=code) as refused:
        tencent()()
    assert type(refused.value).__name__ == "TencentCloudSDKException"
    fault = classify(refused.value)
    assert fault is not None
    assert (fault.provider, fault.code, fault.effect) == ("tencent", code, "none")


def test_a_lost_answer_is_no_doubt_about_the_call(sandbox: Sandbox, refresher: Refresher) -> None:
    """A refresh whose answer is lost may have made keys, and nothing else: the call itself was never sent."""
    sandbox.fault("AssumeRole", kind="hangup", applied=True)
    with pytest.raises(Exception, match=r".") as lost:
        refresher()()
    fault = classify(lost.value)
    assert fault is not None
    assert (fault.transport, fault.effect) == ("unsent", "none")


def test_an_answer_without_keys_is_an_error(sandbox: Sandbox, refresher: Refresher) -> None:
    """What the SDKs take for a success is none without keys."""
    sandbox.fault("AssumeRole", fields={"Credentials": None})
    with pytest.raises(AnswerError) as refused:
        refresher()()
    fault = classify(refused.value)
    assert fault is not None
    assert (fault.transport, fault.effect) == ("garbled", "none")


def test_an_answer_with_half_of_the_keys_is_an_error(sandbox: Sandbox, alibaba: Refresher, tencent: Refresher) -> None:
    """Keys without a secret or a token are not handed on, to sign everything wrong."""
    sandbox.fault("alibaba:AssumeRole", fields={"Credentials": {"AccessKeyId": "STS.x", "Expiration": "2026-01-01"}})
    sandbox.fault("tencent:AssumeRole", fields={"Credentials": {"TmpSecretId": "x", "Token": "y"}})
    for refresh in alibaba(), tencent():
        with pytest.raises(AnswerError):
            refresh()


def test_a_mistake_in_the_program_stays_one(refresher: Refresher) -> None:
    """What no policy may answer is not made a fault of the service."""

    def current() -> KeyTriple:
        raise NotImplementedError("not written yet")

    with pytest.raises(Exception, match="not written yet") as mistaken:
        refresher(keys=current)()
    assert classify(mistaken.value) is None


@pytest.mark.parametrize(
    ("make", "duration"),
    [
        pytest.param(sts.alibaba_assume_role, 899, id="alibaba-too-short"),
        pytest.param(sts.alibaba_assume_role, 43_201, id="alibaba-too-long"),
        pytest.param(sts.tencent_assume_role, 0, id="tencent-too-short"),
        pytest.param(sts.tencent_assume_role, 43_201, id="tencent-too-long"),
    ],
)
def test_a_duration_that_the_service_refuses_is_refused_early(make: Refresher, duration: int) -> None:
    """A wrong duration is found when the function is made, not in the middle of a run."""
    keys = KeyTriple(access_key_id="id", access_key_secret="secret")
    with pytest.raises(ValueError, match="expected a duration of"):
        make(role_arn="r", keys=keys, duration=duration)


@pytest.mark.parametrize("make", [sts.alibaba_assume_role, sts.tencent_assume_role])
def test_one_of_keys_and_client_is_needed(make: Refresher) -> None:
    """Neither would leave nothing to sign with, and both would leave it open which counts."""
    with pytest.raises(ValueError, match="found neither"):
        make(role_arn="r")
    with pytest.raises(ValueError, match="found both"):
        make(role_arn="r", keys=KeyTriple(access_key_id="id", access_key_secret="secret"), client=object())


def test_a_client_that_retries_by_itself_is_refused(sandbox: Sandbox) -> None:
    """Its attempts would hide from whoever waits for the keys."""
    client = StsClient(Credential("id", "key"), "ap-guangzhou", profile(sandbox, retryer=StandardRetryer()))
    with pytest.raises(ValueError, match="retryer StandardRetryer"):
        sts.tencent_assume_role(role_arn="r", client=client)


@pytest.mark.parametrize(
    ("make", "module", "package"),
    [
        pytest.param(
            sts.alibaba_assume_role, "alibabacloud_sts20150401.models", "alibabacloud_sts20150401", id="alibaba"
        ),
        pytest.param(
            sts.tencent_assume_role, "tencentcloud.sts.v20180813.models", "tencentcloud-sdk-python-sts", id="tencent"
        ),
    ],
)
def test_a_missing_sdk_is_named(make: Refresher, module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the SDK the error says what to install."""

    def missing(name: str) -> Any:
        if name == module:
            raise ModuleNotFoundError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(assuming, "import_module", missing)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        make(role_arn="r", keys=KeyTriple(access_key_id="id", access_key_secret="secret"))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_event_loop_is_not_blocked(sandbox: Sandbox, refresher: Refresher) -> None:
    """While the token service thinks, other tasks run: the refresh is in a worker thread."""
    sandbox.fault("AssumeRole", kind="slow", delay=1.0)
    source = Credentials(refresher(), expires=lambda keys: keys.expires_at)
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(anyio.current_time())
            await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await source.load()
        tasks.cancel_scope.cancel()
    assert source.current().security_token
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.8
    assert ticks[-1] - ticks[0] > 0.9
