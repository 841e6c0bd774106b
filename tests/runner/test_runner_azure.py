"""Unmodified scripts that use Azure's SDKs for IoT: their calls follow the policy, however their clients are made."""

from __future__ import annotations

import pytest
from script_runs import Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

POLICY = """
schema = 1
name = "running"
extends = ["builtin:azure-iot"]
[limits]
settle = "10ms"
[backoff.default]
kind = "constant"
base = "10ms"
jitter = "none"
[backoff.throttled]
kind = "constant"
base = "10ms"
jitter = "none"
"""

MSREST = "resilience: switched off, for this client: 3 retries of msrest, which also repeat a PUT whose answer was lost"
CORE = MSREST.replace("3 retries of msrest", "10 retries of azure-core")

HUB = """
import os
from azure.iot.hub import IoTHubRegistryManager
manager = IoTHubRegistryManager.from_connection_string(os.environ["IOTHUB_CONNECTION_STRING"])
"""
DPS = """
import os
from azure.iot.deviceprovisioning import DeviceProvisioningClient
body = {"registrationId": "pump-1", "attestation": {"type": "symmetricKey"}}
client = DeviceProvisioningClient.from_connection_string(os.environ["DPS_CONNECTION_STRING"])
"""


@pytest.fixture
def azure(scripts: Scripts, sandbox: Sandbox) -> Scripts:
    """Return a folder in which the SDKs find the sandbox in their environment."""
    scripts.write("policy.toml", POLICY)
    scripts.environ.update(sandbox.azure_iot.environment())
    return scripts


@pytest.mark.parametrize(
    ("script", "switched_off"),
    [
        pytest.param(
            HUB + 'print(manager.create_device_with_sas("pump-1", None, None, "enabled").device_id)',
            MSREST,
            id="manager",
        ),
        pytest.param(
            HUB
            + "from azure.iot.hub.protocol.models import Device\n"
            + "create = manager.protocol.devices.create_or_update_identity\n"
            + 'print(create("pump-1", Device(device_id="pump-1")).device_id)',
            MSREST,
            id="method-kept",
        ),
        pytest.param(
            HUB
            + "import threading\n"
            + "found = []\n"
            + "def work():\n"
            + '    found.append(manager.create_device_with_sas("pump-1", None, None, "enabled"))\n'
            + "thread = threading.Thread(target=work)\n"
            + "thread.start(); thread.join()\n"
            + "print(found[0].device_id)",
            MSREST,
            id="thread",
        ),
        pytest.param(
            DPS + 'print(client.enrollment.create_or_update("pump-1", body)["registrationId"])', CORE, id="dps"
        ),
        pytest.param(
            DPS.replace("azure.iot.deviceprovisioning ", "azure.iot.deviceprovisioning.aio ")
            + "import asyncio\n"
            + "async def main():\n"
            + "    async with client:\n"
            + '        print((await client.enrollment.create_or_update("pump-1", body))["registrationId"])\n'
            + "asyncio.run(main())",
            CORE,
            id="asyncio",
        ),
    ],
)
def test_a_bad_day_is_survived(script: str, switched_off: str, azure: Scripts, sandbox: Sandbox) -> None:
    """A throttled create waits, a lost one is read back; the SDK's retries are off, and the end says so."""
    azure.write("script.py", script)
    sandbox.script("azure-iot:Create*", "ThrottlingException, applied lost")
    ours = azure.run("script.py")
    assert (ours.code, ours.out) == (0, "pump-1\n"), ours.err
    assert sandbox.applied("CreateDevice") + sandbox.applied("CreateEnrollment") == 1
    said = ours.said()
    assert said[0].startswith("resilience: 1 call, 2 retries, 1 verification, 1 accepted; waited ")
    assert said[1:] == [switched_off]


def test_a_script_catches_the_exceptions_that_it_knows(azure: Scripts, sandbox: Sandbox) -> None:
    """What the policy gives up leaves as the SDK's own exception, with a note that shows no device."""
    azure.write(
        "script.py",
        HUB
        + "from msrest.exceptions import HttpOperationError\n"
        + "try:\n"
        + '    manager.get_device("pump-1")\n'
        + "except HttpOperationError as error:\n"
        + "    print(error.response.status_code, *error.__notes__)",
    )
    ours = azure.run("script.py")
    assert ours.code == 0, ours.err
    assert ours.out.startswith("404 resilience: GetDevice stopped after 1 attempt (stop reason: rule)")
    assert "pump" not in ours.out
    assert sandbox.asked("GetDevice") == 1


def test_what_the_adapter_leaves_alone_is_counted(azure: Scripts, sandbox: Sandbox) -> None:
    """A list sends while it is read: that request is not under the policy, and the end says so."""
    azure.write("script.py", DPS + 'print(list(client.enrollment.query({"query": "all"})))')
    ours = azure.run("script.py")
    assert (ours.code, ours.out) == (0, "[]\n"), ours.err
    assert "1 call was not under the policy" in ours.said()[0] + ours.said()[1]
    assert sandbox.asked("QueryEnrollments") == 1
