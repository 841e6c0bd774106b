"""What the SDKs do behind a caller's back, and how it is stopped or named: the real clients against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import trio
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from darabonba.policy.retry import RetryCondition, RetryOptions
from raw_peer import Peer, Script, refusing_address
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.retry import NoopRetryer, StandardRetryer
from tencentcloud.common.retry_async import StandardRetryer as AsyncRetryer
from tencentcloud.mqtt.v20240516.models import CreateInstanceRequest
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience.clients.alibaba.tea.retries import without_autoretry
from resilience.clients.inspection import retries_itself, switch_off_retries
from resilience.clients.loops import needs_asyncio, wrong_loop
from resilience.sandbox import Sandbox

_GROUP = CreateGroupIdRequest(group_id="GID_sensors", instance_id="mqtt-cn-sandbox")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def _profile(sandbox: Sandbox, **other: Any) -> ClientProfile:
    return ClientProfile(httpProfile=HttpProfile(endpoint=sandbox.tencent.endpoint, protocol="http"), **other)


def _credential(sandbox: Sandbox) -> Credential:
    return Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)


def _retryer() -> StandardRetryer:
    return StandardRetryer(backoff_fn=lambda _: 0)


def _async_retryer() -> AsyncRetryer:
    async def at_once(_: int) -> int:
        return 0

    return AsyncRetryer(backoff_fn=at_once)


def _instance() -> CreateInstanceRequest:
    request = CreateInstanceRequest()
    request.InstanceType, request.Name, request.SkuCode = "BASIC", "sensors", "basic_1k"
    return request


def _asked(sandbox: Sandbox, operation: str) -> int:
    return sum(call.operation == operation for call in sandbox.calls)


def test_tencents_retryer_buys_twice_until_it_is_switched_off(sandbox: Sandbox) -> None:
    """With it one refusal becomes three requests, two purchases and an error; without it one request per call."""
    client = MqttClient(_credential(sandbox), "ap-guangzhou", _profile(sandbox, retryer=_retryer()))
    sandbox.fault("tencent:CreateInstance", "RequestLimitExceeded")
    with pytest.raises(Exception, match="RequestLimitExceeded"):
        client.CreateInstance(_instance())
    assert (_asked(sandbox, "CreateInstance"), sandbox.applied("CreateInstance")) == (3, 2)

    said = switch_off_retries(client)
    assert said is not None
    assert "StandardRetryer" in said
    assert retries_itself(client) is None
    sandbox.fault("tencent:CreateInstance", "RequestLimitExceeded")
    with pytest.raises(Exception, match="RequestLimitExceeded"):
        client.CreateInstance(_instance())
    assert (_asked(sandbox, "CreateInstance"), sandbox.applied("CreateInstance")) == (4, 2)
    client.CreateInstance(_instance())
    assert (_asked(sandbox, "CreateInstance"), sandbox.applied("CreateInstance")) == (5, 3)


def test_the_retryer_of_tencents_asynchronous_client_is_switched_off(sandbox: Sandbox) -> None:
    """Also where the client was used before."""

    async def main() -> None:
        profile = _profile(sandbox, retryer=_async_retryer())
        async with AsyncMqttClient(_credential(sandbox), "ap-guangzhou", profile) as client:
            sandbox.fault("tencent:CreateInstance", "RequestLimitExceeded")
            with pytest.raises(Exception, match="RequestLimitExceeded"):
                await client.CreateInstance(_instance())
            assert _asked(sandbox, "CreateInstance") == 3
            assert switch_off_retries(client) is not None
            assert retries_itself(client) is None
            sandbox.fault("tencent:CreateInstance", "RequestLimitExceeded")
            with pytest.raises(Exception, match="RequestLimitExceeded"):
                await client.CreateInstance(_instance())
            assert _asked(sandbox, "CreateInstance") == 4

    asyncio.run(main())


def test_tencents_region_breaker_is_switched_off() -> None:
    """With it the synchronous client loses the network error; without it the error says what happened."""
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=refusing_address(), protocol="http"))
    profile.disable_region_breaker = False
    client = MqttClient(Credential("a", "b"), "r", profile)
    with pytest.raises(Exception, match="AttributeError"):
        client.CreateInstance(_instance())
    said = switch_off_retries(client)
    assert said is not None
    assert "region breaker" in said
    assert retries_itself(client) is None
    with pytest.raises(Exception, match="ClientNetworkError"):
        client.CreateInstance(_instance())


def test_the_region_breaker_of_tencents_asynchronous_client_is_switched_off(sandbox: Sandbox) -> None:
    """With it no call is sent at all, as the client keeps a breaker of its own beside the profile."""

    async def main() -> None:
        profile = _profile(sandbox, disable_region_breaker=False, retryer=_async_retryer())
        async with AsyncMqttClient(_credential(sandbox), "ap-guangzhou", profile) as client:
            with pytest.raises(AttributeError):
                await client.CreateInstance(_instance())
            said = switch_off_retries(client)
            assert said is not None
            assert "region breaker" in said
            assert "StandardRetryer" in said
            await client.CreateInstance(_instance())

    asyncio.run(main())
    assert sandbox.applied("CreateInstance") == 1


def test_other_clients_keep_the_profile_that_they_share(sandbox: Sandbox) -> None:
    """Only the client that was given is changed."""
    profile = _profile(sandbox, retryer=_retryer())
    one, other = (MqttClient(_credential(sandbox), "ap-guangzhou", profile) for _ in range(2))
    switch_off_retries(one)
    assert retries_itself(one) is None
    assert retries_itself(other) is not None
    assert profile.retryer is not None


def test_alibabas_retry_options_are_switched_off(sandbox: Sandbox) -> None:
    """With them one call is three requests, without them one."""
    condition = RetryCondition({"maxAttempts": 3, "exception": ["ServerException"], "errorCode": []})
    config = Config(
        access_key_id=sandbox.alibaba.access_key_id,
        access_key_secret=sandbox.alibaba.access_key_secret,
        endpoint=sandbox.alibaba.endpoint,
        protocol="HTTP",
        retry_options=RetryOptions({"retryable": True, "retryCondition": [condition]}),
    )
    client = Client(config)
    sandbox.fault("alibaba:CreateGroupId", "InternalError", status=500, times=4)
    with pytest.raises(Exception, match="InternalError"):
        client.create_group_id(_GROUP)
    assert _asked(sandbox, "CreateGroupId") == 3
    said = switch_off_retries(client)
    assert said is not None
    assert "retry_options" in said
    assert retries_itself(client) is None
    with pytest.raises(Exception, match="InternalError"):
        client.create_group_id(_GROUP)
    assert _asked(sandbox, "CreateGroupId") == 4
    assert config.retry_options is not None


def test_the_old_sdks_retries_are_switched_off() -> None:
    """It repeats operations of ECS alone, and then it does no more."""
    client = AcsClient("a", "b", "cn-hangzhou", max_retry_time=1)

    def ask() -> None:
        request = CommonRequest(product="Ecs", version="2014-05-26", action_name="DescribeClusters")
        request.set_endpoint(peer.address)
        request.set_protocol_type("http")
        with pytest.raises(Exception, match=r"SDK\.UnknownServerError"):
            client.do_action_with_exception(request)

    with Peer(Script(status=503, body=b"{}")) as peer:
        ask()
        assert peer.requests == 2
        said = switch_off_retries(client)
        assert said is not None
        assert "auto_retry" in said
        ask()
        assert peer.requests == 3
    assert switch_off_retries(client) is None


@pytest.mark.parametrize(
    "client",
    [
        MqttClient(Credential("a", "b"), "r"),
        MqttClient(Credential("a", "b"), "r", ClientProfile(retryer=NoopRetryer())),
        AsyncMqttClient(Credential("a", "b"), "r"),
        Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9")),
        AcsClient("a", "b", auto_retry=False),
        object(),
        None,
    ],
    ids=["tencent", "noop", "tencent-async", "alibaba", "old", "anything", "nothing"],
)
def test_there_is_nothing_to_switch_off(client: object) -> None:
    """A client as it comes is left as it is."""
    before = dict(getattr(client, "__dict__", {}))
    assert switch_off_retries(client) is None
    assert getattr(client, "__dict__", {}) == before


@pytest.mark.parametrize("by_name", [False, True], ids=["by-position", "by-name"])
def test_the_retries_of_one_call_are_switched_off_on_a_copy(*, by_name: bool) -> None:
    """The options lose ``autoretry`` and keep the rest; the user's own object keeps it."""
    options = RuntimeOptions(autoretry=True, max_attempts=3, read_timeout=700)
    given: tuple[tuple[Any, ...], dict[str, Any]] = (
        ((_GROUP,), {"runtime": options}) if by_name else ((_GROUP, options), {})
    )
    args, kwargs = without_autoretry(*given)
    calm = kwargs["runtime"] if by_name else args[1]
    assert args[0] is _GROUP
    assert (calm.autoretry, calm.max_attempts, calm.read_timeout) == (False, 3, 700)
    assert options.autoretry is True
    assert retries_itself(calm) is None


def test_arguments_without_retries_are_the_same_objects() -> None:
    """Nothing is copied that need not be."""
    args, kwargs = (_GROUP, RuntimeOptions()), {"other": 1}
    found = without_autoretry(args, kwargs)
    assert found[0] is args
    assert found[1] is kwargs


def _raised_under_trio(call: Callable[[], Any]) -> Exception:
    try:
        trio.run(call)
    except Exception as error:  # noqa: BLE001  # it is what the test is about
        return error
    raise AssertionError("it worked under trio")


def test_alibabas_asynchronous_methods_do_not_work_on_trio() -> None:
    """The sentence names the method and what to call instead."""
    client = Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9"))
    said = wrong_loop(_raised_under_trio(partial(client.create_group_id_async, _GROUP)))
    assert said is not None
    assert said.startswith("create_group_id_async() of Alibaba's client needs asyncio")
    assert "call create_group_id() in a plain function, which runs in a worker thread" in said


def test_a_lost_traceback_leaves_the_client_to_be_named() -> None:
    """The exception of a pickle or of another thread still tells whose it is."""
    client = Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9"))
    error: Any = _raised_under_trio(partial(client.create_group_id_async, _GROUP))
    error.inner_exception.__traceback__ = None
    said = wrong_loop(error.with_traceback(None))
    assert said is not None
    assert said.startswith("the *_async methods of Alibaba's client")


def test_the_retryer_of_tencents_asynchronous_client_does_not_work_on_trio(sandbox: Sandbox) -> None:
    """Its client does, so the sentence names the retryer."""

    async def main() -> None:
        profile = _profile(sandbox, retryer=_async_retryer())
        async with AsyncMqttClient(_credential(sandbox), "ap-guangzhou", profile) as client:
            # Only a real sleep needs a loop.
            client.profile.retryer._backoff_fn = AsyncRetryer.backoff
            await client.CreateInstance(_instance())

    sandbox.fault("tencent:CreateInstance", "RequestLimitExceeded")
    said = wrong_loop(_raised_under_trio(main))
    assert said is not None
    assert "retryer of Tencent's asynchronous client" in said
    assert "ClientProfile.retryer to None" in said
    assert "plain function, which runs in a worker thread" in said


def _from_the_user() -> Exception:
    async def call() -> None:
        asyncio.get_running_loop()

    return _raised_under_trio(call)


def _refused() -> Exception:
    client = Client(Config(access_key_id="a", access_key_secret="b", endpoint=refusing_address(), protocol="HTTP"))
    with pytest.raises(Exception, match=r".") as refused:
        asyncio.run(client.create_group_id_async(_GROUP))
    return refused.value


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(_from_the_user, id="users-own"),
        pytest.param(_refused, id="network"),
        pytest.param(lambda: RuntimeError("something else"), id="another"),
        pytest.param(lambda: ValueError("no running event loop"), id="another-class"),
    ],
)
def test_other_exceptions_are_not_about_the_loop(make: Callable[[], Exception]) -> None:
    """None where it is not an SDK's client that misses asyncio."""
    assert wrong_loop(make()) is None


class _Users(Client):  # type: ignore[misc]  # the SDK has no types
    """A user's own."""

    async def ensure_async(self) -> None: ...


async def _users_async() -> None: ...


_ALIBABA = Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9"))
_USERS = _Users(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9"))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        pytest.param(_ALIBABA.create_group_id_async, True, id="bound"),
        pytest.param(Client.create_group_id_with_options_async, True, id="unbound"),
        pytest.param(partial(_ALIBABA.create_group_id_async, _GROUP), True, id="partial"),
        pytest.param(_USERS.create_group_id_async, True, id="inherited"),
        pytest.param(_USERS.ensure_async, False, id="users-method"),
        pytest.param(_ALIBABA.create_group_id, False, id="synchronous"),
        pytest.param(AsyncMqttClient(Credential("a", "b"), "r").CreateTopic, False, id="tencent-async"),
        pytest.param(_users_async, False, id="users-function"),
        pytest.param(print, False, id="builtin"),
    ],
)
def test_what_needs_asyncio_is_known_beforehand(function: Callable[..., Any], *, expected: bool) -> None:
    """Alibaba's asynchronous methods need it, and nothing else does."""
    assert needs_asyncio(function) is expected
