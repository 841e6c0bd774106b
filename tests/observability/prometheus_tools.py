"""A real Prometheus and its promtool: what is asked of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

# Seconds. Prometheus starts in a tenth of one; two busy cores need more.
_PATIENCE = 30.0


@frozen
class Tools:
    """Where the two programs are."""

    prometheus: Path
    promtool: Path

    def check(self, *arguments: str, cwd: Path) -> str:
        """Run promtool; return what it says, or fail with it."""
        ran = subprocess.run(  # noqa: S603  # the program under test
            [self.promtool, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )
        said = ran.stdout + ran.stderr
        assert ran.returncode == 0, said
        return said


@frozen
class Server:
    """A running Prometheus."""

    port: int

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of its API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the series that a question is answered with, now."""
        found: list[dict[str, Any]] = self.get("query", query=expr)["result"]
        return found

    def until(self, expr: str) -> list[dict[str, Any]]:
        """Return the answer to a question as soon as there is one."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            found = self.query(expr)
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"no answer within {_PATIENCE} s: {expr}")


@contextmanager
def scraping(tools: Tools, folder: Path, port: int, rules: str = "") -> Iterator[Server]:
    """Run a Prometheus that scrapes one port of loopback each second, as job ``provisioning``."""
    (folder / "alerts.yml").write_text(rules, encoding="utf-8")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yml"] if rules else [],
        "scrape_configs": [{"job_name": "provisioning", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        own = probe.getsockname()[1]
    command = [
        str(tools.prometheus),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{own}",
        f"--web.console.templates={folder}",
        f"--web.console.libraries={folder}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "2"})  # noqa: S603
        try:
            server = Server(own)
            _wait_for(server, process, folder / "prometheus.log")
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            server.query("up")
        except (OSError, AssertionError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))
