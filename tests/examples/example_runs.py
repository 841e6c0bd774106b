"""Runs examples as their docstrings say: in a process of their own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from attrs import frozen

from resilience.catalog import providers
from resilience.cli.demo.examples import folder

EXAMPLES = folder()

# The variables of a provider begin with its name.
_READ_BY_EXAMPLES = (*(name.partition("-")[0].upper() for name in providers()), "DEVICE_SEED", "RESILIENCE")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder of the examples."""
    return subprocess.run(  # noqa: S603  # our own examples
        [sys.executable, *arguments],
        cwd=EXAMPLES,
        env=_environ(environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def documented(docstring: str | None, begin: str) -> list[list[str]]:
    """Return the commands of a docstring that begin with a word, split as a shell does, without that word."""
    lines = re.findall(rf"^    {begin} (.*)$", docstring or "", re.MULTILINE)
    assert lines, f"the docstring shows no command that begins with {begin!r}"
    return [shlex.split(line) for line in lines]


@frozen
class Cloud:
    """
    A sandbox in a process of its own.

    Attributes:
        environ: The variables that it tells to export.
    """

    environ: dict[str, str]

    def applied(self, operation: str) -> list[dict[str, Any]]:
        """Return the arguments of all calls of an operation that were carried out."""
        with urlopen(f"http://{self.environ['ALIBABA_MQTT_ENDPOINT']}/_sandbox/calls", timeout=10) as answer:
            calls = json.load(answer)
        return [call["arguments"] for call in calls if call["operation"] == operation and call["applied"]]


@contextmanager
def cloud(*arguments: str) -> Iterator[Cloud]:
    """Run ``resilience sandbox``; what it exports is read as a shell would."""
    command = [sys.executable, "-m", "resilience", *arguments]
    with subprocess.Popen(command, env=_environ({}), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # ours
        try:
            assert process.stdout is not None
            exported: dict[str, str] = {}
            for line in process.stdout:
                _, is_export, pair = line.strip().partition("export ")
                if is_export:
                    name, _, value = pair.partition("=")
                    exported[name] = value
                # The last of them.
                if "TENCENT_MQTT_REGION" in exported:
                    break
            yield Cloud(exported)
        finally:
            process.terminate()


def _environ(more: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_READ_BY_EXAMPLES)} | more
