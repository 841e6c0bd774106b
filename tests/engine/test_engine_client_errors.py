"""How a failed call of a wrapped client looks to a script: like a failure of its SDK, and of ours."""

from __future__ import annotations

import gc
import pickle
import time
import traceback
import weakref
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import anyio
import other_processes
import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_tea_openapi.exceptions import ClientException
from aliyunsdkcore.acs_exception.exceptions import ServerException
from Tea.exceptions import TeaException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient
from wrapped_clients import (
    ALIBABA_INSTANCE,
    EVERYWHERE,
    SHORT,
    TENCENT_INSTANCE,
    Style,
    alibaba_at,
    alibaba_client,
    close_connection,
    group,
    old_client,
    old_group,
    peer,
    purchase,
    quick,
    raise_in_another_process,
    sandboxed,
    tencent_at,
    tencent_client,
    topic,
    topic_fields,
)

from resilience import BreakerOpen, DeadlineExceeded, Executor, RemedyFailed, ServiceError, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


@EVERYWHERE
@pytest.mark.anyio
async def test_what_others_made_is_refused_in_the_sdks_words(style: Style, cloud: Sandbox) -> None:
    """Without a doubt there is no accept: the SDK's own exception leaves, with a note."""
    client = style.client(cloud)
    await style.create(client, cloud)
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=()))
    with pytest.raises(Exception, match=style.there) as caught:
        await style.create(wrapped, cloud)
    assert not isinstance(caught.value, ServiceError)
    assert "stop reason: not_ours" in "".join(caught.value.__notes__)


def test_what_may_have_been_bought_is_not_bought_again(cloud: Sandbox) -> None:
    """An instance of that name may be anybody's: the call stops, in a way that the script's own handler sees."""
    wrapped = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.script("CreateInstance", "applied lost")
    with pytest.raises(TencentCloudSDKException) as caught:
        wrapped.CreateInstance(purchase())
    assert isinstance(caught.value, RemedyFailed)
    assert "nothing tells which call of CreateInstance bought what is there" in str(caught.value.__cause__)
    assert "may exist; look before you run this again" in "".join(caught.value.__notes__)
    assert cloud.asked("CreateInstance") == 1


def test_an_operation_that_nobody_knows_is_not_repeated_in_doubt() -> None:
    """What came after the catalogue may do things twice: the SDK's own exception leaves after one request."""
    with peer(hangs_up=True) as address:
        wrapped = wrap_client(tencent_at(address), SyncExecutor(quick(), observers=()))
        with pytest.raises(TencentCloudSDKException, match="closed connection") as caught:
            wrapped.call_json("createBridge", {"InstanceId": TENCENT_INSTANCE})
    assert not isinstance(caught.value, ServiceError | RemedyFailed)
    notes = "".join(caught.value.__notes__)
    assert "CreateBridge stopped after 1 attempt (stop reason: unverified)" in notes
    assert 'CreateBridge = { repeat = "conflict"' in notes


def test_a_refusal_in_a_good_answer_is_an_error_of_alibabas_sdk(cloud: Sandbox) -> None:
    """``Success: false`` with status 200 reaches the script as what it catches, and as what we say."""
    wrapped = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.fault("CloseConnection", fields={"Success": False, "Code": "ParameterCheckFailed", "Message": "secret"})
    with pytest.raises(ClientException) as caught:
        wrapped.close_connection(close_connection())
    error: Any = caught.value
    assert isinstance(error, ServiceError)
    assert isinstance(error, TeaException)
    assert (error.code, error.fault.code) == ("ParameterCheckFailed", "ParameterCheckFailed")
    assert error.request_id == error.fault.request_id
    assert error.answer.body.success is False
    assert "secret" not in f"{error}{error!r}"


@EVERYWHERE
@pytest.mark.anyio
async def test_a_call_that_a_shared_limit_refuses_is_an_error_of_the_sdk(style: Style, cloud: Sandbox) -> None:
    """Nothing is sent, and the script's own handler sees it; what we say of it is there too."""
    executor = SyncExecutor(quick(f"[breaker.{style.provider}]\nfailure_rate = 0.5"), observers=())
    wrapped = wrap_client(style.client(cloud), executor)
    executor.breaker(style.provider).open()
    with pytest.raises(BreakerOpen, match="its breaker is open") as caught:
        await style.create(wrapped, cloud)
    assert isinstance(caught.value, TeaException | ServerException | ClientException | TencentCloudSDKException)
    assert cloud.calls == ()
    assert "stop reason: breaker" in "".join(caught.value.__notes__)
    assert caught.value.operation == style.operation


def test_an_error_that_tencents_sdk_overlooks_is_an_error_of_it(cloud: Sandbox) -> None:
    """With a charset in its content type an error looks like an answer to the SDK; the script gets what it catches."""
    wrapped = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.fault("CreateTopic", "InternalError", content_type="application/json; charset=utf-8", times=None)
    with pytest.raises(TencentCloudSDKException) as caught:
        wrapped.CreateTopic(topic("sensors"))
    error: Any = caught.value
    assert (error.get_code(), error.get_request_id()) == ("ServerNetworkError", error.fault.request_id)
    assert isinstance(error, ServiceError)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_attempt_that_is_cut_short_is_an_error_of_the_sdk(backend: str) -> None:
    """The script's own handler sees the deadline, and so does one that knows us."""

    async def main(address: str) -> None:
        async with tencent_at(address, AsyncMqttClient) as client:
            wrapped = wrap_client(client, Executor(quick(SHORT), observers=()))
            with pytest.raises(TencentCloudSDKException) as caught:
                await wrapped.call_and_deserialize(action="CreateBridge", params={})
        error: Any = caught.value
        assert isinstance(error, DeadlineExceeded)
        assert (error.limit, error.seconds) == ("attempt_timeout", 0.1)
        assert vars(error)["code"] == "ServerNetworkError"
        assert "stop reason: unverified" in "".join(error.__notes__)

    with peer(hangs_up=False) as address:
        anyio.run(main, address, backend=backend)


def test_an_attempt_of_alibabas_that_is_cut_short_is_an_error_of_the_sdk() -> None:
    """On asyncio too."""

    async def main(address: str) -> None:
        wrapped = wrap_client(alibaba_at(address), Executor(quick(SHORT), observers=()))
        with pytest.raises(TeaException) as caught:
            await wrapped.refresh_device_credential_async(
                alibaba_models.RefreshDeviceCredentialRequest(client_id="GID_sensors@@@1", instance_id=ALIBABA_INSTANCE)
            )
        assert isinstance(caught.value, DeadlineExceeded)
        assert caught.value.seconds == 0.1

    with peer(hangs_up=False) as address:
        anyio.run(main, address)


@pytest.mark.parametrize("provider", ["alibaba", "tencent"])
def test_a_blocking_attempt_gives_up_in_time_and_in_the_sdks_words(provider: str) -> None:
    """Nobody can cut a thread, so the SDK's own time-outs are lowered to what is left of the attempt."""
    executor = SyncExecutor(quick(SHORT), observers=())
    with peer(hangs_up=False) as address:
        before = time.monotonic()
        if provider == "tencent":
            with pytest.raises(TencentCloudSDKException, match="Read timed out"):
                wrap_client(tencent_at(address), executor).call_json("CreateBridge", {})
        else:
            with pytest.raises(TeaException, match="Read timed out"):
                wrap_client(alibaba_at(address), executor).create_group_id(group("GID_sensors"))
        assert time.monotonic() - before < 2


def test_the_last_attempt_gives_up_before_the_deadline() -> None:
    """Where the deadline comes before the time-out of an attempt, the SDK's own time-outs are lowered further."""
    executor = SyncExecutor(quick('[limits]\nattempt_timeout = "1s"\ndeadline = "1300ms"'), observers=())
    with peer(hangs_up=False) as address:
        before = time.monotonic()
        with pytest.raises(TeaException, match="Read timed out") as caught:
            wrap_client(alibaba_at(address), executor).list_group_id(
                alibaba_models.ListGroupIdRequest(instance_id=ALIBABA_INSTANCE)
            )
        assert time.monotonic() - before < 1.8
    assert "stopped after 2 attempts (stop reason: deadline)" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("kind", ["alibaba", "tencent"])
def test_an_error_of_ours_comes_back_from_another_process(kind: str, cloud: Sandbox) -> None:
    """A pool of processes hands it on whole: still the SDK's, still ours, with the fault."""
    if kind == "alibaba":
        cloud.fault("CloseConnection", fields={"Success": False, "Code": "ParameterCheckFailed"})
        keys = cloud.alibaba.access_key_id, cloud.alibaba.access_key_secret
    else:
        cloud.fault("CreateTopic", "InternalError", content_type="text/json", times=None)
        keys = cloud.tencent.secret_id, cloud.tencent.secret_key
    endpoints = cloud.alibaba.endpoint, cloud.tencent.endpoint
    with ProcessPoolExecutor(1, other_processes.context()) as pool:
        error: Any = pool.submit(raise_in_another_process, kind, endpoints, keys).exception()
    assert isinstance(error, ServiceError)
    assert isinstance(error, TeaException if kind == "alibaba" else TencentCloudSDKException)
    assert error.fault.provider == kind
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(again), str(again), again.fault) == (type(error), str(error), error.fault)


def test_alibabas_asynchronous_methods_say_that_they_need_asyncio(cloud: Sandbox) -> None:
    """Under trio the call ends before anything is sent, and the error says what to call instead."""
    wrapped = wrap_client(alibaba_client(cloud), Executor(quick(), observers=()))

    async def main() -> None:
        with pytest.raises(RuntimeError, match=r"need asyncio, .* call the blocking method"):
            await wrapped.create_group_id_async(group("GID_sensors"))

    anyio.run(main, backend="trio")
    assert cloud.calls == ()


def test_a_failed_call_leaves_no_work_for_the_collector(cloud: Sandbox) -> None:
    """The exception and what it holds are gone as soon as the script has handled it."""
    wrapped = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.fault("CreateTopic", "InternalError", content_type="text/json", times=None)
    gc.collect()
    gc.disable()
    try:
        try:
            wrapped.CreateTopic(topic("sensors"))
        except TencentCloudSDKException as error:
            gone = weakref.ref(error)
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("make", "call"),
    [
        pytest.param(alibaba_client, lambda client, _: client.create_group_id(group("GID_sensors")), id="alibaba"),
        pytest.param(
            old_client, lambda client, cloud: client.do_action_with_exception(old_group(cloud, "GID_sensors")), id="old"
        ),
        pytest.param(tencent_client, lambda client, _: client.CreateTopic(topic("sensors")), id="tencent"),
        pytest.param(
            tencent_client, lambda client, _: client.call_json("CreateTopic", topic_fields("sensors")), id="json"
        ),
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_a_traceback_has_one_line_of_ours(make: Any, call: Any, times: int, cloud: Sandbox) -> None:
    """Between the script and its SDK there is the wrapped method, and nothing of how we work; also in a later call."""
    wrapped = wrap_client(make(cloud), SyncExecutor(quick(), observers=()))
    call(wrapped, cloud)
    for _ in range(times):
        with pytest.raises(Exception, match="lready") as caught:
            call(wrapped, cloud)
    frames = [
        frame.name for frame in traceback.extract_tb(caught.value.__traceback__) if "/resilience/" in frame.filename
    ]
    assert frames == ["wrapped"]
    assert caught.value.__context__ is None or "resilience" not in type(caught.value.__context__).__module__
