"""``resilience ledger``: what it lists, shows and forgets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from resilience import Ledger
from resilience.cli.app import app
from resilience.state import LedgerEntry

pytest_plugins = ("servers.fixtures",)

DONE, STARTED = 'alibaba::CreateGroupId:{"GroupId":"GID_a"}', 'tencent::CreateTopic:{"Topic":"t"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a ledger with a renamed group that is done, and a topic that is not."""
    path = tmp_path / "ledger.db"
    group = LedgerEntry(
        key=DONE,
        provider="alibaba",
        operation="CreateGroupId",
        resource={"GroupId": "GID_a"},
        renamed={"GroupId": ("GID_a", "GID_a-2")},
        number=2,
    )
    with Ledger(path) as ledger:
        ledger.finish(group)
        ledger.start(LedgerEntry(key=STARTED, provider="tencent", operation="CreateTopic", resource={"Topic": "t"}))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["ledger", *map(str, arguments)])


def test_list_shows_every_resource(path: Path) -> None:
    """The table has a row for each, with state, new name and key; the sums go to the error stream."""
    result = run("list", "--ledger", path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["state", "renamed", "to", "since", "key"]
    assert lines[1].split()[:2] == ["done", "GID_a-2"]
    assert lines[1].endswith(DONE)
    assert lines[2].startswith("started ")
    assert result.stderr == "1 done, 1 started and not finished\n"


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        pytest.param([], [DONE, STARTED], id="all"),
        pytest.param(["--state", "started"], [STARTED], id="by-state"),
        pytest.param(["--operation", "CreateGroupId"], [DONE], id="by-operation"),
        pytest.param(["--state", "started", "--operation", "CreateGroupId"], [], id="both"),
    ],
)
def test_list_filters_for_machines_too(path: Path, options: list[str], keys: list[str]) -> None:
    """JSON has the same rows, each whole, and an empty list where nothing fits."""
    result = run("list", "--ledger", path, "--format", "json", *options)
    assert result.exit_code == 0
    assert [entry["key"] for entry in json.loads(result.stdout)] == keys


def test_show_tells_everything_of_one(path: Path) -> None:
    """Text leaves out what is empty; JSON has every key, and instants in ISO 8601."""
    result = run("show", "--ledger", path, DONE)
    assert result.exit_code == 0
    assert "renamed     GroupId GID_a -> GID_a-2\n" in result.stdout
    found = json.loads(run("show", "--ledger", path, "--format", "json", STARTED).stdout)
    assert (found["state"], found["resource"], found["renamed"]) == ("started", {"Topic": "t"}, {})
    assert found["done_at"] is None
    assert found["started_at"].endswith("+00:00")


def test_show_of_an_unknown_key_is_a_finding(path: Path) -> None:
    """The exit code is 1, and nothing is on the output."""
    result = run("show", "--ledger", path, "nothing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not know nothing" in result.stderr


def test_forget_says_what_it_did(path: Path) -> None:
    """Each key is answered for; one that was not known makes the exit code 1."""
    result = run("forget", "--ledger", path, STARTED, DONE, "nothing")
    assert result.exit_code == 1
    assert result.stdout == f"forgotten: {STARTED}\nforgotten: {DONE}\nnot known: nothing\n"
    with Ledger(path) as ledger:
        assert ledger.entries() == []


def test_forget_for_machines(path: Path) -> None:
    """JSON has one object for each key, and the exit code is 0 if all were forgotten."""
    result = run("forget", "--ledger", path, "--format", "json", STARTED)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [{"key": STARTED, "result": "forgotten"}]


def test_forget_leaves_what_a_run_is_working_on(path: Path) -> None:
    """A resource that some call has claimed stays in the ledger."""
    with Ledger(path) as busy:
        assert busy.claim(STARTED)
        result = run("forget", "--ledger", path, STARTED)
    assert (result.exit_code, result.stdout) == (1, f"in use: {STARTED}\n")
    with Ledger(path) as ledger:
        assert ledger.get(STARTED) is not None


@pytest.mark.parametrize("command", ["list", "show", "forget"])
def test_a_missing_ledger_is_wrong_use_and_is_not_made(tmp_path: Path, command: str) -> None:
    """A mistyped path does not look like an empty ledger."""
    result = run(command, "--ledger", tmp_path / "none.db", *(["key"] if command != "list" else []))
    assert result.exit_code == 2
    assert "there is no ledger" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_looking_leaves_no_file_behind(path: Path) -> None:
    """After a list there is the ledger, and nothing else that was not there before."""
    run("list", "--ledger", path)
    assert [each.name for each in path.parent.iterdir()] == ["ledger.db"]


def test_a_broken_ledger_is_a_finding(path: Path) -> None:
    """What is wrong with it is said, without a traceback, and the exit code is 1."""
    path.write_bytes(b"garbage" * 1000)
    result = run("list", "--ledger", path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"ledger {path}: it is no ledger, or damaged")


def test_the_ledger_of_a_policy_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--policy`` and ``--env`` lead to the file that a run with them would use."""
    monkeypatch.chdir(path.parent)
    text = 'schema = 1\nlimits.deadline = "1m"\n[env.prod.ledger]\npath = "ledger.db"\n'
    Path("policy.toml").write_text(text, encoding="utf-8")
    assert run("list", "--policy", "policy.toml", "--env", "prod").exit_code == 0
    without = run("list", "--policy", "policy.toml")
    assert without.exit_code == 2
    assert "has no table [ledger]" in without.stderr


@pytest.mark.parametrize("options", [[], ["--ledger", "x", "--policy", "y"], ["--ledger", "x", "--env", "prod"]])
def test_it_must_be_clear_which_ledger_is_meant(options: list[str]) -> None:
    """Neither a file nor a policy, or both, is wrong use."""
    assert run("list", *options).exit_code == 2


def test_a_ledger_on_a_server_is_shown_too(new_postgres_url: Callable[[], str], tmp_path: Path) -> None:
    """By its url, or by the policy that names it; a key in use is not forgotten, and no output has the password."""
    url = new_postgres_url()
    policy = tmp_path / "policy.toml"
    text = 'schema = 1\nlimits.deadline = "2m"\n[ledger]\nurl = "$LEDGER_URL"\n'
    policy.write_text(text, encoding="utf-8")
    entry = LedgerEntry(key=STARTED, provider="tencent", operation="CreateTopic", resource={"Topic": "t"})
    with pytest.MonkeyPatch.context() as patch, Ledger(url) as ledger:
        patch.setenv("LEDGER_URL", url)
        assert ledger.claim(STARTED)
        ledger.start(entry)
        listed = run("list", "--policy", policy)
        assert listed.exit_code == 0
        assert STARTED in listed.stdout
        assert json.loads(run("show", "--ledger", url, STARTED, "--format", "json").stdout)["state"] == "started"
        assert run("forget", "--ledger", url, STARTED).stdout == f"in use: {STARTED}\n"
        ledger.finish(entry)
        assert run("forget", "--ledger", url, STARTED).stdout == f"forgotten: {STARTED}\n"
        assert ledger.entries() == []


def test_a_server_that_is_no_ledger_is_refused() -> None:
    """An unknown scheme is wrong use; a server that is away is a failure; neither shows the password."""
    for url, code, said in (
        ("mysql://me:hunter2@db/place", 2, "expected a path, or an address that begins with"),
        ("postgresql://me:hunter2@127.0.0.1:1/place", 1, "the server cannot be reached"),
    ):
        result = run("list", "--ledger", url)
        assert result.exit_code == code
        assert said in result.output.replace("\n", " ")
        assert "hunter2" not in result.output
