"""Types as users see them, checked by the checkers that users have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VIEW = HERE / "users_view.py"
ROOT = HERE.parent.parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603  # our own command


def test_mypy_sees_what_users_should_see() -> None:
    """Under mypy's strict mode every inferred type is the expected one, and every mistake is found."""
    pytest.importorskip("mypy")
    found = run(sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", str(VIEW))
    assert found.returncode == 0, found.stdout + found.stderr


def test_pyright_sees_what_users_should_see(tmp_path: Path) -> None:
    """Under pyright's strict mode every inferred type is the expected one, and every mistake is found."""
    pytest.importorskip("pyright")
    settings = {
        "include": [VIEW.name],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
        "enableTypeIgnoreComments": False,
        "pythonVersion": "3.11",
    }
    # Pyright looks for files below its settings only.
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    (tmp_path / VIEW.name).write_text(VIEW.read_text())
    found = run(
        sys.executable, "-m", "pyright", "--outputjson", "--project", str(tmp_path), "--pythonpath", sys.executable
    )
    report = json.loads(found.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    told = [f"{each['range']['start']['line'] + 1}: {each['message']}" for each in report["generalDiagnostics"]]
    assert told == []
