"""
How do I make devices of an Azure IoT hub exactly once, on a day when the hub is bad?

The SDK repeats a request by itself, three times, also where the answer was lost. The hub has made the device by then,
so it refuses the second request, and the script is told that the device is there already, and gets no keys: a device of
its own looks like one of somebody else's. ``wrap_client`` switches these retries off, and ``builtin:azure-iot`` knows
better: after a lost answer the device is read back, with its keys. One that was there before is refused as ever. So
four of the five devices can be made. Offline, against a sandbox that loses answers and has too much to do::

    python examples/azure_devices.py --sandbox
    python examples/azure_devices.py --sandbox --plain      # the same day without the policy

Against a real hub the script reads ``IOTHUB_CONNECTION_STRING``. The policy is the shipped one; your own extends it,
says in ``[rate.azure-iot]`` how many requests your hub allows, and may add a ``[ledger]``, so that a second run of the
script finds what the first one made. The SDK comes with ``pip install 'mqtt-resilience[azure]'``.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from azure.iot.hub import IoTHubRegistryManager
from msrest.exceptions import HttpOperationError

from resilience import Policy, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, without_proxies

VARIABLE = "IOTHUB_CONNECTION_STRING"
DEVICES = ("pump-1", "pump-2", "pump-3", "pump-4", "pump-5")
# In turn: too many requests; an answer that is lost, when the device is made; a connection that breaks before the hub
# has done anything; and a fault of the hub, when the device is made. The last device is somebody else's.
BAD_DAY = "ThrottlingException*2, ok, applied lost, ok, reset, ok, applied ServerError"
THEIRS = DEVICES[-1]


def client(connection_string: str, *, is_plain: bool) -> Any:
    """Return a client of the registry, under the policy or as it is."""
    manager = IoTHubRegistryManager.from_connection_string(connection_string)
    return manager if is_plain else wrap_client(manager, SyncExecutor(Policy.load("builtin:azure-iot")))


def rehearse(sandbox: Sandbox) -> str:
    """Let the sandbox's hub have a bad day, and return its connection string."""
    # A hub's client insists on https: the environment names a file with the certificate.
    os.environ.update(sandbox.azure_iot.environment())
    client(sandbox.azure_iot.hub_connection_string, is_plain=True).create_device_with_sas(THEIRS, None, None, "enabled")
    sandbox.script("CreateDevice", BAD_DAY)
    return sandbox.azure_iot.hub_connection_string


def run(manager: Any) -> int:
    """Make the devices, print how each call ended, and return for how many there are keys."""
    made = 0
    for name in DEVICES:
        try:
            # Without keys in the request the hub makes them: only its answer has them.
            device = manager.create_device_with_sas(name, None, None, "enabled")
        except HttpOperationError as error:
            code = error.response.headers.get("iothub-errorcode", error.response.status_code)
            print(f"{name}  {code}", flush=True)
        else:
            has_keys = bool(device.authentication.symmetric_key.primary_key)
            made += has_keys
            print(f"{name}  made, {'with' if has_keys else 'without'} keys", flush=True)
    return made


def main() -> int:
    """Run against the sandbox, or against the hub that the environment names."""
    logging.basicConfig(format="    %(message)s", level=logging.WARNING, stream=sys.stdout)
    if sys.argv[1:] in (["--sandbox"], ["--sandbox", "--plain"]):
        with without_proxies(), Sandbox() as sandbox:
            made = run(client(rehearse(sandbox), is_plain="--plain" in sys.argv))
            ours = len(sandbox.azure_iot.devices) - 1
        print(f"{ours} devices made, {made} of them told to the script")
        return 0 if made == ours else 1
    if sys.argv[1:] or not os.environ.get(VARIABLE):
        print(f"give --sandbox to try this offline, or set {VARIABLE}", file=sys.stderr)
        return 2
    return 0 if run(client(os.environ[VARIABLE], is_plain=False)) == len(DEVICES) else 1


if __name__ == "__main__":
    sys.exit(main())
