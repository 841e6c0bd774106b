"""``[rate]``, ``[budget]`` and ``[breaker]``: what they mean, how they merge, and where each value comes from."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.policy import check

TOP = 'schema = 1\nlimits.deadline = "2m"\n'
EVERYTHING = """
[rate.alibaba]
per_host = "280/s"
default = "100/s"
adaptive = true
concurrency = 16
share = 2
[rate.alibaba.operations]
CreateGroupId = "10/s"
[budget.alibaba]
capacity = 100
cost = 2.5
deposit = 0.5
[breaker.alibaba]
failure_rate = 0.25
window = "1m30s"
min_calls = 20
open_for = "5s"
probes = 3
mode = "shadow"
per = "operation"
"""


def loaded(text: str, env: str | None = None) -> Policy:
    return Policy.loads(TOP + text, env=env)


def messages(text: str, env: str | None = None) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        loaded(text, env)
    return [f"{each.rule} {each.message}" for each in caught.value.problems]


def test_every_key_arrives() -> None:
    """Each key of the three tables has its place in the values of the policy."""
    policy = loaded(EVERYTHING)
    assert policy.rates == {
        "alibaba": RateLimits(
            per_host=Rate(280, 1),
            default=Rate(100, 1),
            operations={"CreateGroupId": Rate(10, 1)},
            adaptive=True,
            concurrency=16,
            share=2,
        )
    }
    assert policy.budgets == {"alibaba": BudgetLimits(capacity=100, cost=2.5, deposit=0.5)}
    assert policy.breakers == {
        "alibaba": BreakerLimits(
            failure_rate=0.25,
            window=90,
            min_calls=20,
            open_for=5,
            probes=3,
            mode="shadow",
            per="operation",
        )
    }


def test_a_policy_that_says_nothing_has_none() -> None:
    """Without the tables nothing is limited; an empty table has the documented defaults."""
    assert (loaded("").rates, loaded("").budgets, loaded("").breakers) == ({}, {}, {})
    policy = loaded("[rate.acme]\n[budget.acme]\n[breaker.acme]\n")
    assert policy.rates["acme"] == RateLimits()
    assert policy.budgets["acme"] == BudgetLimits()
    assert policy.breakers["acme"] == BreakerLimits()


def test_limits_travel_with_their_policy() -> None:
    """A copy in another process has the same limits."""
    policy = loaded(EVERYTHING)
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301  # its own bytes


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('rate.alibaba.default = "10/s"', id="rate"),
        pytest.param('rate.alibaba.operations.CreateGroupId = "10/s"', id="operation"),
        pytest.param("budget.alibaba.capacity = 9", id="budget"),
        pytest.param("breaker.alibaba.probes = 9", id="breaker"),
    ],
)
def test_policies_with_other_limits_have_another_digest(line: str) -> None:
    """What a call can meet is part of the digest; how it is written is not."""
    assert loaded(line + "\n").digest != loaded("").digest
    assert loaded(line.replace("10/s", "20/s").replace("9", "8") + "\n").digest != loaded(line + "\n").digest


def test_a_glob_stands_for_each_operation_that_fits() -> None:
    """Each operation has a rate of its own: by its name, else by the narrowest glob, else by none."""
    operations = """[rate.alibaba.operations]
"*" = "50/s"
"*GroupId" = "9/s"
"Create*" = "8/s"
CreateGroupId = "7/s"
"""
    policy = loaded(operations)
    rates = {name: str(rate) for name, rate in policy.rates["alibaba"].operations.items()}
    assert (rates["CreateGroupId"], rates["ListGroupId"], rates["RevokeToken"]) == ("7/s", "9/s", "50/s")
    assert policy.rate_path("alibaba", "CreateGroupId") == ("rate", "alibaba", "operations", "CreateGroupId")
    assert policy.rate_path("alibaba", "ListGroupId") == ("rate", "alibaba", "operations", "*GroupId")
    assert policy.rate_path("alibaba", "RevokeToken") == ("rate", "alibaba", "operations", "*")
    assert policy.rate_path("tencent", "CreateTopic") is None


def test_of_globs_that_are_equally_narrow_the_lower_rate_counts() -> None:
    """No order of lines decides; the careful one does."""
    for lines in ('"Create*" = "9/s"\n"*roupId" = "5/s"\n', '"*roupId" = "5/s"\n"Create*" = "9/s"\n'):
        policy = loaded(f"[rate.alibaba.operations]\n{lines}")
        assert str(policy.rates["alibaba"].operations["CreateGroupId"]) == "5/s"
        assert policy.rate_path("alibaba", "CreateGroupId") == ("rate", "alibaba", "operations", "*roupId")


def test_a_provider_of_ones_own_has_limits_too() -> None:
    """Operations that the policy declares, or that its requests name, can have rates; others have to be declared."""
    declared = '[operations.acme]\nMakeUser = "conflict"\n'
    described = '[sources.acme.operations]\nGetUser = "GET /users/{id}"\n'
    policy = loaded(declared + described + '[rate.acme.operations]\nMakeUser = "1/s"\n"Get*" = "60/m"\n')
    assert policy.rates["acme"].operations == {"MakeUser": Rate(1, 1), "GetUser": Rate(60, 60)}
    # Nothing lists the operations of this one, so that any name may be right.
    assert loaded('[rate.acme.operations]\nAnything = "1/s"\n').rates["acme"].operations == {"Anything": Rate(1, 1)}
    (message,) = messages(declared + '[rate.acme.operations]\nMakeUsr = "1/s"\n')
    assert 'did you mean "MakeUser"?' in message


def test_an_environment_changes_single_values(tmp_path: Path) -> None:
    """Tables merge by key, operations too, and each value says where it was set."""
    file = tmp_path / "policy.toml"
    changed = """
[env.prod.rate.alibaba]
share = 4
[env.prod.rate.alibaba.operations]
CreateGroupId = "8/s"
RevokeToken = "4/s"
[env.prod.breaker.alibaba]
window = 50
"""
    file.write_text(TOP + EVERYTHING + changed, encoding="utf-8")
    plain, prod = Policy.load(file), Policy.load(file, env="prod")
    assert (plain.rates["alibaba"].share, prod.rates["alibaba"].share) == (2, 4)
    assert prod.rates["alibaba"].per_host == Rate(280, 1)
    assert {name: str(rate) for name, rate in prod.rates["alibaba"].operations.items()} == {
        "CreateGroupId": "8/s",
        "RevokeToken": "4/s",
    }
    assert (prod.breakers["alibaba"].window, prod.breakers["alibaba"].window_calls) == (None, 50)
    assert (prod.breakers["alibaba"].min_calls, prod.budgets["alibaba"].capacity) == (20, 100)
    lines = file.read_text(encoding="utf-8").splitlines()
    for path, text in {
        ("rate", "alibaba", "share"): "share = 4",
        ("rate", "alibaba", "operations", "CreateGroupId"): 'CreateGroupId = "8/s"',
        ("rate", "alibaba", "per_host"): 'per_host = "280/s"',
        ("breaker", "alibaba", "window"): "window = 50",
    }.items():
        origin = prod.origin(*path)
        assert origin is not None
        assert lines[origin.line - 1] == text
    (before,) = prod.overridden("breaker", "alibaba", "window")
    assert before[0] == "1m30s"


def test_a_budget_of_another_kind_replaces_the_whole_one() -> None:
    """With another kind nothing that was said before is meant, as for backoffs."""
    text = """
[budget.alibaba]
capacity = 100
[env.prod.budget.alibaba]
kind = "ratio"
ratio = 0.1
"""
    prod = loaded(text, "prod")
    assert prod.budgets["alibaba"] == BudgetLimits(ratio=0.1)
    assert prod.origin("budget", "alibaba", "capacity") is None
    (message,) = messages(text.replace('kind = "ratio"\n', ""), "prod")
    assert message == (
        "RP049 env.prod.budget.alibaba.ratio: "
        'ratio means nothing for a budget of kind "tokens", which has capacity, cost, deposit'
    )


def test_a_declared_operation_of_an_environment_meets_the_globs_of_the_plain_table() -> None:
    """What an environment declares is an operation like any other, there and only there."""
    text = """
[operations.acme]
GetUser = "safe"
[rate.acme.operations]
"Get*" = "5/s"
[env.prod.operations.acme]
GetTenant = "safe"
"""
    assert set(loaded(text).rates["acme"].operations) == {"GetUser"}
    assert set(loaded(text, "prod").rates["acme"].operations) == {"GetUser", "GetTenant"}


@pytest.mark.parametrize("env", [None, "prod", "dev"])
def test_mistakes_of_every_environment_are_told_once(env: str | None, tmp_path: Path) -> None:
    """Whichever environment is asked for, each mistake stands there once, in its own table."""
    file = tmp_path / "policy.toml"
    text = """
[breaker.alibaba]
window = 20
[env.dev.rate.alibaba.operations]
CreateGroup = "1/s"
[env.prod.breaker.alibaba]
min_calls = 30
[env.prod.budget.alibaba]
capacity = 1
"""
    file.write_text(TOP + text, encoding="utf-8")
    found = [(each.rule, each.line) for each in check(file, env=env) if each.severity == "error"]
    assert found == [("RP051", 7), ("RP011", 9), ("RP029", 11)]


def test_a_window_of_few_calls_waits_for_no_more_than_it_holds() -> None:
    """The default of min_calls follows the window; one that is written has to fit."""
    assert loaded("breaker.acme.window = 5\n").breakers["acme"].min_calls == 5
    assert loaded("breaker.acme.window = 50\n").breakers["acme"].min_calls == 10
    assert [each[:5] for each in messages("breaker.acme = { window = 5, min_calls = 6 }\n")] == ["RP011"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        pytest.param("rate.acme.per_ip", "per_host", id="per-ip"),
        pytest.param("rate.acme.qps", "default", id="qps"),
        pytest.param("rate.acme.max_concurrency", "concurrency", id="concurrency"),
        pytest.param("budget.acme.max_tokens", "capacity", id="tokens"),
        pytest.param("breaker.acme.failure_threshold", "failure_rate", id="threshold"),
        pytest.param("breaker.acme.reset_timeout", "open_for", id="reset"),
        pytest.param("breaker.acme.minimum_throughput", "min_calls", id="throughput"),
    ],
)
def test_the_words_of_other_libraries_are_known(key: str, hint: str) -> None:
    """Who knows another library is told the key of this one."""
    (message,) = messages(f"{key} = 1\n")
    assert message.startswith("RP024")
    assert f'"{hint}' in message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param('rate.default = "1/s"', "[rate.alibaba]", id="rate-without-provider"),
        pytest.param("budget.capacity = 5", "[budget.alibaba]", id="budget-without-provider"),
        pytest.param("breaker.probes = 5", "[breaker.alibaba]", id="breaker-without-provider"),
        pytest.param('alibaba.rate = { default = "1/s" }', "[rate.alibaba]", id="the-wrong-way-round"),
        pytest.param('env.rate.alibaba.default = "1/s"', "[env.NAME.rate.alibaba]", id="environment-without-name"),
    ],
)
def test_a_table_in_the_wrong_place_says_where_it_belongs(text: str, hint: str) -> None:
    """The provider comes after the table, and an environment needs a name."""
    assert any(hint in message for message in messages(text + "\n"))


@pytest.mark.parametrize("table", ["rate", "budget", "breaker"])
@pytest.mark.parametrize("value", ["5", "[]", '"x"', "{ alibaba = 5 }", "{ alibaba = [] }"])
def test_what_is_no_table_is_named(table: str, value: str) -> None:
    """A value in the place of a table is an error of its own."""
    (message,) = messages(f"{table} = {value}\n")
    assert message.startswith("RP042")


def test_the_name_of_an_operation_is_no_secret() -> None:
    """RevokeToken and ApplyToken are operations; what stands behind them is a rate, and is shown."""
    values: dict[str, Any] = {"RevokeToken": "5/s", "ApplyToken": "100/s"}
    lines = "".join(f'{name} = "{rate}"\n' for name, rate in values.items())
    operations = loaded(f"[rate.alibaba.operations]\n{lines}").rates["alibaba"].operations
    assert {name: str(rate) for name, rate in operations.items()} == values


def test_an_environment_with_too_many_processes_is_to_blame() -> None:
    """What makes two values unfit is where the error stands, also where only one of them is the environment's."""
    text = "[rate.acme]\nconcurrency = 3\n[env.prod.rate.acme]\nshare = 4\n"
    assert messages(text) == messages(text, "prod")
    (message,) = messages(text)
    assert message.startswith("RP043 env.prod.rate.acme.share: 3 attempts at once cannot be divided by 4 processes")
