"""``replay``: which decisions and ends differ, what that saves, what was assumed, and what programs read of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import resilience.cli.replay.command
from resilience.cli.app import app

PROCESS = {"record": "process", "at": 1000.0, "offset": 0.0, "format": 1, "run": "r", "process": "p", "pid": 7}
DECISION = {
    "action": "retry",
    "rule": 'alibaba."SystemOverFlow"',
    "origin": "policies/mqtt.toml:12",
    "name": "patient",
    "delay": 1.0,
    "backoff": {"kind": "constant", "base": 1.0, "factor": 2.0, "cap": 20.0, "jitter": "none"},
}
OLD = """
schema = 1
name = "old"
limits.deadline = "5m"
backoff.default = { kind = "constant", base = "1s", jitter = "none" }
rules.alibaba.SystemOverFlow = "retry"
"""
KEEN = OLD.replace("SystemOverFlow", "NoSuchCode")


def a_call(number: int, *, code: str = "SystemOverFlow", ok: bool = True) -> list[dict[str, Any]]:
    """Return a call that was refused once, and then succeeded, or gave up at once."""
    name = f"p-{number}"
    begun = {
        "record": "call_started",
        "operation": "CreateGroupId",
        "provider": "alibaba",
        "policy": "old",
        "offset": 1.0,
    }
    decision = DECISION if ok else {"action": "fail", "stop_reason": "unknown"}
    fault = {"provider": "alibaba", "code": code, "status": 400}
    end = {"ended": "success_after_retry", "stop_reason": "success", "attempts": 2, "waited": 1.0, "duration": 2.0}
    records: list[dict[str, Any]] = [
        begun,
        {"record": "attempt_started", "offset": 1.0, "number": 1},
        {
            "record": "attempt_failed",
            "offset": 1.5,
            "number": 1,
            "duration": 0.5,
            "fault": fault,
            "effect": "none",
            "decision": decision,
        },
    ]
    if ok:
        records += [
            {"record": "attempt_started", "offset": 2.5, "number": 2},
            {"record": "attempt_succeeded", "offset": 3.0, "number": 2, "duration": 0.5},
            {"record": "call_ended", "offset": 3.0, **end},
        ]
    else:
        gave_up = {"ended": "failed", "stop_reason": "unknown", "attempts": 1, "waited": 0.0, "duration": 0.5}
        records.append({"record": "call_ended", "offset": 1.5, **gave_up})
    return [{"call": name, "at": 1000.0 + each["offset"], **each} for each in records]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two calls that were refused once and then succeeded, and one that gave up."""
    records = [PROCESS, *a_call(1), *a_call(2), *a_call(3, code="NoSuchCode", ok=False)]
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def run(journal: Path, policy: str, *options: str) -> Result:
    """Replay a journal under a policy in a file beside it."""
    (journal.parent / "new.toml").write_text(policy, encoding="utf-8")
    arguments = ["replay", str(journal), "--policy", str(journal.parent / "new.toml"), *options]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "100", "RESILIENCE_ENV": ""})


def told(journal: Path, policy: str, *options: str) -> Any:
    return json.loads(run(journal, policy, *options, "--format", "json").stdout)


def test_the_same_rules_change_nothing(journal: Path) -> None:
    """Under a policy that decides the same, the command says so, and its exit code is 0."""
    result = run(journal, OLD)
    assert result.exit_code == 0
    assert "no decision differs" in result.output
    assert "Decisions" not in result.output


def test_what_would_have_failed_is_a_finding(journal: Path) -> None:
    """A rule that is gone ends calls that succeeded: both rules, each call, the saving, and exit code 1."""
    result = run(journal, OLD.replace('"retry"', '"fail"'))
    assert result.exit_code == 1
    assert "CreateGroupId, SystemOverFlow: retry -> fail (the rule says so)  2 times" in result.output
    places = r'alibaba."SystemOverFlow" policies/mqtt.toml:12 -> alibaba."SystemOverFlow" \S*new.toml:6'
    assert re.search(places, " ".join(result.output.split()))
    assert "1970-01-01 00:16:41Z  p-1  attempt 1" in result.output
    assert "success_after_retry -> failed (the rule says so)  -1 request, -1.5 s" in result.output
    assert re.search(r"CreateGroupId +3 +2 +5 -> 3 +-2 +4\.5 -> 1\.5 +-3\.0", result.output)
    assert "2 calls that succeeded would have failed" in result.output


def test_a_call_that_would_have_succeeded_is_no_finding(journal: Path) -> None:
    """What gets better has exit code 0; what it rests on is said."""
    accepting = OLD + 'rules.alibaba.NoSuchCode = { do = "accept", if = "always" }\n'
    result = run(journal, accepting)
    assert result.exit_code == 0
    assert "failed (no rule matches) -> accepted" in result.output
    assert "1 call that failed would have succeeded, and none the other way" in result.output


def test_assumptions_are_said(journal: Path) -> None:
    """Attempts that nobody made are counted, and it is said how they are taken to end."""
    result = run(journal, OLD + 'rules.alibaba.NoSuchCode = "retry"\n')
    assert "assumed (1 call): attempts beyond the recorded ones fail like the last one" in result.output
    assert "failed (no rule matches) -> exhausted (max_attempts is used up)  +5 requests, +7.5 s" in result.output
    assert result.exit_code == 0


def test_another_wait_shows_the_seconds(journal: Path) -> None:
    """Where only a wait changes, both waits are shown, and no call ends otherwise."""
    result = run(journal, OLD.replace('base = "1s"', 'base = "3s"'))
    assert "retry -> retry  2 times" in result.output
    assert "attempt 1, wait 1 s -> 3 s" in result.output
    assert "no call would have succeeded or failed otherwise" in result.output
    assert result.exit_code == 0


def test_many_calls_are_named_on_demand(journal: Path) -> None:
    """Of many calls of one kind five are named, twenty that get worse, and with ``--all`` every one."""
    records = [PROCESS, *(each for number in range(22) for each in a_call(number))]
    journal.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    longer = OLD.replace('base = "1s"', 'base = "3s"')
    assert run(journal, longer).output.count("attempt 1, wait") == 5
    assert "and 17 others; --all names them" in run(journal, longer).output
    assert run(journal, longer, "--all").output.count("attempt 1, wait") == 22
    assert run(journal, KEEN).output.count("success_after_retry -> failed") == 20
    assert "and 2 other calls; --all names them" in run(journal, KEEN).output
    assert run(journal, KEEN, "--all").output.count("success_after_retry -> failed") == 22


def test_programs_read_what_is_documented(journal: Path) -> None:
    """Every key of the JSON form stands in the module's docstring, and what it says is right."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(a_call(9)[0]) + "\n")
    found = told(journal, KEEN)
    documented = set(re.findall(r'"(\w+)"', resilience.cli.replay.command.__doc__ or ""))

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    assert keys(found) == documented
    assert (found["calls"], found["replayed"], found["policy"]["name"]) == (4, 3, "old")
    assert [each["call"] for each in found["outcomes"] if each["worse"]] == ["p-1", "p-2"]
    first = found["differences"][0]
    assert (first["call"], first["attempt"], first["fault"], first["did"]) == ("p-1", 1, "SystemOverFlow", "attempt")
    assert first["before"]["at"] == "policies/mqtt.toml:12"
    assert first["after"] == {"action": "fail", "stop_reason": "unknown", "delay": 0.0, "rule": None, "at": None}
    assert found["total"]["requests"] == {"before": 5, "after": 8}
    assert found["assumptions"] == [
        {
            "word": "fault",
            "meaning": "attempts beyond the recorded ones fail like the last one",
            "calls": 1,
        }
    ]


def test_what_cannot_be_played_is_counted(journal: Path) -> None:
    """Calls without an attempt, and operations that nobody knows, are left out with their reason."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    stranger = json.dumps(a_call(9)[0]).replace("CreateGroupId", "DropEverything")
    begun = [json.dumps(each).replace("p-9", "p-8").replace("CreateGroupId", "DropEverything") for each in a_call(9)]
    journal.write_text("\n".join([*lines, stranger, *begun]) + "\n", encoding="utf-8")
    result = run(journal, OLD)
    assert "not replayed (1 call): no attempt was made" in result.output
    assert "not replayed (1 call): the policy and the catalogue do not know this operation" in result.output
    assert [each["call"] for each in told(journal, OLD)["skipped"]] == ["p-9", "p-8"]


def test_a_call_that_nothing_ends_is_a_finding(journal: Path) -> None:
    """A policy under which a call would go on for ever has exit code 1."""
    endless = OLD.replace('"5m"', '"none"') + 'rules.alibaba.NoSuchCode = { do = "retry", counts = false }\n'
    result = run(journal, endless)
    assert result.exit_code == 1
    assert "CreateGroupId p-3 would never end: no limit of the policy ends this call" in result.output


@pytest.mark.parametrize(
    ("change", "option", "note"),
    [
        pytest.param('"retry"', "--no-verifier", None, id="none"),
        pytest.param('"refresh"', "--no-credentials", "the recording shows no refresh", id="no-credentials"),
        pytest.param('"refresh"', "--credentials", None, id="credentials"),
    ],
)
def test_what_the_calls_could_do_may_be_said(journal: Path, change: str, option: str, note: str | None) -> None:
    """Options say whether there was a verifier and a source of credentials, and a note names the one that matters."""
    output = run(journal, OLD.replace('"retry"', change), option).output
    assert ("the recording shows no" in output) == (note is not None)
    assert (note or "") in output


def test_a_call_that_never_ended_is_no_saving(journal: Path) -> None:
    """How long a killed call would have taken nobody knows; its requests count all the same."""
    killed = a_call(4)[:3]
    with journal.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(each) + "\n" for each in killed))
    total = told(journal, OLD)["total"]
    assert total["requests"] == {"before": 6, "after": 6}
    assert total["seconds"] == {"before": 4.5, "after": 4.5}


def test_a_shorter_limit_says_what_it_cuts(journal: Path) -> None:
    """An attempt that succeeded then and is cut short now is named as such."""
    hasty = OLD.replace('"5m"', '"5m"\nlimits.attempt_timeout = "400ms"') + 'rules.transport.lost = "fail"\n'
    output = run(journal, hasty).output
    assert "CreateGroupId, SystemOverFlow (cut short now): retry -> fail" in output


def test_operations_are_summed_up(journal: Path) -> None:
    """With more than one operation there is a line for all of them, and a killed call has no end."""
    other = [json.dumps(each).replace("CreateGroupId", "QueryToken") for each in a_call(5)]
    killed = [json.dumps(each) for each in a_call(6)[:3]]
    with journal.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in (*other, *killed)))
    output = run(journal, KEEN).output
    assert re.search(r"QueryToken +1 +1 +2 -> 1", output)
    assert re.search(r"all +5 +5 +", output)
    assert "no end -> failed (no rule matches)" in output


def test_a_verifier_that_the_recording_does_not_show_is_noted(journal: Path) -> None:
    """Where a call stops because nobody can be asked, the option is named that says otherwise."""
    text = journal.read_text(encoding="utf-8").replace("CreateGroupId", "CreateInstance").replace("alibaba", "tencent")
    journal.write_text(text, encoding="utf-8")
    blind = OLD.replace("alibaba", "tencent").replace('"retry"', '{ do = "retry", effect = "unknown" }')
    note = "the recording shows no verifier for some of these operations; --verifier if there is one"
    assert note in run(journal, blind).output
    assert note not in run(journal, blind, "--verifier").output


def test_a_verifiers_answer_is_told_from_a_fault(journal: Path) -> None:
    """What is decided otherwise on a verifier's answer is shown as such."""
    verify = {"record": "verify_started", "call": "p-1", "at": 1001.6, "offset": 1.6, "number": 1}
    answer = {"action": "accept", "verified": True}
    ended = {**verify, "record": "verify_ended", "duration": 0.2, "answer": "not_there", "decision": answer}
    lines = journal.read_text(encoding="utf-8").splitlines()
    journal.write_text("\n".join([*lines[:4], json.dumps(verify), json.dumps(ended), *lines[4:]]) + "\n", "utf-8")
    unsure = OLD.replace('"retry"', '{ do = "verify", effect = "unknown" }').replace("5m", '5m"\nlimits.settle = "0s')
    assert "CreateGroupId, verifier's answer: accept -> retry" in run(journal, unsure).output


def test_waits_without_their_backoff_are_noted(journal: Path) -> None:
    """Spans tell how long a wait was, and not what it was drawn from; that limits what can be said of another one."""
    note = "spans do not record the draws of waits"
    assert note not in run(journal, OLD).output
    text = journal.read_text(encoding="utf-8").replace(f', "backoff": {json.dumps(DECISION["backoff"])}', "")
    journal.write_text(text, encoding="utf-8")
    assert note in run(journal, OLD).output


def test_another_environment_is_noted(journal: Path) -> None:
    """A recording of one environment under another is worth a word."""
    policy = OLD + '[env.prod.limits]\ndeadline = "9m"\n'
    assert "recorded under no environment, replayed under prod" in run(journal, policy, "--env", "prod").output
    assert "recorded under" not in run(journal, policy).output


def test_broken_lines_are_shown_and_the_rest_is_played(journal: Path) -> None:
    """What could not be read is said with its line, and in JSON as well."""
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"record":"call_st')
    line = len(journal.read_text(encoding="utf-8").splitlines())
    result = run(journal, OLD)
    assert f"line {line}: this is no JSON" in " ".join(result.output.split())
    assert result.exit_code == 0
    assert len(told(journal, OLD)["problems"]) == 1


def test_a_file_that_is_no_recording_is_wrong_use(tmp_path: Path) -> None:
    """The message says what was expected, and the exit code is 2."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n", encoding="utf-8")
    result = run(path, OLD)
    assert result.exit_code == 2
    assert "expected a journal of resilience, or spans as OTLP JSON" in " ".join(result.output.split())


def test_a_policy_that_is_wrong_is_no_finding(journal: Path) -> None:
    """What is wrong with the policy is said as ``check`` says it; 1 would say that a call would have failed."""
    result = run(journal, OLD.replace('"retry"', '"pateint"'))
    assert result.exit_code == 2
    assert "pateint" in result.output
