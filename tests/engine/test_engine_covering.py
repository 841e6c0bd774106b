"""Covered clients of the real SDKs, against the sandbox: the same calls, under a policy."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import json
import logging
import multiprocessing
import pickle
import threading
import time
import traceback
import weakref
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import anyio
import httpx
import pytest
import requests
from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.provider import URLCredentialsProvider
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import RamRoleArnCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from covering_clients import (
    ALIBABA_INSTANCE,
    STYLES,
    TENCENT_INSTANCE,
    OwnKeys,
    Style,
    alibaba_at,
    alibaba_client,
    async_tencent_client,
    close_connection,
    common_client,
    everywhere,
    group,
    old_client,
    old_group,
    peer,
    purchase,
    quick,
    raise_in_another_process,
    tencent_at,
    tencent_client,
    tencent_profile,
    topic,
    topic_fields,
    with_credential,
)
from engine_calls import Log
from Tea.exceptions import TeaException
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.retry import StandardRetryer
from tencentcloud.mqtt.v20240516 import models as tencent_models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience import Credentials, DeadlineExceeded, Executor, Policy, RemedyFailed, ServiceError, SyncExecutor
from resilience.engine.covering import Covering, wrap_client
from resilience.engine.events import CallEnded, RefreshStarted
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


EVERYWHERE = pytest.mark.parametrize(("style", "anyio_backend"), [*everywhere()])


@EVERYWHERE
@pytest.mark.anyio
async def test_a_call_that_fails_for_a_moment_is_made_again(style: Style, cloud: Sandbox) -> None:
    """Every client is of its own type, and its calls are retried as the policy says."""
    client = style.client(cloud)
    covered = wrap_client(client, Executor(quick(), observers=()))
    assert isinstance(covered, type(client))
    cloud.script(style.operation, f"{style.busy}*2, 503" if style.provider == "alibaba" else f"{style.busy}*3")
    answer = await style.create(covered, cloud)
    assert style.answer(answer)
    assert cloud.asked(style.operation) == 4
    assert cloud.applied(style.operation) == 1


@EVERYWHERE
@pytest.mark.anyio
async def test_the_client_itself_stays_as_it_is(style: Style, cloud: Sandbox) -> None:
    """What was wrapped makes its calls once, as before."""
    client = style.client(cloud)
    before = dict(vars(client))
    covered = wrap_client(client, Executor(quick(), observers=()))
    assert style.answer(await style.create(covered, cloud))
    assert vars(client) == before
    assert type(client) is not type(covered)
    cloud.script(style.operation, style.busy)
    with pytest.raises(Exception, match=style.busy) as caught:
        await style.create(client, cloud, f"{style.name}-2")
    assert not hasattr(caught.value, "__notes__")
    assert cloud.asked(style.operation) == 2


@EVERYWHERE
@pytest.mark.anyio
async def test_what_is_there_after_a_lost_answer_is_a_success(style: Style, cloud: Sandbox) -> None:
    """The call returns an answer of the SDK's own type, and what it made is there once."""
    covered = wrap_client(style.client(cloud), Executor(quick(), observers=()))
    cloud.script(style.operation, "applied lost")
    answer = await style.create(covered, cloud)
    assert style.answer(answer)
    assert cloud.applied(style.operation, **{style.field: style.name}) == 1


@EVERYWHERE
@pytest.mark.anyio
async def test_what_others_made_is_refused_in_the_sdks_words(style: Style, cloud: Sandbox) -> None:
    """Without a doubt there is no accept: the SDK's own exception leaves, with a note."""
    client = style.client(cloud)
    await style.create(client, cloud)
    covered = wrap_client(client, SyncExecutor(quick(), observers=()))
    with pytest.raises(Exception, match=style.there) as caught:
        await style.create(covered, cloud)
    assert not isinstance(caught.value, ServiceError)
    assert "stop reason: not_ours" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("name", ["alibaba", "tencent", "tencent-json", "tencent-common"])
def test_a_doubt_is_verified_with_the_client_itself(name: str, cloud: Sandbox) -> None:
    """The ready-made verifier reads back what was made, past the cover."""
    style, log = STYLES[name], Log()
    client = style.client(cloud)
    covered = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    cloud.script(style.operation, f"applied lost, {style.there}")
    assert style.answer(style.send(covered, cloud, style.name))
    assert log.last(CallEnded).verified is True
    assert len(log.started) == 1, "what the verifier asks is no call of its own"
    assert cloud.applied(style.operation) == 1


def test_an_accepted_answer_says_what_the_request_says(cloud: Sandbox) -> None:
    """Fields that request and answer share are there, and the id of the refusal."""
    covered = wrap_client(common_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.script("CreateTopic", "applied lost")
    answer = covered.call_json("CreateTopic", topic_fields("sensors"))["Response"]
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

    covered = wrap_client(alibaba_client(cloud), executor)
    cloud.script("CreateGroupId", "applied lost, GroupIdAlreadyExsited")
    assert covered.create_group_id(group("GID_sensors")) == "found GID_sensors"
    cloud.script("RegisterDeviceCredential", "applied lost, DeviceCredentialExsit")
    device = alibaba_models.RegisterDeviceCredentialRequest(client_id="GID_s@@@1", instance_id=ALIBABA_INSTANCE)
    assert covered.register_device_credential(device) == "found GID_s@@@1 RuntimeOptions"


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
        covered = wrap_client(alibaba_client(cloud), executor)
        assert await covered.create_group_id_async(group("GID_sensors")) == "found GID_sensors"

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


@pytest.mark.anyio
@EVERYWHERE
async def test_a_name_that_is_taken_is_changed_in_any_form_of_request(style: Style, cloud: Sandbox) -> None:
    """Models, mappings and the old SDK's requests are all sent again under another name."""
    more = """
    [rules.alibaba]
    "CreateGroupId/GroupIdAlreadyExsited" = "rename"
    [rules.tencent]
    "CreateTopic/UnsupportedOperation.ResourceAlreadyExists" = "rename"
    """
    client = style.client(cloud)
    await style.create(client, cloud)
    covered = wrap_client(client, Executor(quick(more), observers=()))
    assert style.answer(await style.create(covered, cloud))
    assert cloud.applied(style.operation, **{style.field: f"{style.name}-2"}) == 1


OWN_KEYS = [
    each for each in everywhere() if "old" not in str(each.id)  # whose signer is tested below
]


@pytest.mark.parametrize(("style", "anyio_backend"), OWN_KEYS)
@pytest.mark.anyio
async def test_the_clients_own_credential_is_refreshed(style: Style, cloud: Sandbox) -> None:
    """A token that the service refuses is replaced by the credential that the client came with, once."""
    keys = OwnKeys(getattr(cloud, style.provider))
    covered = wrap_client(with_credential(style, cloud, keys), Executor(quick(), observers=()))
    for number in range(3):
        getattr(cloud, style.provider).expire_tokens()
        assert style.answer(await style.create(covered, cloud, f"{style.name}-{number}"))
        assert keys.refreshes == number + 1
    assert cloud.applied(style.operation) == 3


def test_the_signer_of_the_old_sdk_assumes_its_role_again(cloud: Sandbox) -> None:
    """A revoked token, which the signer alone would use until it is old, is replaced."""
    service, log = cloud.alibaba, Log()
    credential = RamRoleArnCredential(service.access_key_id, service.access_key_secret, "acs:ram::1:role/r", "me")
    client = AcsClient(region_id="cn-hangzhou", credential=credential, auto_retry=False)
    # The signer asks for https, and the client obeys what an endpoint says.
    client._endpoint_resolver.put_endpoint_entry("cn-hangzhou", "sts", f"http://{service.endpoint}")
    covered = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    covered.do_action_with_exception(old_group(cloud, "GID_sensors"))
    service.expire_tokens()
    covered.do_action_with_exception(old_group(cloud, "GID_gateways"))
    assert cloud.applied("AssumeRole") == 2
    assert log.names.count("RefreshStarted") == 1
    assert len(log.started) == 2, "the signer's own request is part of an attempt"


class Following(OwnKeys):
    """A credential that could refresh by itself, and signs with what an executor's source holds."""

    def __init__(self, service: Any, source: Credentials[Any]) -> None:
        self.source = source
        super().__init__(service)

    @property
    def key(self) -> Any:
        return self.source.current()

    @key.setter
    def key(self, _: Any) -> None:
        """Keep nothing."""


@pytest.mark.parametrize(("style", "anyio_backend"), OWN_KEYS)
@pytest.mark.anyio
async def test_registered_credentials_come_before_the_clients_own(style: Style, cloud: Sandbox) -> None:
    """Where the executor has a source for the provider, that one is refreshed, and the client's own is left alone."""
    service = getattr(cloud, style.provider)
    source = Credentials(service.issue_token)
    keys = Following(service, source)
    executor = Executor(quick(), observers=(), credentials={style.provider: source})
    covered = wrap_client(with_credential(style, cloud, keys), executor)
    assert style.answer(await style.create(covered, cloud, f"{style.name}-1"))
    service.expire_tokens()
    assert style.answer(await style.create(covered, cloud, f"{style.name}-2"))
    assert (keys.refreshes, source.generation) == (0, 2)


class KeyServer:
    """Answers a provider of Alibaba's SDK with new keys, after a while."""

    def __init__(self, sandbox: Sandbox, seconds: float) -> None:
        served = self.served = [0]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(seconds)
                served[0] += 1
                key_id, secret, token = sandbox.alibaba.issue_token()
                keys = {"AccessKeyId": key_id, "AccessKeySecret": secret, "SecurityToken": token}
                body = json.dumps({"Code": "Success", **keys, "Expiration": "2099-01-01T00:00:00Z"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}/keys"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


async def _tick(ticks: list[float]) -> None:
    while True:
        ticks.append(time.monotonic())
        await anyio.sleep(0.01)


def test_the_event_loop_does_not_stand_still_while_a_client_gets_keys(cloud: Sandbox) -> None:
    """The first keys and those after a refusal are fetched once for all calls, in a thread."""
    server, ticks = KeyServer(cloud, 0.6), list[float]()

    async def main(uri: str) -> None:
        credential = CredentialClient(provider=URLCredentialsProvider(uri=uri))
        client = alibaba_client(cloud, credential=credential, access_key_id=None, access_key_secret=None)
        covered = wrap_client(client, Executor(quick(), observers=()))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tick, ticks)
            for turn in range(2):
                async with anyio.create_task_group() as calls:
                    for number in range(4):
                        calls.start_soon(covered.create_group_id_async, group(f"GID_{turn}-{number}"))
                cloud.alibaba.expire_tokens()
            tasks.cancel_scope.cancel()

    with server as uri:
        anyio.run(main, uri)
    assert server.served == [2]
    assert cloud.applied("CreateGroupId") == 8
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.5


def test_what_may_have_been_bought_is_not_bought_again(cloud: Sandbox) -> None:
    """An instance of that name may be anybody's: the call stops, in a way that the script's own handler sees."""
    covered = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.script("CreateInstance", "applied lost")
    with pytest.raises(TencentCloudSDKException) as caught:
        covered.CreateInstance(purchase())
    assert isinstance(caught.value, RemedyFailed)
    assert "names are not unique" in str(caught.value.__cause__)
    assert "may exist; look before you run this again" in "".join(caught.value.__notes__)
    assert cloud.asked("CreateInstance") == 1


def test_an_operation_that_nobody_knows_is_not_repeated_in_doubt() -> None:
    """What came after the catalogue may do things twice: the SDK's own exception leaves after one request."""
    with peer(hangs_up=True) as address:
        covered = wrap_client(tencent_at(address), SyncExecutor(quick(), observers=()))
        with pytest.raises(TencentCloudSDKException, match="closed connection") as caught:
            covered.call_json("createBridge", {"InstanceId": TENCENT_INSTANCE})
    assert not isinstance(caught.value, ServiceError | RemedyFailed)
    notes = "".join(caught.value.__notes__)
    assert "CreateBridge stopped after 1 attempt (stop reason: unverified)" in notes
    assert "register a verifier for CreateBridge" in notes


def test_a_refusal_in_a_good_answer_is_an_error_of_alibabas_sdk(cloud: Sandbox) -> None:
    """``Success: false`` with status 200 reaches the script as what it catches, and as what we say."""
    covered = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.fault("CloseConnection", fields={"Success": False, "Code": "ParameterCheckFailed", "Message": "secret"})
    with pytest.raises(ClientException) as caught:
        covered.close_connection(close_connection())
    error: Any = caught.value
    assert isinstance(error, ServiceError)
    assert isinstance(error, TeaException)
    assert (error.code, error.fault.code) == ("ParameterCheckFailed", "ParameterCheckFailed")
    assert error.request_id == error.fault.request_id
    assert error.answer.body.success is False
    assert "secret" not in f"{error}{error!r}"


def test_an_error_that_tencents_sdk_overlooks_is_an_error_of_it(cloud: Sandbox) -> None:
    """With a charset in its content type an error looks like an answer to the SDK; the script gets what it catches."""
    covered = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.fault("CreateTopic", "InternalError", content_type="application/json; charset=utf-8", times=None)
    with pytest.raises(TencentCloudSDKException) as caught:
        covered.CreateTopic(topic("sensors"))
    error: Any = caught.value
    assert isinstance(error, ServiceError)
    assert error.get_code() == "ServerNetworkError"
    assert error.get_request_id() == error.fault.request_id


SHORT = """
[limits]
deadline = "400ms"
attempt_timeout = "100ms"
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_attempt_that_is_cut_short_is_an_error_of_the_sdk(backend: str) -> None:
    """The script's own handler sees the deadline, and so does one that knows us."""

    async def main(address: str) -> None:
        async with tencent_at(address, AsyncMqttClient) as client:
            covered = wrap_client(client, Executor(quick(SHORT), observers=()))
            with pytest.raises(TencentCloudSDKException) as caught:
                await covered.call_and_deserialize(action="CreateBridge", params={})
        assert isinstance(caught.value, DeadlineExceeded)
        assert (caught.value.limit, caught.value.seconds) == ("attempt_timeout", 0.1)
        assert caught.value.get_code() == "ServerNetworkError"
        assert "stop reason: unverified" in "".join(caught.value.__notes__)

    with peer(hangs_up=False) as address:
        anyio.run(main, address, backend=backend)


def test_an_attempt_of_alibabas_that_is_cut_short_is_an_error_of_the_sdk() -> None:
    """On asyncio too."""

    async def main(address: str) -> None:
        covered = wrap_client(alibaba_at(address), Executor(quick(SHORT), observers=()))
        with pytest.raises(TeaException) as caught:
            await covered.refresh_device_credential_async(
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
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        error: Any = pool.submit(raise_in_another_process, kind, endpoints, keys).exception()
    assert isinstance(error, ServiceError)
    assert isinstance(error, TeaException if kind == "alibaba" else TencentCloudSDKException)
    assert error.fault.provider == kind
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(again), str(again), again.fault) == (type(error), str(error), error.fault)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", ["alibaba", "old-alibaba", "tencent", "tencent-common"])
def test_a_copy_of_a_covered_client_is_covered(name: str, copied: Any, cloud: Sandbox) -> None:
    """It is made like a copy of the client itself, before and after a call."""
    style = STYLES[name]
    covered = wrap_client(style.client(cloud), SyncExecutor(quick(), observers=()))
    for number in range(2):
        twin = copied(covered)
        assert type(twin) is type(covered)
        cloud.script(style.operation, style.busy)
        assert style.answer(style.send(twin, cloud, f"{style.name}-{number}"))
        assert style.answer(style.send(covered, cloud, f"{style.name}-{number}-x"))
    assert cloud.asked(style.operation) == 6


@pytest.mark.parametrize("name", ["alibaba", "old-alibaba", "tencent", "tencent-async"])
def test_a_covered_client_says_that_it_cannot_be_pickled(name: str, cloud: Sandbox) -> None:
    """Without its executor it would be another client; the error says what to do instead."""
    covered = wrap_client(STYLES[name].client(cloud), SyncExecutor(quick(), observers=()))
    with pytest.raises(TypeError, match="make a client in each process"):
        pickle.dumps(covered)


def test_threads_share_a_covered_client(cloud: Sandbox) -> None:
    """Sixteen threads with faults on the way: each call has its answer, and each group is made once."""
    more = """
    [limits]
    max_attempts = 30
    [rules.alibaba]
    "InternalError" = "retry"
    """
    covered = wrap_client(alibaba_client(cloud), SyncExecutor(quick(more), observers=()))
    cloud.chaos(rate=0.2, seed=7, kinds=["InternalError", "ApplyTokenOverFlow", "applied lost"])
    names = [f"GID_{number:03}" for number in range(160)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda name: covered.create_group_id(group(name)), names))
    assert all(answer.status_code == 200 for answer in answers)
    cloud.chaos(rate=0, seed=0)
    assert sorted(row["GroupId"] for row in cloud.alibaba.groups) == names
    assert cloud.asked("CreateGroupId") > 160


def test_the_sdks_own_retries_are_switched_off_and_said(cloud: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The client that was given keeps its retryer; the covered one makes each attempt once."""
    client = tencent_client(cloud, retryer=StandardRetryer())
    covered = wrap_client(client, SyncExecutor(quick(), observers=()))
    cloud.script("CreateTopic", "RequestLimitExceeded*2")
    with caplog.at_level(logging.WARNING, "resilience"):
        covered.CreateTopic(topic("sensors"))
        covered.CreateTopic(topic("gateways"))
    said = [record.getMessage() for record in caplog.records if record.name == "resilience"]
    assert len(said) == 1
    assert "StandardRetryer" in said[0]
    assert cloud.applied("CreateTopic", Topic="sensors") == 1
    assert isinstance(client.profile.retryer, StandardRetryer)


def test_autoretry_of_one_call_is_switched_off(cloud: Sandbox) -> None:
    """Runtime options that ask for retries are sent without, by position and by name, and stay as the script has them."""
    covered = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=()))
    seen: list[Any] = []
    covered.do_rpcrequest = lambda *args: seen.append(args)
    covered.call_api = lambda _, __, options: seen.append(options) or ANSWER
    options = RuntimeOptions(autoretry=True, max_attempts=3)
    covered.create_group_id_with_options(group("GID_sensors"), options)
    covered.create_group_id_with_options(request=group("GID_sensors"), runtime=options)
    assert [each.autoretry for each in seen] == [False, False]
    assert options.autoretry is True


ANSWER = {"headers": {}, "statusCode": 200, "body": {"RequestId": "r-1"}}


def test_alibabas_asynchronous_methods_say_that_they_need_asyncio(cloud: Sandbox) -> None:
    """Under trio the call ends before anything is sent, and the error says what to call instead."""
    covered = wrap_client(alibaba_client(cloud), Executor(quick(), observers=()))

    async def main() -> None:
        with pytest.raises(RuntimeError, match="need asyncio, .* call the blocking method"):
            await covered.create_group_id_async(group("GID_sensors"))

    anyio.run(main, backend="trio")
    assert cloud.calls == ()


@EVERYWHERE
@pytest.mark.anyio
async def test_clients_are_let_go(style: Style, cloud: Sandbox) -> None:
    """After good and failed calls neither client is held on to by anything of ours, nor its credential."""
    executor = Executor(quick(), observers=())
    client = style.client(cloud)
    if style.client is not old_client:
        client = with_credential(style, cloud, OwnKeys(getattr(cloud, style.provider)))
    covered = wrap_client(client, executor)
    await style.create(covered, cloud)
    with contextlib.suppress(Exception):
        await style.create(covered, cloud)
    gone = [weakref.ref(client), weakref.ref(covered)]
    if style.client is not old_client:
        gone.append(weakref.ref(getattr(client, "_credential" if style.provider == "alibaba" else "credential")))
    del client, covered
    gc.collect()
    assert [each() for each in gone] == [None] * len(gone)


def test_a_failed_call_leaves_no_work_for_the_collector(cloud: Sandbox) -> None:
    """The exception and what it holds are gone as soon as the script has handled it."""
    covered = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    cloud.fault("CreateTopic", "InternalError", content_type="text/json", times=None)
    gc.collect()
    gc.disable()
    try:
        try:
            covered.CreateTopic(topic("sensors"))
        except TencentCloudSDKException as error:
            gone = weakref.ref(error)
        assert gone() is None
    finally:
        gc.enable()


def test_executors_do_not_meet_in_a_client_class(cloud: Sandbox) -> None:
    """Two clients of one class follow each its own policy, and the class itself stays as it is."""
    before = dict(vars(MqttClient))
    patient = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=()))
    strict = '[rules.tencent]\n"RequestLimitExceeded" = "fail"'
    other = wrap_client(tencent_client(cloud), SyncExecutor(quick(strict), observers=()))
    cloud.script("CreateTopic", "RequestLimitExceeded")
    assert patient.CreateTopic(topic("sensors")).Topic == "sensors"
    cloud.script("CreateTopic", "RequestLimitExceeded")
    with pytest.raises(TencentCloudSDKException, match="RequestLimitExceeded"):
        other.CreateTopic(topic("gateways"))
    assert dict(vars(MqttClient)) == before


def test_a_covered_client_that_is_covered_again_follows_the_last_executor(cloud: Sandbox) -> None:
    """Two covers do not multiply attempts."""
    logs = Log(), Log()
    once = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=logs[:1]))
    once.CreateTopic(topic("sensors"))
    twice = wrap_client(once, SyncExecutor(quick(), observers=logs[1:]))
    cloud.script("CreateTopic", "RequestLimitExceeded*2")
    twice.CreateTopic(topic("gateways"))
    assert [len(log.started) for log in logs] == [1, 1]
    once.CreateTopic(topic("actuators"))
    assert [len(log.started) for log in logs] == [2, 1]


class Provisioner(MqttClient):
    """A client of a user's own."""

    def ensure(self, name: str) -> str:
        """Call one of the SDK's methods."""
        return str(self.CreateTopic(topic(name)).Topic)

    def CreateTopic(self, request: Any) -> Any:
        """Do something before the SDK does."""
        self.asked = getattr(self, "asked", 0) + 1
        return super().CreateTopic(request)


def test_a_class_of_the_users_own_keeps_what_it_adds(cloud: Sandbox) -> None:
    """Its own methods run, and what they ask of the SDK is one call under the policy, with all that belongs to it."""
    log = Log()
    client = tencent_client(cloud, Provisioner)
    covered = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    assert isinstance(covered, Provisioner)
    cloud.script("CreateTopic", "RequestLimitExceeded*2")
    assert covered.ensure("sensors") == "sensors"
    assert (len(log.started), covered.asked, hasattr(client, "asked")) == (1, 3, False)


def test_calls_for_another_product_are_none_of_ours(cloud: Sandbox) -> None:
    """A client of any product makes them once and untouched."""
    log = Log()
    executor = SyncExecutor(quick(), observers=(log,))
    request = RpcRequest("Ecs", "2014-05-26", "DescribeInstances")
    request.set_endpoint(cloud.alibaba.endpoint)
    request.set_protocol_type("http")
    with pytest.raises(ServerException, match="InvalidVersion") as caught:
        wrap_client(old_client(cloud), executor).do_action_with_exception(request)
    assert not hasattr(caught.value, "__notes__")
    with peer(hangs_up=True) as address, pytest.raises(TencentCloudSDKException) as cut:
        profile = tencent_profile(address)
        client = CommonClient("cvm", "2017-03-12", Credential("id", "key"), "ap-guangzhou", profile)
        wrap_client(client, executor).call_json("DescribeInstances", {})
    assert not hasattr(cut.value, "__notes__")
    assert log.started == []


@pytest.mark.parametrize(("make", "call"), [
    pytest.param(alibaba_client, lambda client, _: client.create_group_id(group("GID_sensors")), id="alibaba"),
    pytest.param(old_client, lambda client, cloud: client.do_action_with_exception(old_group(cloud, "GID_sensors")), id="old"),
    pytest.param(tencent_client, lambda client, _: client.CreateTopic(topic("sensors")), id="tencent"),
    pytest.param(tencent_client, lambda client, _: client.call_json("CreateTopic", topic_fields("sensors")), id="json"),
])
@pytest.mark.parametrize("times", [1, 3])
def test_a_traceback_has_one_line_of_ours(make: Any, call: Any, times: int, cloud: Sandbox) -> None:
    """Between the script and its SDK there is the covered method, and nothing of how we work; also in a later call."""
    covered = wrap_client(make(cloud), SyncExecutor(quick(), observers=()))
    call(covered, cloud)
    for _ in range(times):
        with pytest.raises(Exception, match="lready") as caught:
            call(covered, cloud)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__) if "/resilience/" in frame.filename]
    assert frames == ["covered"]
    assert caught.value.__context__ is None or "resilience" not in type(caught.value.__context__).__module__


@pytest.fixture
def covered_in_place() -> Iterator[Any]:
    """Return a function that covers a class in place; all is undone at the end."""
    kept: list[tuple[type, dict[str, Any]]] = []

    def cover(covering: Covering, cls: type) -> None:
        kept.append((cls, dict(vars(cls))))
        covering.cover(cls)

    yield cover
    for cls, before in reversed(kept):
        for name, method in before.items():
            if vars(cls)[name] is not method:
                setattr(cls, name, method)


def test_a_class_is_covered_in_place(cloud: Sandbox, covered_in_place: Any) -> None:
    """Every client of it, made before or after, is covered, by its short methods and its long ones; once is enough."""
    log, tallied, said = Log(), list[int](), list[str]()
    covering = Covering(
        SyncExecutor(quick(), observers=(log,)), tally=lambda: tallied.append(1), on_switched_off=said.append
    )
    before = alibaba_client(cloud)
    for _ in range(3):
        covered_in_place(covering, AlibabaClient)
    cloud.script("CreateGroupId", "ApplyTokenOverFlow*3")
    before.create_group_id(group("GID_one"))
    alibaba_client(cloud).create_group_id_with_options(group("GID_two"), RuntimeOptions())
    asyncio.run(before.create_group_id_async(group("GID_three")))
    asyncio.run(before.create_group_id_with_options_async(group("GID_four"), RuntimeOptions()))
    assert cloud.asked("CreateGroupId") == 7
    assert [len(log.started), len(tallied), said] == [4, 4, []]
    twin = pickle.loads(pickle.dumps(before))  # noqa: S301  # our own
    twin.create_group_id(group("GID_five"))
    assert len(log.started) == 5


def test_the_cover_of_a_class_can_be_taken_off(cloud: Sandbox, covered_in_place: Any) -> None:
    """What a later cover puts in place of an earlier one does not nest, and what it covers is the SDK's own."""
    logs = Log(), Log()
    for log in logs:
        covered_in_place(Covering(SyncExecutor(quick(), observers=(log,))), MqttClient)
    cloud.script("CreateTopic", "RequestLimitExceeded")
    client = tencent_client(cloud)
    client.CreateTopic(topic("sensors"))
    assert [len(log.started) for log in logs] == [0, 1]
    assert cloud.asked("CreateTopic") == 2
    assert MqttClient.CreateTopic.__name__ == "CreateTopic"
