"""
How do I put a policy around a transport of my own, such as commands that travel over MQTT?

The dynamic security of mosquitto makes clients and roles by messages on a topic, and answers on another, with texts in
place of codes. ``Commands`` below sends one and waits for its answer: a few lines with aiomqtt, which raise
:class:`resilience.ServiceError` with the text as a code, and ``ConnectionResetError`` where an answer got lost. The
policy, ``mosquitto_dynsec.toml`` beside this file, has a rule for each text. One of them is a trap: a role that a
client has already is refused with "Internal error". Only a look at the client tells that from a fault; ``find_role``
below is that look. The mosquitto that is installed is started for this, on a line that loses the first answer to each
command. Then the device signs in. Needs the extra ``examples``::

    python examples/mosquitto_dynsec.py
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from socket import create_connection, create_server
from tempfile import TemporaryDirectory
from typing import Any

import aiomqtt
import anyio

from resilience import DONE, Executor, Policy, ServiceError

POLICY = Path(__file__).with_suffix(".toml")
PLUGIN = "mosquitto_dynamic_security.so"
TOPIC, ANSWERS = "$CONTROL/dynamic-security/v1", "$CONTROL/dynamic-security/v1/response"
ROLE, DEVICE, READINGS = "sensor", "dev-0001", "sensors/dev-0001/temperature"


class Commands:
    """
    Sends commands to the dynamic security of a mosquitto.

    Args:
        port: The port of the broker on this machine.
        password: The password of its administrator.
        loses: How many answers to each command get lost.
    """

    def __init__(self, port: int, password: str, *, loses: int = 0) -> None:
        self.sent: list[str] = []
        self._port, self._password, self._loses = port, password, loses

    async def send(self, command: str, **fields: Any) -> dict[str, Any]:
        """
        Send a command, and return the data of its answer.

        Raises:
            ServiceError: The broker refuses.
            ConnectionRefusedError: It is not there.
            ConnectionResetError: It may have done the command, but its answer got lost.
        """
        name = str(uuid.uuid4())
        request = {"commands": [{"command": command, "correlationData": name, **fields}]}
        self.sent.append(command)
        was_sent = False
        try:
            async with self._connection() as client:
                await client.subscribe(ANSWERS, qos=1)
                was_sent = True
                await client.publish(TOPIC, json.dumps(request), qos=1)
                # Everybody who may ask gets all answers.
                async for message in client.messages:
                    answer = json.loads(bytes(message.payload))["responses"][0]
                    if answer.get("correlationData") == name:
                        break
        except aiomqtt.MqttError as error:
            raise (ConnectionResetError if was_sent else ConnectionRefusedError)(str(error)) from error
        if self.sent.count(command) <= self._loses:
            raise ConnectionResetError("the answer got lost")
        if "error" in answer:
            raise ServiceError("_".join(answer["error"].split()), answer["error"])
        return dict(answer.get("data", {}))

    def _connection(self) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self._port, username="admin", password=self._password, timeout=5)


async def provision(commands: Commands, password: str) -> None:
    """Make a role that may publish below its own name, and a device with that role."""
    executor = Executor(Policy.load(POLICY), provider="mosquitto")

    @executor.wrap("createRole")
    async def create_role(rolename: str) -> None:
        await commands.send("createRole", rolename=rolename)

    @executor.wrap("addRoleACL")
    async def add_acl(rolename: str, acltype: str, topic: str) -> None:
        await commands.send("addRoleACL", rolename=rolename, acltype=acltype, topic=topic, allow=True)

    @executor.wrap("createClient")
    async def create_client(username: str, password: str) -> None:
        await commands.send("createClient", username=username, password=password)

    @executor.wrap("setClientPassword")
    async def set_password(username: str, password: str) -> None:
        await commands.send("setClientPassword", username=username, password=password)

    @executor.wrap("addClientRole")
    async def add_role(username: str, rolename: str) -> None:
        await commands.send("addClientRole", username=username, rolename=rolename)

    @add_role.verify
    async def find_role(username: str, rolename: str) -> Any:
        found = await commands.send("getClient", username=username)
        return DONE if rolename in {role["rolename"] for role in found["client"]["roles"]} else None

    await create_role(ROLE)
    # %u is the name of whoever publishes.
    await add_acl(ROLE, "publishClientSend", "sensors/%u/#")
    await create_client(DEVICE, password)
    await set_password(DEVICE, password)
    await add_role(DEVICE, ROLE)


@contextmanager
def mosquitto(folder: Path, password: str) -> Iterator[int]:
    """
    Run the mosquitto that is installed; yield its port.

    Raises:
        FileNotFoundError: None is installed.
    """
    # Debian has servers in a folder that is not on everybody's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    server, control = (shutil.which(name, path=path) for name in ("mosquitto", "mosquitto_ctrl"))
    libraries = [*map(Path, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)), *Path("/usr/lib").glob("*")]
    plugin = next((each / PLUGIN for each in libraries if (each / PLUGIN).exists()), None)
    if server is None or control is None or plugin is None:
        raise FileNotFoundError("mosquitto is not installed")
    clients, config = folder / "clients.json", folder / "mosquitto.conf"
    subprocess.run([control, "dynsec", "init", clients, "admin", password], check=True, capture_output=True)  # noqa: S603  # ours
    with create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    lines = (
        f"listener {port} 127.0.0.1",
        f"plugin {plugin}",
        f"plugin_opt_config_file {clients}",
        "allow_anonymous false",
        # As this user, so that it may read the file: started by root it would become another user.
        f"user {getuser()}",
        "log_type error",
    )
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with subprocess.Popen([server, "-c", config]) as process:  # noqa: S603  # a file of our own
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """
    Wait until a program listens on a port.

    Raises:
        TimeoutError: None does after five seconds.
    """
    for _ in range(100):
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


async def rehearse(port: int, admin: str, device: str) -> None:
    """Set the broker up twice, the first time on a bad line, and sign in as the device."""
    for title, loses in (("the first run, with lost answers", 1), ("the second run", 0)):
        print(f"{title}:", flush=True)
        commands = Commands(port, admin, loses=loses)
        await provision(commands, device)
        print(f"{len(commands.sent)} commands", flush=True)
    async with aiomqtt.Client("127.0.0.1", port, username=DEVICE, password=device, timeout=5) as client:
        await client.publish(READINGS, "21.5", qos=1)
    print(f"the broker lets in {DEVICE}")


def main() -> int:
    """Run it all; return the exit code."""
    logging.basicConfig(format="    %(message)s", level=logging.INFO, stream=sys.stdout)
    admin, device = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    with TemporaryDirectory() as folder:
        try:
            with mosquitto(Path(folder), admin) as port:
                anyio.run(rehearse, port, admin, device)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
