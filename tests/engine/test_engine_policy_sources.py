"""Clients that were made with temporary keys go on with those of the policy, and none of another account does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from tencentcloud.common.credential import Credential
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient
from wrapped_clients import alibaba_client, group, old_group, quick, tencent_client, topic

from resilience import Credentials, Executor, Policy, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, TemporaryKey


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def tea(cloud: Sandbox, key: TemporaryKey) -> Any:
    return alibaba_client(cloud, access_key_id=key.key_id, access_key_secret=key.secret, security_token=key.token)


def old(_: Sandbox, key: TemporaryKey) -> Any:
    credential = StsTokenCredential(key.key_id, key.secret, key.token)
    return AcsClient(region_id="cn-hangzhou", credential=credential, auto_retry=False)


def tencent(cloud: Sandbox, key: TemporaryKey, cls: Any = MqttClient) -> Any:
    return tencent_client(cloud, cls, credential=Credential(key.key_id, key.secret, key.token))


def source(folder: Path, provider: str, issue: Callable[[], TemporaryKey]) -> tuple[Policy, Path]:
    """Return a policy whose source is a file, and the file, which holds good keys."""
    file = folder / "keys.json"
    renew(file, issue())
    return quick(f'[credentials.{provider}]\nsource = "file"\nfile = "{file}"'), file


def renew(file: Path, key: TemporaryKey) -> None:
    keys = {"AccessKeyId": key.key_id, "SecretAccessKey": key.secret, "SessionToken": key.token}
    file.write_text(json.dumps({**keys, "Expiration": key.expiration}), encoding="utf-8")


CREATES: dict[str, tuple[str, Callable[..., Any], Callable[[Any, Sandbox, str], Any]]] = {
    "tea": ("alibaba", tea, lambda client, _, name: client.create_group_id(group(name))),
    "old": ("alibaba", old, lambda client, cloud, name: client.do_action_with_exception(old_group(cloud, name))),
    "tencent": ("tencent", tencent, lambda client, _, name: client.CreateTopic(topic(name))),
}


@pytest.mark.parametrize("kind", CREATES)
def test_a_client_with_fixed_keys_goes_on_when_they_end(kind: str, cloud: Sandbox, tmp_path: Path) -> None:
    """One refresh, the same client, and others that were made with the same keys; the client given stays as it was."""
    provider, make, create = CREATES[kind]
    service = cloud.alibaba if provider == "alibaba" else cloud.tencent
    first = service.issue_token()
    policy, file = source(tmp_path, provider, service.issue_token)
    executor = SyncExecutor(policy, observers=())
    plain = make(cloud, first)
    client, twin = wrap_client(plain, executor), wrap_client(make(cloud, first), executor)
    create(client, cloud, "GID_before")
    service.expire_tokens()
    renew(file, service.issue_token())
    create(client, cloud, "GID_after")
    create(twin, cloud, "GID_twin")
    create(client, cloud, "GID_later")
    made = cloud.applied("CreateGroupId") + cloud.applied("CreateTopic")
    assert (made, len(cloud.calls)) == (4, 5)
    with pytest.raises(Exception, match=r"(?i)token"):
        create(plain, cloud, "GID_plain")


@pytest.mark.parametrize("kind", CREATES)
def test_a_client_of_another_account_gets_none_of_these_keys(kind: str, cloud: Sandbox, tmp_path: Path) -> None:
    """Its own error leaves, and the note says why nothing was renewed."""
    provider, make, create = CREATES[kind]
    service = cloud.alibaba if provider == "alibaba" else cloud.tencent
    first, other = service.issue_token(), service.issue_token()
    policy, file = source(tmp_path, provider, service.issue_token)
    executor = SyncExecutor(policy, observers=())
    one, two = wrap_client(make(cloud, first), executor), wrap_client(make(cloud, other), executor)
    create(one, cloud, "GID_one")
    service.expire_tokens()
    renew(file, service.issue_token())
    with pytest.raises(Exception, match=r"(?i)token") as caught:
        create(two, cloud, "GID_two")
    assert "renews the temporary keys of the first client, and this one" in "".join(caught.value.__notes__)
    create(one, cloud, "GID_more")


def test_the_same_keys_again_are_no_endless_loop(cloud: Sandbox, tmp_path: Path) -> None:
    """A source that has nothing newer ends the call after one refresh, with the service's own error."""
    first = cloud.alibaba.issue_token()
    policy, _ = source(tmp_path, "alibaba", lambda: first)
    client = wrap_client(tea(cloud, first), SyncExecutor(policy, observers=()))
    cloud.alibaba.expire_tokens()
    with pytest.raises(Exception, match="InvalidSecurityToken"):
        client.create_group_id(group("GID_again"))
    assert len(cloud.calls) == 2


def test_a_source_that_fails_says_why(cloud: Sandbox, tmp_path: Path) -> None:
    """The cause names the file, and nothing of it."""
    first = cloud.alibaba.issue_token()
    policy, file = source(tmp_path, "alibaba", lambda: first)
    file.write_text('{"AccessKeyId": "s3cret"}', encoding="utf-8")
    client = wrap_client(tea(cloud, first), SyncExecutor(policy, observers=()))
    cloud.alibaba.expire_tokens()
    with pytest.raises(Exception, match="new credentials could not be had") as caught:
        client.create_group_id(group("GID_again"))
    causes: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        causes.append(str(error))
        error = error.__cause__
    assert any("keys.json: expected the JSON of a credential process, found no a secret" in each for each in causes)
    assert "s3cret" not in "".join(causes)


def test_threads_share_one_refresh(cloud: Sandbox, tmp_path: Path) -> None:
    """Of many that meet the end of the keys at once, one reads the source."""
    first = cloud.alibaba.issue_token()
    policy, file = source(tmp_path, "alibaba", cloud.alibaba.issue_token)
    executor = SyncExecutor(policy, observers=())
    client = wrap_client(tea(cloud, first), executor)
    client.create_group_id(group("GID_before"))
    cloud.alibaba.expire_tokens()
    renew(file, cloud.alibaba.issue_token())
    threads = [
        threading.Thread(target=client.create_group_id, args=(group(f"GID_thread{number}"),)) for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = executor.target_factory.setting.policy_sources.of("alibaba", client)
    assert found is not None
    assert found.generation == 2
    assert cloud.applied("CreateGroupId") == 7


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_asynchronous_clients_go_on_too(backend: str, cloud: Sandbox, tmp_path: Path) -> None:
    """The source is read in a worker thread, so the event loop goes on."""
    first = cloud.tencent.issue_token()
    policy, file = source(tmp_path, "tencent", cloud.tencent.issue_token)

    async def main() -> None:
        client = wrap_client(tencent(cloud, first, AsyncMqttClient), Executor(policy, observers=()))
        await client.CreateTopic(topic("before"))
        cloud.tencent.expire_tokens()
        renew(file, cloud.tencent.issue_token())
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(client.CreateTopic, topic(f"after-{number}"))

    anyio.run(main, backend=backend)
    assert cloud.applied("CreateTopic") == 4


def test_keys_that_will_end_are_renewed_ahead(cloud: Sandbox, tmp_path: Path) -> None:
    """Once the source has said when they end, nothing has to be refused first."""
    first = cloud.alibaba.issue_token()
    policy, file = source(tmp_path, "alibaba", lambda: cloud.alibaba.issue_token(60.0))
    client = wrap_client(tea(cloud, first), SyncExecutor(policy, observers=()))
    cloud.alibaba.expire_tokens()
    renew(file, cloud.alibaba.issue_token(60.0))
    client.create_group_id(group("GID_refused"))
    fresh = cloud.alibaba.issue_token(3600.0)
    renew(file, fresh)
    client.create_group_id(group("GID_ahead"))
    assert len(cloud.calls) == 3


def test_an_executors_own_source_wins(cloud: Sandbox, tmp_path: Path) -> None:
    """What Python says counts before what the policy says."""
    first = cloud.alibaba.issue_token()
    policy, _ = source(tmp_path, "alibaba", lambda: first)
    asked: list[str] = []
    own = Credentials(lambda: asked.append("own"))
    client = wrap_client(tea(cloud, first), SyncExecutor(policy, credentials={"alibaba": own}, observers=()))
    client.create_group_id(group("GID_before"))
    assert asked == ["own"]
    assert client._credential.get_credential().access_key_id == first.key_id
