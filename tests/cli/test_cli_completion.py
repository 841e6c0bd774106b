"""What shells are told to complete, in the form in which bash and zsh ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import prepared_commands
import pytest

POLICY = """\
schema = 1
extends = ["builtin:alibaba-mqtt"]
[operations.acme]
CreateLamp = "conflict"
[env.dev.limits]
deadline = "9s"
[env.prod]
production = true
"""
MODULE = """\
raise SystemExit("completion runs no module")
def create_group(group_id): ...
async def create_topic(topic): ...
def _inner(): ...
class Thing:
    def method(self): ...
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("completion")
    (made / "fleet.toml").write_text(POLICY, encoding="utf-8")
    (made / "devices.py").write_text(MODULE, encoding="utf-8")
    (made / "damaged.py").write_text("def (", encoding="utf-8")
    return made


def asked(*words: str) -> dict[str, str]:
    """Return the environment in which bash asks about the last word."""
    spoken = {"_RESILIENCE_COMPLETE": "bash_complete", "COMP_WORDS": "\n".join(("resilience", *words))}
    return {**os.environ, **spoken, "COMP_CWORD": str(len(words))}


def completed(folder: Path, *words: str) -> list[str]:
    """Return what bash would be told about the last word, each with its type."""
    done = prepared_commands.run((), folder, asked(*words))
    assert done.stderr == ""
    return done.stdout.split()


def test_the_installed_command_completes(folder: Path) -> None:
    """What bash starts is the program of the environment."""
    program = Path(sys.executable).with_name("resilience")
    done = subprocess.run(  # noqa: S603  # our own command
        [program], cwd=folder, env=asked("fl"), capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("plain,fleet\n", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["fleet", "dev"], ["plain,devices:create_group", "plain,devices:create_topic"], id="function"),
        pytest.param(["plan", "devices:create_g"], ["plain,devices:create_group"], id="function-begun"),
        pytest.param(["fleet", "devices:create_group", "fl"], ["file,fl"], id="rows"),
        pytest.param(["fleet", "--policy", "fl"], ["file,fl"], id="policy-file"),
        pytest.param(["run", "--policy", "builtin:prov"], ["plain,builtin:provisioning"], id="builtin"),
        pytest.param(["plan", "--policy", "fleet.toml", "--env", ""], ["plain,dev", "plain,prod"], id="environment"),
        pytest.param(["fleet", "--policy", "no.toml", "--env", ""], [], id="environment-of-no-policy"),
        pytest.param(["fleet", "--operation", "CreateGr"], ["plain,CreateGroupId"], id="operation"),
        pytest.param(
            ["simulate", "--policy", "fleet.toml", "-o", "CreateL"], ["plain,CreateLamp"], id="declared-operation"
        ),
        pytest.param(["simulate", "--fleet", "5", "--compare", "x"], ["file,x"], id="compared-policy"),
        pytest.param(["simulate", "--counting", ""], ["plain,window", "plain,bucket"], id="counting"),
        pytest.param(["fleet", "--ledg"], ["plain,--ledger"], id="option"),
        pytest.param(["fleet", "--failed", "le"], ["file,le"], id="failed"),
        pytest.param(["report", "ru"], ["file,ru"], id="journal"),
    ],
)
def test_shells_complete_what_a_user_would_type(folder: Path, words: list[str], expected: list[str]) -> None:
    """Functions without running their module, files, policies, environments, operations and options."""
    assert completed(folder, *words) == expected
