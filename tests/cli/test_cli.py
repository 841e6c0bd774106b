"""The command as a user types it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from urllib.request import urlopen

import click
import pytest
from cli_processes import started
from click.testing import CliRunner

import resilience.cli
from resilience import __version__
from resilience.cli.app import app
from resilience.cli.demo.examples import folder, load


def test_version_is_the_packages() -> None:
    """``--version`` says name and version."""
    result = CliRunner().invoke(app, ["--version"], prog_name="resilience")
    assert (result.exit_code, result.output) == (0, f"resilience {__version__}\n")


def test_version_imports_no_sdk() -> None:
    """``--version`` waits for neither an SDK nor rich."""
    code = (
        "import sys; sys.argv[1:] = ['--version']\n"
        "from resilience.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    loaded = set(shown.stdout.splitlines()[-1].split())
    assert "click" in loaded
    assert not loaded & {"rich", "tencentcloud", "alibabacloud_onsmqtt20200420", "httpx", "aiohttp"}


def test_help_lists_the_commands() -> None:
    """The help names each command with its first sentence."""
    output = CliRunner().invoke(app, ["--help"]).output
    assert re.search(r"^  demo +Run two provisioning scripts", output, re.MULTILINE)
    assert re.search(r"^  sandbox +Play all services", output, re.MULTILINE)


def test_an_unknown_command_is_wrong_use() -> None:
    """A command that is not there exits with 2."""
    result = CliRunner().invoke(app, ["xyzzy"])
    assert result.exit_code == 2
    assert "No such command 'xyzzy'" in result.output
    assert "did you mean" not in result.output


def test_a_misspelled_command_gets_a_hint() -> None:
    """The command that looks most like it is named."""
    result = CliRunner().invoke(app, ["chek", "policy.toml"])
    assert result.exit_code == 2
    assert "No such command 'chek'; did you mean 'check'?" in result.output


def test_help_shortens_no_sentence() -> None:
    """What the help says of a command ends with a full stop, and is not cut off."""
    said = CliRunner().invoke(app, ["--help"]).output.partition("Commands:")[2].split("\n  ")[1:]
    assert len(said) > 10
    assert [line for line in said if line.rstrip().endswith("...") or not line.rstrip().endswith(".")] == []


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it."""
    yield name.strip(), group
    with click.Context(group) as context:
        for each in group.list_commands(context):
            found = group.get_command(context, each)
            assert found is not None
            if isinstance(found, click.Group):
                yield from commands(found, f"{name} {each}")
            else:
                yield f"{name} {each}".strip(), found


@pytest.mark.parametrize("name", [name for name, _ in commands(app)])
def test_the_help_of_a_command_is_plain(name: str) -> None:
    """It begins with one sentence, names each value in a word of its own, and fits 80 columns."""
    output = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*name.split(), "--help"]).output
    assert max(map(len, output.splitlines())) <= 80
    first = output.split("\n\n")[1]
    assert first.endswith(".")
    assert len(first.splitlines()) <= 2
    assert re.findall(r"--[a-z-]+ (?:INTEGER|FLOAT|TEXT|PATH|FILENAME)\b", output) == []


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without click the command says what to install, and exits with 2."""

    def without_click(name: str, package: str | None = None) -> Any:
        return None if name == "click" else find_spec(name, package)

    monkeypatch.setattr(resilience.cli, "find_spec", without_click)
    with pytest.raises(SystemExit) as left:
        resilience.cli.main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("resilience: the command needs click; install")
    assert "-m pip install 'mqtt-resilience[cli]'" in said


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param("CreateTopic", "expected OPERATION=FAULTS", id="no-equals"),
        pytest.param("CreateTopik=lost", "did you mean 'CreateTopic'", id="unknown-operation"),
        pytest.param("CreateTopic=losst", "did you mean 'lost'", id="unknown-fault"),
    ],
)
def test_a_wrong_script_is_wrong_use(script: str, said: str) -> None:
    """``sandbox --script`` refuses what it does not understand before it listens."""
    result = CliRunner().invoke(app, ["sandbox", "--script", script])
    assert result.exit_code == 2
    assert said in result.output


def test_a_taken_port_is_wrong_use() -> None:
    """A port that somebody has is named as the reason, without a traceback."""
    from resilience.sandbox import Sandbox  # noqa: PLC0415  # only this test needs a second one

    with Sandbox() as taken:
        port = taken.alibaba.endpoint.rpartition(":")[2]
        result = CliRunner().invoke(app, ["sandbox", "--alibaba-port", port])
    assert result.exit_code == 2
    assert "cannot listen on 127.0.0.1" in result.output


def test_the_sandbox_can_serve_one_command() -> None:
    """A command after "--" finds the services in its environment, and its exit code is the sandbox's."""
    code = (
        "import os, urllib.request; endpoint = os.environ['ALIBABA_MQTT_ENDPOINT']; "
        "urllib.request.urlopen(f'http://{endpoint}/_sandbox/faults'); print('seen'); raise SystemExit(3)"
    )
    with started("sandbox", "--", sys.executable, "-c", code) as running:
        output, errors = running.communicate(timeout=60)
    assert (running.returncode, output, errors) == (3, "seen\n", "")


def test_the_sandbox_says_which_command_it_cannot_run() -> None:
    """A command that is not there is a mistake of the user, and no traceback."""
    result = CliRunner().invoke(app, ["sandbox", "--", "no-such-command"])
    assert (result.exit_code, "cannot run no-such-command" in result.output) == (2, True)


def test_the_sandbox_serves_until_it_is_interrupted() -> None:
    """``sandbox`` prints what an example needs, has the faults that were asked for, and ends well on Ctrl-C."""
    with started("sandbox", "--script", "CreateTopic=RequestLimitExceeded*2") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        printed = [running.stdout.readline()]
        while not printed[-1].startswith("export TENCENT_MQTT_REGION="):
            printed.append(running.stdout.readline())
            assert printed[-1], "the region is printed"
        exported = dict(re.findall(r"^export (\w+)=(.*)$", "".join(printed), re.MULTILINE))
        example = subprocess.run(  # noqa: S603  # our own example
            [sys.executable, folder() / "alibaba_groups.py"],
            env={**os.environ, **exported},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        with urlopen(f"{printed[0].split()[1]}/_sandbox/faults", timeout=10) as answer:  # noqa: S310  # loopback
            faults = json.load(answer)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        running.wait(timeout=20)
    assert running.returncode == 0
    assert faults[0]["code"] == "RequestLimitExceeded"
    assert (example.returncode, example.stderr) == (0, "")
    assert example.stdout.count("success") == 7, "no faults were asked for, and there is nothing to unregister"
    assert set(load("tencent_topics").VARIABLES) <= set(exported)
    assert said.endswith("stopped after 9 calls\n"), "the eight of the example, and AssumeRole"
