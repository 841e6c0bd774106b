from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
import requests
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from aliyunsdkcore.acs_exception.exceptions import ClientException as OldClientException
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest as OldRequest
from darabonba.exceptions import UnretryableException
from sandbox_clients import (
    ALIBABA_INSTANCE,
    TENCENT_INSTANCE,
    Ask,
    alibaba_config,
    tencent_credential,
    tencent_profile,
)
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.mqtt.v20240516 import models as tencent_models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient

from resilience.sandbox import Sandbox

pytest_plugins = ("sandbox_fixtures",)

# A fault, what the log calls it, and how it looks to each SDK: Alibaba's inner error, Tencent's code.
BAD_ENDINGS = [
    pytest.param({"status": 503}, "http-503", ("json format", "ServerNetworkError"), id="bare-503"),
    pytest.param({"status": 502, "body": "<html>"}, "http-502", ("json format", "ServerNetworkError"), id="page-502"),
    pytest.param({"kind": "reset"}, "reset", ("ConnectionResetError", "ClientNetworkError"), id="reset"),
    pytest.param({"kind": "hangup"}, "hangup", ("RemoteDisconnected", "ClientNetworkError"), id="hangup"),
    pytest.param({"kind": "garbage"}, "garbage", ("json format", "JSONDecodeError"), id="garbage"),
]


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until something is true that another thread will make true; give up after five seconds."""
    patience = time.monotonic() + 5
    while not condition() and time.monotonic() < patience:
        time.sleep(0.01)
    return condition()


def topic_client(sandbox: Sandbox, timeout: float = 5.0) -> Ask:
    """Return a function that creates a topic through the SDK's typed method."""
    client = MqttClient(tencent_credential(sandbox), "", tencent_profile(sandbox, timeout))

    def create(topic: str = "sensors") -> Any:
        request = tencent_models.CreateTopicRequest()
        request.InstanceId, request.Topic = TENCENT_INSTANCE, topic
        return client.CreateTopic(request)

    return create


def group_client(sandbox: Sandbox) -> Ask:
    """Return a function that creates a group, always through the same client."""
    client = AlibabaClient(alibaba_config(sandbox))

    def create(group_id: str) -> Any:
        request = alibaba_models.CreateGroupIdRequest(group_id=group_id, instance_id=ALIBABA_INSTANCE)
        return client.create_group_id(request)

    return create


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize(("fault", "answer", "looks"), BAD_ENDINGS)
def test_alibaba_meets_a_bad_ending(
    sandbox: Sandbox, fault: dict[str, Any], answer: str, looks: tuple[str, str], *, applied: bool
) -> None:
    """However an attempt ends on the wire, log and state tell whether it took effect, and the next one is healthy."""
    create = group_client(sandbox)
    sandbox.fault("CreateGroupId", applied=applied, **fault)
    with pytest.raises(UnretryableException) as caught:
        create("GID_one")
    assert looks[0] in str(caught.value.inner_exception)
    assert (sandbox.calls[0].answer, sandbox.calls[0].applied) == (answer, applied)
    assert len(sandbox.alibaba.groups) == applied

    create("GID_two")
    assert sandbox.applied("CreateGroupId", GroupId="GID_two") == 1


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize(("fault", "answer", "looks"), BAD_ENDINGS)
def test_tencent_meets_a_bad_ending(
    sandbox: Sandbox, fault: dict[str, Any], answer: str, looks: tuple[str, str], *, applied: bool
) -> None:
    """The same for Tencent's SDK, which has a code of its own for each ending."""
    create = topic_client(sandbox)
    sandbox.fault("CreateTopic", applied=applied, **fault)
    with pytest.raises(TencentCloudSDKException) as caught:
        create("one")
    assert caught.value.code == looks[1]
    assert (sandbox.calls[0].answer, sandbox.calls[0].applied) == (answer, applied)
    assert len(sandbox.tencent.topics) == applied

    create("two")
    assert sandbox.applied("CreateTopic", Topic="two") == 1


@pytest.mark.parametrize("applied", [False, True])
def test_a_code_can_come_after_the_effect(sandbox: Sandbox, create_group: Ask, *, applied: bool) -> None:
    """An InternalError may have taken effect or not, and only the state tells."""
    sandbox.fault("CreateGroupId", "InternalError", applied=applied)
    with pytest.raises(Exception, match="InternalError"):
        create_group()
    assert len(sandbox.alibaba.groups) == applied


def test_an_effect_that_the_state_refuses_is_not_applied(sandbox: Sandbox, create_group: Ask) -> None:
    """A fault that would be applied, to a request that the service would refuse, has no effect."""
    create_group("GID_one")
    sandbox.fault("CreateGroupId", kind="hangup", applied=True)
    with pytest.raises(UnretryableException):
        create_group("GID_one")
    assert sandbox.applied("CreateGroupId") == 1


def test_an_answer_can_break_off(sandbox: Sandbox, create_group: Ask) -> None:
    """A truncated answer is an error for both SDKs although the operation was carried out."""
    sandbox.fault("Create*", kind="truncated", times=2)
    with pytest.raises(UnretryableException, match="IncompleteRead"):
        create_group()
    with pytest.raises(TencentCloudSDKException) as caught:
        topic_client(sandbox)()
    assert caught.value.code == "ChunkedEncodingError"
    assert (len(sandbox.alibaba.groups), len(sandbox.tencent.topics)) == (1, 1)


def test_a_slow_answer_is_a_read_timeout_for_the_impatient(sandbox: Sandbox, create_group: Ask) -> None:
    """A slow answer comes after its delay; whoever leaves before that has caused the effect all the same."""
    sandbox.fault("Create*", kind="slow", delay=0.1)
    began = time.monotonic()
    create_group("GID_patient")
    assert time.monotonic() - began >= 0.1

    sandbox.fault("Create*", kind="slow", delay=30.0, times=2)
    with pytest.raises(UnretryableException, match="Read timed out"):
        create_group("GID_leaves", config={"read_timeout": 50})
    with pytest.raises(TencentCloudSDKException, match="timed out"):
        topic_client(sandbox, timeout=0.05)()
    assert eventually(lambda: sandbox.applied("CreateGroupId", GroupId="GID_leaves") == 1)
    assert eventually(lambda: sandbox.applied("CreateTopic") == 1)


def test_a_hanging_service_ends_with_the_callers_patience(sandbox: Sandbox, create_group: Ask) -> None:
    """A service that hangs gives no answer, so the caller's own timeout ends the attempt."""
    sandbox.fault("Create*", kind="hang", times=2)
    with pytest.raises(UnretryableException, match="Read timed out"):
        create_group(config={"read_timeout": 50})
    with pytest.raises(TencentCloudSDKException, match="timed out"):
        topic_client(sandbox, timeout=0.05)()
    assert eventually(lambda: [call.answer for call in sandbox.calls] == ["hang", "hang"])
    assert sandbox.alibaba.groups == sandbox.tencent.topics == []


def test_a_late_effect_comes_when_it_is_settled(sandbox: Sandbox, create_group: Ask, alibaba: Ask) -> None:
    """After a lost answer a read-back can find nothing, and the group can still come: exactly once."""
    sandbox.script("CreateGroupId", "late lost")
    with pytest.raises(UnretryableException):
        create_group("GID_late")
    assert alibaba("list_group_id", instance_id=ALIBABA_INSTANCE)["Data"] == []
    assert not sandbox.calls[0].applied

    assert sandbox.settle() == 1
    assert [row["GroupId"] for row in sandbox.alibaba.groups] == ["GID_late"]
    assert sandbox.applied("CreateGroupId", GroupId="GID_late") == 1
    assert sandbox.settle() == 0


def test_a_late_effect_comes_after_its_delay(sandbox: Sandbox, create_group: Ask) -> None:
    """With a delay the effect comes by itself, after the error has been answered at once."""
    sandbox.fault("CreateGroupId", "InternalError", applied="late", delay=0.05)
    with pytest.raises(Exception, match="InternalError"):
        create_group()
    assert eventually(lambda: sandbox.applied("CreateGroupId") == 1)
    assert len(sandbox.alibaba.groups) == 1


def test_a_late_effect_dies_with_the_sandbox() -> None:
    """What has not come when the sandbox closes never comes."""
    with Sandbox() as sandbox:
        sandbox.script("CreateTopic", "late lost 50ms")
        with pytest.raises(TencentCloudSDKException):
            topic_client(sandbox)()
    time.sleep(0.1)
    assert sandbox.tencent.topics == []


def test_the_old_sdk_meets_a_lost_answer(sandbox: Sandbox, old_alibaba: Any) -> None:
    """The old SDK reports any network error as SDK.HttpError, whether it took effect or not."""
    sandbox.script("CreateGroupId", "applied reset")
    request = OldRequest()
    request.set_endpoint(sandbox.alibaba.endpoint)
    request.set_protocol_type("http")
    request.set_GroupId("GID_old")
    request.set_InstanceId(ALIBABA_INSTANCE)
    with pytest.raises(OldClientException) as caught:
        old_alibaba().do_action_with_exception(request)
    assert caught.value.get_error_code() == "SDK.HttpError"
    assert sandbox.applied("CreateGroupId", GroupId="GID_old") == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("script", "inner"),
    [
        ("reset", "RetryError"),
        ("lost", "ServerDisconnectedError"),
        ("garbage", "RuntimeError"),
        ("503", "RuntimeError"),
    ],
)
async def test_alibabas_async_sdk_meets_a_bad_ending(
    sandbox: Sandbox, anyio_backend: str, script: str, inner: str
) -> None:
    """The async methods meet the same endings, under other names."""
    assert anyio_backend == "asyncio"
    sandbox.script("CreateGroupId", script)
    request = alibaba_models.CreateGroupIdRequest(group_id="GID_async", instance_id=ALIBABA_INSTANCE)
    with pytest.raises(UnretryableException) as caught:
        await AlibabaClient(alibaba_config(sandbox)).create_group_id_async(request)
    assert type(caught.value.inner_exception).__name__ == inner


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("reset", httpx.ReadError),
        ("applied lost", httpx.RemoteProtocolError),
        ("garbage", ValueError),
        ("503", TencentCloudSDKException),
        ("InternalError", TencentCloudSDKException),
        ("hang", httpx.ReadTimeout),
    ],
)
async def test_tencents_async_sdk_meets_a_bad_ending(
    sandbox: Sandbox, async_tencent: Any, script: str, error: type[Exception]
) -> None:
    """The native async client meets the same endings, on asyncio and on trio."""
    sandbox.script("CreateTopic", script)
    request = tencent_models.CreateTopicRequest()
    request.InstanceId, request.Topic = TENCENT_INSTANCE, "sensors"
    async with async_tencent(timeout=0.2 if script == "hang" else 5.0) as client:
        with pytest.raises(error):
            await client.CreateTopic(request)
    assert sandbox.applied("CreateTopic") == ("applied" in script)


@pytest.mark.anyio
async def test_a_cancelled_caller_leaves_its_effect_behind(sandbox: Sandbox, async_tencent: Any) -> None:
    """Cancelling a slow call returns at once, and the topic exists."""
    sandbox.fault("CreateTopic", kind="slow", delay=30.0)
    request = tencent_models.CreateTopicRequest()
    request.InstanceId, request.Topic = TENCENT_INSTANCE, "sensors"
    with anyio.fail_after(5):
        async with async_tencent(timeout=60.0) as client, anyio.create_task_group() as group:
            group.start_soon(client.CreateTopic, request)
            assert await anyio.to_thread.run_sync(eventually, lambda: len(sandbox.calls) == 1)
            group.cancel_scope.cancel()
    assert sandbox.applied("CreateTopic") == 1


def test_fifty_clients_at_once_are_each_served_once(sandbox: Sandbox) -> None:
    """Fifty concurrent clients, with faults among them, create each topic exactly once by their own account."""
    sandbox.fault("CreateTopic", "RequestLimitExceeded", times=20)
    sandbox.tencent.set_instance(TENCENT_INSTANCE, TopicNumLimit=50)

    def create(number: int) -> str:
        try:
            topic_client(sandbox)(f"topic-{number}")
        except TencentCloudSDKException as error:
            return str(error.code)
        return "ok"

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(create, range(50)))
    assert (answers.count("ok"), answers.count("RequestLimitExceeded")) == (30, 20)
    assert 30 == len(sandbox.tencent.topics) == sandbox.applied("CreateTopic")
    assert sorted(call.number for call in sandbox.calls) == list(range(1, 51))


def test_of_many_that_create_one_topic_one_succeeds(sandbox: Sandbox) -> None:
    """When many clients create one topic at once, one succeeds, and it is the first in the log."""

    def create(_: int) -> None:
        with suppress(TencentCloudSDKException):
            topic_client(sandbox)("sensors")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(create, range(20)))
    answers = [call.answer for call in sandbox.calls]
    assert answers == ["ok"] + ["UnsupportedOperation.ResourceAlreadyExists"] * 19


def test_one_connection_serves_many_requests(sandbox: Sandbox) -> None:
    """A connection stays open between requests, also after an error, as the SDKs' sessions expect."""
    with closing(HTTPConnection(sandbox.alibaba.endpoint, timeout=5)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(3):
            connection.request("GET", "/?Action=ListGroupId")
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["Code"]) == (400, "InvalidVersion")
        assert connection.sock is first


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 this is TLS",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 50000\r\n\r\n" + b"[" * 50000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nAuthorization: TC3-HMAC-SHA256 Credential\r\n\r\n\xff\xfe{",
        b"BREW /?%ff%fe=%zz HTTP/1.1\r\n\r\n",
        b"POST /?Action=\xff HTTP/1.1\r\nContent-Length: 0\r\nAuthorization: ACS3-HMAC-SHA256 =,,=\r\n\r\n",
        b"",
    ],
)
def test_nonsense_does_not_disturb_others(
    sandbox: Sandbox, create_group: Ask, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    """Bytes that are no request are refused or ignored as foreseen, and the next caller is served."""
    for service in sandbox.services:
        host, _, port = service.endpoint.partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    create_group()
    assert sandbox.applied("CreateGroupId") == 1
    assert [record for record in caplog.records if record.name == "resilience.sandbox"] == []


def test_closing_is_prompt_with_callers_that_hang() -> None:
    """A sandbox with hanging, slow and idle connections starts and closes within a fraction of a second."""
    began = time.monotonic()
    sandbox = Sandbox().start()
    sandbox.script("CreateTopic", "hang*4, slow 60s*4")
    create = topic_client(sandbox, timeout=60.0)
    failed: list[str] = []

    def wait_for_nothing(number: int) -> None:
        try:
            create(f"topic-{number}")
        except TencentCloudSDKException as error:
            failed.append(error.code)

    threads = [threading.Thread(target=wait_for_nothing, args=(number,)) for number in range(8)]
    with requests.Session() as idle:
        idle.get(f"http://{sandbox.tencent.endpoint}/_sandbox/calls")
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(sandbox.calls) == 8)
        asked = time.monotonic()
        sandbox.close()
        assert time.monotonic() - asked < 0.5
    for thread in threads:
        thread.join(5)
    assert failed == ["ClientNetworkError"] * 8
    assert time.monotonic() - began < 10


def test_a_closed_sandbox_can_be_started_again() -> None:
    """A restart is an outage: callers are refused in between, and afterwards everything is where it was."""
    with Sandbox() as sandbox:
        create = topic_client(sandbox)
        create("one")
        sandbox.close()
        with pytest.raises(TencentCloudSDKException, match="Connection refused"):
            create("two")
        sandbox.start()
        with pytest.raises(TencentCloudSDKException, match="ResourceAlreadyExists"):
            create("one")
        assert sandbox.asked("CreateTopic") == 2


def test_a_taken_port_is_an_error_that_leaves_nothing_behind(sandbox: Sandbox) -> None:
    """Starting on a port that is taken raises OSError, and the other port is free again."""
    port = int(sandbox.alibaba.endpoint.rpartition(":")[2])
    other = Sandbox(tencent_port=port)
    with pytest.raises(OSError, match="in use"):
        other.start()
    assert "not running" in repr(other)
