"""Every way in which a call through Tencent's SDK can fail, with the real SDK over loopback."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import requests
from raw_peer import Peer, Script, deaf_address, refusing_address
from tencentcloud.common.credential import Credential, STSAssumeRoleCredential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import mqtt_client, mqtt_client_async
from tencentcloud.mqtt.v20240516.models import CreateTopicRequest

from resilience.clients import classify
from resilience.core.fault import Fault

Call = Callable[[str], Awaitable[object]]

_CODE = "FailedOperation.InstanceNotReady"
_ERROR = b'{"Response":{"Error":{"Code":"%s","Message":"marker"},"RequestId":"REQ-1"}}' % _CODE.encode()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every coroutine test on both."""
    return str(request.param)


def _profile(address: str, **settings: Any) -> ClientProfile:
    return ClientProfile(
        httpProfile=HttpProfile(protocol="http", endpoint=address, reqTimeout=0.3),
        **settings,
    )


def _request() -> CreateTopicRequest:
    request = CreateTopicRequest()
    request.InstanceId = "mqtt-marker"
    request.Topic = "marker-topic"
    return request


def _client(address: str, credential: object = None, **settings: Any) -> mqtt_client.MqttClient:
    credential = Credential("marker-id", "marker-secret") if credential is None else credential
    return mqtt_client.MqttClient(credential, "ap-test", _profile(address, **settings))


# The synchronous clients block; a test has nothing else to do meanwhile.
async def _sync(address: str) -> object:
    return _client(address).CreateTopic(_request())


async def _json(address: str) -> object:
    return _client(address).call_json("CreateTopic", {"InstanceId": "mqtt-marker"})


async def _async(address: str) -> object:
    credential = Credential("marker-id", "marker-secret")
    async with mqtt_client_async.MqttClient(credential, "ap-test", _profile(address)) as client:
        return await client.CreateTopic(_request())


async def _fault(call: Awaitable[object]) -> Fault:
    """Return the fault of a call that fails, sure that it shows nothing of the request or the message."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which class it is, is the SDK's business
        await call
    fault = classify(caught.value)
    assert fault is not None
    assert fault.provider == "tencent"
    assert "marker" not in repr(fault)
    return fault


_CLIENTS = pytest.mark.parametrize("call", [_sync, _json, _async])


@pytest.mark.anyio
@_CLIENTS
@pytest.mark.parametrize("address", [refusing_address(), "nonexistent.invalid"], ids=["refused", "dns"])
async def test_a_request_that_found_no_peer_is_unsent(call: Call, address: str) -> None:
    """A refused connection and an unknown name are unsent, and the client's invented code is gone."""
    fault = await _fault(call(address))
    assert (fault.transport, fault.effect_or_default(), fault.code) == ("unsent", "none", None)


@pytest.mark.anyio
@_CLIENTS
async def test_a_connect_timeout_is_unsent(call: Call) -> None:
    """A connection that was never made carried no request."""
    with deaf_address() as address:
        assert (await _fault(call(address))).transport == "unsent"


@pytest.mark.anyio
@_CLIENTS
@pytest.mark.parametrize("manner", ["hang", "reset", "close", "cut"])
async def test_a_request_without_a_whole_answer_is_lost(call: Call, manner: Any) -> None:
    """A read timeout, a reset, a hang-up and an answer that breaks off leave the effect open, and bring no code."""
    with Peer(Script(manner, body=b'{"Resp')) as peer:
        fault = await _fault(call(peer.address))
        assert peer.requests == 1
    assert (fault.transport, fault.effect_or_default(), fault.code) == ("lost", "unknown", None)


@pytest.mark.anyio
@_CLIENTS
@pytest.mark.parametrize(
    "body",
    [b"<html>marker", b"{}", b"[]", b"null", b"\xff\xfe", b'{"Response":{"Error":{"Code":"X","Message":"m"}}}'],
    ids=["html", "empty", "list", "null", "no-text", "no-request-id"],
)
async def test_an_unreadable_answer_is_garbled(call: Call, body: bytes) -> None:
    """A 200 that is not Tencent's JSON is garbled, whatever class of Python's own the SDK stumbles with."""
    with Peer(Script(body=body)) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.transport, fault.code, fault.effect_or_default()) == ("garbled", None, "unknown")


@pytest.mark.anyio
@_CLIENTS
@pytest.mark.parametrize("status", [302, 403, 429, 503])
async def test_a_status_is_found_although_the_sdk_drops_it(call: Call, status: int) -> None:
    """An error page is garbled; its status and Retry-After are read where the SDK still had them."""
    with Peer(Script(status=status, body=b"<html>marker", headers=(("Retry-After", "7"),))) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.transport, fault.code, fault.status, fault.retry_after) == ("garbled", None, status, 7.0)


@pytest.mark.anyio
@_CLIENTS
async def test_a_code_in_an_error_status_is_not_lost(call: Call) -> None:
    """A JSON error under a status other than 200 keeps its code and request id, which the SDK leaves in bytes."""
    with Peer(Script(status=500, body=_ERROR)) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.code, fault.status, fault.request_id, fault.transport) == (_CODE, 500, "REQ-1", None)


@pytest.mark.anyio
@_CLIENTS
async def test_an_error_answer_gives_code_and_request_id(call: Call) -> None:
    """The service's usual error, a 200 with an Error, arrives whole and without an effect of our own."""
    with Peer(Script(body=_ERROR)) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.code, fault.request_id, fault.status, fault.effect) == (_CODE, "REQ-1", None, None)


class _NoKeys:
    """What CVMRoleCredential hands out where there is no metadata service."""

    def get_credential_info(self) -> tuple[None, None, None]:
        return None, None, None


def test_signing_without_keys_is_a_fault_that_new_credentials_may_cure() -> None:
    """The code is TypeError, as the SDK says, and nothing was sent."""
    with pytest.raises(TencentCloudSDKException) as caught:
        _client("127.0.0.1:9", _NoKeys()).CreateTopic(_request())
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.code, fault.effect, fault.transport) == ("TypeError", "none", None)


class _OwnError(Exception):
    """What a user's credential raises."""

    code = "Vault.Sealed"


class _Failing:
    """A credential whose question fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_credential_info(self) -> tuple[str, str, str]:
        raise self._error


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_lookup_that_fails_in_a_users_credential_is_no_answer(kind: str) -> None:
    """A KeyError while signing had no effect, and is not taken for an unreadable answer."""
    credential = _Failing(KeyError("marker"))
    if kind == "sync":
        with pytest.raises(TencentCloudSDKException) as caught:
            _client("127.0.0.1:9", credential).CreateTopic(_request())
        fault = classify(caught.value)
    else:
        async with mqtt_client_async.MqttClient(credential, "ap-test", _profile("127.0.0.1:9")) as client:
            with pytest.raises(KeyError) as escaped:
                await client.CreateTopic(_request())
        fault = classify(escaped.value)
    assert fault is not None
    assert (fault.code, fault.transport, fault.effect) == (None, None, "none")


@pytest.mark.anyio
async def test_a_users_own_exception_in_a_credential_stays_the_users() -> None:
    """An exception with a code of its own keeps it on its way through the asynchronous client."""
    profile = _profile("127.0.0.1:9")
    async with mqtt_client_async.MqttClient(_Failing(_OwnError("marker")), "ap-test", profile) as client:
        with pytest.raises(_OwnError) as caught:
            await client.CreateTopic(_request())
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.code, fault.transport) == ("Vault.Sealed", None)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(
            lambda: mqtt_client.MqttClient(None, "ap-test", _profile("127.0.0.1:9")).CreateTopic(_request()),
            id="no-credential",
        ),
        pytest.param(lambda: _client("127.0.0.1:9").CreateTopic(None), id="no-request"),
        pytest.param(lambda: _client("127.0.0.1:9").CreateTopic(), id="no-argument"),
    ],
)
def test_wrong_use_of_the_client_is_a_programming_error(call: Callable[[], object]) -> None:
    """A missing credential or request is no fault, although the SDK gives it a code."""
    with pytest.raises((TencentCloudSDKException, TypeError)) as caught:
        call()
    assert classify(caught.value) is None


def test_the_region_breaker_hides_a_network_error_which_stays_lost() -> None:
    """Switched on, the breaker swallows the error and fails with AttributeError: the request may have been sent."""
    with Peer(Script("reset")) as peer:
        client = _client(peer.address, disable_region_breaker=False)
        with pytest.raises(TencentCloudSDKException) as caught:
            client.CreateTopic(_request())
    assert caught.value.code == "AttributeError"
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.code, fault.transport) == (None, "lost")


@pytest.mark.anyio
async def test_the_async_region_breaker_is_a_programming_error() -> None:
    """In the asynchronous client it fails every call before sending."""
    profile = _profile("127.0.0.1:9", disable_region_breaker=False)
    async with mqtt_client_async.MqttClient(Credential("a", "b"), "ap-test", profile) as client:
        with pytest.raises(AttributeError) as caught:
            await client.CreateTopic(_request())
    assert classify(caught.value) is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            Script(body=b'{"Response":{"Error":{"Code":"InternalError.DbError","Message":"m"},"RequestId":"STS-1"}}'),
            {"code": "InternalError.DbError", "request_id": "STS-1", "transport": None},
            id="code",
        ),
        pytest.param(Script("reset"), {"code": None, "transport": "unsent"}, id="reset"),
        pytest.param(Script("hang"), {"code": None, "transport": "unsent"}, id="timeout"),
        pytest.param(Script(status=503, body=b"<html>"), {"transport": "garbled", "status": 503}, id="503"),
        pytest.param(Script(body=b"<html>"), {"transport": "garbled"}, id="html"),
        pytest.param(Script(body=b'{"Response":{"RequestId":"STS-1"}}'), {"transport": "garbled"}, id="no-keys"),
    ],
)
def test_a_call_whose_credentials_failed_was_never_sent(
    script: Script, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the token service inside a call keeps its code, and the operation itself had no effect."""
    with Peer(script) as peer:
        profile = _profile(peer.address)
        # The SDK allows no protocol but https here, and no timeout.
        monkeypatch.setattr("tencentcloud.common.credential.HttpProfile", lambda: profile.httpProfile)
        credential = STSAssumeRoleCredential("marker-id", "marker-secret", "arn", "session", endpoint=peer.address)
        with pytest.raises(TencentCloudSDKException) as caught:
            _client("127.0.0.1:9", credential).CreateTopic(_request())
        assert peer.requests == 1
    fault = classify(caught.value)
    assert fault is not None
    assert {name: getattr(fault, name) for name in expected} == expected
    assert fault.effect == "none"
    assert "marker" not in repr(fault)


def _error(*arguments: Any) -> Exception:
    error: Exception = TencentCloudSDKException(*arguments)
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(_error("ClientNetworkError", "marker"), {"transport": "lost"}, id="network-in-doubt"),
        pytest.param(
            _error("ClientNetworkError", "url: /?a=b (Caused by NewConnectionError('x'))"),
            {"transport": "unsent"},
            id="network-by-text",
        ),
        pytest.param(_error("ServerNetworkError", b"\xff marker"), {"transport": "garbled"}, id="bytes"),
        pytest.param(_error("ServerNetworkError", None), {"transport": "garbled"}, id="no-message"),
        pytest.param(_error("ChunkedEncodingError", "m"), {"transport": "lost"}, id="broken-off"),
        pytest.param(_error("KeyError", "m"), {"transport": "garbled"}, id="class-name"),
        pytest.param(_error("KeyError", "m", "REQ-1"), {"code": "KeyError"}, id="a-code-of-the-service"),
        pytest.param(_error("ClientParamsError", "m"), {"code": "ClientParamsError", "effect": "none"}, id="local"),
        pytest.param(_error("InvalidCredential", "m"), {"code": "InvalidCredential", "effect": "none"}, id="local-key"),
        pytest.param(_error(), {"code": None, "transport": None}, id="nothing"),
    ],
)
def test_an_exception_without_its_origin_is_judged_by_what_is_left(error: Exception, expected: dict[str, Any]) -> None:
    """After pickling there is no context and no traceback; the faults stay the same or become more careful."""
    nothing = {"code": None, "transport": None, "effect": None, "status": None}
    for form in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301  # we made it
        fault = classify(form)
        assert fault is not None
        assert {name: getattr(fault, name) for name in nothing} == {**nothing, **expected}


def test_a_code_of_the_service_may_sound_like_a_class() -> None:
    """An answer with a request id is the service's, whatever was being handled when it was raised."""
    error = _error("KeyError", "m", "REQ-1")
    error.__context__ = KeyError("earlier")
    fault = classify(error)
    assert fault is not None
    assert (fault.code, fault.request_id, fault.transport) == ("KeyError", "REQ-1", None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(_error("RequestLimitExceeded", "m", "REQ-1"), ("RequestLimitExceeded", None), id="code"),
        pytest.param(requests.ReadTimeout("m"), (None, "lost"), id="wire"),
    ],
)
def test_an_earlier_error_of_the_user_does_not_decide(
    error: Exception, expected: tuple[str | None, str | None]
) -> None:
    """What was handled when a fault was raised says nothing about it, unless the SDK itself was handling it."""
    error.__context__ = httpx.ConnectError("earlier")
    fault = classify(error)
    assert fault is not None
    assert (fault.code, fault.transport) == expected
    assert fault.effect is None
