"""
What a fleet calls for each row: a function with the SDK, and its verifier.

``resilience fleet`` imports this module; see ``ten_thousand.py`` beside it. The service tells a secret once, so the
function keeps it before it returns: a fleet reads no values. After a lost answer the verifier fetches it.
"""

from __future__ import annotations

import json
import os

from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from resilience import DONE, Executor, Policy

INSTANCE = os.environ.get("ALIBABA_MQTT_INSTANCE", "mqtt-cn-x")
CREDENTIALS = os.environ.get("CREDENTIALS", "credentials.jsonl")

# The policy of `resilience fleet` takes this one's place.
executor = Executor(Policy.load("builtin:alibaba-mqtt"), provider="alibaba")

endpoint = os.environ["ALIBABA_MQTT_ENDPOINT"]
client = Client(
    Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        endpoint=endpoint,
        protocol="HTTP" if endpoint.startswith("127.") else "HTTPS",
    )
)


@executor.wrap("RegisterDeviceCredential")
async def register(client_id: str, instance_id: str = INSTANCE) -> None:
    """Make the credential of a device."""
    request = models.RegisterDeviceCredentialRequest(client_id=client_id, instance_id=instance_id)
    answer = await client.register_device_credential_async(request)
    keep(answer.body.device_credential)


@register.verify
async def find(client_id: str, instance_id: str = INSTANCE) -> object:
    """Say whether a device has a credential, and keep it."""
    request = models.GetDeviceCredentialRequest(client_id=client_id, instance_id=instance_id)
    try:
        answer = await client.get_device_credential_async(request)
    except TeaException as error:
        if error.code == "DeviceCredentialNotFound":
            return None
        raise
    keep(answer.body.device_credential)
    return DONE


def keep(made: models.RegisterDeviceCredentialResponseBodyDeviceCredential) -> None:
    """Write a credential where only this user can read it; of two lines for one device the last one counts."""
    line = {"client_id": made.client_id, "key": made.device_access_key_id, "secret": made.device_access_key_secret}
    file = os.open(CREDENTIALS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, f"{json.dumps(line)}\n".encode())  # one write, so that processes do not mix their lines
    finally:
        os.close(file)
