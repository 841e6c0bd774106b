"""Replays of calls whose answers depended on messages, which no recording holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resilience import Journal, Policy, ServiceError, SyncExecutor
from resilience.cli.app import app
from resilience.testing import virtual_time

MARKER = "MARKER-4711"
POLICY = """
schema = 1
name = "old"
limits.deadline = "10m"
limits.max_attempts = 4
backoff.default = { kind = "constant", base = "1s", jitter = "none" }
[rules.tencent]
"OperationDenied" = [{ message = "role cannot be assumed", do = "retry" }, "fail"]
"FailedOperation" = { message = "later", do = "retry" }
"""


def record(path: Path) -> None:
    """Make four calls: two answers of an array, and a rule that fits and one that does not."""
    with virtual_time():
        executor = SyncExecutor(Policy.loads(POLICY), provider="tencent", observers=[Journal(path)])
        for code, message in (
            ("OperationDenied", f"the role cannot be assumed by {MARKER}"),
            ("OperationDenied", MARKER),
            ("FailedOperation", f"{MARKER}: LATER"),
            ("FailedOperation", MARKER),
        ):
            script = [ServiceError(code, message, status=400)]

            def create(name: str, script: list[ServiceError] = script) -> str:
                if script:
                    raise script.pop()
                return name

            executor.outcome("CreateTopic", create, "t")


def replayed(journal: Path, policy: str, folder: Path) -> tuple[Any, str]:
    path = folder / "policy.toml"
    path.write_text(policy, encoding="utf-8")
    asked = ["replay", str(journal), "--policy", str(path)]
    text = CliRunner().invoke(app, asked, env={"COLUMNS": "200"}).output
    return json.loads(CliRunner().invoke(app, [*asked, "--format", "json"]).stdout), text


@pytest.mark.parametrize(
    ("policy", "changed", "undecided"),
    [
        pytest.param(POLICY, 0, 0, id="the-same-policy"),
        pytest.param(POLICY.replace("4", "5"), 0, 0, id="other-limits-and-the-same-texts"),
        pytest.param(POLICY.replace('assumed", do = "retry"', 'assumed", do = "fail"'), 1, 0, id="another-action"),
        pytest.param(POLICY.replace("role cannot be assumed", "ROLE cannot be assumed"), 0, 0, id="another-case"),
        pytest.param(POLICY.replace("role cannot be assumed", "role"), 0, 2, id="another-text"),
        pytest.param(POLICY.replace("[{ message", '[{ message = "x", do = "fail" }, { message'), 0, 2, id="one-before"),
        pytest.param(
            POLICY.replace(' }, "fail"]', ' }, { message = "x", do = "fail" }, "fail"]'), 0, 1, id="one-behind"
        ),
        pytest.param(POLICY.replace('message = "later", ', ""), 1, 0, id="no-text-any-more"),
    ],
)
def test_a_replay_decides_by_messages_only_where_it_can_know(
    policy: str, changed: int, undecided: int, tmp_path: Path
) -> None:
    """Where a policy looks for the same texts in the same order, its answer is known; else the call is undecided."""
    journal = tmp_path / "calls.jsonl"
    record(journal)
    found, text = replayed(journal, policy, tmp_path)
    assert found["total"]["changed"] == changed
    assert len(found["undecided"]) == undecided
    assert found["replayed"] == 4 - undecided
    assert ("undecided (" in text) == bool(undecided)
    for each in found["undecided"]:
        assert "depends on its message, and messages are not recorded" in each["reason"]
    assert MARKER not in journal.read_text(encoding="utf-8") + json.dumps(found) + text
