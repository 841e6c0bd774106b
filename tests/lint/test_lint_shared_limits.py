"""Findings about limits that calls share: rates, budgets and breakers."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.policyfile.lint import inspect

TOP = 'schema = 1\nlimits.deadline = "2m"\n'
ACME = """
[sources.acme]
hosts = ["a.example"]
[sources.acme.operations]
MakeUser = "POST /users"
[rules.acme]
"BUSY" = "fail"
"""


def found(folder: Path, text: str, top: str = TOP) -> list[tuple[str, int, str]]:
    """Return id, line (without the lines at the top) and message of each finding."""
    file = folder / "policy.toml"
    file.write_text(top + text, encoding="utf-8")
    return [(each.rule, each.line - top.count("\n"), each.message) for each in inspect(file) if each.severity != "info"]


def rules(folder: Path, text: str) -> list[str]:
    return [rule for rule, _, _ in found(folder, text)]


@pytest.mark.parametrize(
    ("rate", "operation", "ids"),
    [
        pytest.param("10/s", "CreateGroupId", [], id="as-documented"),
        pytest.param("11/s", "CreateGroupId", ["RP081"], id="above"),
        pytest.param("600/m", "CreateGroupId", ["RP081"], id="the-same-on-average-and-more-at-once"),
        pytest.param("10/m", "CreateGroupId", [], id="slower-with-a-burst-that-fits"),
        pytest.param("1000/s", "CloseConnection", [], id="no-source-gives-a-number"),
        pytest.param("6/s", "*Token", ["RP081"], id="a-glob"),
    ],
)
def test_a_rate_above_the_documented_one(rate: str, operation: str, ids: list[str], tmp_path: Path) -> None:
    """What is above the documented rate in any window is found, and named with its source."""
    problems = found(tmp_path, f'[rate.alibaba.operations]\n"{operation}" = "{rate}"\n')
    assert [(rule, line) for rule, line, _ in problems] == [(rule, 2) for rule in ids]
    for _, _, message in problems:
        assert "documented" in message
        assert "alibabacloud" in message or "ApsaraMQ" in message


def test_a_glob_above_documented_rates_names_its_operations(tmp_path: Path) -> None:
    """A glob that stands for many operations is one finding, with some of their names."""
    ((rule, _, message),) = found(tmp_path, '[rate.tencent.operations]\n"*" = "21/s"\n')
    assert rule == "RP081"
    assert "ActivateCaCertificate" in message
    assert "others" in message


def test_a_host_that_would_be_blocked(tmp_path: Path) -> None:
    """The documented limit of an address is that of per_host; the message says what happens above it."""
    assert rules(tmp_path, '[rate.alibaba]\nper_host = "280/s"\n') == []
    ((rule, line, message),) = found(tmp_path, '[rate.alibaba]\nper_host = "301/s"\n')
    assert (rule, line) == ("RP081", 2)
    assert "blocks an address" in message


def test_an_environment_that_raises_a_rate_is_named(tmp_path: Path) -> None:
    """A rate is judged in each environment, and a finding says in which it holds."""
    plain = '[rate.alibaba.operations]\nCreateGroupId = "10/s"\n'
    text = plain + plain.replace("[rate", "[env.prod.rate").replace("10/s", "20/s")
    ((rule, line, message),) = found(tmp_path, text)
    assert (rule, line) == ("RP081", 4)
    assert "prod" in message


def test_the_rate_of_an_operation_that_no_call_reaches(tmp_path: Path) -> None:
    """A rate above that of all operations, or of the host, is never reached; the message says which one holds."""
    text = '[rate.acme]\nper_host = "5/s"\n[rate.acme.operations]\nMakeUser = "6/s"\n' + ACME
    ((rule, line, message),) = found(tmp_path, text)
    assert (rule, line) == ("RP082", 4)
    assert "one host may get 5/s" in message
    assert rules(tmp_path, text.replace("6/s", "300/m")) == []


def test_a_limit_that_is_tightened_later_is_no_finding(tmp_path: Path) -> None:
    """A file over a shipped policy, and an environment, may allow less than the rates of single operations."""
    extends = 'schema = 1\nextends = ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]\n'
    assert found(tmp_path, '[rate.alibaba]\ndefault = "4/s"\n[rate.tencent]\nper_host = "10/s"\n', extends) == []
    text = '[rate.acme.operations]\nMakeUser = "6/s"\n[env.dev.rate.acme]\ndefault = "1/s"\n' + ACME
    assert found(tmp_path, text) == []
    ((rule, line, _),) = found(
        tmp_path, text.replace('default = "1/s"', 'operations.MakeUser = "9/s"\ndefault = "8/s"')
    )
    assert (rule, line) == ("RP082", 4)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        pytest.param("[rate.alibaba]\n", 1, id="empty"),
        pytest.param("[rate.alibaba]\nadaptive = false\nshare = 2\n", 3, id="a-share-of-nothing"),
        pytest.param("[rate.alibaba]\nconcurrency = 2\nshare = 2\n", None, id="concurrency"),
        pytest.param("[rate.alibaba]\nadaptive = true\n", None, id="adaptive"),
        pytest.param('[rate.alibaba.operations]\nRevokeToken = "5/s"\n', None, id="an-operation"),
    ],
)
def test_a_table_of_rates_that_limits_nothing(table: str, line: int | None, tmp_path: Path) -> None:
    """A table that lets every call pass is found; what another file or the plain table limits counts."""
    assert [(rule, at) for rule, at, _ in found(tmp_path, table)] == ([] if line is None else [("RP084", line)])
    share = '[rate.alibaba]\ndefault = "9/s"\n[env.prod.rate.alibaba]\nshare = 2\n'
    assert found(tmp_path, share) == []


def test_a_breaker_that_never_sees_enough_calls(tmp_path: Path) -> None:
    """The calls that the rates let begin in its window are fewer than it waits for, for all calls or an operation."""
    breaker = '[breaker.acme]\nwindow = "30s"\nmin_calls = 10\nper = "{}"\n[budget.acme]\n'
    slow = '[rate.acme]\ndefault = "15/m"\n'
    assert rules(tmp_path, slow + breaker.format("provider")) == []
    ((rule, line, message),) = found(tmp_path, slow.replace("15/m", "9/m") + breaker.format("provider"))
    assert (rule, line) == ("RP083", 5)
    assert "never opens" in message
    by_operation = '[rate.acme.operations]\nMakeUser = "9/m"\n' + ACME
    assert rules(tmp_path, by_operation + breaker.format("provider")) == []
    ((rule, _, message),) = found(tmp_path, by_operation + breaker.format("operation"))
    assert rule == "RP083"
    assert "of MakeUser" in message


def test_a_window_of_less_than_two_attempts(tmp_path: Path) -> None:
    """The default window counts too, and then the timeout is to blame; a window of calls has no length."""
    top = TOP + 'limits.attempt_timeout = "20s"\nlimits.max_attempts = 2\n'
    ((rule, line, _),) = found(tmp_path, "[breaker.alibaba]\n", top)
    assert (rule, line) == ("RP010", -1)
    assert found(tmp_path, "[breaker.alibaba]\nwindow = 30\n", top) == []
    assert found(tmp_path, '[breaker.alibaba]\nwindow = "40s"\n', top) == []


def test_a_breaker_without_a_budget(tmp_path: Path) -> None:
    """Where rules retry, a breaker alone lets every call retry until it opens."""
    breaker = "[breaker.alibaba]\n"
    retry = '[rules.alibaba]\nInternalError = "retry"\n'
    assert "RP028" not in rules(tmp_path, breaker + retry.replace('"retry"', '"fail"'))
    assert [rule for rule in rules(tmp_path, breaker + retry) if rule == "RP028"] == ["RP028"]
    assert "RP028" not in rules(tmp_path, breaker + retry + "[budget.alibaba]\n")
    assert "RP028" not in rules(tmp_path, breaker + retry.replace("rules.alibaba", "rules.tencent"))


@pytest.mark.parametrize(
    ("budget", "ids"),
    [
        pytest.param("capacity = 10", [], id="the-default-cost"),
        pytest.param("cost = 2\ndeposit = 1", ["RP028"], id="half-a-retry-for-each-success"),
        pytest.param('kind = "ratio"\nratio = 0.3', [], id="the-most-that-is-fine"),
        pytest.param('kind = "ratio"\nratio = 0.31', ["RP028"], id="more-than-that"),
    ],
)
def test_a_budget_that_hardly_bounds(budget: str, ids: list[str], tmp_path: Path) -> None:
    """A budget of more than 0.3 retries for each call is found, whichever kind it is of."""
    assert rules(tmp_path, f"[budget.alibaba]\n{budget}\n") == ids


def test_hosts_that_share_a_breaker(tmp_path: Path) -> None:
    """Several hosts, or any, under one breaker are found where the breaker is the provider's."""
    api = '[sources.acme]\n{}[rules.acme]\nBUSY = "fail"\n[breaker.acme]\n{}'
    assert rules(tmp_path, api.format('hosts = ["a.example"]\n', "")) == []
    assert rules(tmp_path, api.format('hosts = ["a.example", "b.example"]\n', "")) == ["RP038"]
    assert rules(tmp_path, api.format("", "")) == ["RP038"]
    assert rules(tmp_path, api.format("", 'per = "operation"\n')) == []


@pytest.mark.parametrize("table", ["rate", "budget", "breaker"])
def test_a_table_for_a_misspelled_provider(table: str, tmp_path: Path) -> None:
    """Limits of a provider that is spelled almost like a known one would never be met."""
    rate = 'default = "1/s"\n' if table == "rate" else ""
    ((rule, _, message),) = found(tmp_path, f"[{table}.alibba]\n{rate}")
    assert rule == "RP062"
    assert 'did you mean "alibaba"' in message


@pytest.mark.parametrize(
    ("plain", "changed"),
    [
        pytest.param("[rate.alibaba]\nconcurrency = 2\n", "[env.prod.rate.alibaba]\nconcurrency = 2\n", id="rate"),
        pytest.param(
            '[rate.alibaba.operations]\nRevokeToken = "5/s"\n',
            '[env.prod.rate.alibaba.operations]\nRevokeToken = "5/s"\n',
            id="operation",
        ),
        pytest.param("[budget.alibaba]\ncapacity = 9\n", "[env.prod.budget.alibaba]\ncapacity = 9\n", id="budget"),
        pytest.param("[breaker.alibaba]\nprobes = 3\n", "[env.prod.breaker.alibaba]\nprobes = 3\n", id="breaker"),
    ],
)
def test_an_environment_that_repeats_a_shared_limit(plain: str, changed: str, tmp_path: Path) -> None:
    """The plain value again is an override without effect, in these tables as in all others."""
    file = tmp_path / "policy.toml"
    file.write_text(TOP + plain + changed, encoding="utf-8")
    assert [(each.rule, each.line) for each in inspect(file)] == [("RP034", 6)]


@pytest.mark.parametrize(
    ("table", "is_idle"),
    [
        pytest.param("", True, id="nothing"),
        pytest.param('[rate.alibaba]\ndefault = "9/s"\n', False, id="rate"),
        pytest.param("[budget.alibaba]\ncapacity = 10\n", False, id="budget"),
        pytest.param("[breaker.alibaba]\nfailure_rate = 0.5\n", False, id="breaker"),
        pytest.param('[credentials.alibaba]\ncool_down = "9s"\n', False, id="credentials"),
    ],
)
def test_a_store_of_nothing(table: str, is_idle: bool, tmp_path: Path) -> None:  # noqa: FBT001  # a parameter
    """A store is found that no table uses."""
    rules = [rule for rule, _, _ in found(tmp_path, '[state]\nstore = "state.db"\n' + table)]
    assert ("RP087" in rules) is is_idle


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        pytest.param('[rate.alibaba]\ndefault = "9/s"\n[state]\nstore = "s.db"\n', 4, id="default"),
        pytest.param(
            '[rate.alibaba]\nconcurrency = 2\n[state]\nstore = "s.db"\non_unavailable = "local"\n', 5, id="written"
        ),
        pytest.param(
            '[rate.alibaba]\ndefault = "9/s"\n[state]\nstore = "s.db"\non_unavailable = "fail"\n', None, id="fail"
        ),
        pytest.param('[rate.alibaba]\ndefault = "9/s"\nshare = 4\n[state]\nstore = "s.db"\n', None, id="share"),
        pytest.param('[rate.alibaba]\ndefault = "9/s"\nshare = 1\n[state]\nstore = "s.db"\n', None, id="one-process"),
        pytest.param('[budget.alibaba]\ncapacity = 9\n[state]\nstore = "s.db"\n', None, id="no-rate"),
        pytest.param('[rate.alibaba]\ndefault = "9/s"\n', None, id="no-store"),
    ],
)
def test_a_limit_that_each_process_takes_whole_without_the_store(tables: str, line: int | None, tmp_path: Path) -> None:
    """It is found where the store's absence lets processes go on, and no number of parts is said."""
    lines = [number for rule, number, _ in found(tmp_path, tables) if rule == "RP088"]
    assert lines == ([] if line is None else [line])
