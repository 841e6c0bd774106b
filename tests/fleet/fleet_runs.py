"""Runs of `resilience fleet` and `resilience plan` in processes of their own, against the sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import prepared_commands
from attrs import frozen
from prepared_commands import PreparedCommand

from resilience.sandbox import Sandbox

PROGRAMS: Final = Path(__file__).with_name("programs")
INSTANCE: Final = "mqtt-cn-fleet"

POLICY: Final = """\
schema = 1
name = "fleet"
extends = ["builtin:alibaba-mqtt"]
[limits]
deadline = "60s"
settle = "20ms"
[backoff.throttled]
base = "5ms"
cap = "20ms"
[rate.alibaba]
per_host = "1000/s"
default = "1000/s"
concurrency = 8
[rate.alibaba.operations]
CreateGroupId = "{rate}"
"""
LEDGER: Final = '[ledger]\npath = "ledger.db"\n'


@frozen
class Place:
    """A folder with a policy and rows, and the service."""

    folder: Path
    sandbox: Sandbox

    def policy(self, *, rate: str = "1000/s", ledger: bool = True, more: str = "") -> None:
        """Write the policy."""
        text = POLICY.replace("{rate}", rate) + (LEDGER if ledger else "") + more
        (self.folder / "fleet.toml").write_text(text, encoding="utf-8")

    def rows(self, count: int, name: str = "fleet.csv") -> list[str]:
        """Write a CSV file; return the names of the groups."""
        names = [f"GID_fleet_{number:05}" for number in range(count)]
        (self.folder / name).write_text("\n".join(["group_id", *names]) + "\n", encoding="utf-8")
        return names

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the commands."""
        service = self.sandbox.alibaba
        return {
            **os.environ,
            "ENDPOINT": service.endpoint,
            "KEY_ID": service.keys.key_id,
            "KEY_SECRET": service.keys.secret,
            "PYTHONPATH": str(PROGRAMS),
            "PYTHONIOENCODING": "utf-8",
            "COLUMNS": "80",
        }

    def run(self, *arguments: str, command: str = "fleet", stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a process that has already imported it."""
        return prepared_commands.run([command, *arguments], self.folder, self.environment, text=stdin)

    def run_anew(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user does."""
        return subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-m", "resilience", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command in a session of its own; it is gone afterwards, whatever happens."""
        with PreparedCommand(
            ["fleet", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        ) as running:
            try:
                yield running
            finally:
                if running.poll() is None:
                    os.killpg(running.pid, signal.SIGKILL)

    def groups(self) -> list[str]:
        """Return the names of the groups that the service has."""
        return [each["GroupId"] for each in self.sandbox.alibaba.groups]


@contextmanager
def placed(folder: Path) -> Iterator[Place]:
    """Give a folder with a policy, and a service with an instance."""
    with Sandbox() as sandbox:
        sandbox.alibaba.add_instance(INSTANCE)
        place = Place(folder, sandbox)
        place.policy()
        yield place


def until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError("it did not come to that")
        time.sleep(0.005)
