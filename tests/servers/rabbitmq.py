"""A RabbitMQ server with its management and MQTT plugins; it is installed, or fetched from Debian's packages."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import debian
from attrs import define, field

from servers.processes import as_other_user, free_port, is_open, until

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {port}
mqtt.listeners.tcp.1 = 127.0.0.1:{mqtt}
mqtt.allow_anonymous = false
"""


@define
class RabbitMqServer:
    """
    One server on loopback, whose administrator is ``guest`` with the password ``guest``.

    Attributes:
        folder: Where it keeps its files.
        port: The port of the management API.
        mqtt: The port of MQTT.
    """

    folder: Path
    port: int = field(factory=free_port)
    mqtt: int = field(factory=free_port)
    _processes: list[subprocess.Popen[bytes]] = field(factory=list, init=False)

    @property
    def url(self) -> str:
        """The address of the management API."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        programs = debian.rabbitmq()
        self._write("rabbitmq.conf", _CONFIGURATION.format(amqp=free_port(), port=self.port, mqtt=self.mqtt))
        self._write("enabled_plugins", "[rabbitmq_management, rabbitmq_mqtt].")
        # Debian's own erl looks in /usr only.
        self._write("erl", '#!/bin/sh\nexec "$BINDIR/erlexec" "$@"\n').chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
        environment = {
            **os.environ,
            **programs,
            "PATH": os.pathsep.join([str(self.folder), programs["PATH"]]),
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(self.folder / "feature_flags"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            # The program that knows where nodes are outlives them, unless it is a process of ours.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
        }
        for program in (Path(programs["BINDIR"]) / "epmd", programs["RABBITMQ_SERVER"]):
            self._processes.append(
                subprocess.Popen(  # noqa: S603  # our own command
                    [str(program)],
                    env=environment,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # Erlang starts programs of its own; all of them end together.
                    start_new_session=True,
                    **as_other_user(),
                )
            )
        until(self._answers, self._processes[-1], patience=60)

    def wait_for_mqtt(self) -> None:
        """Wait until devices can sign in, which takes some seconds more."""
        until(lambda: is_open(self.mqtt), self._processes[-1])

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def _answers(self) -> bool:
        key = base64.b64encode(b"guest:guest").decode()
        request = urllib.request.Request(f"{self.url}/api/overview", headers={"Authorization": f"Basic {key}"})  # noqa: S310  # loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End it and its processes at once."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()


@contextmanager
def rabbitmq_server() -> Iterator[RabbitMqServer]:
    """Run a server, in a folder that is removed with it."""
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as folder:
        server = RabbitMqServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()
