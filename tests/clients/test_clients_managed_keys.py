"""Credentials that the SDKs refresh by themselves: what they do wrong alone, and what is done about it from outside."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.models import Config as CredentialConfig
from alibabacloud_credentials.provider import (
    DefaultCredentialsProvider,
    ProfileCredentialsProvider,
    RamRoleArnCredentialsProvider,
    URLCredentialsProvider,
)
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import ListGroupIdRequest
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.auth.credentials import RamRoleArnCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkonsmqtt.request.v20200420.ListGroupIdRequest import ListGroupIdRequest as OldListRequest
from raw_peer import Peer, Script
from tencentcloud.common.credential import (
    Credential,
    CVMRoleCredential,
    OIDCRoleArnCredential,
    STSAssumeRoleCredential,
)
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tls_front import tls_in_front_of, trusted_context

from resilience.clients import KeyTriple, alibaba_credential, classify, tencent_credential
from resilience.clients.common.keys import ManagedKeys
from resilience.clients.inspection import managed_keys
from resilience.sandbox import Sandbox

_GROUPS = ListGroupIdRequest(instance_id="mqtt-cn-sandbox")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def alibaba_sts(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the sandbox's address with TLS, which is all that the providers speak with the token service."""
    with tls_in_front_of(sandbox.alibaba.endpoint, trusted_context(tmp_path, monkeypatch)) as address:
        yield address


@pytest.fixture
def tencent_sts(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with tls_in_front_of(sandbox.tencent.endpoint, trusted_context(tmp_path, monkeypatch)) as address:
        yield address


@pytest.fixture
def provider(sandbox: Sandbox, alibaba_sts: str) -> Callable[..., RamRoleArnCredentialsProvider]:
    def make(**other: Any) -> RamRoleArnCredentialsProvider:
        return RamRoleArnCredentialsProvider(
            access_key_id=sandbox.alibaba.access_key_id,
            access_key_secret=sandbox.alibaba.access_key_secret,
            role_arn="acs:ram::1:role/r",
            sts_endpoint=alibaba_sts,
            **other,
        )

    return make


@pytest.fixture
def alibaba(sandbox: Sandbox) -> Callable[[Any], Client]:
    def make(provider: Any) -> Client:
        credential = CredentialClient(provider=provider)
        return Client(Config(credential=credential, endpoint=sandbox.alibaba.endpoint, protocol="HTTP"))

    return make


@pytest.fixture
def role(sandbox: Sandbox, tencent_sts: str) -> STSAssumeRoleCredential:
    service = sandbox.tencent
    return STSAssumeRoleCredential(
        service.secret_id, service.secret_key, "qcs::cam::uin/1:roleName/r", "me", endpoint=tencent_sts
    )


def _tencent(sandbox: Sandbox, credential: Any) -> MqttClient:
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=sandbox.tencent.endpoint, protocol="http"))
    return MqttClient(credential, "ap-guangzhou", profile)


@pytest.fixture
def caller(request: pytest.FixtureRequest, sandbox: Sandbox) -> tuple[Any, Callable[[], object]]:
    """Return a client that assumes a role by itself, and a call of it, for the provider that a test names."""
    if request.param == "alibaba":
        client = request.getfixturevalue("alibaba")(request.getfixturevalue("provider")())
        return client, lambda: client.list_group_id(_GROUPS)
    client = _tencent(sandbox, request.getfixturevalue("role"))
    return client, lambda: client.call_json("DescribeInstanceList", {})


_BOTH = pytest.mark.parametrize("caller", ["alibaba", "tencent"], indirect=True)


def _keys_of(client: object) -> ManagedKeys:
    keys = managed_keys(client)
    assert keys is not None
    return keys


def _refuse_once(sandbox: Sandbox, client: object) -> None:
    status = {"status": 500} if isinstance(client, Client) else {}
    sandbox.fault("AssumeRole", "InternalError", **status)  # type: ignore[arg-type]  # a keyword, and not all of them


def _used(sandbox: Sandbox) -> list[str]:
    return [call.access_key_id for call in sandbox.calls if call.operation != "AssumeRole"]


@_BOTH
def test_a_revoked_token_is_only_replaced_from_outside(
    caller: tuple[Any, Callable[[], object]], sandbox: Sandbox
) -> None:
    """Alone, the client signs every repeat with the same dead token; after ``renew`` it signs with a new one."""
    client, call = caller
    call()
    for service in sandbox.services:
        service.expire_tokens()
    for _ in range(3):
        with pytest.raises(Exception, match=r"Expired|TokenFailure"):
            call()
    assert len(set(_used(sandbox))) == 1
    assert sandbox.applied("AssumeRole") == 1
    _keys_of(client).renew()
    call()
    assert len(set(_used(sandbox))) == 2
    assert sandbox.applied("AssumeRole") == 2


@_BOTH
def test_keys_are_due_before_the_first_call_and_then_not(
    caller: tuple[Any, Callable[[], object]], sandbox: Sandbox
) -> None:
    """``fetch`` does what the call would have done, once, and then the call has nothing left to fetch."""
    client, call = caller
    keys = _keys_of(client)
    assert keys.is_due()
    assert keys.expires_at() is None
    before = time.time()
    keys.fetch()
    assert not keys.is_due()
    end = keys.expires_at()
    assert end is not None
    length = 3600 if isinstance(client, Client) else 7200
    assert before + length - 2 <= end <= time.time() + length + 1
    keys.fetch()
    call()
    assert sandbox.applied("AssumeRole") == 1


@_BOTH
def test_a_refused_renewal_is_the_sdks_own_error_and_keeps_the_keys(
    caller: tuple[Any, Callable[[], object]], sandbox: Sandbox
) -> None:
    """What the token service said arrives, without doubt about the call; the present keys stay for who can use them."""
    client, call = caller
    call()
    keys = _keys_of(client)
    _refuse_once(sandbox, client)
    with pytest.raises(Exception, match="InternalError") as refused:
        keys.renew()
    fault = classify(refused.value)
    assert fault is not None
    assert (fault.code, fault.effect) == ("InternalError", "none")
    call()
    assert len(set(_used(sandbox))) == 1


@_BOTH
def test_a_refused_first_fetch_is_the_sdks_own_error(
    caller: tuple[Any, Callable[[], object]], sandbox: Sandbox
) -> None:
    """Without any keys there is nothing to go on with, and it stays due."""
    client, _ = caller
    keys = _keys_of(client)
    _refuse_once(sandbox, client)
    with pytest.raises(Exception, match="InternalError"):
        keys.fetch()
    assert keys.is_due()
    keys.fetch()
    assert not keys.is_due()


@_BOTH
def test_clients_that_share_a_credential_share_its_identity(caller: tuple[Any, Callable[[], object]]) -> None:
    """One refresh for both is enough; the identity can be a key of a weak dictionary."""
    client, _ = caller
    if isinstance(client, Client):
        other: Any = Client(Config(credential=client._credential, endpoint="127.0.0.1:9"))
    else:
        other = MqttClient(client.credential, "ap-guangzhou")
    assert _keys_of(client).identity is _keys_of(other).identity
    assert isinstance(hash(_keys_of(client).identity), int)


def _longest_pause(ticks: list[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(ticks))


async def _tick(ticks: list[float]) -> None:
    while True:
        ticks.append(time.monotonic())
        await anyio.sleep(0.01)


def test_alone_alibabas_asynchronous_refresh_freezes_the_event_loop(
    sandbox: Sandbox, provider: Callable[..., Any], alibaba: Callable[[Any], Client]
) -> None:
    """Two first calls at once wait for a thread lock within the loop, for the five seconds that the SDK gives it."""
    client, ticks = alibaba(provider()), list[float]()
    sandbox.fault("alibaba:AssumeRole", kind="slow", delay=0.3, times=2)

    async def main() -> None:
        ticking = asyncio.create_task(_tick(ticks))
        await asyncio.gather(*(client.list_group_id_async(_GROUPS) for _ in range(2)), return_exceptions=True)
        await asyncio.sleep(0.05)
        ticking.cancel()

    asyncio.run(main())
    assert _longest_pause(ticks) > 4


def test_fetched_in_a_thread_keys_do_not_freeze_the_event_loop(
    sandbox: Sandbox, provider: Callable[..., Any], alibaba: Callable[[Any], Client]
) -> None:
    """After a fetch in a worker thread, calls at once find the keys, and the loop never stops."""
    client, ticks = alibaba(provider()), list[float]()
    keys = _keys_of(client)
    sandbox.fault("alibaba:AssumeRole", kind="slow", delay=0.6)

    async def main() -> None:
        ticking = asyncio.create_task(_tick(ticks))
        await asyncio.to_thread(keys.fetch)
        await asyncio.gather(*(client.list_group_id_async(_GROUPS) for _ in range(2)))
        ticking.cancel()

    asyncio.run(main())
    assert _longest_pause(ticks) < 0.5
    assert ticks[-1] - ticks[0] > 0.5
    assert sandbox.applied("AssumeRole") == 1


@_BOTH
def test_who_signs_does_not_wait_for_a_renewal(caller: tuple[Any, Callable[[], object]], sandbox: Sandbox) -> None:
    """While new keys are on their way, the present ones are handed out at once, so no event loop waits for a lock."""
    client, call = caller
    call()
    keys = _keys_of(client)
    sandbox.fault("AssumeRole", kind="slow", delay=1.0)
    renewing = threading.Thread(target=keys.renew)
    renewing.start()
    time.sleep(0.2)
    started = time.monotonic()
    call()
    assert time.monotonic() - started < 0.5
    assert renewing.is_alive()
    renewing.join(5)
    call()
    assert len(set(_used(sandbox))) == 2


def test_the_shortest_session_is_not_fetched_for_every_call(
    sandbox: Sandbox, provider: Callable[..., Any], alibaba: Callable[[Any], Client]
) -> None:
    """Alone, 15 minutes mean one AssumeRole per call, as it renews 15 minutes ahead; with ``fetch`` they do not."""
    client = alibaba(provider(duration_seconds=900))
    for _ in range(3):
        client.list_group_id(_GROUPS)
    assert sandbox.applied("AssumeRole") == 3
    keys = _keys_of(client)
    for _ in range(3):
        keys.fetch()
        client.list_group_id(_GROUPS)
    assert sandbox.applied("AssumeRole") == 4
    keys.renew()
    assert not keys.is_due()


def test_a_provider_of_any_url_is_covered(alibaba: Callable[[Any], Client]) -> None:
    """What holds for a role holds for every provider that keeps what it fetched."""

    def answer(key_id: str) -> bytes:
        fields = {"Code": "Success", "AccessKeyId": key_id, "AccessKeySecret": "s", "SecurityToken": "t"}
        return json.dumps({**fields, "Expiration": "2099-01-01T00:00:00Z"}).encode()

    with Peer(Script(body=answer("one"))) as peer:
        client = alibaba(URLCredentialsProvider(uri=f"http://{peer.address}/keys"))
        keys = _keys_of(client)
        assert keys.is_due()
        keys.fetch()
        assert client._credential.get_credential().access_key_id == "one"
        assert keys.expires_at() == 4_070_908_800
        peer.script = Script(body=answer("two"))
        keys.renew()
        assert client._credential.get_credential().access_key_id == "two"
        assert peer.requests == 2


def _write_profile(file: Path, key_id: str) -> None:
    file.write_text(f"[default]\ntype = access_key\naccess_key_id = {key_id}\naccess_key_secret = s\n")


def test_static_keys_in_a_file_are_read_again(tmp_path: Path, alibaba: Callable[[Any], Client]) -> None:
    """A provider that looks for another one has only that to look for again: the file may have changed."""
    file = tmp_path / "credentials.ini"
    _write_profile(file, "one")
    client = alibaba(ProfileCredentialsProvider(profile_file=str(file), profile_name="default"))
    keys = _keys_of(client)
    assert keys.is_due()
    keys.fetch()
    assert not keys.is_due()
    assert keys.expires_at() is None
    _write_profile(file, "two")
    assert client._credential.get_credential().access_key_id == "one"
    keys.renew()
    assert client._credential.get_credential().access_key_id == "two"
    file.unlink()
    with pytest.raises(Exception, match="failed to get credential"):
        keys.renew()
    assert client._credential.get_credential().access_key_id == "two"


def test_the_default_chain_is_covered(monkeypatch: pytest.MonkeyPatch, alibaba: Callable[[Any], Client]) -> None:
    """It looks through variables, files and the machine at its first use, which is no work for an event loop."""
    # It has read the variables when it was imported.
    known = {"access_key_id": "one", "access_key_secret": "s", "ecs_metadata_disabled": "true"}
    for name, value in known.items():
        monkeypatch.setattr(f"alibabacloud_credentials.utils.auth_util.environment_{name}", value)
    client = alibaba(DefaultCredentialsProvider())
    keys = _keys_of(client)
    assert keys.is_due()
    keys.fetch()
    assert not keys.is_due()
    keys.renew()
    assert client._credential.get_credential().access_key_id == "one"


def test_the_signer_of_the_old_sdk_is_renewed(sandbox: Sandbox) -> None:
    """It assumes a role too, never looks at an answer either, and renews by age."""
    service = sandbox.alibaba
    credential = RamRoleArnCredential(service.access_key_id, service.access_key_secret, "acs:ram::1:role/r", "me")
    client = AcsClient(region_id="cn-hangzhou", credential=credential)
    # The signer asks for https, and the client obeys what an endpoint says.
    client._endpoint_resolver.put_endpoint_entry("cn-hangzhou", "sts", f"http://{service.endpoint}")

    def call() -> None:
        request = OldListRequest()
        request.set_InstanceId("mqtt-cn-sandbox")
        request.set_endpoint(service.endpoint)
        request.set_protocol_type("http")
        client.do_action_with_exception(request)

    keys = _keys_of(client)
    assert keys.is_due()
    assert keys.expires_at() is None
    keys.fetch()
    assert not keys.is_due()
    call()
    assert (keys.expires_at() or 0) > time.time() + 3500
    service.expire_tokens()
    with pytest.raises(Exception, match="Expired"):
        call()
    keys.renew()
    call()
    assert sandbox.applied("AssumeRole") == 2
    sandbox.fault("AssumeRole", "InternalError", status=500)
    with pytest.raises(Exception, match=r"SDK\.GetSessionCredentialFailed"):
        keys.renew()
    client._signer._last_update_time -= 3000
    assert keys.is_due()


def _role_answer(key_id: str) -> bytes:
    keys = {"Token": "t", "TmpSecretId": key_id, "TmpSecretKey": "k"}
    return json.dumps({"Response": {"Credentials": keys, "ExpiredTime": 4_070_908_800, "RequestId": "R"}}).encode()


def test_tencents_web_identity_is_renewed(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that is assumed with a token of an identity provider."""
    with Peer(Script(body=_role_answer("one"), tls=trusted_context(tmp_path, monkeypatch))) as peer:
        credential = OIDCRoleArnCredential("r", "p", "w", "a", "me", 1000, endpoint=peer.address)
        keys = _keys_of(_tencent(sandbox, credential))
        assert keys.is_due()
        keys.fetch()
        assert not keys.is_due()
        assert keys.expires_at() == 4_070_908_800
        assert credential.get_credential_info() == ("one", "k", "t")
        peer.script = Script(body=_role_answer("two"), tls=peer.script.tls)
        keys.renew()
        assert credential.get_credential_info() == ("two", "k", "t")


def _machine_answer(key_id: str, expires: int) -> bytes:
    keys = {"TmpSecretId": key_id, "TmpSecretKey": "k", "Token": "t", "ExpiredTime": expires, "Code": "Success"}
    return json.dumps(keys).encode()


def test_tencents_machine_role_says_that_it_has_no_keys(sandbox: Sandbox) -> None:
    """Alone it signs with nothing, as it keeps every failure to itself; ``fetch`` and ``renew`` tell it."""
    credential = CVMRoleCredential("role")
    keys = _keys_of(_tencent(sandbox, credential))
    with Peer(Script(status=404)) as peer:
        credential._role_endpoint = f"http://{peer.address}/"
        assert credential.get_credential_info() == (None, None, None)
        for ask in (keys.fetch, keys.renew):
            with pytest.raises(Exception, match=r"ClientError\.MetadataError") as failed:
                ask()
            fault = classify(failed.value)
            assert fault is not None
            assert (fault.provider, fault.effect) == ("tencent", "none")
        assert keys.is_due()
        assert keys.expires_at() is None
        peer.script = Script(body=_machine_answer("one", 4_070_908_800))
        keys.fetch()
        assert not keys.is_due()
        assert keys.expires_at() == 4_070_908_800
        peer.script = Script(body=_machine_answer("two", int(time.time()) + 200))
        keys.renew()
        assert credential.get_credential_info()[0] == "two"
        # These are due, and good for a while yet.
        assert keys.is_due()
        peer.script = Script(status=500)
        keys.fetch()
        assert credential.get_credential_info()[0] == "two"


class _Users:
    """A user's own credential for either SDK; equal to any other, and so without a hash."""

    def __init__(self) -> None:
        self.generation = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Users)

    __hash__ = None  # type: ignore[assignment]  # which is what Python does to a class with __eq__

    def get_credential_info(self) -> tuple[str, str, str]:
        return f"id-{self.generation}", "k", "t"

    def get_credential(self) -> Any:
        return self.get_credential_info()

    def refresh(self) -> None:
        self.generation += 1


def test_a_users_own_refresh_is_called(sandbox: Sandbox) -> None:
    """A public method of that name renews; when it would do so by itself nobody can know."""
    credential = _Users()
    clients: list[Any] = [
        _tencent(sandbox, credential),
        Client(Config(credential=credential, endpoint="127.0.0.1:9")),
    ]
    for generation, client in enumerate(clients, 1):
        keys = _keys_of(client)
        assert not keys.is_due()
        keys.fetch()
        assert credential.generation == generation - 1
        keys.renew()
        assert credential.generation == generation
        assert keys.expires_at() is None
    one, other = (_keys_of(client).identity for client in clients)
    assert one == other
    assert len({one, other}) == 1
    assert one != _keys_of(_tencent(sandbox, _Users())).identity


class _AsyncUsers(_Users):
    """Its refresh has to be awaited, which no thread does."""

    async def refresh(self) -> None:  # type: ignore[override]
        self.generation += 1


def _static(**keys: str) -> Client:
    return Client(Config(**keys, endpoint="127.0.0.1:9"))


_TRIPLE = KeyTriple(access_key_id="a", access_key_secret="b")


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(_static(access_key_id="a", access_key_secret="b"), id="alibaba"),
        pytest.param(_static(access_key_id="a", access_key_secret="b", security_token="t"), id="alibaba-token"),
        pytest.param(_static(bearer_token="t"), id="alibaba-bearer"),
        pytest.param(Client(Config(endpoint="127.0.0.1:9")), id="alibaba-nothing"),
        pytest.param(
            Client(Config(credential=alibaba_credential(lambda: _TRIPLE), endpoint="127.0.0.1:9")), id="alibaba-ours"
        ),
        pytest.param(
            Client(
                Config(
                    credential=CredentialClient(
                        CredentialConfig(type="access_key", access_key_id="a", access_key_secret="b")
                    ),
                    endpoint="127.0.0.1:9",
                )
            ),
            id="alibaba-client",
        ),
        pytest.param(AcsClient("a", "b", "cn-hangzhou"), id="old"),
        pytest.param(MqttClient(Credential("a", "b"), "r"), id="tencent"),
        pytest.param(MqttClient(tencent_credential(lambda: _TRIPLE), "r"), id="tencent-ours"),
        pytest.param(MqttClient(_AsyncUsers(), "r"), id="users-coroutine"),
        pytest.param(MqttClient(None, "r"), id="tencent-nothing"),
        pytest.param(object(), id="anything"),
        pytest.param(None, id="nothing"),
    ],
)
def test_static_keys_have_nothing_to_renew(client: object) -> None:
    """None for permanent keys, for what a ``Credentials`` source renews, and for anything unknown."""
    assert managed_keys(client) is None
