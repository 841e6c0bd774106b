"""Which client classes are covered: one client of a class, its copies, a class of the user's own, a class in place."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_tea_util.models import RuntimeOptions
from engine_calls import Log
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from wrapped_clients import (
    STYLES,
    OwnKeys,
    alibaba_client,
    group,
    quick,
    sandboxed,
    tencent_client,
    topic,
)

from resilience import SyncExecutor
from resilience.clients.common.originals import plain_client
from resilience.engine.client.wrapped_client import ClientWrapper, wrap_client
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", ["alibaba", "old-alibaba", "tencent", "tencent-common"])
def test_a_copy_of_a_covered_client_is_covered(name: str, copied: Any, cloud: Sandbox) -> None:
    """It is made like a copy of the client itself, before and after a call."""
    style = STYLES[name]
    wrapped = wrap_client(style.client(cloud), SyncExecutor(quick(), observers=()))
    for number in range(2):
        twin = copied(wrapped)
        assert type(twin) is type(wrapped)
        cloud.script(style.operation, style.busy)
        assert style.answer(style.send(twin, cloud, f"{style.name}-{number}"))
        assert style.answer(style.send(wrapped, cloud, f"{style.name}-{number}-x"))
    assert cloud.asked(style.operation) == 6


@pytest.mark.parametrize("name", ["alibaba", "old-alibaba", "tencent", "tencent-async"])
def test_a_covered_client_says_that_it_cannot_be_pickled(name: str, cloud: Sandbox) -> None:
    """Without its executor it would be another client; the error says what to do instead."""
    wrapped = wrap_client(STYLES[name].client(cloud), SyncExecutor(quick(), observers=()))
    with pytest.raises(TypeError, match="make a client in each process"):
        pickle.dumps(wrapped)


@pytest.mark.parametrize("name", ["alibaba", "old-alibaba", "tencent", "tencent-async"])
def test_a_wrapped_client_has_the_sdks_own_methods_again(name: str, cloud: Sandbox) -> None:
    """The adapters find the engine's wrapped methods, so that the policy does not apply to a verifier's queries."""
    client = STYLES[name].client(cloud)
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=()))
    names = [each for each in vars(type(wrapped)) if each in dir(type(client)) and not each.startswith("__")]
    assert names
    plain = type(plain_client(wrapped))
    assert all(getattr(plain, each) is getattr(type(client), each) for each in names)


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
    logs: Any = Log(), Log()
    once = wrap_client(tencent_client(cloud), SyncExecutor(quick(), observers=logs[:1]))
    once.CreateTopic(topic("sensors"))
    twice = wrap_client(once, SyncExecutor(quick(), observers=logs[1:]))
    cloud.script("CreateTopic", "RequestLimitExceeded*2")
    twice.CreateTopic(topic("gateways"))
    assert [len(log.started) for log in logs] == [1, 1]
    once.CreateTopic(topic("actuators"))
    assert [len(log.started) for log in logs] == [2, 1]


class Provisioner(MqttClient):  # type: ignore[misc]  # the SDK has no types
    """A client of a user's own."""

    def ensure(self, name: str) -> str:
        """Call one of the SDK's methods."""
        return str(self.CreateTopic(topic(name)).Topic)

    def CreateTopic(self, request: Any) -> Any:  # noqa: N802  # the name is the SDK's
        """Do something before the SDK does."""
        self.asked = getattr(self, "asked", 0) + 1
        return super().CreateTopic(request)


def test_a_class_of_the_users_own_keeps_what_it_adds(cloud: Sandbox) -> None:
    """Its own methods run, and what they ask of the SDK is one call under the policy, with all that belongs to it."""
    log: Any = Log()
    client = tencent_client(cloud, Provisioner)
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    assert isinstance(wrapped, Provisioner)
    cloud.script("CreateTopic", "RequestLimitExceeded*2")
    assert wrapped.ensure("sensors") == "sensors"
    assert (len(log.started), wrapped.asked, hasattr(client, "asked")) == (1, 3, False)


@pytest.fixture
def patched_in_place() -> Iterator[Any]:
    """Return a function that covers a class in place; all is undone at the end."""
    kept: list[tuple[type, dict[str, Any]]] = []

    def cover(wrapper: ClientWrapper, cls: type) -> None:
        kept.append((cls, dict(vars(cls))))
        wrapper.patch(cls)

    yield cover
    for cls, before in reversed(kept):
        for name, method in dict(vars(cls)).items():
            if name not in before:
                delattr(cls, name)
            elif before[name] is not method:
                setattr(cls, name, before[name])


def test_a_class_is_covered_in_place(cloud: Sandbox, patched_in_place: Any) -> None:
    """Every client of it, made before or after, is covered, by its short methods and its long ones; once is enough."""
    log: Any = Log()
    tallied, said = list[int](), list[str]()
    wrapper = ClientWrapper(
        SyncExecutor(quick(), observers=(log,)), tally=lambda: tallied.append(1), on_switched_off=said.append
    )
    before = alibaba_client(cloud)
    for _ in range(3):
        patched_in_place(wrapper, AlibabaClient)
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


def test_the_cover_of_a_class_can_be_taken_off(cloud: Sandbox, patched_in_place: Any) -> None:
    """What a later cover puts in place of an earlier one does not nest, and what it covers is the SDK's own."""
    logs: Any = Log(), Log()
    for log in logs:
        patched_in_place(ClientWrapper(SyncExecutor(quick(), observers=(log,))), MqttClient)
    cloud.script("CreateTopic", "RequestLimitExceeded")
    client = tencent_client(cloud)
    client.CreateTopic(topic("sensors"))
    assert [len(log.started) for log in logs] == [0, 1]
    assert cloud.asked("CreateTopic") == 2
    assert MqttClient.CreateTopic.__name__ == "CreateTopic"


def test_a_class_that_is_covered_in_place_keeps_no_client(cloud: Sandbox, patched_in_place: Any) -> None:
    """A program that makes a client for each call, with a credential of its own, gathers neither."""
    wrapper = ClientWrapper(SyncExecutor(quick(), observers=()))
    patched_in_place(wrapper, MqttClient)
    keys = OwnKeys(cloud.tencent)
    client = tencent_client(cloud, credential=keys)
    client.CreateTopic(topic("sensors"))
    gone = weakref.ref(client), weakref.ref(keys)
    del client, keys
    gc.collect()
    assert [each() for each in gone] == [None, None]
