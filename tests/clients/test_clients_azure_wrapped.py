"""Wrapped clients of Azure's SDKs: groups, retries, time-outs, bulk requests, and the provisioning service."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
import trio
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ServiceResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import TrioRequestsTransport
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from azure.iot.deviceprovisioning.aio import DeviceProvisioningClient as AsyncDeviceProvisioningClient
from azure.iot.hub.protocol.models import CloudToDeviceMethod, Device, ExportImportDevice
from azure_clients import POLICY, answers, enrollment
from msrest.exceptions import HttpOperationError

from resilience import DeadlineExceeded, Executor, Ledger, Policy, ServiceError, SyncExecutor, wrap_client
from resilience.clients import retries_itself
from resilience.sandbox import Sandbox

pytest_plugins = ("azure_fixtures",)


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio: the asynchronous client sends with aiohttp."""
    return "asyncio"


@pytest.fixture
async def waiting(sandbox: Sandbox) -> AsyncIterator[Any]:
    """Return an asynchronous client of the provisioning service."""
    async with AsyncDeviceProvisioningClient.from_connection_string(sandbox.azure_iot.dps_connection_string) as client:
        yield client


# Groups of operations


def test_a_client_is_wrapped_with_its_groups(manager: Any, executor: SyncExecutor) -> None:
    """The client keeps its class, and so does each group, down to the methods that send."""
    wrapped: Any = wrap_client(manager, executor)
    pairs = [
        (manager, wrapped),
        (manager.protocol, wrapped.protocol),
        (manager.protocol.devices, wrapped.protocol.devices),
    ]
    assert [type(given) for given, _ in pairs] == [type(made).__mro__[1] for _, made in pairs]
    assert wrapped.protocol.devices._client is wrapped.protocol.modules._client
    assert wrapped.protocol.devices._client is not manager.protocol.devices._client


def test_a_group_alone_is_wrapped(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """A group of operations is a client of its own."""
    devices = wrap_client(manager.protocol.devices, executor)
    sandbox.script("CreateDevice", "ThrottlingException")
    assert devices.create_or_update_identity("pump-1", Device(device_id="pump-1")).device_id == "pump-1"
    assert manager.protocol.config.retry_policy.retries == 3


def test_a_client_of_another_service_is_refused(executor: SyncExecutor) -> None:
    """A client without known operations is refused, and the message says what is known."""
    with pytest.raises(TypeError, match="azure-iot-hub or azure-iot-deviceprovisioning"):
        wrap_client(RetryPolicy(), executor)


def test_a_wrapped_client_can_be_copied(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """A copy makes its calls under the policy, too."""
    copied = copy.copy(wrap_client(manager, executor))
    sandbox.script("GetDevice", "ThrottlingException*2, ok")
    with pytest.raises(HttpOperationError):
        copied.get_device("pump-1")
    assert sandbox.asked("GetDevice") == 3


def test_a_condition_makes_another_operation(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """The same method is a create without If-Match, and an update with it, however it is given."""
    devices = wrap_client(manager.protocol.devices, executor)
    device = Device(device_id="pump-1", status="enabled")
    devices.create_or_update_identity("pump-1", device)
    devices.create_or_update_identity("pump-1", device, "*")
    devices.create_or_update_identity("pump-1", device, if_match='"*"')
    assert [name for name, _ in answers(sandbox)] == ["CreateDevice", "UpdateDevice", "UpdateDevice"]


def test_another_etag_is_no_success(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """Somebody has changed the device: a person has to look."""
    wrapped = wrap_client(manager, executor)
    wrapped.create_device_with_sas("pump-1", None, None, "enabled")
    with pytest.raises(HttpOperationError) as caught:
        wrapped.update_device_with_sas("pump-1", "another", None, None, "disabled")
    assert caught.value.response.status_code == 412
    assert sandbox.azure_iot.devices[0]["status"] == "enabled"


# Retries


def test_a_client_tells_how_it_repeats(manager: Any, provisioning: Any, sandbox: Sandbox) -> None:
    """Both generations of SDKs repeat by default, and the sentence says what to write."""
    assert "retry_policy.retries to 0" in (retries_itself(manager) or "")
    assert "retry_policy.retries to 0" in (retries_itself(manager.protocol.devices) or "")
    assert "10 retries (azure-core)" in (retries_itself(provisioning) or "")
    assert "make the client with retry_total=0" in (retries_itself(provisioning.enrollment) or "")
    manager.protocol.config.retry_policy.retries = 0
    assert retries_itself(manager) is None
    address = sandbox.azure_iot.dps_connection_string
    with DeviceProvisioningClient.from_connection_string(address, retry_total=0) as quiet:
        assert retries_itself(quiet) is None


def test_the_options_of_a_call_cannot_make_it_repeat(
    sandbox: Sandbox, provisioning: Any, executor: SyncExecutor
) -> None:
    """``retry_total`` of one call is dropped, as that of the client is switched off."""
    wrapped = wrap_client(provisioning, executor)
    sandbox.script("CreateEnrollment", "applied lost")
    made = wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"), retry_total=5, retry_backoff_factor=0)
    assert made["registrationId"] == "pump-1"
    assert [name for name, _ in answers(sandbox)] == ["CreateEnrollment", "CreateEnrollment", "GetEnrollment"]


@pytest.mark.anyio
async def test_aiohttp_repeats_nothing_either(sandbox: Sandbox, waiting: Any, async_executor: Executor) -> None:
    """Under the asynchronous client aiohttp would repeat a PUT whose connection broke, where no policy sees it."""
    wrapped = wrap_client(waiting, async_executor)
    sandbox.script("CreateEnrollment", "applied reset")
    made = await wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"))
    assert made["registrationId"] == "pump-1"
    assert answers(sandbox) == [
        ("CreateEnrollment", "reset"),
        ("CreateEnrollment", "EnrollmentConflict"),
        ("GetEnrollment", "ok"),
    ]


@pytest.mark.anyio
async def test_without_the_policy_aiohttp_hides_the_first_request(sandbox: Sandbox, waiting: Any) -> None:
    """The reason for the test above: the caller is told that the enrollment was there, and it was its own."""
    sandbox.script("CreateEnrollment", "applied reset")
    with pytest.raises(ResourceExistsError):
        await waiting.enrollment.create_or_update("pump-1", enrollment("pump-1"), retry_total=0)
    assert sandbox.asked("CreateEnrollment") == 2


# Time-outs


def limited(**limits: str) -> Policy:
    table = "\n".join(f'{name} = "{value}"' for name, value in limits.items())
    return Policy.loads(f'schema = 1\nextends = ["builtin:azure-iot"]\n[limits]\n{table}\nmax_attempts = 1\n')


def test_an_attempt_ends_in_its_time(sandbox: Sandbox, manager: Any, provisioning: Any) -> None:
    """The SDKs' own 100 s and 300 s are cut to the policy's time for an attempt."""
    executor = SyncExecutor(limited(attempt_timeout="300ms", deadline="5s"), provider="azure-iot")
    sandbox.script("azure-iot:Get*", "hang*")
    began = time.monotonic()
    with pytest.raises(Exception, match=r"timed out|Error occurred"):
        wrap_client(manager, executor).get_device("pump-1")
    with pytest.raises(ServiceResponseError, match="timed out"):
        wrap_client(provisioning, executor).enrollment.get("pump-1")
    assert time.monotonic() - began < 5


def test_a_shorter_time_of_the_callers_stays(sandbox: Sandbox, provisioning: Any) -> None:
    """An option of the call that asks for less counts."""
    executor = SyncExecutor(limited(attempt_timeout="30s", deadline="60s"), provider="azure-iot")
    sandbox.script("azure-iot:Get*", "hang*")
    began = time.monotonic()
    with pytest.raises(ServiceResponseError):
        wrap_client(provisioning, executor).enrollment.get("pump-1", read_timeout=0.2)
    assert time.monotonic() - began < 5


@pytest.mark.anyio
async def test_an_asynchronous_attempt_is_cut(sandbox: Sandbox, waiting: Any) -> None:
    """The executor cuts a coroutine, and our error is one of the SDK's, too."""
    executor = Executor(limited(attempt_timeout="200ms", deadline="5s"), provider="azure-iot")
    sandbox.script("azure-iot:Get*", "hang*")
    with pytest.raises(DeadlineExceeded) as caught:
        await wrap_client(waiting, executor).enrollment.get("pump-1")
    assert isinstance(caught.value, HttpResponseError)


@pytest.mark.parametrize("name", ["manager", "provisioning"])
def test_our_errors_are_the_sdks_too(
    sandbox: Sandbox, name: str, request: pytest.FixtureRequest, executor: SyncExecutor
) -> None:
    """A script that catches the SDK's exception catches ours: here, for an answer that lacks its resource."""
    wrapped = wrap_client(request.getfixturevalue(name), executor)
    if name == "manager":
        wrapped.create_device_with_sas("pump-1", None, None, "enabled")
        sandbox.fault("GetDevice", fields={"deviceId": None}, times=None)
        with pytest.raises(ServiceError) as caught:
            wrapped.get_device("pump-1")
        assert isinstance(caught.value, HttpOperationError)
    else:
        wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"))
        sandbox.fault("GetEnrollment", fields={"registrationId": None}, times=None)
        with pytest.raises(ServiceError) as caught:
            wrapped.enrollment.get("pump-1")
        assert isinstance(caught.value, HttpResponseError)
    assert caught.value.fault.transport == "garbled"


# Bulk requests


def devices(*names: str, mode: str = "create") -> list[Any]:
    return [ExportImportDevice(id=name, import_mode=mode) for name in names]


def test_a_bulk_request_that_fails_in_part_says_which(
    sandbox: Sandbox, manager: Any, executor: SyncExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK takes the 400 for a success: the caller gets its result, the policy stops, and no log names a device."""
    wrapped = wrap_client(manager, executor)
    wrapped.create_device_with_sas("pump-1", None, None, "enabled")
    result = wrapped.bulk_create_or_update_devices(devices("pump-1", "pump-2"))
    assert result.is_successful is False
    assert [(each.device_id, each.error_code) for each in result.errors] == [("pump-1", "DeviceAlreadyExists")]
    assert [row["deviceId"] for row in sandbox.azure_iot.devices] == ["pump-1", "pump-2"]
    assert sandbox.asked("UpdateRegistry") == 1
    said = [record.getMessage() for record in caplog.records if "UpdateRegistry" in record.getMessage()]
    assert any("BulkRegistryOperationFailure" in line for line in said)
    assert not any("pump" in line for line in said)


def test_a_bulk_request_whose_answer_is_lost_stops(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """A repeat would report as failed what this request has made."""
    sandbox.script("UpdateRegistry", "applied lost")
    with pytest.raises(Exception, match="Error occurred in request"):
        wrap_client(manager, executor).bulk_create_or_update_devices(devices("pump-1", "pump-2"))
    assert sandbox.asked("UpdateRegistry") == 1
    assert len(sandbox.azure_iot.devices) == 2


def test_a_throttled_bulk_request_is_repeated(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """What was refused before it ran had no part."""
    sandbox.script("UpdateRegistry", "ThrottlingException*2")
    assert wrap_client(manager, executor).bulk_create_or_update_devices(devices("pump-1")).is_successful
    assert sandbox.asked("UpdateRegistry") == 3


def test_many_enrollments_fail_in_part(sandbox: Sandbox, provisioning: Any, executor: SyncExecutor) -> None:
    """The provisioning service sends the same kind of result with 200."""
    wrapped = wrap_client(provisioning, executor)
    wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"))
    many = {"mode": "create", "enrollments": [enrollment("pump-1"), enrollment("pump-2")]}
    result = wrapped.enrollment.run_bulk_operation(many)
    assert [each["registrationId"] for each in result["errors"]] == ["pump-1"]
    assert len(sandbox.azure_iot.enrollments) == 2


# Requests that cannot be sent again


def test_a_stream_is_refused(provisioning: Any, executor: SyncExecutor) -> None:
    """A body that is read while it is sent cannot be sent again."""
    with open(__file__, "rb") as stream, pytest.raises(ValueError, match="give it as bytes"):  # noqa: PTH123
        wrap_client(provisioning, executor).enrollment.create_or_update("pump-1", stream)


def test_a_method_is_not_repeated_blindly(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """A device may have done what it was asked for: without a verifier the call stops."""
    sandbox.script("InvokeDeviceMethod", "applied lost")
    with pytest.raises(Exception, match="Error occurred") as caught:
        wrap_client(manager, executor).invoke_device_method("pump-1", CloudToDeviceMethod(method_name="reboot"))
    assert any("unverified" in note for note in caught.value.__notes__)
    assert sandbox.asked("InvokeDeviceMethod") == 1


# The next run


def test_the_next_run_finds_what_the_first_has_done(sandbox: Sandbox, manager: Any, tmp_path: Path) -> None:
    """A device that an earlier run has made is read back, and a device of that name in another hub is another one."""
    for _ in range(2):
        with Ledger(tmp_path / "ledger.db") as ledger:
            executor = SyncExecutor(POLICY, provider="azure-iot", ledger=ledger)
            device = wrap_client(manager, executor).create_device_with_sas("pump-1", None, None, "enabled")
            assert device.authentication.symmetric_key.primary_key
            assert [entry.resource for entry in ledger.entries()] == [
                {"hub": sandbox.azure_iot.endpoint, "deviceId": "pump-1"}
            ]
    assert sandbox.asked("CreateDevice") == 1


def test_a_device_is_renamed_in_path_and_body(sandbox: Sandbox, manager: Any) -> None:
    """A rename changes both places where a request has the name, and later calls use the new one."""
    policy = Policy.loads(
        """
        schema = 1
        extends = ["builtin:azure-iot"]
        [rules.azure-iot]
        "CreateDevice/DeviceAlreadyExists" = "rename"
        """
    )
    manager.create_device_with_sas("pump", None, None, "enabled")
    wrapped = wrap_client(manager, SyncExecutor(policy, provider="azure-iot"))
    assert wrapped.create_device_with_sas("pump", None, None, "enabled").device_id == "pump-2"
    assert wrapped.get_device("pump").device_id == "pump-2"
    assert sandbox.calls[-2].arguments["deviceId"] == "pump-2"


# Signatures


def test_a_signature_that_is_refused_is_replaced(sandbox: Sandbox, tmp_path: Path) -> None:
    """A client with a fixed signature gets another one from the policy's source, and the given client keeps its own."""
    file = tmp_path / "token.json"
    fresh = {"AccessKeyId": "iothubowner", "SecretAccessKey": "-", "Token": sandbox.azure_iot.sas_token()}
    file.write_text(json.dumps(fresh))
    policy = Policy.loads(
        f"""
        schema = 1
        extends = ["builtin:azure-iot"]
        [credentials.azure-iot]
        source = "file"
        file = '{file}'
        """
    )
    executor = SyncExecutor(policy, provider="azure-iot")
    expired = AzureSasCredential(sandbox.azure_iot.sas_token(lifetime=-1))
    with DeviceProvisioningClient(f"http://{sandbox.azure_iot.endpoint}", expired) as client:
        wrapped = wrap_client(client, executor)
        made = wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"))
        assert made["registrationId"] == "pump-1"
        assert [answer for _, answer in answers(sandbox)] == ["IotHubUnauthorized", "ok"]
        with pytest.raises(HttpResponseError):
            client.enrollment.get("pump-1", retry_total=0)


def test_a_signature_without_a_source_is_refused(sandbox: Sandbox, executor: SyncExecutor) -> None:
    """Without a source the service's own refusal leaves, with what would help, and without the signature."""
    token = sandbox.azure_iot.sas_token(lifetime=-1)
    with DeviceProvisioningClient(f"http://{sandbox.azure_iot.endpoint}", AzureSasCredential(token)) as client:
        wrapped = wrap_client(client, executor)
        with pytest.raises(HttpResponseError) as caught:
            wrapped.enrollment.get("pump-1")
    notes = "\n".join(caught.value.__notes__)
    assert "no_credentials" in notes
    assert "[credentials.azure-iot]" in notes
    assert unquote(token).split("sig=")[1][:8] not in unquote(notes)


# Other event loops


def test_the_registry_works_on_trio(sandbox: Sandbox, manager: Any, async_executor: Executor) -> None:
    """Plain methods run in worker threads of any event loop."""
    sandbox.script("CreateDevice", "ThrottlingException, applied lost")
    create = async_executor.wrap("CreateDevice")(_Registry(manager).create)

    async def main() -> None:
        device = await create(sandbox.azure_iot.endpoint, "pump-1")
        assert device.device_id == "pump-1"

    trio.run(main)


class _Registry:
    def __init__(self, manager: Any) -> None:
        self.manager = manager

    def create(self, hub: str, device_id: str) -> Any:
        del hub
        try:
            return self.manager.create_device_with_sas(device_id, None, None, "enabled")
        except HttpOperationError as error:
            if error.response.status_code == 409:
                return self.manager.get_device(device_id)
            raise


def test_the_asynchronous_client_works_on_trio_with_its_transport(sandbox: Sandbox, async_executor: Executor) -> None:
    """azure-core has a transport for trio, with which nothing needs asyncio."""

    async def main() -> None:
        async with AsyncDeviceProvisioningClient.from_connection_string(
            sandbox.azure_iot.dps_connection_string, transport=TrioRequestsTransport()
        ) as client:
            sandbox.script("CreateEnrollment", "ThrottlingException, applied lost")
            made = await wrap_client(client, async_executor).enrollment.create_or_update("pump-1", enrollment("pump-1"))
            assert made["registrationId"] == "pump-1"

    trio.run(main)
    assert sandbox.applied("CreateEnrollment") == 1


def test_the_asynchronous_client_says_that_it_needs_asyncio(sandbox: Sandbox, async_executor: Executor) -> None:
    """Aiohttp knows no other event loop, and the message says what works instead."""

    async def main() -> None:
        client = AsyncDeviceProvisioningClient.from_connection_string(sandbox.azure_iot.dps_connection_string)
        await wrap_client(client, async_executor).enrollment.get("pump-1")

    with pytest.raises(RuntimeError, match="asyncio"):
        anyio.run(main, backend="trio")
