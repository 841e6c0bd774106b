"""``resilience check`` and ``resilience rule`` as a user, a hook or a service runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app

CLEAN = 'schema = 1\n[limits]\ndeadline = "2m"\n'
WARNED = CLEAN + '[rules.alibaba]\n"Throttling" = "fail"\n'
WRONG = CLEAN + '[rules.alibaba]\n"NoPermission" = "retry"\n"Throttling" = "rety"\n'
TOLD = CLEAN + '[env.prod.limits]\ndeadline = "2m"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, with four policies in it."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"clean": CLEAN, "warned": WARNED, "wrong": WRONG, "told": TOLD}.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path


def check(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(app, ["check", *arguments], input=stdin)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "code", "summary"),
    [
        pytest.param(["clean.toml"], 0, "no findings in 1 file", id="clean"),
        pytest.param(["warned.toml"], 0, "1 warning in 1 file", id="warnings-pass"),
        pytest.param(["--strict", "warned.toml"], 1, "1 warning in 1 file", id="strict"),
        pytest.param(["--strict", "told.toml"], 0, "1 info in 1 file", id="infos-pass-when-strict"),
        pytest.param(["wrong.toml"], 1, "2 errors in 1 file", id="errors"),
        pytest.param(["wrong.toml", "warned.toml", "clean.toml"], 1, "2 errors, 1 warning in 3 files", id="several"),
        pytest.param(["wrong.toml", "wrong.toml"], 1, "2 errors in 1 file", id="the-same-file-twice"),
        pytest.param(["nothing.toml"], 2, "1 error in 1 file", id="no-such-file"),
        pytest.param(["."], 2, "1 error in 1 file", id="a-directory"),
        pytest.param(["builtin:provisioning", "--strict"], 0, "no findings in 1 file", id="builtin"),
        pytest.param(["builtin:nothing"], 2, "1 error in 1 file", id="no-such-builtin"),
    ],
)
def test_the_exit_code_says_whether_something_failed(arguments: list[str], code: int, summary: str) -> None:
    """0 without errors, 1 with some, 2 where a file is not there; the last line counts what was found."""
    result = check(*arguments)
    assert (result.exit_code, result.stderr) == (code, summary + "\n")


@pytest.mark.usefixtures("folder")
def test_text_has_place_id_and_line() -> None:
    """Each finding is shown with its line of the file, in the order of the lines."""
    lines = check("wrong.toml").stdout.splitlines()
    assert [line.partition(": the caller")[0] + ": ..." if "RP014" in line else line for line in lines] == [
        'wrong.toml:5:18: error[RP014] "NoPermission" does not pass by itself: ...',
        '  5 | "NoPermission" = "retry"',
        "    |                  ^^^^^^^",
        'wrong.toml:6:16: error[RP040] unknown action "rety"; did you mean "retry"?',
        '  6 | "Throttling" = "rety"',
        "    |                ^^^^^^",
    ]


def test_no_files_are_wrong_use() -> None:
    """Without a file there is nothing to check, and that is said."""
    result = check()
    assert result.exit_code == 2
    assert "Missing argument 'FILE...'" in result.stderr


@pytest.mark.usefixtures("folder")
def test_standard_input_is_a_file() -> None:
    """A policy is read from standard input; what it extends is found from the current directory."""
    result = check("-", stdin=f'extends = ["clean.toml"]\n{WRONG}')
    assert result.exit_code == 1
    assert [line.partition(" ")[0] for line in result.stdout.splitlines() if "RP" in line] == [
        "<stdin>:6:18:",
        "<stdin>:7:16:",
    ]


@pytest.mark.parametrize("stdin", [b"\xff\xfe\x00", b"schema = \x00", b"", b"\xef\xbb\xbfschema = 1"], ids=repr)
def test_whatever_comes_in_is_answered(stdin: bytes) -> None:
    """Bytes that are no policy are findings, and no traceback."""
    result = check("-", stdin=stdin)
    assert (result.exit_code, "error[RP04" in result.stdout) == (1, True)
    assert isinstance(result.exception, SystemExit)


@pytest.mark.usefixtures("folder")
def test_environments_can_be_chosen() -> None:
    """Only what is asked for is looked at; an environment that a file does not have is an error."""
    assert check("told.toml", "--env", "prod").stderr == "1 info in 1 file\n"
    result = check("told.toml", "--env", "prod", "--env", "prdo")
    assert result.exit_code == 1
    assert 'error[RP054] unknown environment "prdo"; there are prod (in prdo)' in result.stdout


@pytest.mark.usefixtures("folder")
def test_the_environment_of_the_process_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is as good as it is, whatever RESILIENCE_ENV says."""
    monkeypatch.setenv("RESILIENCE_ENV", "nowhere")
    assert check("told.toml", "clean.toml").exit_code == 0


@pytest.mark.usefixtures("folder")
def test_json_has_six_keys() -> None:
    """A machine finds where, which rule, how severe, and what."""
    findings = json.loads(check("wrong.toml", "--format", "json").stdout)
    assert [set(each) for each in findings] == [{"file", "line", "column", "rule", "severity", "message"}] * 2
    assert findings[1] == {
        "file": "wrong.toml",
        "line": 6,
        "column": 16,
        "rule": "RP040",
        "severity": "error",
        "message": 'unknown action "rety"; did you mean "retry"?',
    }
    assert json.loads(check("clean.toml", "--format", "json").stdout) == []


@pytest.mark.usefixtures("folder")
def test_github_shows_findings_beside_the_line() -> None:
    """A workflow command for each finding; what would end one early is escaped."""
    assert check("warned.toml", "--format", "github").stdout.startswith(
        '::warning file=warned.toml,line=5,col=16,endColumn=22,title=RP015::"Throttling" passes by itself'
    )
    text = CLEAN + '[rules.alibaba]\n"InvalidParameter.%s" = "fail"\n'
    (line,) = check("-", "--format", "github", stdin=text).stdout.splitlines()
    assert "%25s" in line
    assert check("clean.toml", "--format", "github").stdout == ""


@pytest.mark.usefixtures("folder")
def test_sarif_is_what_code_scanning_reads() -> None:
    """The log has version, tool, rules and results; each result names its rule and its region."""
    (Path("a folder")).mkdir()
    Path("a folder/ä.toml").write_text(WRONG, encoding="utf-8")
    log: dict[str, Any] = json.loads(check("a folder/ä.toml", "told.toml", "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["RP014", "RP034", "RP040"]
    assert [(each["ruleId"], rules[each["ruleIndex"]], each["level"]) for each in run["results"]] == [
        ("RP014", "RP014", "error"),
        ("RP040", "RP040", "error"),
        ("RP034", "RP034", "note"),
    ]
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20folder/%C3%A4.toml"
    assert place["region"] == {"startLine": 6, "startColumn": 16, "endColumn": 22}
    assert run["columnKind"] == "unicodeCodePoints"


@pytest.mark.usefixtures("folder")
def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours, a pipe does not, and NO_COLOR forbids them."""
    runner = CliRunner()
    assert "\x1b[" not in runner.invoke(app, ["check", "wrong.toml"]).stdout
    assert "\x1b[31m" in runner.invoke(app, ["check", "wrong.toml"], color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in runner.invoke(app, ["check", "wrong.toml"], color=True).stdout


def test_a_check_imports_only_what_it_needs(folder: Path) -> None:
    """A hook that runs at every commit waits for no event loop, no telemetry, no rich and no SDK."""
    code = (
        "import sys; sys.argv[1:] = ['check', 'wrong.toml']\n"
        "from resilience.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(shown.stdout.splitlines()[-1].split())
    assert "tomli" in loaded
    assert not loaded & {"rich", "anyio", "asyncio", "opentelemetry", "tencentcloud", "httpx", "ssl"}


def test_a_rule_is_explained() -> None:
    """The explanation has a reason, both examples and a source."""
    result = CliRunner().invoke(app, ["rule", "rp014"])
    assert result.exit_code == 0
    assert result.stdout.startswith("RP014 (error): a retry of a fault that does not pass by itself\n")
    assert result.stdout.index("Wrong:") < result.stdout.index("Right:") < result.stdout.index("Source: ")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_all_rules_are_listed() -> None:
    """Without an id there is one line for each."""
    lines = CliRunner().invoke(app, ["rule"]).stdout.splitlines()
    assert lines[0] == "RP001  error    a retry with neither a limit of its own nor a deadline"
    listed = json.loads(CliRunner().invoke(app, ["rule", "--format", "json"]).stdout)
    assert [line.split()[0] for line in lines] == [each["rule"] for each in listed]


def test_an_unknown_rule_is_wrong_use() -> None:
    """An id that is not there exits with 2, and the nearest one is named."""
    result = CliRunner().invoke(app, ["rule", "RP0014"])
    assert result.exit_code == 2
    assert "did you mean RP014?" in result.stderr
