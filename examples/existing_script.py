"""
How do I put a script under a policy without changing it?

This is such a script: groups, device credentials and topics with the vendors' blocking SDKs, written as if no call ever
failed. It knows nothing of this library: ``resilience run`` covers the SDKs while it runs. To try it offline, play the
services, on a bad day, in one terminal::

    resilience sandbox --script "CreateGroupId=SystemOverFlow*2, ok, applied lost, ok, GroupIdAlreadyUsedByOtherUsers"

In another one, paste the lines that begin with ``export``, and then::

    python examples/existing_script.py
    resilience run --policy builtin:provisioning --env dev examples/existing_script.py

The first command dies of the first ``SystemOverFlow``. The second does all of the work, and says what it took::

    resilience: 9 calls, 3 retries, 1 rename (GID_actuators is now GID_actuators-2), 1 verification, 1 accepted; ...

Accepted was the group whose answer got lost: the next attempt was told that it exists, a look at the list said so too,
and the script got an answer of its SDK. The exit code is that of the script. ``--ledger run.db`` lets a run after a
crash know what this one has done, ``--journal run.jsonl`` keeps the whole story for ``resilience report run.jsonl``.
"""

from __future__ import annotations

import os

from alibabacloud_onsmqtt20200420 import models as alibaba
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_tea_openapi.models import Config
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models as tencent
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient

GROUPS = ("GID_sensors", "GID_gateways", "GID_actuators")
TOPICS = ("telemetry", "commands")


def protocol(endpoint: str) -> str:
    """Return the protocol of an endpoint: only this machine is spoken to in plain HTTP."""
    return "HTTP" if endpoint.startswith("127.") else "HTTPS"


def set_up_alibaba() -> None:
    """Make the groups, and a key for one device of each."""
    endpoint, instance = os.environ["ALIBABA_MQTT_ENDPOINT"], os.environ["ALIBABA_MQTT_INSTANCE"]
    client = AlibabaClient(
        Config(
            access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            endpoint=endpoint,
            protocol=protocol(endpoint),
        )
    )
    for group in GROUPS:
        client.create_group_id(alibaba.CreateGroupIdRequest(group_id=group, instance_id=instance))
        answer = client.register_device_credential(
            alibaba.RegisterDeviceCredentialRequest(client_id=f"{group}@@@dev-0001", instance_id=instance)
        )
        device = answer.body.device_credential
        print(f"device {device.client_id} signs in as {device.device_access_key_id}")


def set_up_tencent() -> None:
    """Make the topics in every instance of the account."""
    endpoint = os.environ["TENCENT_MQTT_ENDPOINT"]
    client = MqttClient(
        Credential(os.environ["TENCENTCLOUD_SECRET_ID"], os.environ["TENCENTCLOUD_SECRET_KEY"]),
        os.environ["TENCENT_MQTT_REGION"],
        ClientProfile(httpProfile=HttpProfile(endpoint=endpoint, protocol=protocol(endpoint).lower())),
    )
    for instance in client.DescribeInstanceList(tencent.DescribeInstanceListRequest()).Data:
        for topic in TOPICS:
            request = tencent.CreateTopicRequest()
            request.InstanceId, request.Topic = instance.InstanceId, topic
            print(f"topic {client.CreateTopic(request).Topic} on {instance.InstanceId}")


if __name__ == "__main__":
    set_up_alibaba()
    set_up_tencent()
