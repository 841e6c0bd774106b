"""Azure's room of the sandbox: what its requests do and are answered, by the real SDKs and by hand."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.protocol.models import ExportImportDevice, Twin, TwinProperties
from msrest.exceptions import HttpOperationError

from resilience.catalog import catalogue
from resilience.sandbox import Sandbox
from resilience.sandbox.azure.signing import signature
from resilience.sandbox.exchange import HttpRequest

pytest_plugins = ("sandbox_fixtures",)

VERSION = "api-version=2021-04-12"


@pytest.fixture
def manager(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in sandbox.azure_iot.environment().items():
        monkeypatch.setenv(name, value)
    client = IoTHubRegistryManager.from_connection_string(sandbox.azure_iot.hub_connection_string)
    client.protocol.config.retry_policy.retries = 0
    return client


@pytest.fixture
def provisioning(sandbox: Sandbox) -> Iterator[Any]:
    address = sandbox.azure_iot.dps_connection_string
    with DeviceProvisioningClient.from_connection_string(address, retry_total=0) as client:
        yield client


def make(manager: Any, name: str = "pump-1") -> Any:
    return manager.create_device_with_sas(name, None, None, "enabled")


def code_of(error: Any) -> str:
    found: str = error.response.headers.get("iothub-errorcode") or str(error.response.json()["errorCode"])
    return found


def asking(sandbox: Sandbox, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
    """Send a request by hand, with a token that is valid unless another one is given."""
    headers = {"Authorization": sandbox.azure_iot.sas_token() if token is None else token}
    url = f"http://{sandbox.azure_iot.endpoint}{path}"
    return requests.request(method, url, headers=headers, timeout=5, **options)


def test_each_request_of_the_catalogue_is_known_by_its_path(sandbox: Sandbox) -> None:
    """No two operations have the same requests, and each operation that a path has is found by it."""
    for name, facts in catalogue("azure-iot").operations.items():
        if facts.request is not None:
            method, _, path = facts.request.partition(" ")
            example = re.sub(r"\{\w+\}", "x", path)
            assert sandbox.azure_iot.read(HttpRequest(method, example, "", {}, b"")).operation == name


def test_a_put_with_a_condition_is_another_operation(sandbox: Sandbox) -> None:
    """``If-Match`` makes an update of a create."""
    asked = sandbox.azure_iot.read(HttpRequest("PUT", "/devices/pump%201", "", {"if-match": "*"}, b""))
    assert (asked.operation, asked.arguments) == ("UpdateDevice", {"deviceId": "pump 1", "If-Match": "*"})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda _: "Bearer x", "IotHubUnauthorized", id="scheme"),
        pytest.param(
            lambda token: token.replace("skn=iothubowner", "skn=device"), "IotHubUnauthorizedAccess", id="policy"
        ),
        pytest.param(lambda token: token.replace("127.0.0.1", "127.0.0.2"), "IotHubUnauthorizedAccess", id="host"),
        pytest.param(lambda token: re.sub(r"sig=[^&]*", "sig=eA%3D%3D", token), "IotHubUnauthorized", id="signature"),
        pytest.param(lambda token: re.sub(r"se=\d+", "se=1", token), "IotHubUnauthorized", id="expiry"),
    ],
)
def test_a_wrong_token_is_refused(sandbox: Sandbox, change: Any, code: str) -> None:
    """Policy, host, expiry and signature are checked, and nothing happens."""
    answer = asking(sandbox, "GET", f"/devices?{VERSION}", change(sandbox.azure_iot.sas_token()))
    assert (answer.status_code, answer.headers["iothub-errorcode"]) == (401, code)


def test_a_token_expires(sandbox: Sandbox) -> None:
    """A token of the past is refused, also with a right signature."""
    answer = asking(sandbox, "GET", f"/devices?{VERSION}", sandbox.azure_iot.sas_token(lifetime=-1))
    assert answer.json()["Message"] == "ErrorCode:IotHubUnauthorized;the token has expired"


def test_a_signature_is_that_of_the_sdk() -> None:
    """The same key, audience and expiry give the signature of azure-iot-hub."""
    from azure.iot.hub.sastoken import SasToken  # noqa: PLC0415  # it has no types

    token = SasToken("hub.azure-devices.net", "a2V5", "owner")
    assert signature("a2V5", "hub.azure-devices.net", token.expiry_time) in unquote(str(token))


@pytest.mark.parametrize(
    ("method", "path", "options", "code"),
    [
        pytest.param("GET", "/devices", {}, "InvalidProtocolVersion", id="no-version"),
        pytest.param("GET", f"/coffee?{VERSION}", {}, "GenericNotFound", id="path"),
        pytest.param("PUT", f"/devices/x?{VERSION}", {"data": b"{"}, "DeserializationError", id="body"),
        pytest.param("PUT", f"/devices/a%20b?{VERSION}", {"json": {}}, "ArgumentInvalid", id="name"),
        pytest.param("POST", f"/devices?{VERSION}", {"json": {}}, "ArgumentInvalid", id="no-list"),
        pytest.param(
            "POST", f"/devices?{VERSION}", {"json": [{"id": "a"}] * 2}, "DeviceDefinedMultipleTimes", id="twice"
        ),
        pytest.param(
            "POST", f"/devices?{VERSION}", {"json": [{"id": f"d{n}"} for n in range(101)]}, "TooManyDevices", id="many"
        ),
        pytest.param("PUT", f"/enrollments/x?{VERSION}", {"json": {}}, "ArgumentInvalid", id="attestation"),
    ],
)
def test_a_wrong_request_is_refused(
    sandbox: Sandbox, method: str, path: str, options: dict[str, Any], code: str
) -> None:
    """A mistake earns the hub's own code."""
    assert asking(sandbox, method, path, **options).headers["iothub-errorcode"] == code


def test_a_device_has_keys_and_a_twin(sandbox: Sandbox, manager: Any) -> None:
    """The hub makes keys where the request has none, and gives all of them back."""
    made = make(manager)
    again = manager.get_device("pump-1")
    assert made.authentication.symmetric_key.primary_key == again.authentication.symmetric_key.primary_key
    assert made.etag == again.etag
    assert manager.get_twin("pump-1").device_id == "pump-1"
    with pytest.raises(HttpOperationError) as caught:
        make(manager)
    assert (caught.value.response.status_code, code_of(caught.value)) == (409, "DeviceAlreadyExists")
    assert [call.arguments["authentication"]["symmetricKey"] for call in sandbox.calls[:1]] == [{}]


def test_keys_stay_out_of_the_log(sandbox: Sandbox, manager: Any) -> None:
    """The call log masks the keys of a request."""
    manager.create_device_with_sas("pump-1", "b3Vycw==", "b3Vycw==", "enabled")
    assert "b3Vycw" not in str(sandbox.calls)
    assert "b3Vycw" in str(sandbox.azure_iot.devices)


def test_an_etag_guards_a_change(sandbox: Sandbox, manager: Any) -> None:
    """A change with the right ETag, or with ``*``, is done; one with another is refused, also a delete."""
    made = make(manager)
    changed = manager.update_device_with_sas("pump-1", made.etag, None, None, "disabled")
    assert (changed.status, changed.etag == made.etag) == ("disabled", False)
    with pytest.raises(HttpOperationError) as caught:
        manager.update_device_with_sas("pump-1", made.etag, None, None, "enabled")
    assert code_of(caught.value) == "PreconditionFailed"
    with pytest.raises(HttpOperationError) as caught:
        manager.delete_device("pump-1", made.etag)
    assert code_of(caught.value) == "PreconditionFailed"
    manager.delete_device("pump-1")
    assert sandbox.azure_iot.devices == sandbox.azure_iot.twins == []


def test_modules_go_with_their_device(sandbox: Sandbox, manager: Any) -> None:
    """A module needs a device, and is gone with it."""
    with pytest.raises(HttpOperationError) as caught:
        manager.create_module_with_sas("pump-1", "valve", "me", None, None)
    assert code_of(caught.value) == "DeviceNotFound"
    make(manager)
    manager.create_module_with_sas("pump-1", "valve", "me", None, None)
    assert [module.module_id for module in manager.get_modules("pump-1")] == ["valve"]
    assert manager.get_module_twin("pump-1", "valve").module_id == "valve"
    manager.delete_device("pump-1")
    assert sandbox.azure_iot.modules == []


def test_a_twin_is_changed_and_replaced(manager: Any) -> None:
    """A change keeps what it does not name, and a null takes it away; a replacement keeps nothing."""
    make(manager)
    manager.update_twin("pump-1", Twin(tags={"room": 1, "floor": 2}, properties=TwinProperties(desired={"rpm": 900})))
    changed = manager.update_twin("pump-1", Twin(tags={"room": 3, "floor": None}))
    assert (changed.tags, changed.properties.desired) == ({"room": 3}, {"rpm": 900})
    assert manager.replace_twin("pump-1", Twin(tags={"hall": 4})).tags == {"hall": 4}


def test_a_bulk_request_does_what_it_can(sandbox: Sandbox, manager: Any) -> None:
    """Each device has its mode and its result; the answer is a 400 if one failed."""
    make(manager)
    result = manager.bulk_create_or_update_devices(
        [
            ExportImportDevice(id="pump-1", import_mode="create"),
            ExportImportDevice(id="pump-2", import_mode="createOrUpdate", status="disabled"),
            ExportImportDevice(id="pump-3", import_mode="delete"),
        ]
    )
    assert [(each.device_id, each.error_code) for each in result.errors] == [
        ("pump-1", "DeviceAlreadyExists"),
        ("pump-3", "DeviceNotFound"),
    ]
    assert {row["deviceId"]: row["status"] for row in sandbox.azure_iot.devices} == {
        "pump-1": "enabled",
        "pump-2": "disabled",
    }
    assert asking(sandbox, "POST", f"/devices?{VERSION}", json=[{"id": "pump-1"}]).status_code == 200


def test_an_enrollment_shows_its_keys_on_demand_only(sandbox: Sandbox, provisioning: Any) -> None:
    """Keys are in the answer of the attestation alone; errors have the numbers of the provisioning service."""
    body = {"registrationId": "pump-1", "attestation": {"type": "symmetricKey"}}
    made = provisioning.enrollment.create_or_update("pump-1", body)
    assert "symmetricKey" not in made["attestation"]
    assert provisioning.enrollment.get_attestation_mechanism("pump-1")["symmetricKey"]["primaryKey"]
    with pytest.raises(HttpResponseError) as caught:
        provisioning.enrollment.create_or_update("pump-1", body)
    assert code_of(caught.value) == "409201"
    assert provisioning.enrollment.create_or_update("pump-1", body, if_match=made["etag"])["etag"] != made["etag"]
    assert [each["registrationId"] for each in provisioning.enrollment.query({"query": "SELECT *"})] == ["pump-1"]
    provisioning.enrollment.delete("pump-1")
    with pytest.raises(HttpResponseError) as caught:
        provisioning.enrollment.get("pump-1")
    assert code_of(caught.value) == "404201"
    assert sandbox.azure_iot.enrollments == []


def test_a_group_of_enrollments_is_kept_too(sandbox: Sandbox, provisioning: Any) -> None:
    """Groups have names and codes of their own."""
    body = {"enrollmentGroupId": "line-1", "attestation": {"type": "symmetricKey"}}
    provisioning.enrollment_group.create_or_update("line-1", body)
    with pytest.raises(HttpResponseError) as caught:
        provisioning.enrollment_group.create_or_update("line-1", body)
    assert code_of(caught.value) == "409202"
    assert [row["enrollmentGroupId"] for row in sandbox.azure_iot.enrollment_groups] == ["line-1"]
    (found,) = provisioning.enrollment_group.query({"query": "SELECT *"})
    assert found["enrollmentGroupId"] == "line-1"


def test_a_job_has_the_name_of_the_caller_or_of_the_hub(sandbox: Sandbox) -> None:
    """A scheduled job is refused the second time; an import makes another job each time."""
    scheduled = [asking(sandbox, "PUT", f"/jobs/v2/night?{VERSION}", json={}) for _ in range(2)]
    imported = [asking(sandbox, "POST", f"/jobs/create?{VERSION}", json={}) for _ in range(2)]
    assert [answer.status_code for answer in scheduled] == [200, 409]
    assert len({answer.json()["jobId"] for answer in imported}) == 2


def test_it_tells_a_user_how_to_reach_it(sandbox: Sandbox) -> None:
    """Connection strings for both services, and the certificate to trust, are in the exports."""
    exports = [line for line in sandbox.describe() if line.startswith("export ")]
    script = "\n".join([*exports, 'echo "$IOTHUB_CONNECTION_STRING $DPS_CONNECTION_STRING"; cat "$REQUESTS_CA_BUNDLE"'])
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607  # our own text, and the shell of the user
    azure = sandbox.azure_iot
    assert told.startswith(f"{azure.hub_connection_string} {azure.dps_connection_string}\n")
    assert "BEGIN CERTIFICATE" in told
