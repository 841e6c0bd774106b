"""Every way in which a call through Azure's SDKs can fail, with the real SDKs over loopback."""

from __future__ import annotations

import json
import pickle
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from azure.iot.deviceprovisioning.aio import DeviceProvisioningClient as AsyncDeviceProvisioningClient
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.auth import ConnectionStringAuthentication
from azure.iot.hub.protocol.iot_hub_gateway_service_ap_is import IotHubGatewayServiceAPIs
from azure_clients import enrollment
from msrest.exceptions import HttpOperationError, ValidationError
from raw_peer import Manner, Peer, Script, deaf_address, refusing_address

from resilience.catalog import catalogue, code_facts
from resilience.catalog.facts import CodeFacts
from resilience.clients import classify
from resilience.core.fault import Fault, Transport
from resilience.sandbox import Sandbox

pytest_plugins = ("azure_fixtures",)

Call = Callable[[str], Awaitable[object]]

_KEY = "bWFya2VyLXNlY3JldA=="
_HUB = json.dumps(
    {
        "Message": "ErrorCode:DeviceAlreadyExists;A device with ID 'marker' is already registered.",
        "ExceptionMessage": "Tracking ID:e4cb4b6c18f4-G:11-TimeStamp:07/16/2016 00:12:41",
    }
).encode()
_NUMBER = json.dumps({"errorCode": 404201, "trackingId": "TRACK-1", "message": "marker not found"}).encode()
_INNER = json.dumps({"errorCode": 429001, "trackingId": "TRACK-2", "message": "marker"})
_NESTED = json.dumps({"Message": _INNER}).encode()
_ARM = json.dumps({"error": {"code": "Conflict", "message": "marker"}}).encode()


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio: the asynchronous client sends with aiohttp."""
    return "asyncio"


def _connection_string(address: str) -> str:
    return f"HostName={address};SharedAccessKeyName=owner;SharedAccessKey={_KEY}"


# The synchronous clients block; a test has nothing else to do meanwhile.
async def _hub(address: str) -> object:
    client = IotHubGatewayServiceAPIs(ConnectionStringAuthentication(_connection_string(address)), f"http://{address}")
    client.config.retry_policy.retries = 0
    client.config.retry_policy.policy.status_forcelist = ()
    client.config.connection.timeout = 0.3
    return client.devices.create_or_update_identity("marker-device", {"deviceId": "marker-device"})


async def _dps(address: str) -> object:
    with DeviceProvisioningClient.from_connection_string(
        _connection_string(f"http://{address}"), retry_total=0, connection_timeout=0.3, read_timeout=0.3
    ) as client:
        return client.enrollment.create_or_update("marker", enrollment("marker"))


async def _dps_async(address: str) -> object:
    async with AsyncDeviceProvisioningClient.from_connection_string(
        _connection_string(f"http://{address}"), retry_total=0, connection_timeout=0.3, read_timeout=0.3
    ) as client:
        return await client.enrollment.create_or_update("marker", enrollment("marker"))


_CLIENTS = pytest.mark.parametrize("call", [_hub, _dps, _dps_async])


async def _fault(call: Awaitable[object]) -> Fault:
    """Return the fault of a call that fails, sure that it shows nothing of the request or the message."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which class it is, is the SDK's business
        await call
    fault = classify(caught.value)
    assert fault is not None
    assert fault.provider == "azure-iot"
    assert "marker" not in repr(fault)
    return fault


@_CLIENTS
@pytest.mark.anyio
async def test_a_connection_that_is_refused_sent_nothing(call: Call) -> None:
    """Nobody listens: the request was never sent."""
    assert (await _fault(call(refusing_address()))).transport == "unsent"


@_CLIENTS
@pytest.mark.anyio
async def test_a_host_without_a_name_got_nothing(call: Call) -> None:
    """A host that does not exist: the request was never sent."""
    assert (await _fault(call("no-such-hub.invalid"))).transport == "unsent"


@_CLIENTS
@pytest.mark.anyio
async def test_a_connection_that_is_not_made_in_time_sent_nothing(call: Call) -> None:
    """Nobody answers the connection: the request was never sent."""
    with deaf_address() as address:
        assert (await _fault(call(address))).transport == "unsent"


@_CLIENTS
@pytest.mark.parametrize(
    ("manner", "transport"),
    [("hang", "lost"), ("reset", "lost"), ("close", "lost"), ("cut", "lost"), ("drop", "lost")],
)
@pytest.mark.anyio
async def test_a_request_without_an_answer_is_lost(call: Call, manner: Manner, transport: Transport) -> None:
    """What was sent may have taken effect, whatever the SDK calls it; azure-core calls it unsent under aiohttp."""
    script = Script(manner, body=b'{"deviceId": "marker-device", "registrationId": "marker"}')
    with Peer(script) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.transport, fault.effect_or_default()) == (transport, "unknown")


@_CLIENTS
@pytest.mark.parametrize("body", [b"<html>sign in</html>", b'{"deviceId": ', b"\xff\xfe"])
@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
@pytest.mark.anyio
async def test_an_answer_that_cannot_be_read_is_garbled(call: Call, body: bytes, content_type: str) -> None:
    """A 200 that is no JSON may be an answer to what took effect."""
    with Peer(Script(body=body, headers=(("Content-Type", content_type),))) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.transport, fault.effect_or_default()) == ("garbled", "unknown")


@_CLIENTS
@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        pytest.param(409, _HUB, (), ("DeviceAlreadyExists", 409, "e4cb4b6c18f4-G:11", None), id="a-name-in-the-body"),
        pytest.param(
            409,
            b"{}",
            (("iothub-errorcode", "DeviceAlreadyExists"), ("x-ms-request-id", "REQ-1")),
            ("DeviceAlreadyExists", 409, "REQ-1", None),
            id="a-name-in-a-header",
        ),
        pytest.param(404, _NUMBER, (), ("EnrollmentNotFound", 404, "TRACK-1", None), id="a-number"),
        pytest.param(
            429, _NESTED, (("Retry-After", "7"),), ("ThrottlingException", 429, "TRACK-2", 7.0), id="json-in-json"
        ),
        pytest.param(
            400, b'{"errorCode": 400999}', (("retry-after-ms", "250"),), ("400999", 400, None, 0.25), id="no-name"
        ),
        pytest.param(409, _ARM, (), ("Conflict", 409, None, None), id="the-resource-manager"),
        pytest.param(503, b"<html>marker</html>", (), (None, 503, None, None), id="a-proxy"),
        pytest.param(401, b"", (), (None, 401, None, None), id="nothing-but-a-status"),
    ],
)
@pytest.mark.anyio
async def test_a_refusal_says_its_code(
    call: Call, status: int, body: bytes, headers: tuple[tuple[str, str], ...], expected: tuple[object, ...]
) -> None:
    """Code, status, request id and hint are found in every place where the services put them, in one spelling."""
    with Peer(Script(status=status, body=body, headers=(("Content-Type", "application/json"), *headers))) as peer:
        fault = await _fault(call(peer.address))
    assert (fault.code, fault.status, fault.request_id, fault.retry_after) == expected
    assert fault.transport is None


@_CLIENTS
@pytest.mark.anyio
async def test_an_exception_without_its_traceback_says_the_same(call: Call) -> None:
    """An exception that has been pickled, as between processes, keeps its code where the SDK can be pickled."""
    with Peer(Script(status=409, body=_HUB)) as peer, pytest.raises(Exception) as caught:  # noqa: PT011
        await call(peer.address)
    bare = caught.value.with_traceback(None)
    fault = classify(bare, provider="azure-iot")
    assert fault is not None
    assert (fault.provider, fault.code, fault.status) == ("azure-iot", "DeviceAlreadyExists", 409)


def test_an_exception_of_another_product_belongs_to_its_call() -> None:
    """All products of the vendor raise azure-core's classes; only the frames tell those of the services for IoT."""
    error = HttpResponseError("of a storage account")
    fault = classify(error)
    assert fault is not None
    assert fault.provider is None
    assert pickle.loads(pickle.dumps(ServiceRequestError("no route"))) is not None  # noqa: S301  # made one line above


@pytest.mark.parametrize(
    "error",
    [
        CredentialUnavailableError(message="no environment"),
        ClientAuthenticationError("no token"),
    ],
)
def test_a_token_that_cannot_be_got_had_no_effect(leaving: Callable[[Exception], Any], error: Exception) -> None:
    """The operation's request was never sent: new credentials may help."""
    fault = classify(leaving(error))
    assert fault is not None
    assert (fault.code, fault.effect_or_default(), fault.transport) == ("CredentialUnavailable", "none", None)


def test_a_token_service_out_of_reach_sent_nothing(leaving: Callable[[Exception], Any]) -> None:
    """A broken connection to the token service is no doubt about the operation."""
    fault = classify(leaving(ServiceRequestError("no route")))
    assert fault is not None
    assert (fault.code, fault.effect_or_default(), fault.transport) == (None, "none", "unsent")


@pytest.fixture
def leaving() -> Callable[[Exception], Exception]:
    """Return a function that returns the exception that leaves a client whose credential raises one."""

    def left(error: Exception) -> Exception:
        class Failing:
            def get_token(self, *_: str, **__: Any) -> AccessToken:
                raise error

        client = DeviceProvisioningClient("https://no-such-dps.invalid", Failing(), retry_total=0)
        with client, pytest.raises(Exception) as caught:  # noqa: PT011  # which class it is, is the SDK's business
            client.enrollment.get("pump-1")
        return caught.value

    return left


def test_a_mistake_of_the_caller_was_sent_nowhere() -> None:
    """Msrest checks arguments before it sends."""
    manager = IoTHubRegistryManager.from_connection_string(_connection_string("no-such-hub.invalid"))
    with pytest.raises(ValidationError) as caught:
        manager.get_device(None)
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.transport, fault.effect_or_default()) == (None, "none")


def test_a_file_is_no_mistake(tmp_path: Path) -> None:
    """An exception that has nothing to do with the SDKs is not theirs."""
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "missing").read_text()
    assert getattr(classify(caught.value), "provider", None) is None


def test_an_error_of_msrest_can_be_told_by_its_response() -> None:
    """The class of the exception counts, also where its response is missing."""
    error = HttpOperationError.__new__(HttpOperationError, "made by hand")
    fault = classify(error)
    assert fault is not None
    assert (fault.code, fault.status) == (None, None)


@pytest.mark.parametrize("facts", catalogue("azure-iot").codes.values(), ids=lambda facts: facts.code)
def test_every_code_is_told_from_what_a_service_sends(
    sandbox: Sandbox, manager: IoTHubRegistryManager, facts: CodeFacts
) -> None:
    """The code of the catalogue comes back from the wire, as a name and as a number, and has its class and effect."""
    manager.protocol.config.retry_policy.retries = 0
    manager.protocol.config.retry_policy.policy.status_forcelist = ()
    sandbox.script("GetDevice", facts.code)
    with pytest.raises(HttpOperationError) as caught:
        manager.get_device("marker")
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.code, fault.status) == (facts.code, facts.status or 400)
    assert code_facts(fault.provider, fault.code) is facts
