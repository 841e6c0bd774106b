"""Credentials that live clients ask for on every call."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest
from alibabacloud_tea_openapi.models import Config
from attrs import define
from raw_peer import Peer, Script
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import mqtt_client
from tencentcloud.mqtt.v20240516.models import CreateTopicRequest

from resilience.clients import KeyTriple, alibaba_credential, tencent_credential


@define
class _Source:
    """Gives another generation each time it is asked."""

    asked: int = 0

    def __call__(self) -> KeyTriple:
        self.asked += 1
        n = self.asked
        return KeyTriple(access_key_id=f"id-{n}", access_key_secret=f"secret-{n}", security_token=f"token-{n}")


def test_alibabas_snapshot_is_of_one_generation() -> None:
    """One question, one generation: id, secret and token belong together, also asynchronously."""
    source = _Source()
    credential = alibaba_credential(source)
    model = credential.get_credential()
    assert (model.access_key_id, model.access_key_secret, model.security_token) == ("id-1", "secret-1", "token-1")
    assert model.type == "sts"
    model = asyncio.run(credential.get_credential_async())
    assert (model.access_key_id, model.access_key_secret, model.security_token) == ("id-2", "secret-2", "token-2")


def test_tencents_snapshot_is_of_one_generation() -> None:
    """One question, one generation: the tuple that the client signs with belongs together."""
    credential = tencent_credential(_Source())
    assert credential.get_credential_info() == ("id-1", "secret-1", "token-1")
    assert credential.get_credential_info() == ("id-2", "secret-2", "token-2")


def test_a_permanent_key_has_no_token() -> None:
    """Without a token the SDKs are told of a plain key, and send no token header."""
    keys = KeyTriple(access_key_id="id", access_key_secret="secret")
    model = alibaba_credential(lambda: keys).get_credential()
    assert (model.type, model.security_token) == ("access_key", None)
    assert alibaba_credential(lambda: keys).get_type() == "access_key"
    assert tencent_credential(lambda: keys).get_credential_info() == ("id", "secret", None)


def test_older_accessors_agree_with_the_snapshot() -> None:
    """Code that asks for one part at a time gets the current one."""
    keys = KeyTriple(access_key_id="id", access_key_secret="secret", security_token="token")
    alibaba, tencent = alibaba_credential(lambda: keys), tencent_credential(lambda: keys)
    parts = ("id", "secret", "token")
    assert (alibaba.get_access_key_id(), alibaba.get_access_key_secret(), alibaba.get_security_token()) == parts
    assert (tencent.secret_id, tencent.secret_key, tencent.token) == parts
    assert (tencent.secretId, tencent.secretKey) == parts[:2]
    assert alibaba.get_type() == "sts"

    async def ask() -> tuple[Any, ...]:
        return (
            await alibaba.get_access_key_id_async(),
            await alibaba.get_access_key_secret_async(),
            await alibaba.get_security_token_async(),
        )

    assert asyncio.run(ask()) == parts


def test_a_live_alibaba_client_uses_the_current_keys() -> None:
    """The client asks once per call, so a refresh needs no new client."""
    source = _Source()
    with Peer(Script(body=b'{"RequestId":"R"}')) as peer:
        config = Config(credential=alibaba_credential(source), endpoint=peer.address, protocol="HTTP")
        client = Client(config)
        for _ in range(2):
            client.create_group_id(CreateGroupIdRequest(group_id="GID_x", instance_id="i"))
        asyncio.run(client.create_group_id_async(CreateGroupIdRequest(group_id="GID_x", instance_id="i")))
        assert peer.requests == source.asked == 3


def test_a_live_tencent_client_uses_the_current_keys() -> None:
    """The client asks once per call, so a refresh needs no new client."""
    source = _Source()
    with Peer(Script(body=b'{"Response":{"RequestId":"R"}}')) as peer:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=peer.address))
        client = mqtt_client.MqttClient(tencent_credential(source), "r", profile)
        for _ in range(2):
            client.CreateTopic(CreateTopicRequest())
        assert peer.requests == source.asked == 2


def test_no_secret_is_shown() -> None:
    """Neither a repr nor a pickle gives a secret away, and a copy is the same object."""
    keys = KeyTriple(
        access_key_id="id", access_key_secret="marker-secret", security_token="marker-token", expires_at=9.0
    )
    for shown in (keys, alibaba_credential(lambda: keys), tencent_credential(lambda: keys)):
        assert "marker" not in repr(shown)
        assert "marker" not in str(shown)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="credentials are not pickled") as refused:
            pickle.dumps({"kept": keys}, protocol)
        assert "marker" not in str(refused.value)
    assert copy.copy(keys) is keys
    assert copy.deepcopy([keys])[0] is keys
