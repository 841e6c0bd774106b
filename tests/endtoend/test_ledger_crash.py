"""Provisioning scripts that are killed: nothing is made twice, and nothing is lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from ledger_crashes import finished, provision, running
from ledger_runs import INSTANCES, groups

from resilience import Ledger
from resilience.sandbox import Sandbox


def test_groups_are_made_once_however_often_the_script_is_killed(tmp_path: Path) -> None:
    """
    A script that is killed at random moments, under faults before and after the effect, makes each group once.

    A tenth of the names belongs to others; each of these is renamed once, to the same new name in every run. With a
    thousand groups and fifty kills: ``python tests/endtoend/ledger_crashes.py``.
    """
    report = provision(tmp_path, count=60, kills=4, rate=0.2, seed=7)
    assert report.problems == []
    assert report.kills >= 3
    assert report.failures > 0


def test_a_run_after_a_kill_sends_only_what_is_not_done(tmp_path: Path) -> None:
    """A map that is killed in the middle goes on where it was; what is done is looked at, and not sent again."""
    count = 40
    with Sandbox() as sandbox:
        for instance in INSTANCES:
            sandbox.alibaba.add_instance(instance)
        with running(tmp_path, sandbox.alibaba, "groups", str(count), "1") as script:
            while len(sandbox.alibaba.groups) < count // 2 and script.poll() is None:
                time.sleep(0.001)
            script.kill()
            assert script.wait() < 0
        with Ledger(tmp_path / "ledger.db", create=False) as ledger:
            done = {entry.resource["GroupId"] for entry in ledger.entries() if entry.state == "done"}
        before = len(sandbox.calls)
        with running(tmp_path, sandbox.alibaba, "groups", str(count), "2") as script:
            said = finished(script)
        assert {each["error"] for each in said} == {None}
        asked_again = {
            each.arguments["GroupId"] for each in sandbox.calls[before:] if each.operation == "CreateGroupId"
        }
        assert len(done) >= count // 4
        assert not asked_again & done
        asked = sandbox.asked("CreateGroupId")
        with running(tmp_path, sandbox.alibaba, "groups", str(count), "3") as script:
            assert len(finished(script)) == count
        assert sandbox.asked("CreateGroupId") == asked
        assert sandbox.applied("CreateGroupId") == count


def test_four_processes_share_the_work_and_one_dies(tmp_path: Path) -> None:
    """Four processes that want the same groups make each one once, also those of the one that is killed."""
    count = 40
    with Sandbox() as sandbox, ExitStack() as stack:
        for instance in INSTANCES:
            sandbox.alibaba.add_instance(instance)
        scripts = [
            stack.enter_context(running(tmp_path, sandbox.alibaba, "groups", str(count), str(seed)))
            for seed in range(4)
        ]
        doomed = random.Random(3).choice(scripts)  # noqa: S311  # which one, no secret
        while len(sandbox.alibaba.groups) < count // 4:
            time.sleep(0.001)
        doomed.kill()
        said = [each for script in scripts if script is not doomed for each in finished(script)]
        applied = Counter(
            call.arguments["GroupId"] for call in sandbox.calls if call.operation == "CreateGroupId" and call.applied
        )
    assert applied == dict.fromkeys((name for _, name in groups(count)), 1)
    assert len(sandbox.alibaba.groups) == count
    assert Counter(each["error"] for each in said) == {None: 3 * count}
    with Ledger(tmp_path / "ledger.db", create=False) as ledger:
        assert Counter(entry.state for entry in ledger.entries()) == {"done": count}


def _killed_between_effect_and_answer(folder: Path, sandbox: Sandbox, *options: str) -> None:
    """Kill a run when the service has bought the instance and has not answered yet."""
    sandbox.script("tencent:CreateInstance", "applied hang")
    before = sandbox.applied("tencent:CreateInstance")
    with running(folder, sandbox.tencent, "instance", "fleet", *options) as script:
        while sandbox.applied("tencent:CreateInstance") == before and script.poll() is None:
            time.sleep(0.005)
        script.kill()
        assert script.wait() < 0
    assert sandbox.applied("tencent:CreateInstance") == before + 1


def test_an_instance_is_not_bought_again(tmp_path: Path) -> None:
    """A run that was killed between a purchase and its answer is followed by one that finds the instance."""
    with Sandbox() as sandbox:
        _killed_between_effect_and_answer(tmp_path, sandbox, "--look")
        for _ in range(2):
            with running(tmp_path, sandbox.tencent, "instance", "fleet", "--look") as script:
                [said] = finished(script)
            assert (said["ended"], said["error"]) == ("accepted", None)
        assert sandbox.asked("tencent:CreateInstance", Name="fleet") == 1


@pytest.mark.parametrize("on_unfinished", ["verify", "retry"])
def test_an_instance_that_nobody_can_look_for_is_left_to_a_person(tmp_path: Path, on_unfinished: str) -> None:
    """Without a verifier the next run buys nothing, whatever ``on_unfinished`` says, and says what to do."""
    with Sandbox() as sandbox:
        _killed_between_effect_and_answer(tmp_path, sandbox)
        with running(tmp_path, sandbox.tencent, "instance", "fleet", "--on-unfinished", on_unfinished) as script:
            [said] = finished(script)
        assert (said["ended"], said["stop_reason"]) == ("failed", "unverified")
        assert "an earlier run started" in said["error"]
        assert sandbox.asked("tencent:CreateInstance", Name="fleet") == 1
