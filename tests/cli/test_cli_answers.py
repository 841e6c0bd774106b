"""Several answers to one code: what ``check``, ``explain``, ``simulate``, ``diff`` and ``codes`` say of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app

POLICY = """
schema = 1
name = "answers"
[limits]
deadline = "20m"
attempt_timeout = "5s"
[actions.patient]
do = "retry"
counts = false
for = "15m"
[rules.tencent]
"OperationDenied" = [
  { message = "role cannot be assumed", do = "retry", for = "60s" },
  { message = "try again", do = "patient" },
  "fail",
]
"FailedOperation" = { do = "retry", message = "please retry later" }
"CreateTopic/ResourceUnavailable" = [{ message = "busy", do = "patient" }]
[env.prod.rules.tencent]
"OperationDenied" = [{ message = "role cannot be assumed", do = "patient" }, "fail"]
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "answers.toml"
    path.write_text(POLICY, encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})


def told(*arguments: str) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)


def test_explain_shows_every_answer_with_its_condition(policy: str) -> None:
    """Without a message all answers are shown, each with its action, its waits and its worst case."""
    text = " ".join(run("explain", "CreateTopic/OperationDenied", "-p", policy).output.split())
    for said in (
        'tencent."OperationDenied"[0] -> retry (inline)',
        'if the message has "role cannot be assumed"',
        'tencent."OperationDenied"[1] -> patient',
        'tencent."OperationDenied"[2] -> fail',
        'If the message has "try again": patient',
        "Action: fail, for every other message",
        "attempts for 15 min, and no other limit on their number",
    ):
        assert said in text, said
    found = told("explain", "CreateTopic/OperationDenied", "-p", policy)
    assert [each["message"] for each in found["answers"]] == ["role cannot be assumed", "try again"]
    assert [each["at"]["line"] for each in (*found["answers"], found)] == [13, 14, 15]
    lasts = next(each for each in found["answers"][0]["action"]["values"] if each["name"] == "for")
    assert (lasts["value"], lasts["at"]["line"]) == ("1m", 13)


def test_explain_takes_a_message(policy: str) -> None:
    """``CODE("...")`` explains what follows from that very message."""
    found = told("explain", 'CreateTopic/OperationDenied("a/b: please TRY AGAIN")', "-p", policy)
    assert (found["rule"], found["answers"]) == ('tencent."OperationDenied"[1]', [])
    why = {each["rule"]: each["why"] for each in found["others"]}
    assert why == {
        'tencent."OperationDenied"[0]': 'it is for messages with "role cannot be assumed" only',
        'tencent."OperationDenied"[2]': 'tencent."OperationDenied"[1] comes first',
    }


def test_explain_says_what_follows_where_no_message_fits(policy: str) -> None:
    """A rule for some messages leaves the others to ``unknown``, and both are said."""
    text = " ".join(run("explain", "CreateTopic/FailedOperation", "-p", policy).output.split())
    assert 'tencent."FailedOperation" -> retry (inline)' in text
    assert "no other rule matches -> unknown = fail" in text


def test_simulate_takes_messages_and_shows_none(policy: str, tmp_path: Path) -> None:
    """A script may say what the service says; commas and quotes in it are its own, and no output shows it."""
    script = r'OperationDenied("MARKER, \"role cannot be assumed\"")*2, OperationDenied(' + "'MARKER')"
    page = tmp_path / "page.html"
    asked = ("simulate", "-p", policy, "-o", "CreateTopic", "--faults", script)
    found = told(*asked, "--html", str(page))
    turns = found["call"]["turns"]
    assert [each["rule"] for each in turns] == [f'tencent."OperationDenied"[{entry}]' for entry in (0, 0, 2)]
    assert found["call"]["stop_reason"] == "rule"
    shown = run(*asked).output
    assert "OperationDenied" in shown
    for text in (shown, json.dumps(found), page.read_text(encoding="utf-8"), run(*asked, "--runs", "10").output):
        assert "MARKER" not in text


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('ok("fine")', "a message means nothing here: the attempt succeeds"),
        ('OperationDenied("MARKER', 'expected [applied|late] WORD[("MESSAGE")]'),
        ('OperationDenide("MARKER")', "unknown code 'OperationDenide'; did you mean 'OperationDenied'?"),
    ],
)
def test_a_script_with_a_wrong_message_says_so(policy: str, script: str, message: str) -> None:
    """What is wrong with an entry is said without a message that is one."""
    result = run("simulate", "-p", policy, "-o", "CreateTopic", "--faults", script)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_simulate_ends_an_action_when_its_time_is_over(policy: str) -> None:
    """``for`` ends the retries although nothing counts them."""
    found = told("simulate", "-p", policy, "-o", "CreateTopic", "--faults", 'ResourceUnavailable("busy")*')
    assert found["call"]["stop_reason"] == "max"
    assert 900 <= found["call"]["duration"] < 940


def test_diff_compares_answers_by_message(policy: str) -> None:
    """Two environments differ where some message leads to something else; the others are not mentioned."""
    plain = Path(policy).with_name("plain.toml")
    plain.write_text(POLICY.partition("[env.")[0], encoding="utf-8")
    prod = Path(policy).with_name("prod.toml")
    prod.write_text(
        POLICY.partition("[env.")[0].replace("60s", "30s").replace('{ message = "try again", do = "patient" },', "")
    )
    found = told("diff", str(plain), str(prod))
    changed = {code: each for each in found["changes"] for code in each["codes"]}
    assert set(changed) == {'tencent:OperationDenied("role cannot be assumed")', 'tencent:OperationDenied("try again")'}
    role = changed['tencent:OperationDenied("role cannot be assumed")']
    assert (role["before"]["for"], role["after"]["for"]) == ("1m", "30s")
    assert told("diff", str(plain), str(plain))["changes"] == []


def test_codes_name_what_messages_lead_to(policy: str) -> None:
    """With a policy, each code says for which messages another answer decides."""
    found = {each["code"]: each for each in told("codes", "-p", policy, "--provider", "tencent")}
    assert found["OperationDenied"]["by_message"] == {
        "role cannot be assumed": "retry (inline)",
        "try again": "patient",
    }
    assert found["FailedOperation"]["by"] == "unknown"
    assert found["ResourceUnavailable"]["narrower"] == {'CreateTopic("busy")': "patient"}
    unnamed = run("codes", "-p", policy, "--provider", "tencent", "--unnamed").output
    assert "\nFailedOperation " not in unnamed
    text = run("codes", "-p", policy, "--provider", "tencent").output
    assert 'if the message has "please retry later": retry (inline)' in text


CHECKED = """
schema = 1
limits.deadline = "2m"
limits.attempt_timeout = "5s"
[rules.tencent]
"OperationDenied" = ["fail", { message = "role", do = "retry" }]
"FailedOperation" = [{ message = "LATER", do = "retry" }, { message = "try later", do = "fail" }, "fail"]
"ResourceUnavailable" = { do = "retry", counts = false, for = "15m" }
"InvalidParameter" = [{ message = "not ready", do = "retry", for = "30s" }, "fail"]
"InvalidParametre" = [{ message = "not ready", do = "retry" }, "fail"]
"""


def test_check_finds_answers_that_are_never_given_and_times_that_are_never_over(tmp_path: Path) -> None:
    """Each finding points at its element; a code that lasts may be tried again where its message says so."""
    path = tmp_path / "checked.toml"
    path.write_text(CHECKED, encoding="utf-8")
    found = {(each["line"], each["column"]): each for each in told("check", str(path))}
    assert {place: each["rule"] for place, each in found.items()} == {
        (6, 30): "RP021",
        (7, 59): "RP021",
        (8, 63): "RP080",
        (10, 1): "RP023",
    }
    assert "comes first and fits every fault" in found[6, 30]["message"]
    assert "fits every message that this one fits" in found[7, 59]["message"]
    assert {each["severity"] for each in found.values()} == {"warning"}


def test_check_looks_at_thousands_of_answers_in_a_time_that_grows_with_their_number(tmp_path: Path) -> None:
    """Of one array with thousands of answers each is looked up among the others, and not compared with each."""
    path = tmp_path / "many.toml"
    entries = "".join(f'  {{ message = "text {number:05}", do = "retry" }},\n' for number in range(4000))
    path.write_text(
        f'schema = 1\nlimits.deadline = "2m"\n[rules.tencent]\n"OperationDenied" = [\n{entries}  '
        '{ message = "a longer text 00007 here", do = "fail" },\n]\n',
        encoding="utf-8",
    )
    began = time.process_time()
    found = told("check", str(path))
    assert time.process_time() - began < 10
    assert [(each["rule"], each["line"]) for each in found] == [("RP021", 4005)]


def test_answers_may_be_written_as_an_array_of_tables(tmp_path: Path) -> None:
    """``[[rules.tencent.OperationDenied]]`` is the same array, and findings point at its headers."""
    path = tmp_path / "tables.toml"
    table = "[[rules.tencent.OperationDenied]]\n"
    path.write_text(
        f'schema = 1\nlimits.deadline = "2m"\n{table}message = "role"\ndo = "retry"\n{table}do = "fail"\n'
        f'{table}message = "x"\ndo = "retry"\n',
        encoding="utf-8",
    )
    assert [(each["rule"], each["line"]) for each in told("check", str(path))] == [("RP021", 8)]
    found = told("explain", 'OperationDenied("a ROLE")', "-p", str(path), "--provider", "tencent")
    assert (found["rule"], found["at"]["line"]) == ('tencent."OperationDenied"[0]', 3)
