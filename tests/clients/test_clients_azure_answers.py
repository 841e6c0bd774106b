"""Answers that the SDKs take for a success: of their own methods, and of functions that a program wraps."""

from __future__ import annotations

from typing import Any

import pytest
from azure.iot.hub.protocol.models import BulkRegistryOperationResult, Device, DeviceRegistryOperationError, Twin
from azure_clients import POLICY, enrollment
from msrest.pipeline import ClientRawResponse
from raw_peer import Peer, Script

from resilience import SyncExecutor, wrap_client
from resilience.clients import check_value, verifiers_for
from resilience.core.fault import Fault
from resilience.sandbox import Sandbox

pytest_plugins = ("azure_fixtures",)

FAILED = DeviceRegistryOperationError(device_id="pump-1", error_code="DeviceNotFound")


def named(fault: Fault | None) -> str | None:
    return None if fault is None else fault.label


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        pytest.param("CreateDevice", Device(device_id="pump-1"), None, id="a-device"),
        pytest.param("CreateDevice", Device(), "garbled", id="an-empty-device"),
        pytest.param("CreateDevice", ClientRawResponse(Device(), None), "garbled", id="beside-its-response"),
        pytest.param(
            "CreateDevice", ClientRawResponse(Device(device_id="a"), None), None, id="good-beside-its-response"
        ),
        pytest.param("CreateDevice", None, None, id="a-function-that-returns-nothing"),
        pytest.param("CreateDevice", {"id": "pump-1"}, None, id="a-mapping-of-the-callers"),
        pytest.param("CreateDevice", "pump-1", None, id="a-text-of-the-callers"),
        pytest.param("CreateConfiguration", Twin(device_id="pump-1"), None, id="another-model"),
        pytest.param("DeleteDevice", None, None, id="a-delete"),
        pytest.param("MakeCoffee", None, None, id="an-unknown-operation"),
        pytest.param("UpdateRegistry", BulkRegistryOperationResult(is_successful=True), None, id="all-of-them"),
        pytest.param(
            "UpdateRegistry",
            BulkRegistryOperationResult(is_successful=False, errors=[FAILED]),
            "BulkRegistryOperationFailure",
            id="some-of-them",
        ),
        pytest.param("UpdateRegistry", BulkRegistryOperationResult(), "garbled", id="a-refusal-that-is-not-kept"),
        pytest.param("UpdateRegistry", None, None, id="bulk-without-a-value"),
        pytest.param("UpdateRegistry", {"mine": 1}, None, id="bulk-of-the-callers"),
        pytest.param(
            "RunEnrollmentBulkOperation", {"isSuccessful": False}, "BulkRegistryOperationFailure", id="some-enrollments"
        ),
    ],
)
def test_a_value_of_any_function_is_judged_with_care(operation: str, value: object, expected: str | None) -> None:
    """Only the SDK's own models are judged: what a program makes of an answer is its own."""
    assert named(check_value("azure-iot", operation, value)) == expected
    assert named(check_value("azure-iot", operation, value)) == expected


def test_a_bulk_fault_names_codes_and_no_devices() -> None:
    """A rule can look for a code among the results, and no device or key is kept."""
    fault = check_value(
        "azure-iot", "UpdateRegistry", BulkRegistryOperationResult(is_successful=False, errors=[FAILED])
    )
    assert fault is not None
    assert fault.message is not None
    assert "devicenotfound" in fault.message
    assert "pump" not in fault.message


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b"", b"{}", b'{"etag": "x"}'])
def test_an_answer_without_its_resource_is_no_success(sandbox: Sandbox, provisioning: Any, body: bytes) -> None:
    """The SDK returns whatever JSON it gets; the method of a wrapped client wants the resource."""
    wrapped = wrap_client(provisioning, SyncExecutor(POLICY, provider="azure-iot"))
    sandbox.fault("CreateEnrollment", kind="garbage", body=body, content_type="application/json", applied=True)
    assert wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"))["registrationId"] == "pump-1"
    assert (sandbox.asked("CreateEnrollment"), sandbox.applied("CreateEnrollment")) == (2, 1)


def test_what_a_function_of_the_caller_returns_is_taken(provisioning: Any, sandbox: Sandbox) -> None:
    """``cls`` makes something else of an answer, which the caller wants as it is."""
    wrapped = wrap_client(provisioning, SyncExecutor(POLICY, provider="azure-iot"))
    made = wrapped.enrollment.create_or_update("pump-1", enrollment("pump-1"), cls=lambda *_: ("mine",))
    assert made == ("mine",)
    assert sandbox.asked("CreateEnrollment") == 1


def test_a_wrapped_function_may_return_nothing(manager: Any, sandbox: Sandbox) -> None:
    """A function that makes a device and returns nothing has made it."""
    executor = SyncExecutor(POLICY, provider="azure-iot")

    @executor.wrap("CreateDevice")
    def create(hub: str, device_id: str) -> None:
        assert hub
        manager.create_device_with_sas(device_id, None, None, "enabled")

    create("hub", "pump-1")
    assert sandbox.asked("CreateDevice") == 1


def test_a_peer_that_speaks_of_something_else_is_garbled(manager: Any) -> None:
    """A 200 of a proxy with JSON of its own is no device."""
    with Peer(Script(body=b'{"login": "please"}', headers=(("Content-Type", "application/json"),))) as peer:
        manager.protocol.config.base_url = f"http://{peer.address}"
        devices = manager.protocol.devices
        devices.config.base_url = f"http://{peer.address}"
        answer = devices.get_identity("pump-1")
    assert named(check_value("azure-iot", "GetDevice", answer)) == "garbled"


def test_a_client_has_verifiers_for_what_it_makes(manager: Any, provisioning: Any, sandbox: Sandbox) -> None:
    """The verifiers of all groups, for functions that take the arguments of the SDK's methods."""
    manager.protocol.config.retry_policy.retries = 0
    found = verifiers_for(manager)
    assert set(found) == {
        f"azure-iot:{name}" for name in ("CreateDevice", "CreateModule", "CreateConfiguration", "CreateScheduledJob")
    }
    provisioning._client._pipeline._impl_policies[5].total_retries = 0
    assert set(verifiers_for(provisioning)) == {"azure-iot:CreateEnrollment", "azure-iot:CreateEnrollmentGroup"}
    verify, device = found["azure-iot:CreateDevice"], Device(device_id="pump-1")
    assert verify("pump-1", device) is None
    manager.create_device_with_sas("pump-1", None, None, "enabled")
    assert verify("pump-1", device).device_id == "pump-1"
    with pytest.raises(ValueError, match="buys nothing"):
        verifiers_for(manager, unique_names=True)
    assert sandbox.asked("GetDevice") == 2


def test_a_client_that_repeats_has_no_verifiers(manager: Any) -> None:
    """A verifier of a client that repeats by itself would hide what it does."""
    with pytest.raises(ValueError, match="3 retries"):
        verifiers_for(manager)
