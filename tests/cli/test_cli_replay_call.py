"""``replay --call``: one recorded call, decision by decision, and another policy from one of them on."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from resilience import Executor, Journal, Policy, ServiceError
from resilience.cli.app import app
from resilience.testing import virtual_backend

OLD = """\
schema = 1
name = "old"
limits = { deadline = "30s", max_attempts = 6 }
backoff.default = { kind = "constant", base = "2s", jitter = "none" }
[rules.alibaba]
"SystemOverFlow" = "retry"
"InternalError" = { do = "retry", max = 3, then = "fail" }
"""
NEW = OLD.replace('"old"', '"new"').replace("2s", "5s").replace('{ do = "retry", max = 3, then = "fail" }', '"fail"')


@pytest.fixture(autouse=True)
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Record a call that was refused three times; return its id."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)
    Path("old.toml").write_text(OLD)
    Path("new.toml").write_text(NEW)
    return recorded(["SystemOverFlow", "SystemOverFlow", "InternalError", None])


def recorded(answers: list[str | None]) -> str:
    """Record a call whose attempts get these answers; return its id."""
    Path("run.jsonl").unlink(missing_ok=True)

    async def create(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        code = answers.pop(0)
        if code is not None:
            raise ServiceError(code, status=500, request_id=f"REQ-{len(answers)}")
        return group_id

    async def main() -> None:
        executor = Executor(Policy.load("old.toml"), provider="alibaba", observers=[Journal("run.jsonl")])
        await executor.wrap("CreateGroupId")(create).outcome("i", "g")

    backend, options = virtual_backend("asyncio")
    anyio.run(main, backend=backend, backend_options=options)
    records = [json.loads(line) for line in Path("run.jsonl").read_text().splitlines()]
    return next(str(record["call"]) for record in records if record["record"] == "call_started")


def run(*arguments: str, policy: str = "new.toml") -> Result:
    return CliRunner().invoke(app, ["replay", "run.jsonl", "--policy", policy, *arguments])


def test_a_call_is_told_decision_by_decision(call: str) -> None:
    """Each decision has its number, its rule, and the policy's line."""
    result = run("--call", call, policy="old.toml")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith(f"CreateGroupId (alibaba)  {call} of run.jsonl, ")
    assert lines[0].endswith("; under old.toml")
    assert [line[:4].strip() for line in lines[1:] if ": " in line and line.startswith("  ")][:3] == ["1", "2", "3"]
    assert lines.count("     -> retry in 2 s") == 3
    assert '        alibaba."InternalError"  old.toml:7:19' in lines
    assert '        | "InternalError" = { do = "retry", max = 3, then = "fail" }' in lines
    assert lines[-2:] == [
        "recorded: success_after_retry after 4 requests, 6 s of waiting",
        "replayed: success_after_retry after 4 requests, 6 s of waiting",
    ]
    assert not any("recorded: retry" in line for line in lines)


def test_what_another_policy_decides_stands_beside_what_was_recorded(call: str) -> None:
    """A changed decision has the recorded one below it; a success that would fail is exit code 1."""
    result = run("--call", call)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines.count("     -> retry in 5 s") == 2
    recorded = [line.strip() for line in lines if "recorded: retry" in line]
    assert [line.partition(", ")[0] for line in recorded] == ["recorded: retry in 2 s"] * 3
    assert recorded[2].endswith("old.toml:7")
    assert "replayed: failed (the rule says so) after 3 requests, 10 s of waiting" in lines


@pytest.mark.parametrize(("at", "waits"), [(1, [5, 5]), (2, [2, 5]), (3, [2, 2]), (4, [2, 2, 2])])
def test_a_policy_takes_over_at_a_decision(call: str, at: int, waits: list[int]) -> None:
    """Up to there the recorded policy decides, also about its waits; from there on the other one does."""
    result = run("--call", call, "--at", str(at), "--format", "json")
    told = json.loads(result.stdout)
    led_on = [step["delay"] for step in told["steps"] if step["decision"] == "retry"]
    assert led_on == pytest.approx(waits)
    assert result.exit_code == (0 if at == 4 else 1)
    assert told["after"]["ended"] == ("success_after_retry" if at == 4 else "failed")
    hashes = [step["policy_hash"] for step in told["steps"] if step["policy_hash"]]
    old, new = Policy.load("old.toml").digest, Policy.load("new.toml").digest
    assert hashes == [old if number < at else new for number in range(1, len(hashes) + 1)]


def test_limits_of_the_new_policy_hold_from_there_on(call: str) -> None:
    """Its deadline and its number of attempts count for the whole call, with what has been used up already."""
    Path("new.toml").write_text(OLD.replace("max_attempts = 6", "max_attempts = 2"))
    told = json.loads(run("--call", call, "--at", "2", "--format", "json").stdout)
    assert told["after"] == {"ended": "exhausted", "stop_reason": "attempts"}
    Path("new.toml").write_text(OLD.replace('"30s"', '"3s"'))
    told = json.loads(run("--call", call, "--at", "2", "--format", "json").stdout)
    assert told["after"]["stop_reason"] == "deadline"


def test_a_call_is_found_by_a_request_or_by_the_beginning_of_its_id(call: str) -> None:
    """Support and users know request ids; ids are long."""
    for wanted in ("REQ-1", call[:4]):
        assert json.loads(run("--call", wanted, "--format", "json").stdout)["call"] == call


def test_wrong_use_says_what_to_do(call: str) -> None:
    """No such call, options without the one that they need, and a recorded policy that has changed since."""
    for arguments, said in (
        (["--call", "nobody"], "no call of the recording has the id"),
        (["--at", "2"], "--at needs --call"),
        (["--call", call, "--before", "old.toml"], "--before needs --at"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert said in result.output
    Path("old.toml").write_text(NEW)
    result = run("--call", call, "--at", "2")
    assert result.exit_code == 2
    assert "name it with --before" in result.output
    Path("kept.toml").write_text(OLD)
    assert run("--call", call, "--at", "2", "--before", "kept.toml").exit_code == 1


def test_a_call_that_would_never_end_is_told() -> None:
    """It is no wrong use, but a finding about the policy."""
    call = recorded(["InternalError"] * 4)
    patient = '{ do = "retry", counts = false }'
    Path("new.toml").write_text(f'schema = 1\nlimits.deadline = "none"\n[rules.alibaba]\nInternalError = {patient}\n')
    result = run("--call", call)
    assert result.exit_code == 1
    assert "would never end" in result.output
