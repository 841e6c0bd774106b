"""Wrapped clients of the real SDKs, against the sandbox: the same calls, under a policy."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.request import RpcRequest
from engine_calls import Log
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.retry import StandardRetryer
from wrapped_clients import (
    ALIBABA_INSTANCE,
    EVERYWHERE,
    STYLES,
    TENCENT_INSTANCE,
    OwnKeys,
    Style,
    alibaba_client,
    common_client,
    group,
    old_client,
    old_group,
    peer,
    quick,
    sandboxed,
    tencent_client,
    tencent_profile,
    topic,
    topic_fields,
    with_credential,
)

from resilience import Executor, Ledger, SyncExecutor
from resilience.core.events import CallEnded
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


@EVERYWHERE
@pytest.mark.anyio
async def test_a_call_that_fails_for_a_moment_is_made_again(style: Style, cloud: Sandbox) -> None:
    """Every client is of its own type, and its calls are retried as the policy says."""
    client = style.client(cloud)
    wrapped = wrap_client(client, Executor(quick(), observers=()))
    assert isinstance(wrapped, type(client))
    cloud.script(style.operation, f"{style.busy}*2, 503" if style.provider == "alibaba" else f"{style.busy}*3")
    answer = await style.create(wrapped, cloud)
    assert style.answer(answer)
    assert cloud.asked(style.operation) == 4
    assert cloud.applied(style.operation) == 1


@EVERYWHERE
@pytest.mark.anyio
async def test_the_client_itself_stays_as_it_is(style: Style, cloud: Sandbox) -> None:
    """What was wrapped makes its calls once, as before."""
    client = style.client(cloud)
    before = plainly(client)
    # Shorter than the time-outs of the SDKs, which are lowered for the wrapped client alone.
    wrapped = wrap_client(client, Executor(quick('[limits]\nattempt_timeout = "3s"'), observers=()))
    await style.create(wrapped, cloud)
    assert plainly(client) == before
    assert type(client) is not type(wrapped)
    cloud.script(style.operation, style.busy)
    with pytest.raises(Exception, match=style.busy) as caught:
        await style.create(client, cloud, f"{style.name}-2")
    assert not hasattr(caught.value, "__notes__")


def plainly(thing: Any, depth: int = 4) -> Any:
    """Return what an object of an SDK is made of, down to plain values and foreign objects."""
    module = type(thing).__module__
    if depth and module.startswith(("tencentcloud", "alibabacloud", "aliyunsdk")) and "vendored" not in module:
        return {name: plainly(value, depth - 1) for name, value in vars(thing).items()}
    return thing if isinstance(thing, str | int | float | None | tuple) else id(thing)


@EVERYWHERE
@pytest.mark.anyio
async def test_what_is_there_after_a_lost_answer_is_a_success(style: Style, cloud: Sandbox) -> None:
    """The call returns an answer of the SDK's own type, and what it made is there once."""
    wrapped = wrap_client(style.client(cloud), Executor(quick(), observers=()))
    cloud.script(style.operation, "applied lost")
    answer = await style.create(wrapped, cloud)
    assert style.answer(answer)
    assert cloud.applied(style.operation, **{style.field: style.name}) == 1


@pytest.mark.parametrize("name", ["alibaba", "tencent", "tencent-json", "tencent-common"])
def test_a_doubt_is_verified_with_the_client_itself(name: str, cloud: Sandbox) -> None:
    """The ready-made verifier reads back what was made, past the cover."""
    style = STYLES[name]
    log: Any = Log()
    client = style.client(cloud)
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    cloud.script(style.operation, f"applied lost, {style.there}")
    assert style.answer(style.send(wrapped, cloud, style.name))
    assert log.last(CallEnded).verified is True
    assert len(log.started) == 1, "what the verifier asks is no call of its own"
    assert cloud.applied(style.operation) == 1


def test_an_accepted_answer_says_what_the_request_says(cloud: Sandbox) -> None:
    """Fields that request and answer share are there, and the id of the refusal."""
    wrapped = wrap_client(common_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.script("CreateTopic", "applied lost")
    answer = wrapped.call_json("CreateTopic", topic_fields("sensors"))["Response"]
    assert answer == {"InstanceId": TENCENT_INSTANCE, "Topic": "sensors", "RequestId": answer["RequestId"]}
    assert answer["RequestId"]


def test_a_registered_verifier_comes_before_the_ready_made_one(cloud: Sandbox) -> None:
    """The user's own look is what counts, and its value is what the call returns."""
    executor = SyncExecutor(quick(), observers=())

    @executor.verify("alibaba:CreateGroupId")
    def find(request: Any) -> str:
        return f"found {request.group_id}"

    @executor.verify("alibaba:RegisterDeviceCredential")
    def find_device(request: Any, runtime: Any) -> str:
        return f"found {request.client_id} {type(runtime).__name__}"

    wrapped = wrap_client(alibaba_client(cloud), executor)
    cloud.script("CreateGroupId", "applied lost, GroupIdAlreadyExsited")
    assert wrapped.create_group_id(group("GID_sensors")) == "found GID_sensors"
    cloud.script("RegisterDeviceCredential", "applied lost, DeviceCredentialExsit")
    device = alibaba_models.RegisterDeviceCredentialRequest(client_id="GID_s@@@1", instance_id=ALIBABA_INSTANCE)
    assert wrapped.register_device_credential(device) == "found GID_s@@@1 RuntimeOptions"


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_registered_verifier_serves_asynchronous_methods_too(kind: str, cloud: Sandbox) -> None:
    """It may be either kind of function, and need not take the options that the SDK adds."""
    executor = Executor(quick(), observers=())

    async def find(request: Any) -> str:
        return f"found {request.group_id}"

    def find_in_a_thread(request: Any) -> str:
        return f"found {request.group_id}"

    executor.verify("alibaba:CreateGroupId")(find if kind == "coroutine" else find_in_a_thread)

    async def main() -> None:
        wrapped = wrap_client(alibaba_client(cloud), executor)
        assert await wrapped.create_group_id_async(group("GID_sensors")) == "found GID_sensors"

    cloud.script("CreateGroupId", "applied lost, GroupIdAlreadyExsited")
    asyncio.run(main())


def test_later_calls_use_the_new_name_of_what_was_renamed(cloud: Sandbox) -> None:
    """The script goes on to speak of the old name, alone and within client ids, and the service hears the new one."""
    cloud.alibaba.add_foreign_group("GID_sensors")
    told: list[tuple[str, str]] = []
    executor = SyncExecutor(quick(), observers=(), on_rename=lambda event: told.append((event.old, event.new)))
    client = wrap_client(alibaba_client(cloud), executor)
    request = group("GID_sensors")
    client.create_group_id(request)
    assert request.group_id == "GID_sensors", "the script's own request stays as it is"
    registered = client.register_device_credential(
        alibaba_models.RegisterDeviceCredentialRequest(client_id="GID_sensors@@@one", instance_id=ALIBABA_INSTANCE)
    )
    client.delete_group_id(group("GID_sensors", "DeleteGroupId"))
    client.delete_group_id_with_options(request=group("GID_other", "DeleteGroupId"), runtime=RuntimeOptions())
    sent = [next(iter(call.arguments.values())) for call in cloud.calls]
    assert sent == ["GID_sensors", "GID_sensors-2", "GID_sensors-2@@@one", "GID_sensors-2", "GID_other"]
    assert registered.body.device_credential.client_id == "GID_sensors-2@@@one"
    assert told == [("GID_sensors", "GID_sensors-2")]


def test_a_second_create_of_what_was_renamed_is_known_to_the_ledger(cloud: Sandbox, tmp_path: Path) -> None:
    """The script asks for the same name again in the same run, and it is done already: nothing is sent."""
    cloud.alibaba.add_foreign_group("GID_sensors")
    with Ledger(tmp_path / "ledger.db") as ledger:
        client = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=(), ledger=ledger))
        for _ in range(2):
            assert client.create_group_id(group("GID_sensors")).status_code == 200
    assert cloud.asked("CreateGroupId") == 2


@pytest.mark.parametrize("name", [name for name in STYLES if "async" not in name])
def test_what_an_earlier_run_has_done_is_not_done_again(name: str, cloud: Sandbox, tmp_path: Path) -> None:
    """The ledger recalls it, and the script has an answer of its SDK all the same."""
    style = STYLES[name]
    for _ in range(2):
        with Ledger(tmp_path / "ledger.db") as ledger:
            wrapped = wrap_client(style.client(cloud), SyncExecutor(quick(), observers=(), ledger=ledger))
            assert style.answer(style.send(wrapped, cloud, style.name))
    assert cloud.asked(style.operation) == 1


RENAME = """
[rules.alibaba]
"CreateGroupId/GroupIdAlreadyExsited" = "rename"
[rules.tencent]
"CreateTopic/UnsupportedOperation.ResourceAlreadyExists" = "rename"
"""


@EVERYWHERE
@pytest.mark.anyio
async def test_a_name_that_is_taken_is_changed_in_any_form_of_request(style: Style, cloud: Sandbox) -> None:
    """Models, mappings and the old SDK's requests are all sent again under another name."""
    client = style.client(cloud)
    await style.create(client, cloud)
    wrapped = wrap_client(client, Executor(quick(RENAME), observers=()))
    assert style.answer(await style.create(wrapped, cloud))
    assert cloud.applied(style.operation, **{style.field: f"{style.name}-2"}) == 1


MANY = """
[limits]
max_attempts = 30
[rules.alibaba]
"InternalError" = "retry"
"""


def test_threads_share_a_covered_client(cloud: Sandbox) -> None:
    """Sixteen threads with faults on the way: each call has its answer, and each group is made once."""
    wrapped = wrap_client(alibaba_client(cloud), SyncExecutor(quick(MANY), observers=()))
    cloud.chaos(
        rate=0.2, seed=7, kinds=["InternalError", "ApplyTokenOverFlow", "applied lost"], operation="CreateGroupId"
    )
    names = [f"GID_{number:03}" for number in range(160)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda name: wrapped.create_group_id(group(name)), names))
    assert all(answer.status_code == 200 for answer in answers)
    cloud.chaos(rate=0, seed=0)
    assert sorted(row["GroupId"] for row in cloud.alibaba.groups) == names
    assert cloud.asked("CreateGroupId") > 160


def test_the_sdks_own_retries_are_switched_off_and_said(cloud: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The client that was given keeps its retryer; the covered one makes each attempt once."""
    client = tencent_client(cloud, retryer=StandardRetryer())
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=()))
    cloud.script("CreateTopic", "RequestLimitExceeded*2")
    with caplog.at_level(logging.WARNING, "resilience"):
        wrapped.CreateTopic(topic("sensors"))
        wrapped.CreateTopic(topic("gateways"))
    said = [record.getMessage() for record in caplog.records if record.name == "resilience"]
    assert len(said) == 1
    assert "StandardRetryer" in said[0]
    assert cloud.applied("CreateTopic", Topic="sensors") == 1
    assert isinstance(client.profile.retryer, StandardRetryer)


def test_autoretry_of_one_call_is_switched_off(cloud: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runtime options that ask for retries are sent without, by position and by name; the script's own stay."""
    client = alibaba_client(cloud)
    # As in tea-openapi 0.3, the only one that obeys: its clients have no such attribute.
    monkeypatch.delattr(OpenApiClient, "_retry_options")
    del client._retry_options
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=()))
    seen: list[Any] = []

    def call_api(_: Any, __: Any, options: Any) -> Any:
        seen.append(options)
        return {"headers": {}, "statusCode": 200, "body": {"RequestId": "r-1"}}

    wrapped.call_api = call_api
    options = RuntimeOptions(autoretry=True, max_attempts=3)
    wrapped.create_group_id_with_options(group("GID_sensors"), options)
    wrapped.create_group_id_with_options(request=group("GID_sensors"), runtime=options)
    assert [each.autoretry for each in seen] == [False, False]
    assert options.autoretry is True


@EVERYWHERE
@pytest.mark.anyio
async def test_clients_are_let_go(style: Style, cloud: Sandbox) -> None:
    """After good and failed calls nothing of ours holds on to either client, its credential or the executor."""
    executor = Executor(quick(), observers=())
    client = style.client(cloud)
    if style.client is not old_client:
        client = with_credential(style, cloud, OwnKeys(getattr(cloud, style.provider)))
    wrapped = wrap_client(client, executor)
    await style.create(wrapped, cloud)
    with contextlib.suppress(Exception):
        await style.create(wrapped, cloud)
    gone: list[Any] = [weakref.ref(client), weakref.ref(wrapped), weakref.ref(executor)]
    if style.client is old_client:
        client.session.close()
    else:
        gone.append(weakref.ref(getattr(client, "_credential" if style.provider == "alibaba" else "credential")))
    del client, wrapped, executor
    gc.collect()
    assert [each() for each in gone] == [None] * len(gone)


def test_calls_for_another_product_are_none_of_ours(cloud: Sandbox) -> None:
    """A client of any product makes them once and untouched."""
    log: Any = Log()
    executor = SyncExecutor(quick(), observers=(log,))
    request = RpcRequest("Ecs", "2014-05-26", "DescribeInstances")
    request.set_endpoint(cloud.alibaba.endpoint)
    request.set_protocol_type("http")
    with pytest.raises(ServerException, match="InvalidVersion") as caught:
        wrap_client(old_client(cloud), executor).do_action_with_exception(request)
    assert not hasattr(caught.value, "__notes__")
    with peer(hangs_up=True) as address:
        profile = tencent_profile(address)
        client = CommonClient("cvm", "2017-03-12", Credential("id", "key"), "ap-guangzhou", profile)
        wrapped = wrap_client(client, executor)
        with pytest.raises(TencentCloudSDKException) as cut:
            wrapped.call_json("DescribeInstances", {})
    assert not hasattr(cut.value, "__notes__")
    assert log.started == []


def test_a_name_that_an_earlier_run_changed_is_changed_in_later_calls_too(cloud: Sandbox, tmp_path: Path) -> None:
    """What the ledger knows of a rename holds for all calls of the next run, as it did for those of the first."""
    cloud.alibaba.add_foreign_group("GID_sensors")
    for run in ("one", "two"):
        with Ledger(tmp_path / "ledger.db") as ledger:
            client = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=(), ledger=ledger))
            client.create_group_id(group("GID_sensors"))
            device = f"GID_sensors@@@{run}"
            client.register_device_credential(
                alibaba_models.RegisterDeviceCredentialRequest(client_id=device, instance_id=ALIBABA_INSTANCE)
            )
    assert cloud.applied("CreateGroupId") == 1
    sent = [call.arguments["ClientId"] for call in cloud.calls if call.operation == "RegisterDeviceCredential"]
    assert sent == ["GID_sensors-2@@@one", "GID_sensors-2@@@two"]


def test_the_session_of_the_old_sdk_outlives_the_covered_client(cloud: Sandbox) -> None:
    """It belongs to the client that was given, whose class closes it when it goes."""
    client, closed = old_client(cloud), list[bool]()
    client.session.close = lambda: closed.append(True)
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=()))
    cloud.script("CreateGroupId", "ApplyTokenOverFlow")
    wrapped.do_action_with_exception(old_group(cloud, "GID_sensors"))
    del wrapped
    gc.collect()
    assert closed == []
    del client.session.close
