"""``resilience test`` as a user types it: what it prints in each form, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app

POLICY = """\
schema = 1
limits = { deadline = "1m", max_attempts = 3 }
backoff.default = { kind = "constant", base = "1s", jitter = "none" }
[rules.alibaba]
"InternalError" = "retry"
"InvalidParameter" = "fail"
[env.prod.limits]
max_attempts = 5
"""
HEAD = """\
schema = 1
policy = "shop.toml"
[call]
operation = "alibaba:CreateGroupId"

"""
GOOD = """\
[[scenario]]
name = "passes"
faults = "InternalError"
expect = { waits = ["1s"] }

"""
BAD = """\
[[scenario]]
name = "waits <longer>"
story = "Two waits, the second one longer."
faults = "InternalError*2"
expect = { waits = ["1s", "2s"], requests = 3 }
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)
    Path("shop.toml").write_text(POLICY)


def run(*arguments: str, text: str = HEAD + GOOD + BAD) -> Result:
    Path("shop.test.toml").write_text(text)
    return CliRunner().invoke(app, ["test", *arguments], prog_name="resilience")


def test_tests_that_pass_say_how_many() -> None:
    """Nothing but a line on standard error, and exit code 0."""
    result = run("shop.test.toml", text=HEAD + GOOD)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("1 test passed in 1 file, ")


def test_a_test_that_fails_shows_the_call_beside_the_expectation() -> None:
    """Place of the test, the difference and its place, and the call with the rule of each decision and its place."""
    result = run("shop.test.toml")
    assert result.exit_code == 1
    assert result.stderr.startswith("1 of 2 tests failed in 1 file, ")
    assert result.stdout.splitlines() == [
        "shop.test.toml:12:8: failed waits <longer>",
        "  Two waits, the second one longer.",
        "  waits: expected 1 s, 2 s, found 1 s, 1 s  (shop.test.toml:15:20)",
        "  CreateGroupId (alibaba), repeat conflict, faults: InternalError*2",
        "    at     met                       expected         found            rule",
        f"    0.1 s  attempt 1: InternalError  retry, wait 1 s  retry, wait 1 s  {RULE}",
        f"  > 1.2 s  attempt 2: InternalError  retry, wait 2 s  retry, wait 1 s  {RULE}",
        "    2.3 s  attempt 3: success",
    ]


def test_a_long_call_is_cut_in_the_middle() -> None:
    """The first decisions and the last ones say enough."""
    Path("shop.toml").write_text(POLICY.replace("max_attempts = 3", "max_attempts = 40"))
    result = run("shop.test.toml", text=LONG)
    lines = result.stdout.splitlines()
    assert "    ... 28 more" in lines
    assert len(lines) == 17


RULE = 'alibaba."InternalError"  shop.toml:5:19'
LONG = f'{HEAD}[[scenario]]\nname = "a"\nfaults = "InternalError*"\nexpect = {{ requests = 1 }}\n'


def test_programs_get_findings() -> None:
    """The formats of ``check``: a finding has file, line and column of the expectation, and an id of its own."""
    [found] = json.loads(run("shop.test.toml", "--format", "json").stdout)
    assert found == {
        "file": "shop.test.toml",
        "line": 15,
        "column": 20,
        "rule": "PT001",
        "severity": "error",
        "message": "waits <longer>: waits: expected 1 s, 2 s, found 1 s, 1 s",
    }
    assert run("shop.test.toml", "--format", "github").stdout.startswith("::error file=shop.test.toml,line=15,col=20,")
    log: dict[str, Any] = json.loads(run("shop.test.toml", "--format", "sarif").stdout)
    assert [each["id"] for each in log["runs"][0]["tool"]["driver"]["rules"]] == ["PT001"]


@pytest.mark.parametrize("is_file", [False, True])
def test_junit_has_a_case_for_each_test(*, is_file: bool) -> None:
    """The same XML on standard output, or in a file beside the text."""
    options = ["--junit", "out.xml"] if is_file else ["--format", "junit"]
    result = run("shop.test.toml", *options)
    assert result.exit_code == 1
    suites = ET.fromstring(Path("out.xml").read_text() if is_file else result.stdout)  # noqa: S314  # our own text
    [suite] = suites
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert [(each.get("name"), each.get("line"), len(each)) for each in suite] == [
        ("passes", "7", 0),
        ("waits <longer>", "12", 1),
    ]
    assert "expected 1 s, 2 s, found 1 s, 1 s" in (suite[1][0].text or "")


def test_a_mistake_in_a_file_is_wrong_use() -> None:
    """Exit code 2, the place of the mistake in all forms, and the tests that can be read run all the same."""
    text = HEAD + GOOD.replace("waits", "wait")
    result = run("shop.test.toml", text=text + BAD.replace("2s", "1s"))
    assert result.exit_code == 2
    assert 'shop.test.toml:9:12: error[RP024] unknown key "wait"' in result.stdout
    assert "1 test passed in 1 file" in result.stderr
    assert "1 file with mistakes" in result.stderr
    [[case]] = ET.fromstring(run("shop.test.toml", "--format", "junit", text=text).stdout)  # noqa: S314  # our own text
    assert case[0].tag == "error"
    assert 'unknown key "wait"' in case[0].get("message", "")
    assert run("nothing.test.toml").exit_code == 2


def test_a_directory_stands_for_its_test_files() -> None:
    """``resilience test .`` finds them all; a directory without one is wrong use."""
    Path("more").mkdir()
    assert run("more").exit_code == 2
    Path("more/shop.test.toml").write_text((HEAD + GOOD).replace("shop.toml", "../shop.toml"))
    result = run(".", text=HEAD + GOOD)
    assert result.exit_code == 0
    assert result.stderr.startswith("2 tests passed in 2 files")


def test_only_some_tests() -> None:
    """``--only`` chooses by a part of the name; where none has it, that is said, and is no success."""
    assert run("shop.test.toml", "--only", "pass").exit_code == 0
    result = run("shop.test.toml", "--only", "pasta")
    assert result.exit_code == 2
    assert result.stderr.startswith("no test in 1 file")


def test_coverage_says_what_no_test_meets() -> None:
    """Counts, and each rule and environment with its place; only with --strict it is a failure."""
    result = run("shop.test.toml", "--coverage", text=HEAD + GOOD)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "shop.toml: tests meet 1 of 2 rules, 0 of 1 environments",
        '  shop.toml:6:22: no test meets the rule alibaba."InvalidParameter"',
        "  no test meets the environment prod",
    ]
    assert run("shop.test.toml", "--coverage", "--strict", text=HEAD + GOOD).exit_code == 1
    assert run("shop.test.toml", "--strict").exit_code == 2
    found = json.loads(run("shop.test.toml", "--coverage", "--format", "json", text=HEAD + GOOD).stdout)
    assert [(each["rule"], each["severity"], each["line"]) for each in found] == [
        ("PT002", "warning", 6),
        ("PT002", "warning", 1),
    ]


def test_what_init_writes_passes_and_meets_every_rule() -> None:
    """``init --tests`` writes tests beside a new policy, and for one that is there; it replaces no file."""
    runner = CliRunner()
    for file in ("shop.toml", "mqtt.toml"):
        result = runner.invoke(app, ["init", file, "--tests"])
        assert result.exit_code == 0, result.output
        test_file = file.replace(".toml", ".test.toml")
        result = runner.invoke(app, ["test", test_file, "--coverage", "--strict"])
        assert result.exit_code == 0, result.output
        result = runner.invoke(app, ["init", file, "--tests"])
        assert result.exit_code == 2
        assert f"{test_file} exists already" in result.output
    assert runner.invoke(app, ["check", "--strict", "shop.test.toml", "mqtt.test.toml"]).exit_code == 0


def test_check_looks_at_the_form_of_a_test_file() -> None:
    """``check *.toml`` takes no test file for a policy."""
    Path("shop.test.toml").write_text(HEAD + GOOD.replace("waits", "wait"))
    result = CliRunner().invoke(app, ["check", "shop.test.toml"])
    assert result.exit_code == 1
    assert 'unknown key "wait"' in result.output
