"""The credentials of wrapped clients: refreshed once for all, and never while an event loop stands still."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import anyio
import pytest
from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.provider import URLCredentialsProvider
from aliyunsdkcore.auth.credentials import RamRoleArnCredential
from aliyunsdkcore.client import AcsClient
from engine_calls import Log
from wrapped_clients import (
    OwnKeys,
    Style,
    alibaba_client,
    everywhere,
    group,
    old_group,
    quick,
    sandboxed,
    tencent_client,
    topic,
    with_credential,
)

from resilience import Credentials, Executor, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


OWN_KEYS = [
    each
    for each in everywhere()
    if "old" not in str(each.id)  # whose signer is tested below
]


@pytest.mark.parametrize(("style", "anyio_backend"), OWN_KEYS)
@pytest.mark.anyio
async def test_the_clients_own_credential_is_refreshed(style: Style, cloud: Sandbox) -> None:
    """A token that the service refuses is replaced by the credential that the client came with, once."""
    keys = OwnKeys(getattr(cloud, style.provider))
    wrapped = wrap_client(with_credential(style, cloud, keys), Executor(quick(), observers=()))
    for number in range(3):
        getattr(cloud, style.provider).expire_tokens()
        assert style.answer(await style.create(wrapped, cloud, f"{style.name}-{number}"))
        assert keys.refreshes == number + 1
    assert cloud.applied(style.operation) == 3


def test_the_signer_of_the_old_sdk_assumes_its_role_again(cloud: Sandbox) -> None:
    """A revoked token, which the signer alone would use until it is old, is replaced."""
    service = cloud.alibaba
    log: Any = Log()
    credential = RamRoleArnCredential(service.access_key_id, service.access_key_secret, "acs:ram::1:role/r", "me")
    client = AcsClient(region_id="cn-hangzhou", credential=credential, auto_retry=False)
    # The signer asks for https, and the client obeys what an endpoint says.
    client._endpoint_resolver.put_endpoint_entry("cn-hangzhou", "sts", f"http://{service.endpoint}")
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    wrapped.do_action_with_exception(old_group(cloud, "GID_sensors"))
    service.expire_tokens()
    wrapped.do_action_with_exception(old_group(cloud, "GID_gateways"))
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
    wrapped = wrap_client(with_credential(style, cloud, keys), executor)
    assert style.answer(await style.create(wrapped, cloud, f"{style.name}-1"))
    service.expire_tokens()
    assert style.answer(await style.create(wrapped, cloud, f"{style.name}-2"))
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


@pytest.mark.parametrize("why", ["refused", "due"])
def test_the_event_loop_does_not_stand_still_while_a_client_gets_keys(why: str, cloud: Sandbox) -> None:
    """The first keys, and those after a refusal or when they are due, are fetched once for all, in a thread."""
    server, ticks = KeyServer(cloud, 0.6), list[float]()

    async def main(uri: str) -> None:
        provider = URLCredentialsProvider(uri=uri)
        credential = CredentialClient(provider=provider)
        client = alibaba_client(cloud, credential=credential, access_key_id=None, access_key_secret=None)
        wrapped = wrap_client(client, Executor(quick(), observers=()))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tick, ticks)
            for turn, count in enumerate((1, 4)):
                async with anyio.create_task_group() as calls:
                    for number in range(count):
                        calls.start_soon(wrapped.create_group_id_async, group(f"GID_{turn}-{number}"))
                if why == "refused":
                    cloud.alibaba.expire_tokens()
                else:
                    # As if they were about to end: the SDK would fetch new ones within its next call.
                    provider._credentials_cache._cached_value = None
            tasks.cancel_scope.cancel()

    with server as uri:
        anyio.run(main, uri)
    assert server.served == [2]
    assert cloud.applied("CreateGroupId") == 5
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.5


def test_a_credential_that_the_script_puts_in_place_is_refreshed(cloud: Sandbox) -> None:
    """A client whose credential is replaced refreshes the new one, once for all threads, whatever the old one was."""
    old, new = OwnKeys(cloud.tencent), OwnKeys(cloud.tencent, 0.05)
    wrapped = wrap_client(tencent_client(cloud, credential=old), SyncExecutor(quick(), observers=()))
    wrapped.CreateTopic(topic("sensors"))
    cloud.tencent.expire_tokens()
    wrapped.CreateTopic(topic("gateways"))
    wrapped.credential = new
    for turn in range(2):
        cloud.tencent.expire_tokens()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number, turn=turn: wrapped.CreateTopic(topic(f"topic-{turn}-{number}")), range(8)))
    assert (old.refreshes, new.refreshes) == (1, 2)
