"""``resilience run`` reads its own options, leaves the script's alone, and becomes plain Python."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app
from resilience.runner.run import VARIABLE, Run

Became = tuple[list[str], dict[str, str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process is not replaced there")


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Became]:
    """Return the arguments and the environment of what the command would become."""
    programs: list[Became] = []

    def execve(path: str, arguments: list[str], environ: dict[str, str]) -> None:
        assert path == arguments[0] == sys.executable
        programs.append((arguments, environ))

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return programs


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["-p", "x", "script.py"], ["script.py"]),
        (["-p", "x", "script.py", "-p", "y", "--help"], ["script.py", "-p", "y", "--help"]),
        (["--policy=x", "-q", "script.py", "--", "-q"], ["script.py", "--", "-q"]),
        (["-px", "-m", "module", "-e", "y", "-m"], ["-m", "module", "-e", "y", "-m"]),
        (["-p", "x", "-c", "pass", "-c"], ["-c", "pass", "-c"]),
        (["-p", "x", "--", "-odd.py", "--", "1"], ["-odd.py", "--", "1"]),
        (["-p", "-m", "script.py"], ["script.py"]),
    ],
)
def test_our_options_end_where_the_script_begins(
    arguments: list[str], command: list[str], became: list[Became]
) -> None:
    """What follows the script, -m or -c belongs to the program, whatever it looks like."""
    assert invoke(*arguments).exit_code == 0
    ((found, _),) = became
    assert found[-len(command) :] == command


def test_what_the_program_gets_to_know(became: list[Became], monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable has what we were told, and the folder in front of the user's own path has our beginning."""
    monkeypatch.setenv("PYTHONPATH", f"mine{os.pathsep}yours")
    options = ["-p", "p.toml", "-e", "prod", "--ledger", "l.db", "--journal", "j.jsonl", "--quiet", "a/script.py"]
    assert invoke(*options).exit_code == 0
    ((_, environ),) = became
    first, *others = environ["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "sitecustomize.py").is_file()
    assert others == ["mine", "yours"]
    run = Run.loads(environ[VARIABLE])
    assert (run.policy, run.env, run.ledger, run.journal, run.quiet) == ("p.toml", "prod", "l.db", "j.jsonl", True)
    assert (run.title, run.start) == ("script.py", str(Path.cwd()))
    folder = Path(run.folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_run_within_a_run_takes_its_place(became: list[Became], monkeypatch: pytest.MonkeyPatch) -> None:
    """The inner policy counts there, and our folder is on the path once."""
    assert invoke("-p", "outer.toml", "script.py").exit_code == 0
    for name in ("PYTHONPATH", VARIABLE):
        monkeypatch.setenv(name, became[0][1][name])
    assert invoke("-p", "inner.toml", "script.py").exit_code == 0
    assert became[1][1]["PYTHONPATH"] == became[0][1]["PYTHONPATH"]
    assert json.loads(became[1][1][VARIABLE])["policy"] == "inner.toml"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["script.py"], "Missing option '--policy'"),
        (["-p", "x"], "Missing argument"),
        (["-p", "x", "--ledgr", "y", "script.py"], "No such option '--ledgr'"),
        (["-p", "x", "-m"], "-m: expected the name of a module"),
        (["-p", "x", "-c"], "-c: expected a text"),
    ],
)
def test_wrong_use_is_said_before_anything_starts(arguments: list[str], said: str, became: list[Became]) -> None:
    """Exit code 2, and what to do."""
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert became == []


def test_help_names_what_is_not_covered(became: list[Any]) -> None:
    """The limits stand where people look first."""
    assert "another installation" in invoke("--help").output
    assert became == []
