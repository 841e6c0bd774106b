"""Every way in which a call through Alibaba's SDKs can fail, with the real SDKs over loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ClientException as OldClientException
from aliyunsdkcore.auth.credentials import RamRoleArnCredential
from aliyunsdkcore.auth.signers.ram_role_arn_signer import RamRoleArnSigner
from aliyunsdkcore.client import AcsClient
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest as OldRequest
from raw_peer import Peer, Script, deaf_address, refusing_address
from Tea.exceptions import RetryError, TeaException, UnretryableException

from resilience.clients import classify
from resilience.core.fault import Fault

Call = Callable[[str], object]

_ERROR = b'{"RequestId":"REQ-1","HostId":"onsmqtt","Code":"ApplyTokenOverFlow","Message":"marker-message"}'


def _client(address: str, **config: Any) -> Client:
    defaults = {
        "access_key_id": "marker-id",
        "access_key_secret": "marker-secret",
        "endpoint": address,
        "protocol": "HTTP",
        "read_timeout": 300,
        "connect_timeout": 300,
    }
    return Client(Config(**{**defaults, **config}))


def _request() -> CreateGroupIdRequest:
    return CreateGroupIdRequest(group_id="GID_marker", instance_id="mqtt-marker")


def _sync(address: str) -> object:
    return _client(address).create_group_id(_request())


def _async(address: str) -> object:
    return asyncio.run(_client(address).create_group_id_async(_request()))


def _old(address: str) -> object:
    client = AcsClient("marker-id", "marker-secret", "cn-hangzhou", timeout=0.3, connect_timeout=0.3)
    request = OldRequest()
    request.set_endpoint(address)
    request.set_protocol_type("http")
    request.set_GroupId("GID_marker")
    request.set_InstanceId("mqtt-marker")
    return client.do_action_with_exception(request)


def _fault(call: Callable[[], object]) -> Fault:
    """Return the fault of a call that fails, sure that it shows nothing of the request or the message."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which class it is, is the SDK's business
        call()
    fault = classify(caught.value)
    assert fault is not None
    assert fault.provider == "alibaba"
    assert "marker" not in repr(fault)
    return fault


@pytest.fixture(autouse=True)
def _quiet_sdk() -> None:
    # The old SDK logs every failure as an error, with the URL.
    logging.getLogger("aliyunsdkcore").setLevel(logging.CRITICAL)


_CLIENTS = [pytest.param(_sync, id="sync"), pytest.param(_async, id="async"), pytest.param(_old, id="old")]
_NEW_CLIENTS = _CLIENTS[:2]


@pytest.mark.parametrize("call", _CLIENTS)
@pytest.mark.parametrize("address", [refusing_address(), "nonexistent.invalid"], ids=["refused", "dns"])
def test_a_request_that_found_no_peer_is_unsent(call: Call, address: str) -> None:
    """A refused connection and an unknown name are unsent, so nothing can have happened."""
    fault = _fault(lambda: call(address))
    assert (fault.transport, fault.effect_or_default(), fault.code) == ("unsent", "none", None)


@pytest.mark.parametrize("call", _CLIENTS)
def test_a_connect_timeout_is_unsent(call: Call) -> None:
    """A connection that was never made carried no request."""
    with deaf_address() as address:
        assert _fault(lambda: call(address)).transport == "unsent"


@pytest.mark.parametrize("call", _CLIENTS)
@pytest.mark.parametrize("manner", ["hang", "reset", "close"])
def test_a_request_without_an_answer_is_lost(call: Call, manner: Any) -> None:
    """A read timeout, a reset and a hang-up leave the effect open, and bring no code."""
    with Peer(Script(manner)) as peer:
        fault = _fault(lambda: call(peer.address))
        assert peer.requests == 1
    assert (fault.transport, fault.effect_or_default(), fault.code) == ("lost", "unknown", None)


@pytest.mark.parametrize("call", _NEW_CLIENTS)
def test_an_answer_that_breaks_off_is_lost(call: Call) -> None:
    """A connection that ends within the answer is lost: the service may have done its work."""
    with Peer(Script("cut", body=b'{"RequestId":')) as peer:
        assert _fault(lambda: call(peer.address)).transport == "lost"


@pytest.mark.parametrize("call", _NEW_CLIENTS)
@pytest.mark.parametrize("body", [b"<html>marker</html>", b"\xff\xfe{marker"], ids=["html", "no-text"])
def test_an_unreadable_answer_of_a_success_is_garbled(call: Call, body: bytes) -> None:
    """A 200 that is not JSON is garbled, and no HTTP status is made of it."""
    with Peer(Script(body=body)) as peer:
        fault = _fault(lambda: call(peer.address))
    assert (fault.transport, fault.status, fault.effect_or_default()) == ("garbled", None, "unknown")


@pytest.mark.parametrize("call", _CLIENTS)
@pytest.mark.parametrize(("status", "body"), [(503, b"<html>"), (500, b"[]"), (403, b"<html>")])
def test_an_unreadable_error_keeps_its_status(call: Call, status: int, body: bytes) -> None:
    """An error page is garbled, and its status is found although the new SDK drops it."""
    with Peer(Script(status=status, body=body)) as peer:
        fault = _fault(lambda: call(peer.address))
    assert (fault.transport, fault.status, fault.code) == ("garbled", status, None)


@pytest.mark.parametrize("call", _NEW_CLIENTS)
def test_the_text_none_is_neither_code_nor_request_id(call: Call) -> None:
    """The SDK writes None for what is missing; an empty error body has a status and nothing else."""
    with Peer(Script(status=500, body=b"{}")) as peer:
        fault = _fault(lambda: call(peer.address))
    assert (fault.code, fault.request_id, fault.status, fault.label) == (None, None, 500, "http-500")


@pytest.mark.parametrize("call", _CLIENTS)
@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_error_answer_gives_code_status_and_request_id(call: Call, status: int) -> None:
    """What the service answers arrives whole, and without an effect of our own."""
    with Peer(Script(status=status, body=_ERROR)) as peer:
        fault = _fault(lambda: call(peer.address))
    assert (fault.code, fault.status, fault.request_id) == ("ApplyTokenOverFlow", status, "REQ-1")
    assert (fault.transport, fault.effect) == (None, None)


@pytest.mark.parametrize("call", _NEW_CLIENTS)
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param((("x-acs-retry-after", "300"),), 0.3, id="milliseconds"),
        pytest.param((("Retry-After", "2"),), 2.0, id="standard-seconds"),
        pytest.param((("x-acs-retry-after", "-5"),), None, id="negative"),
        pytest.param((("x-acs-retry-after", "0"),), 0.0, id="now"),
        pytest.param((), None, id="none"),
    ],
)
def test_the_server_hint_is_in_seconds(call: Call, headers: Any, expected: float | None) -> None:
    """The SDK's milliseconds become seconds; the standard header, which it ignores, counts too."""
    with Peer(Script(status=400, body=_ERROR, headers=headers)) as peer:
        fault = _fault(lambda: call(peer.address))
    assert (fault.code, fault.retry_after) == ("ApplyTokenOverFlow", expected)


def test_missing_credentials_were_never_sent() -> None:
    """A code that the client itself gives stays a code, and had no effect."""
    client = _client("127.0.0.1:9", access_key_id=None, access_key_secret=None)
    fault = _fault(lambda: client.create_group_id(_request()))
    assert (fault.code, fault.status, fault.effect) == ("InvalidCredentials", None, "none")


def test_the_async_client_under_trio_is_a_programming_error() -> None:
    """The SDK needs asyncio; under trio it wraps the loop's complaint, and no rule may see that."""
    client = _client("127.0.0.1:9")
    with pytest.raises(TeaException) as caught:
        trio.run(client.create_group_id_async, _request())
    assert type(caught.value).__name__ == "UnretryableException"
    assert classify(caught.value) is None


class _Failing:
    """A credential whose question fails with a given exception."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_credential(self) -> object:
        raise self._error

    async def get_credential_async(self) -> object:
        raise self._error


_STS_TEXT = (
    "error refreshing credentials from RamRoleArn, http_code: 403, result: "
    '{"RequestId":"STS-1","Code":"NoPermission","Message":"marker-message"}'
)


@pytest.mark.parametrize("run", ["sync", "async"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            CredentialException(_STS_TEXT),
            {"code": "NoPermission", "status": 403, "request_id": "STS-1", "transport": None},
            id="sts-code",
        ),
        pytest.param(
            CredentialException("failed to get credentials from ECS Metadata Service. HttpCode=404"),
            {"code": None, "status": 404, "transport": None},
            id="metadata-status",
        ),
        pytest.param(CredentialException("marker"), {"code": None, "status": None, "transport": None}, id="bare"),
        pytest.param(ConnectionResetError(104, "marker"), {"transport": "unsent"}, id="reset-of-the-token-call"),
        pytest.param(RetryError("Read timed out. marker"), {"transport": "unsent"}, id="timeout-of-the-token-call"),
        pytest.param(KeyError("marker"), {"transport": None, "code": None}, id="anything"),
    ],
)
def test_a_call_whose_credentials_failed_was_never_sent(run: str, error: Exception, expected: dict[str, Any]) -> None:
    """Whatever the token service did, the operation itself had no effect; the token service's code is kept."""
    client = _client("127.0.0.1:9", access_key_id=None, access_key_secret=None, credential=_Failing(error))

    def call() -> object:
        if run == "sync":
            return client.create_group_id(_request())
        return asyncio.run(client.create_group_id_async(_request()))

    fault = _fault(call)
    assert {name: getattr(fault, name) for name in expected} == expected
    assert fault.effect == "none"


def test_a_credential_that_is_none_of_the_sdk_is_a_programming_error() -> None:
    """An object without the SDK's methods is a mistake in the program, not an unreadable answer."""
    client = _client("127.0.0.1:9", access_key_id=None, access_key_secret=None, credential=object())
    with pytest.raises(TeaException) as caught:
        client.create_group_id(_request())
    assert classify(caught.value) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            TeaException({"code": "X.Y", "message": "m", "data": {"RequestId": "R-1", "statusCode": 400}}),
            Fault(provider="alibaba", code="X.Y", status=400, request_id="R-1", error="Tea.exceptions.TeaException"),
            id="answer",
        ),
        pytest.param(
            TeaException({"code": "ParameterMissing", "message": "'config' can not be unset"}),
            Fault(provider="alibaba", code="ParameterMissing", effect="none", error="Tea.exceptions.TeaException"),
            id="local",
        ),
        pytest.param(
            UnretryableException(object(), RetryError("Cannot connect to host 127.0.0.1:1 ssl:default")),
            Fault(provider="alibaba", transport="unsent", error="Tea.exceptions.UnretryableException"),
            id="aiohttp-text",
        ),
        pytest.param(
            UnretryableException(object(), RetryError("url: /?a (Caused by SSLError(1, 'CERTIFICATE_VERIFY_FAILED'))")),
            Fault(provider="alibaba", transport="unsent", error="Tea.exceptions.UnretryableException"),
            id="certificate-text",
        ),
        pytest.param(
            UnretryableException(object(), RetryError("url: /?a (Caused by SSLError(8, 'EOF occurred in violation'))")),
            Fault(provider="alibaba", transport="lost", error="Tea.exceptions.UnretryableException"),
            id="tls-eof-text",
        ),
        pytest.param(
            UnretryableException(object(), RetryError("HTTPSConnectionPool: Read timed out. (read timeout=10)")),
            Fault(provider="alibaba", transport="lost", error="Tea.exceptions.UnretryableException"),
            id="read-timeout-text",
        ),
        pytest.param(
            UnretryableException(object(), TeaException({"code": "C", "data": {"statusCode": 503}})),
            Fault(provider="alibaba", code="C", status=503, error="Tea.exceptions.UnretryableException"),
            id="answer-inside",
        ),
        pytest.param(
            UnretryableException(object(), KeyError("x")),
            Fault(provider="alibaba", transport="lost", error="Tea.exceptions.UnretryableException"),
            id="in-doubt-lost",
        ),
        pytest.param(UnretryableException(object(), RuntimeError("no running event loop")), None, id="misuse"),
    ],
)
def test_exceptions_of_tea_openapi_0_3_are_understood(error: Exception, expected: Fault | None) -> None:
    """The older generation's shapes, built from its real classes, give the same faults."""
    assert classify(error) == expected


def test_a_url_in_the_text_of_a_network_error_proves_nothing() -> None:
    """A parameter that spells an exception's name cannot make a lost request look unsent."""
    url = "/?Topic=NewConnectionError(&x=Cannot connect to host "
    text = f"HTTPConnectionPool(host='h', port=80): Max retries exceeded with url: {url} (Caused by ReadTimeoutError("
    fault = classify(UnretryableException(object(), RetryError(text)))
    assert fault is not None
    assert fault.transport == "lost"


def test_the_old_sdk_tripping_over_a_signature_message_is_a_garbled_400() -> None:
    """A SignatureDoesNotMatch without a colon makes the SDK raise IndexError: an unreadable answer, not a mistake."""
    body = b'{"Code":"SignatureDoesNotMatch","Message":"no separator"}'
    with Peer(Script(status=400, body=body)) as peer:
        fault = _fault(lambda: _old(peer.address))
    assert (fault.error, fault.transport, fault.status) == ("IndexError", "garbled", 400)
    assert fault.effect_or_default() == "none"


def _old_with_role(error: Exception | tuple[int, dict[str, str], bytes, None]) -> None:
    """Let the old SDK's signer fetch session credentials, which ends so."""

    def do_action(*_: object) -> object:
        if isinstance(error, Exception):
            raise error
        return error

    credential = RamRoleArnCredential("marker-id", "marker-secret", "marker-arn", "marker-session")
    RamRoleArnSigner(credential, do_action).sign("cn-hangzhou", OldRequest())


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param(
            (403, {}, b'{"Code":"NoPermission","RequestId":"STS-1","Message":"marker"}', None),
            {"code": "NoPermission", "status": 403, "request_id": "STS-1", "transport": None},
            id="sts-code",
        ),
        pytest.param(
            (503, {}, b"<html>marker", None),
            {"code": "SDK.GetSessionCredentialFailed", "status": 503, "transport": None},
            id="html",
        ),
        pytest.param(
            OldClientException("SDK.HttpError", "Read timed out. marker"),
            {"code": None, "transport": "unsent"},
            id="lost",
        ),
    ],
)
def test_the_old_sdks_role_credentials_fail_before_anything_is_sent(ends: Any, expected: dict[str, Any]) -> None:
    """What the token service did to the old SDK's signer had no effect on the operation; its code is kept."""
    fault = _fault(lambda: _old_with_role(ends))
    assert {name: getattr(fault, name) for name in expected} == expected
    assert fault.effect == "none"
