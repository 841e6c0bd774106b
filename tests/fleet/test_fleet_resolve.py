"""``resilience ledger resolve``: what is unfinished is looked at, and the ledger knows what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from fleet_runs import INSTANCE, Place, placed

from resilience import Ledger
from resilience.state import LedgerEntry
from resilience.state.ledger import entry_key

pytest_plugins = ("servers.fixtures",)
# The library for Redis does not close what it made for a connection that has ended.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")

NOT_MADE = "no --function makes it: another operation than {}, or another account"
RESOLVE = ("resolve", "--policy", "fleet.toml", "--function", "fleet_devices:create_group")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as found:
        yield found


def entry(name: str, operation: str = "CreateGroupId", account: str = "") -> LedgerEntry:
    resource = {"InstanceId": INSTANCE, "GroupId": name}
    key = entry_key("alibaba", account, operation, resource)
    return LedgerEntry(key=key, provider="alibaba", operation=operation, resource=resource)


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "redis"])
def test_each_unfinished_resource_is_looked_at(place: Place, request: pytest.FixtureRequest, kind: str) -> None:
    """What is there is done, what is not there is forgotten, and the rest is left, with the reason of each."""
    where = str(place.folder / "ledger.db")
    if kind != "sqlite":
        where = request.getfixturevalue(f"new_{kind}_url")()
    names = "group_id\nGID_there\nGID_new-2\nGID_used\n"
    (place.folder / "made.csv").write_text(names, encoding="utf-8")
    made = place.run("fleet_devices:create_group", "made.csv", "--policy", "fleet.toml", "--ledger", "made.db")
    assert made.returncode == 0, made.stderr
    used, account, topic = entry("GID_used"), entry("GID_account", account="other"), entry("GID_topic", "CreateTopic")
    renamed = evolve(entry("GID_new"), renamed={"GroupId": ("GID_new", "GID_new-2")}, number=2)
    done = entry("GID_done")
    with Ledger(where) as ledger:
        for each in (entry("GID_there"), entry("GID_gone"), renamed, used, account, topic, done):
            assert ledger.claim(each.key)
            ledger.start(each)
            if each == done:
                ledger.finish(each)
            if each != used:
                ledger.release(each.key)
        run = place.run(*RESOLVE, "--ledger", where, "--format", "json", command="ledger")
        assert run.returncode == 1, run.stderr
        said = {each["key"]: (each["result"], each["reason"]) for each in json.loads(run.stdout)}
        assert said == {
            entry("GID_there").key: ("done", "find_group found it"),
            renamed.key: ("done", "find_group found it"),
            entry("GID_gone").key: ("forgotten", "find_group did not find it, 0.02 s after its last call"),
            used.key: ("in use", "a call has claimed it"),
            account.key: (
                "unknown",
                "no --function makes it: another operation than CreateGroupId, or another account",
            ),
            topic.key: ("unknown", NOT_MADE.format("CreateTopic")),
        }
        states = {each.key: each.state for each in ledger.entries()}
        assert states == {
            **dict.fromkeys((entry("GID_there").key, renamed.key, done.key), "done"),
            **dict.fromkeys((used.key, account.key, topic.key), "started"),
        }
        assert place.sandbox.asked("CreateGroupId") == 3
        ledger.release(used.key)
    again = place.run(*RESOLVE, "--ledger", where, command="ledger")
    assert f"done: {used.key} (find_group found it)\n" in again.stdout
    assert "2 unknown" in again.stderr
    assert "hunter2" not in run.stdout + run.stderr + again.stdout + again.stderr


def test_a_verifier_that_fails_leaves_the_entry(place: Place) -> None:
    """Nothing is believed, and the key is free again."""
    with Ledger(place.folder / "ledger.db") as ledger:
        ledger.start(entry("GID_a"))
        place.sandbox.script("alibaba:ListGroupId", "InvalidParameter*50")
        run = place.run(*RESOLVE, command="ledger")
        assert run.returncode == 1, run.stderr
        assert run.stdout.startswith(f"unknown: {entry('GID_a').key} (find_group failed (")
        assert [each.state for each in ledger.entries()] == ["started"]
        assert ledger.claim(entry("GID_a").key)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((*RESOLVE, "--ledger", "nowhere.db"), "there is no ledger", id="no-file"),
        pytest.param((*RESOLVE, "--ledger", "mysql://db"), "expected a path, or an address", id="no-such-server"),
        pytest.param(
            (*RESOLVE[:-1], "fleet_devices:create_group_plainly"), "create_group_plainly.verify", id="no-verifier"
        ),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(place: Place, arguments: tuple[str, ...], said: str) -> None:
    """With what to write instead."""
    Ledger(place.folder / "ledger.db").entries()
    run = place.run(*arguments, command="ledger")
    assert run.returncode == 2
    assert said in " ".join(run.stderr.split())


def test_nothing_unfinished_is_fine(place: Place) -> None:
    """The exit code is 0, and a line says so."""
    Ledger(place.folder / "ledger.db").entries()
    run = place.run(*RESOLVE, command="ledger")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "nothing is unfinished\n")
