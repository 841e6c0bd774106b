"""``diff``: two policies compared by what they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app

SMALL = """
schema = 1
limits = { deadline = "1m" }
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["diff", *arguments], env={"COLUMNS": "80"})


def told(*arguments: str) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code in {0, 1}, result.output
    found = json.loads(result.stdout)
    assert bool(found["settings"] or found["changes"]) == bool(result.exit_code)
    return found


def written(folder: Path, name: str, more: str) -> str:
    file = folder / f"{name}.toml"
    file.write_text(SMALL + more, encoding="utf-8")
    return str(file)


def test_environments_differ_by_their_limits_and_actions() -> None:
    """Which limits and which codes change between two environments is shown, with both values."""
    found = told("builtin:provisioning", "--env", "staging", "--env", "prod")
    settings = {each["name"]: (each["before"], each["after"]) for each in found["settings"]}
    assert settings == {
        "limits.deadline": ("5m", "10m"),
        "limits.settle": ("30s", "1m"),
        "production": ("false", "true"),
    }
    exists = next(each for each in found["changes"] if "alibaba:GroupIdAlreadyExsited" in each["codes"])
    assert (exists["before"]["if"], exists["after"]["if"]) == ("always", "ours")
    assert exists["operations"] == ["CreateGroupId"]


def test_equal_policies_exit_with_zero() -> None:
    """A policy does not differ from itself."""
    result = run("builtin:provisioning", "builtin:provisioning")
    assert result.exit_code == 0
    assert "no difference in effect" in result.output


def test_how_it_is_written_makes_no_difference(tmp_path: Path) -> None:
    """Another name, an inline action and a value that is the default anyway are no difference."""
    one = written(tmp_path, "one", '[actions.soon]\ndo = "retry"\nmax = 3\n[rules.alibaba]\nBusy = "soon"\n')
    two = written(tmp_path, "two", '[rules.alibaba]\nBusy = { do = "retry", max = 3, counts = true, then = "fail" }\n')
    assert told(one, two) == {"settings": [], "changes": []}


@pytest.mark.parametrize(
    ("before", "after", "key", "values"),
    [
        pytest.param('"retry"', '"fail"', "do", ("retry", "fail"), id="verb"),
        pytest.param('{ do = "retry", max = 2 }', '{ do = "retry", max = 3 }', "max", ("2", "3"), id="value"),
        pytest.param('{ do = "retry", effect = "none" }', '"retry"', "effect", ("none", "unknown"), id="effect"),
        pytest.param(
            '{ do = "retry", max = 2, then = "verify" }',
            '{ do = "retry", max = 2 }',
            "then.do",
            ("verify", None),
            id="what-follows",
        ),
    ],
)
def test_each_kind_of_change_is_seen(
    before: str, after: str, key: str, values: tuple[str, str | None], tmp_path: Path
) -> None:
    """A change of the verb, of a value, of the effect and of what follows are differences."""
    one = written(tmp_path, "one", f"[rules.alibaba]\nBusy = {before}\n")
    two = written(tmp_path, "two", f"[rules.alibaba]\nBusy = {after}\n")
    [change] = told(one, two)["changes"]
    assert change["codes"] == ["alibaba:Busy"]
    assert (change["before"].get(key), change["after"].get(key)) == values


def test_a_changed_backoff_changes_the_codes_that_wait_by_it(tmp_path: Path) -> None:
    """A backoff is no setting of its own: what changes are the codes whose waits it is."""
    one = written(tmp_path, "one", '[rules.alibaba]\nBusy = "retry"\nGone = "fail"\n')
    two = written(tmp_path, "two", '[backoff.default]\nbase = "2s"\n[rules.alibaba]\nBusy = "retry"\nGone = "fail"\n')
    [change] = told(one, two)["changes"]
    assert change["codes"] == ["alibaba:Busy"]
    assert (change["before"]["backoff.base"], change["after"]["backoff.base"]) == ("500ms", "2s")


def test_a_narrower_rule_changes_its_operations_only(tmp_path: Path) -> None:
    """A rule for some operations is a difference on these, and the text names them."""
    one = written(tmp_path, "one", '[rules.alibaba]\nBusy = "fail"\n')
    two = written(tmp_path, "two", '[rules.alibaba]\nBusy = "fail"\n"Query*/Busy" = "retry"\n')
    [change] = told(one, two)["changes"]
    assert change["operations"]
    assert all(operation.startswith("Query") for operation in change["operations"])
    assert "fail -> retry" in run(one, two).output


def test_a_repeat_that_the_policy_declares_is_a_setting(tmp_path: Path) -> None:
    """What a repeat does belongs to what a policy says."""
    two = written(tmp_path, "two", '[operations.alibaba]\nCreateGroupId = "safe"\n')
    [setting] = told(written(tmp_path, "one", ""), two)["settings"]
    assert (setting["name"], setting["after"]) == ("operations.alibaba.CreateGroupId", "safe")


def test_a_rest_api_and_the_journal_are_settings(tmp_path: Path) -> None:
    """What an API's answers and requests mean is told as it is written, and not once more by what follows from it."""
    api = '[sources.a]\ncode = "json:code"\n[sources.a.operations]\nMake = "POST /a"\nTake = "DELETE /a/{b}"\n'
    one = written(tmp_path, "one", api)
    two = written(
        tmp_path,
        "two",
        api.replace("json:code", "json:error.code").replace("POST", "PUT")
        + '[operations.a]\nTake = "conflict"\n'
        + '[telemetry]\njournal = "run.jsonl"\n',
    )
    settings = {each["name"]: (each["before"], each["after"]) for each in told(one, two)["settings"]}
    assert settings == {
        "sources.a.code": ("json:code", "json:error.code"),
        "sources.a.operations.Make": ("POST /a", "PUT /a"),
        "operations.a.Take": (None, "conflict"),
        "telemetry.journal": (None, "run.jsonl"),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["builtin:provisioning"], id="one-policy"),
        pytest.param(["builtin:provisioning", "--env", "prod"], id="one-environment"),
        pytest.param(["a", "b", "c"], id="three-policies"),
        pytest.param([], id="none"),
    ],
)
def test_too_few_or_too_many_is_wrong_use(arguments: list[str]) -> None:
    """There are two sides to a comparison."""
    assert run(*arguments).exit_code == 2


def test_limits_that_calls_share_are_compared_by_what_they_mean(tmp_path: Path) -> None:
    """A rate that a glob gives is the same as one that is written out; what differs has both values and places."""
    one = written(tmp_path, "one", '[rate.alibaba.operations]\n"*GroupId" = "10/s"\n[budget.alibaba]\n')
    two = written(
        tmp_path,
        "two",
        "[rate.alibaba.operations]\n"
        + "".join(f'{name}GroupId = "10/s"\n' for name in ("Create", "Delete", "List"))
        + "[budget.alibaba]\ncapacity = 500\n",
    )
    assert told(one, two)["settings"] == []
    three = written(tmp_path, "three", '[rate.alibaba.operations]\n"*GroupId" = "5/s"\n[breaker.alibaba]\n')
    settings = told(one, three)["settings"]
    assert settings[0] == {
        "name": "rate.alibaba.operations",
        "before": "10/s",
        "after": "5/s",
        "before_at": f"{one}:5:14",
        "after_at": f"{three}:5:14",
        "operations": ["CreateGroupId", "DeleteGroupId", "ListGroupId"],
    }
    assert {each["name"] for each in settings[1:]} == {
        *(f"budget.alibaba.{key}" for key in ("kind", "capacity", "cost", "deposit")),
        *(f"breaker.alibaba.{key}" for key in ("failure_rate", "window", "min_calls", "open_for", "probes")),
        *(f"breaker.alibaba.{key}" for key in ("mode", "per")),
    }


def test_a_long_list_of_operations_is_cut_unless_all_are_asked_for(tmp_path: Path) -> None:
    """One glob may stand for all operations of a service."""
    one = written(tmp_path, "one", '[rate.tencent.operations]\n"*" = "20/s"\n')
    two = written(tmp_path, "two", '[rate.tencent.operations]\n"*" = "10/s"\n')
    assert "others" in run(one, two).output
    assert "UpdateMessageEnrichmentRulePriority" not in run(one, two).output
    assert "UpdateMessageEnrichmentRulePriority" in run(one, two, "--all").output


def test_another_store_is_a_difference_and_shows_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What processes share is compared as the policies have it, with the variable in the place of a password."""
    monkeypatch.setenv("CACHE_PASSWORD", "s3cr3t-word")
    one = written(tmp_path, "one", '[state]\nstore = "redis://:${CACHE_PASSWORD}@one:6379/0"\n')
    two = written(
        tmp_path, "two", '[state]\nstore = "redis://:${CACHE_PASSWORD}@two:6379/0"\non_unavailable = "fail"\n'
    )
    settings = {each["name"]: (each["before"], each["after"]) for each in told(one, two)["settings"]}
    assert settings == {
        "state.store": ("redis://:${CACHE_PASSWORD}@one:6379/0", "redis://:${CACHE_PASSWORD}@two:6379/0"),
        "state.on_unavailable": ("local", "fail"),
    }
    assert "s3cr3t" not in run(one, two).output
