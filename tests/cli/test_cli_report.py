"""``report``: a journal in short, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from report_calls import HOSTILE, told, write_journal

from resilience import Executor, Journal, Policy, ServiceError
from resilience.cli.app import app

POLICY = """
schema = 1
name = "reported"
limits = { deadline = "1m" }
backoff.default = { kind = "constant", base = "2s", jitter = "none" }
rules.alibaba.SystemOverFlow = "retry"
rules.alibaba.InstanceNotFound = "fail"
"""


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    """Run on both event loops; the waits of the recorded calls take no time."""
    return virtual_loop


def run(*arguments: str | Path, **environ: str) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "80", **environ})


async def recorded(folder: Path) -> Path:
    """Run three calls: one that succeeds after a wait, one that fails by a rule, one that no rule knows."""
    path = folder / "journal.jsonl"
    # A path would be broken where the line ends, and the folder of a test has a long one.
    policy = Policy.loads(POLICY, name="policy.toml")
    executor = Executor(policy, provider="alibaba", observers=[Journal(path)])
    codes = iter(["SystemOverFlow", None, "InstanceNotFound", "NeverHeardOf"])

    @executor.wrap("CreateGroupId")
    async def create(name: str) -> str:
        if (code := next(codes)) is not None:
            raise ServiceError(code, "a message that no report shows", status=400, request_id=f"ID-{code}")
        return name

    for name in ("GID_a", "GID_b", "GID_c"):
        await create.outcome(name)
    return path


@pytest.mark.anyio
async def test_a_run_is_summed_up_on_one_screen(tmp_path: Path) -> None:
    """The summary says what ran, what failed by which rule and line, what to quote, and where the time went."""
    result = run(await recorded(tmp_path))
    assert result.exit_code == 0, result.output
    lines = [line.rstrip() for line in result.output.splitlines()]
    assert lines[0] == "2 of 3 calls failed"
    assert lines[1].startswith("reported ")
    text = "\n".join(lines)
    for said in (
        "CreateGroupId  InstanceNotFound (http 400)",
        "      ID-InstanceNotFound",
        "stop: the rule says so",
        "policy.toml:7",
        "CreateGroupId  NeverHeardOf (http 400)",
        "stop: no rule matches",
        '"NeverHeardOf" = "fail"',
        "1.33 attempts per call: 4 attempts for 3 calls",
    ):
        assert said in text
    rows = [line.split() for line in lines]
    assert ["calls", "retried", "failed", "attempts"] in rows
    assert ["CreateGroupId", "3", "1", "2", "4"] in rows
    assert any(line.split()[0] == "waiting" and line.endswith("2 s  100%") for line in lines if line)
    assert max(map(len, lines)) <= 80
    assert "message" not in text


@pytest.mark.anyio
async def test_programs_get_the_same_as_json(tmp_path: Path) -> None:
    """``--format json`` gives the numbers, the failures with their rules, and what no rule matched."""
    result = run(await recorded(tmp_path), "--format", "json")
    said = json.loads(result.stdout)
    assert (said["verdict"], said["calls"], said["attempts"]) == ("2 of 3 calls failed", 3, 4)
    assert said["ends"] == {"success_after_retry": 1, "failed": 2}
    assert said["times"]["waiting"] == pytest.approx(2.0)
    failure = next(each for each in said["failures"] if each["what"] == "InstanceNotFound")
    assert (failure["rule"], failure["stop_reason"], failure["request_ids"]) == (
        'alibaba."InstanceNotFound"',
        "rule",
        ["ID-InstanceNotFound"],
    )
    assert failure["at"].endswith("policy.toml:7")
    assert [(gap["table"], gap["key"]) for gap in said["gaps"]] == [("rules.alibaba", "NeverHeardOf")]
    assert [each["decided"] for each in said["rules"]] == [1, 1, 1]


def test_a_call_that_was_killed_is_told(tmp_path: Path) -> None:
    """What began and never ended has a place of its own, with the doubt that it leaves."""
    records = list(told("p-1"))[:2]
    result = run(write_journal(tmp_path / "j", records))
    assert result.exit_code == 0
    assert "1 of 1 call never ended" in result.output
    assert "may have taken effect: look before you repeat" in result.output


def test_all_well_is_said_in_one_line(tmp_path: Path) -> None:
    """Where every call succeeded, the first line says so, and there is no list of failures."""
    result = run(write_journal(tmp_path / "j", [*told("p-1"), *told("p-2", 1.0)]))
    assert result.output.startswith("all 2 calls succeeded\n")
    assert "What failed" not in result.output


def test_a_journal_without_calls_is_no_failure(tmp_path: Path) -> None:
    """A run that made no call is told in one line, in text, JSON and on a page."""
    journal = write_journal(tmp_path / "j", [])
    result = run(journal, "--html", tmp_path / "page.html")
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "no call was recorded")
    assert json.loads(run(journal, "--format", "json").stdout)["calls"] == 0
    assert "no call was recorded" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_several_files_are_one_report(tmp_path: Path) -> None:
    """Journals of several processes or machines are read together, and one that is given twice counts once."""
    first = write_journal(tmp_path / "a", told("p-1"))
    second = write_journal(tmp_path / "b", told("p-2", 5.0))
    assert json.loads(run(first, second, first, "--format", "json").stdout)["calls"] == 2


def test_lines_that_cannot_be_read_are_told_and_left_out(tmp_path: Path) -> None:
    """A torn or foreign line costs nothing but itself; where it is, is said on the error stream."""
    journal = write_journal(tmp_path / "j", told("p-1"))
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"record": "call_sta')
    result = run(journal)
    assert result.exit_code == 0
    assert "line 6" in result.stderr
    assert "the only call succeeded" in result.stdout
    assert len(json.loads(run(journal, "--format", "json").stdout)["problems"]) == 1


def test_many_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    """A damaged file does not flood the terminal."""
    journal = write_journal(tmp_path / "j", told("p-1"))
    with journal.open("a", encoding="utf-8") as file:
        file.write("damaged\n" * 100)
    assert run(journal).stderr.splitlines()[-1] == "and 97 more lines that could not be read"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("nothing-here", "cannot be read", id="missing"),
        pytest.param("policy.toml", "expected a journal", id="foreign"),
    ],
)
def test_what_is_no_recording_is_wrong_use(tmp_path: Path, name: str, said: str) -> None:
    """A file that is missing, or that is something else, exits with 2 and says what was expected."""
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    result = run(tmp_path / name)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_page_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    """A folder that is not there exits with 2."""
    result = run(write_journal(tmp_path / "j", told("p-1")), "--html", tmp_path / "no" / "page.html")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_a_page_replaces_a_page_and_never_a_journal(tmp_path: Path) -> None:
    """With the name of the page left out, the first journal would be taken for it: that is refused."""
    first = write_journal(tmp_path / "a", told("p-1"))
    second = write_journal(tmp_path / "b", told("p-2", 5.0))
    before = first.read_bytes()
    result = run("--html", first, second)
    assert (result.exit_code, first.read_bytes()) == (2, before)
    assert "is no page" in result.stderr
    for _ in range(2):
        assert run(second, "--html", tmp_path / "page.html").exit_code == 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_text_of_a_journal_gives_no_orders_to_a_terminal(tmp_path: Path, form: str) -> None:
    """Control characters and turns of the writing direction are shown as what they are: no letters."""
    journal = write_journal(tmp_path / "j", told(f"p-{HOSTILE}", code=HOSTILE, operation=HOSTILE))
    result = run(journal, "--format", form)
    assert result.exit_code == 0
    assert "</script><img src=x" in "".join(result.stdout.split("\n"))
    assert all(each.isprintable() or each == "\n" for each in result.stdout)
    assert "\\u001b" not in result.stdout


def test_half_a_character_is_shown_and_does_not_stop_the_report(tmp_path: Path) -> None:
    """JSON can hold half of a character, which no terminal and no file can."""
    journal = write_journal(tmp_path / "j", told("p-1", code="\ud800X"))
    page = tmp_path / "page.html"
    for form in ("text", "json"):
        result = run(journal, "--format", form, "--html", page)
        assert result.exit_code == 0, result.output
        assert "\N{REPLACEMENT CHARACTER}X" in result.stdout


def test_an_instant_that_no_calendar_has_does_not_stop_the_report(tmp_path: Path) -> None:
    """A time far beyond the year 9999 is shown as the number that it is."""
    journal = write_journal(tmp_path / "j", told("p-1", at=1e18))
    for form in ("text", "json"):
        assert run(journal, "--format", form, "--html", tmp_path / "page.html").exit_code == 0


def test_a_terminal_without_unicode_gets_plain_bars(tmp_path: Path) -> None:
    """Where the output knows only ASCII, so does the report."""
    result = CliRunner(charset="ascii").invoke(app, ["report", str(write_journal(tmp_path / "j", told("p-1")))])
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert "#####" in result.stdout
