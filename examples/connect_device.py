"""
How does a device get from a management API that fails to a broker that lets it in?

A group and a device credential are made with Alibaba's SDK against ``resilience.sandbox``, which loses an answer: the
one with the secret in it. Then a device signs in to a real MQTT broker with what was made: user name and password are
formed as ApsaraMQ for MQTT wants them, and the broker checks them. Needs the extra ``examples``::

    python examples/connect_device.py
    python examples/connect_device.py --broker mosquitto

The first command runs a broker that is written in Python, the second the mosquitto that is installed. With the real
service, a device signs in the same way to the endpoint that the console shows for the instance.
Source: ApsaraMQ for MQTT, "Overview of unique-certificate-per-device authentication", read 2026-11-21.
"""

from __future__ import annotations

import base64
import hmac
import os
import shutil
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory

import aiomqtt
import anyio
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session
from attrs import field, frozen

from resilience import Executor, Policy, wrap_client
from resilience.sandbox import Sandbox, without_proxies

GROUP, TOPIC = "GID_sensors", "sensors/temperature"


@frozen
class Device:
    """What a device signs in with."""

    client_id: str
    key_id: str
    secret: str = field(repr=False)
    instance_id: str

    @property
    def username(self) -> str:
        """The kind of the credential, which one, and where."""
        return f"DeviceCredential|{self.key_id}|{self.instance_id}"

    @property
    def password(self) -> str:
        """The signature of the client id."""
        return signature(self.client_id, self.secret)


def signature(client_id: str, secret: str) -> str:
    """Return the password of a client id."""
    return base64.b64encode(hmac.digest(secret.encode(), client_id.encode(), "sha1")).decode()


async def provision(sandbox: Sandbox) -> Device:
    """Make a group and a device credential, on a bad day."""
    service, instance = sandbox.alibaba, sandbox.alibaba.instances[0]["InstanceId"]
    sandbox.script("alibaba:CreateGroupId", "SystemOverFlow")
    sandbox.script("alibaba:RegisterDeviceCredential", "applied lost")
    config = Config(
        access_key_id=service.access_key_id,
        access_key_secret=service.access_key_secret,
        endpoint=service.endpoint,
        protocol="HTTP",
    )
    client = wrap_client(Client(config), Executor(Policy.load("builtin:provisioning", env="dev")))
    await client.create_group_id_async(models.CreateGroupIdRequest(group_id=GROUP, instance_id=instance))
    answer = await client.register_device_credential_async(
        models.RegisterDeviceCredentialRequest(client_id=f"{GROUP}@@@dev-0001", instance_id=instance)
    )
    made = answer.body.device_credential
    return Device(made.client_id, made.device_access_key_id, made.device_access_key_secret, instance)


class DeviceCredentials(BaseAuthPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Lets in who has signed his client id with the secret of his key, as the service does."""

    @dataclass(repr=False)
    class Config:
        """The secrets by key. A dataclass, because amqtt fills it in."""

        secrets: dict[str, str]

    config: Config

    async def authenticate(self, *, session: Session) -> bool:
        """Return whether user name, client id and password belong together."""
        kind, _, rest = (session.username or "").partition("|")
        secret = self.config.secrets.get(rest.partition("|")[0])
        if kind != "DeviceCredential" or secret is None:
            return False
        return hmac.compare_digest(signature(session.client_id or "", secret), session.password or "")


async def at_amqtt(device: Device, port: int) -> int:
    """Run a broker in this event loop that knows the device's secret, and sign in there."""
    plugins = {f"{__name__}.{DeviceCredentials.__name__}": {"secrets": {device.key_id: device.secret}}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins})
    await broker.start()
    try:
        return await sign_in(device, port)
    finally:
        await broker.shutdown()


def at_mosquitto(device: Device, port: int) -> int:
    """Start a mosquitto that knows the device's password, and sign in there."""
    # Debian has servers in a folder that is not on everybody's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    server, hasher = shutil.which("mosquitto", path=path), shutil.which("mosquitto_passwd", path=path)
    if server is None or hasher is None:
        print("mosquitto is not installed", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:
        passwords, config = Path(folder, "passwords"), Path(folder, "mosquitto.conf")
        passwords.touch(0o600)
        passwords.write_text(f"{device.username}:{device.password}\n")
        subprocess.run([hasher, "-U", passwords], check=True)  # noqa: S603  # a file of our own
        # As this user, so that it may read the file: started by root it would become another user.
        config.write_text(f"listener {port} 127.0.0.1\npassword_file {passwords}\nuser {getuser()}\nlog_type error\n")
        with subprocess.Popen([server, "-c", config]) as process:  # noqa: S603  # likewise
            try:
                wait_for(port)
                return anyio.run(sign_in, device, port)
            finally:
                process.terminate()


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(port: int) -> None:
    """
    Wait until a program listens on a port.

    Raises:
        TimeoutError: None does after five seconds.
    """
    for _ in range(100):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


async def sign_in(device: Device, port: int) -> int:
    """Sign in as the device, and once with a wrong secret; return the exit code."""
    print(f"the broker lets in {device.username} and delivers {await talk(device, port, device.password)}")
    try:
        await talk(device, port, signature(device.client_id, "not the secret"))
    except aiomqtt.MqttError as error:
        print(f"with another secret the broker says {error}")
        return 0
    print("with another secret the broker lets it in all the same")
    return 1


async def talk(device: Device, port: int, password: str) -> str:
    """Sign in, publish a message and return what the broker brings back."""
    async with aiomqtt.Client(
        "127.0.0.1", port, identifier=device.client_id, username=device.username, password=password, timeout=5
    ) as client:
        await client.subscribe(TOPIC, qos=1)
        await client.publish(TOPIC, "21.5", qos=1)
        with anyio.fail_after(5):
            message = await anext(client.messages)
    return f"{bytes(message.payload).decode()} on {message.topic}"


def main() -> int:
    """Provision a device, and let it talk; return the exit code."""
    parser = ArgumentParser(description="Provision a device, and connect it to a broker.")
    parser.add_argument("--broker", choices=("amqtt", "mosquitto"), default="amqtt")
    with without_proxies(), Sandbox() as sandbox:
        broker = parser.parse_args().broker
        device = anyio.run(provision, sandbox)
        groups, keys = (sandbox.applied(operation) for operation in ("CreateGroupId", "RegisterDeviceCredential"))
        print(f"{device.client_id}: {len(sandbox.calls)} requests have made {groups} group and {keys} key")
    if broker == "mosquitto":
        return at_mosquitto(device, free_port())
    return anyio.run(at_amqtt, device, free_port())


if __name__ == "__main__":
    sys.exit(main())
