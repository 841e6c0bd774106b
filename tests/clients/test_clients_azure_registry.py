"""Devices of a hub under the shipped policy, by the real client of the registry over https."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.iot.hub.protocol.models import Device
from azure_clients import answers
from msrest.exceptions import HttpOperationError

from resilience import RemedyFailed, SyncExecutor, wrap_client
from resilience.clients import Ambiguous
from resilience.sandbox import Sandbox

pytest_plugins = ("azure_fixtures",)


@pytest.fixture
def wrapped(manager: Any, executor: SyncExecutor) -> Any:
    return wrap_client(manager, executor)


def make(client: Any, name: str = "pump-1", primary: str | None = None, secondary: str | None = None) -> Any:
    return client.create_device_with_sas(name, primary, secondary, "enabled")


def test_a_throttled_create_is_repeated(sandbox: Sandbox, wrapped: Any) -> None:
    """A 429 is refused before it ran: the call waits and asks again, as often as it takes."""
    sandbox.script("CreateDevice", "ThrottlingException*7")
    assert make(wrapped).device_id == "pump-1"
    assert sandbox.asked("CreateDevice") == 8
    assert sandbox.applied("CreateDevice") == 1


@pytest.mark.parametrize("fault", ["lost", "reset", "truncated", "garbage", "ServerError", "http-502", "http-503"])
def test_a_create_whose_answer_is_lost_is_looked_for(sandbox: Sandbox, wrapped: Any, fault: str) -> None:
    """A second attempt is refused because of the first: the device is read back with its keys."""
    sandbox.script("CreateDevice", f"applied {fault}")
    device = make(wrapped)
    (row,) = sandbox.azure_iot.devices
    assert device.authentication.symmetric_key.primary_key == row["authentication"]["symmetricKey"]["primaryKey"]
    assert (sandbox.asked("CreateDevice"), sandbox.applied("CreateDevice")) == (2, 1)
    assert sandbox.asked("GetDevice") == 1


@pytest.mark.parametrize("fault", ["lost", "reset", "ServerError", "http-503"])
def test_a_create_that_was_not_done_is_done_once(sandbox: Sandbox, wrapped: Any, fault: str) -> None:
    """Another attempt makes it."""
    sandbox.script("CreateDevice", fault)
    assert make(wrapped).device_id == "pump-1"
    assert (sandbox.asked("CreateDevice"), sandbox.applied("CreateDevice")) == (2, 1)


def test_a_device_of_somebody_else_is_refused(sandbox: Sandbox, manager: Any, wrapped: Any) -> None:
    """A name that was taken before the call is the service's own refusal."""
    make(manager)
    with pytest.raises(HttpOperationError) as caught:
        make(wrapped)
    assert caught.value.response.status_code == 409
    assert any("not_ours" in note for note in caught.value.__notes__)
    assert sandbox.asked("CreateDevice") == 2


def test_a_device_with_other_keys_is_somebody_elses(sandbox: Sandbox, manager: Any, wrapped: Any) -> None:
    """After a lost answer a device of this name is there, with other keys than the call asked for."""
    theirs, ours = "dGhlaXJz", "b3Vycw=="
    make(manager, primary=theirs, secondary=theirs)
    sandbox.script("CreateDevice", "lost")
    with pytest.raises(RemedyFailed) as caught:
        make(wrapped, primary=ours, secondary=ours)
    why = caught.value.__cause__
    assert isinstance(why, Ambiguous)
    assert "pump-1; it has another authentication.symmetricKey.primaryKey" in str(why)
    assert not any(key in f"{why}{caught.value}{caught.value.__notes__}" for key in (ours, theirs))


def test_what_a_delete_finds_gone_is_deleted(sandbox: Sandbox, wrapped: Any) -> None:
    """A second delete, and one whose first answer was lost, is a success."""
    make(wrapped)
    sandbox.script("DeleteDevice", "applied lost")
    wrapped.delete_device("pump-1")
    wrapped.delete_device("pump-1")
    assert sandbox.azure_iot.devices == []


def test_the_given_client_keeps_its_retries(sandbox: Sandbox, manager: Any, executor: SyncExecutor) -> None:
    """Only the wrapped client sends once; the client that was given repeats as before."""
    wrapped = wrap_client(manager, executor)
    make(wrapped)
    sandbox.script("GetDevice", "http-503*2")
    assert manager.get_device("pump-1").device_id == "pump-1"
    assert answers(sandbox)[-3:] == [("GetDevice", "http-503"), ("GetDevice", "http-503"), ("GetDevice", "ok")]


def test_the_sdks_own_retries_are_switched_off_and_said_so(
    sandbox: Sandbox, wrapped: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Msrest would repeat a PUT three times, also where the answer was lost."""
    sandbox.script("CreateDevice", "applied lost")
    make(wrapped)
    said = [record.message for record in caplog.records if "switched off" in record.message]
    assert said == ["switched off, for this client: 3 retries of msrest, which also repeat a PUT whose answer was lost"]


def test_without_the_policy_the_sdk_makes_a_stranger_of_its_own_device(sandbox: Sandbox, manager: Any) -> None:
    """The reason for all this: the plain client repeats a lost create by itself, and reports that it was refused."""
    sandbox.script("CreateDevice", "applied lost")
    with pytest.raises(HttpOperationError) as caught:
        make(manager)
    assert caught.value.response.status_code == 409
    assert len(sandbox.azure_iot.devices) == 1


def test_a_bad_day_loses_and_doubles_nothing(sandbox: Sandbox, wrapped: Any) -> None:
    """Every device is made once, and the caller has the keys of each, whatever becomes of the answers."""
    bad = ["applied lost", "lost", "ThrottlingException", "applied ServerError", "truncated", "503", "applied reset"]
    sandbox.chaos(rate=0.25, seed=7, kinds=bad, operation="CreateDevice")
    names = [f"pump-{number}" for number in range(25)]
    # One after the other, so that the seed decides which call meets what.
    made = [make(wrapped, name) for name in names]
    kept = {row["deviceId"]: row["authentication"]["symmetricKey"]["primaryKey"] for row in sandbox.azure_iot.devices}
    assert {device.device_id: device.authentication.symmetric_key.primary_key for device in made} == kept
    assert sandbox.applied("CreateDevice") == len(kept) == len(names)
    assert sandbox.asked("CreateDevice") > len(names)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"Message": "ErrorCode:DeviceNotFound;marker"}, "not_ours", id="a-name"),
        pytest.param({"errorCode": 404001}, "not_ours", id="a-number"),
        pytest.param({"errorCode": 404999}, "not_ours", id="a-number-without-a-name"),
        pytest.param({"Message": "ErrorCode:IotHubFailingOver;marker"}, None, id="a-hub-that-moves"),
        pytest.param({"login": "please"}, "remedy", id="a-proxy"),
    ],
)
def test_only_the_service_says_that_a_device_is_not_there(
    sandbox: Sandbox, wrapped: Any, body: dict[str, Any], expected: str | None
) -> None:
    """A 404 of something in between is no word about the device, nor is that of a hub that is on the move."""
    sandbox.script("CreateDevice", "applied lost")
    sandbox.fault("GetDevice", status=404, body=json.dumps(body), content_type="application/json")
    if expected is None:
        assert make(wrapped).device_id == "pump-1"
    else:
        with pytest.raises(HttpOperationError) as caught:
            make(wrapped)
        assert f"stop reason: {expected}" in caught.value.__notes__[0]
    assert sandbox.applied("CreateDevice") == 1


def test_keys_that_are_not_shown_are_no_other_keys(sandbox: Sandbox, wrapped: Any) -> None:
    """A caller with few permissions reads back a device without its keys: its name and its kind decide."""
    sandbox.script("CreateDevice", "applied lost")
    sandbox.fault("GetDevice", fields={"authentication": {"type": "sas"}, "capabilities": None})
    assert make(wrapped, primary="b3Vycw==", secondary="b3Vycw==").device_id == "pump-1"
    assert sandbox.applied("CreateDevice") == 1


def test_a_caller_who_wants_the_response_gets_it(sandbox: Sandbox, wrapped: Any) -> None:
    """With ``raw`` the device that is read back has its response beside it, as the SDK's own answer has."""
    sandbox.script("CreateDevice", "applied lost")
    made = wrapped.protocol.devices.create_or_update_identity("pump-1", Device(device_id="pump-1"), raw=True)
    assert (made.output.device_id, made.response.status_code) == ("pump-1", 200)
