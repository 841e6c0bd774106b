"""Test files of policies: what is read, what passes, what fails, and what a mistake in a file says."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from resilience.scenarios import ScenarioFile, check, coverage, read, read_text

POLICY = """\
schema = 1
name = "shop"
limits = { deadline = "1m", max_attempts = 3, settle = "2s" }
backoff.default = { kind = "exponential", base = "1s", factor = 2.0, cap = "10s", jitter = "full" }

[actions.soon]
do = "retry"

[rules.alibaba]
"InternalError" = "soon"
"CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", then = "fail" }
"GroupIdAlreadyUsedByOtherUsers" = "rename"
"InvalidSecurityToken" = "refresh"

[rules.transport.alibaba]
lost = "verify"

[env.dev.limits]
max_attempts = 1
[env.prod.limits]
max_attempts = 5
"""
HEAD = """\
schema = 1
policy = "shop.toml"
[call]
operation = "alibaba:CreateGroupId"
"""


@pytest.fixture(autouse=True)
def _policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The environment of the process says nothing about tests.
    monkeypatch.setenv("RESILIENCE_ENV", "prod")
    Path("shop.toml").write_text(POLICY)


def file_of(text: str, head: str = HEAD) -> ScenarioFile:
    Path("shop.test.toml").write_text(head + dedent(text))
    return read("shop.test.toml")


def scenario(body: str) -> str:
    return f'[[scenario]]\nname = "one"\n{body}\n'


def differences(body: str) -> list[str]:
    file = file_of(scenario(body))
    assert file.problems == ()
    return [str(each) for each in check(file.scenarios[0]).differences]


TRUE = {
    "ended": ("InternalError", "success_after_retry"),
    "reason": ("InternalError*", "attempts"),
    "requests": ("InternalError*", 3),
    "decisions": ("InternalError*", ["retry", "retry", "fail"]),
    "waits": ("InternalError*2", ["500ms", 1.0]),
    "waited": ("InternalError*2", "1.5s"),
    "took": ("InternalError*2", "1.8s"),
    "rules": ("InternalError, InternalError.New", ['alibaba."InternalError"', 'alibaba."InternalError"']),
    "rule": ("SomethingNew", ""),
    "verified": ("InternalError", False),
    "may_exist": ("InternalError*", True),
    "effects": ("applied lost", 2),
}
FALSE: dict[str, Any] = {
    "ended": "success",
    "reason": "rule",
    "requests": 4,
    "decisions": ["retry", "fail"],
    "waits": ["500ms", "2s"],
    "waited": "1.6s",
    "took": 2,
    "rules": [],
    "rule": 'alibaba."InternalError"',
    "verified": True,
    "may_exist": False,
    "effects": 1,
}


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return f"'{value}'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("key", TRUE)
def test_each_expectation_passes_and_fails(key: str) -> None:
    """What is expected of a call passes where it is so, and fails where it is not, and nothing else is said."""
    faults, right = TRUE[key]
    assert differences(f'faults = "{faults}"\nexpect = {{ {key} = {toml(right)} }}') == []
    [wrong] = differences(f'faults = "{faults}"\nexpect = {{ {key} = {toml(FALSE[key])} }}')
    assert wrong.startswith(f"{key}: expected ")


def test_a_call_has_the_abilities_that_the_file_gives_it() -> None:
    """A verifier, credentials, an earlier run, other effects and another repeat change what a policy does."""
    for call, faults, expect in (
        ('verifier = "found"', "lost", 'ended = "accepted", verified = true'),
        ('repeat = "duplicate"', "lost", 'reason = "unverified"'),
        ("ours = true", "GroupIdAlreadyExsited", 'ended = "accepted"'),
        ("ours = false", "GroupIdAlreadyExsited", 'reason = "not_ours"'),
        ("credentials = true", "InvalidSecurityToken", 'decisions = ["refresh", "retry"]'),
        ("credentials = false", "InvalidSecurityToken", 'reason = "no_credentials"'),
        ('credentials = ["tencent"]', "InvalidSecurityToken", 'reason = "no_credentials"'),
        ("refreshes = false", "InvalidSecurityToken", 'reason = "remedy"'),
        ("renames = false", "GroupIdAlreadyUsedByOtherUsers", 'reason = "remedy"'),
        ('name = "GID_a"', "GroupIdAlreadyUsedByOtherUsers", 'ended = "success_after_retry"'),
        ('latency = "2s"', "ok", 'took = "2s"'),
        ('effects = { InternalError = "none" }, repeat = "duplicate"', "InternalError", "requests = 2"),
        ('effects = { InternalError = "unknown" }, repeat = "duplicate"', "InternalError", "requests = 1"),
    ):
        assert differences(f'call = {{ {call} }}\nfaults = "{faults}"\nexpect = {{ {expect} }}') == [], call


def test_jitter_is_taken_from_the_draws_in_order() -> None:
    """One number holds for all waits; of several the last one repeats."""
    assert differences('draw = 0\nfaults = "InternalError*2"\nexpect = { waits = [0, 0] }') == []
    assert differences('draw = [0.25, 0.75]\nfaults = "InternalError*2"\nexpect = { waits = [0.25, 1.5] }') == []


def test_a_scenario_stands_for_each_environment_and_each_text() -> None:
    """``env`` and ``each`` multiply; the environment of the process counts for nothing."""
    text = """
        [[scenario]]
        name = "busy"
        each = ["InternalError", "InternalError.A"]
        faults = "{each}*"
        expect = { reason = "attempts" }
        [[scenario]]
        name = "prod-goes-on"
        env = "prod"
        faults = "InternalError*"
        expect = { requests = 5 }
    """
    file = file_of(text, HEAD.replace("[call]", 'env = ["dev", "prod"]\n[call]'))
    assert list(map(str, file.scenarios)) == [
        "busy[InternalError] (dev)",
        "busy[InternalError.A] (dev)",
        "busy[InternalError] (prod)",
        "busy[InternalError.A] (prod)",
        "prod-goes-on (prod)",
    ]
    results = list(map(check, file.scenarios))
    assert [each.played.attempts for each in results if each.played] == [1, 1, 5, 5, 5]
    assert [each.differences for each in results] == [()] * 5
    [plain] = file_of(GOOD).scenarios
    assert plain.policy.env is None


def test_a_policy_may_stand_in_the_file() -> None:
    """A text over several lines is a policy, whose ``extends`` starts beside the file."""
    text = "schema = 1\npolicy = '''\nschema = 1\nextends = [\"shop.toml\"]\nlimits = { max_attempts = 2 }\n'''\n"
    call = 'call = { operation = "alibaba:CreateGroupId" }'
    file = file_of(scenario(f'{call}\nfaults = "InternalError*"\nexpect = {{ requests = 2 }}'), text)
    assert file.problems == ()
    assert check(file.scenarios[0]).differences == ()


GOOD = """
[[scenario]]
name = "good"
faults = "ok"
expect = { requests = 1 }
"""
WRONG = {
    'schema = 2\npolicy = "shop.toml"\n': "expected 1, got 2",
    'policy = "shop.toml"\n': '"schema" is missing',
    "schema = 1\n": '"policy" is missing',
    'schema = 1\npolicy = "shop.toml"\nenvs = ["dev"]\n': 'unknown key "envs" in a test file; did you mean "env"?',
    'schema = 1\npolicy = "shop.toml"\n': '"scenario" is missing',
    f'schema = 1\npolicy = "shpo.toml"\n{GOOD}': "there is no such file",
    f'schema = 1\npolicy = "shop.toml"\nenv = "test"\n{GOOD}': '"test"',
    "schema = 1\npolicy": "not TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_cannot_be_used_says_why(text: str) -> None:
    """A mistake above the scenarios is found, with its place, and no scenario is checked."""
    file = read_text(text, name="shop.test.toml")
    assert file.scenarios == ()
    assert WRONG[text] in "\n".join(map(str, file.problems))
    assert all(problem.line >= 1 for problem in file.problems)


WRONG_SCENARIOS = {
    'faults = "ok"': ('"expect" is missing', 5),
    'faults = "ok"\nexpect = {}': ("expected at least one of ended, reason", 8),
    'faults = "ok"\nexpect = { request = 1 }': ('unknown key "request" in the expectation of a call; did you mean', 8),
    'faults = "ok"\nexpect = { requests = "1" }': ('expected a whole number, 0 or more, got "1"', 8),
    'faults = "ok"\nexpect = { reason = "attemps" }': ('did you mean "attempts"?', 8),
    'faults = "ok"\nexpect = { waits = "1s" }': ("expected an array of durations", 8),
    'faults = "ok"\nexpect = { took = "1 s" }': ('expected a duration such as "1m30s"', 8),
    'faults = "InternalEror"\nexpect = { requests = 1 }': ("did you mean 'InternalError'?", 7),
    'faults = "ok"\nsteps = []\nexpect = { requests = 1 }': ("either faults or steps", 6),
    "expect = { requests = 1 }": ("either faults or steps", 6),
    'faults = "ok"\ndraw = 1\nexpect = { requests = 1 }': ("a number from 0 to below 1", 8),
    'each = ["a"]\nfaults = "ok"\nexpect = { requests = 1 }': ("neither faults nor the operation has {each}", 7),
    'call = { operation = "alibaba:CreateGroup" }\nfaults = "ok"\nexpect = { requests = 1 }': ("CreateGroupId", 7),
    'call = { verifier = "honset" }\nfaults = "ok"\nexpect = { requests = 1 }': ('did you mean "honest"?', 7),
    'call = { repeat = "twice" }\nfaults = "ok"\nexpect = { requests = 1 }': ('expected "safe"', 7),
    "steps = [{ at = 1, expect = { decision = 'wait', delay = 0 } }]": ("a step has one event", 7),
    "steps = [{ at = 1, verified = true, expect = { decision = 'wait' } }]": ("a wait has a delay", 7),
    "steps = [{ verified = true, expect = { decision = 'wait', delay = 0 } }]": ('"at" is missing', 7),
    "steps = [{ at = 1, failed = { kode = 'A' }, expect = { decision = 'wait', delay = 0 } }]": (
        'did you mean "code"?',
        7,
    ),
    "steps = []\nexpect = { requests = 1 }": ("expect belongs to a scenario with faults", 8),
}


@pytest.mark.parametrize("body", WRONG_SCENARIOS)
def test_a_mistake_in_a_scenario_says_where_and_what(body: str) -> None:
    """Only that scenario is left out; the problem has its line, what was expected, and what was found."""
    message, line = WRONG_SCENARIOS[body]
    file = file_of(scenario(body) + GOOD)
    assert [each.name for each in file.scenarios] == ["good"]
    [problem] = file.problems
    assert message in problem.message
    assert problem.line == line


def test_two_scenarios_of_one_name_are_a_mistake() -> None:
    """A report names scenarios, so a name stands for one of them."""
    file = file_of(scenario('faults = "ok"\nexpect = { requests = 1 }') * 2)
    assert 'another scenario has the name "one"' in str(file.problems[0])


def test_steps_that_no_call_could_take_are_differences() -> None:
    """An event after the end, before the end of a wait, or without a question is told, and does not break the run."""
    fail = "expect = { decision = 'fail', reason = 'unknown' }"
    new = f"failed = {{ code = 'New' }}, {fail}"
    told = f"steps = [{{ at = 1, {new} }}, {{ at = 2, {new} }}]"
    assert differences(told) == ["step 2: event: expected none, as the call has ended, found one"]
    wait = "expect = { decision = 'wait', delay = 0.5 }"
    told = f"steps = [{{ at = 1, failed = {{ code = 'InternalError' }}, {wait} }}, {{ at = 1.1, {new} }}]"
    assert differences(told) == ["step 2: at: expected 1.5 s or later, when the wait is over, found 1.1 s"]
    told = "steps = [{ at = 1, remedy = 'renamed', expect = { decision = 'wait', delay = 0 } }]"
    assert differences(told) == ["step 1: event: expected one that answers the decision before it, found Renamed"]


def test_a_call_without_an_end_is_a_difference() -> None:
    """Where no limit ends a call, the test fails; it does not go on for ever."""
    Path("shop.toml").write_text(
        "schema = 1\nlimits = { deadline = 'none' }\n[rules.alibaba]\nBusy = { do = 'retry', counts = false }\n"
    )
    [found] = differences('faults = "Busy*"\nexpect = { requests = 3 }')
    assert found.startswith("the call: expected an end, found no limit of the policy ends this call")


def test_coverage_names_what_no_test_meets() -> None:
    """Rules, actions and environments that no scenario meets are named with their places; others are counted."""
    text = scenario('env = "dev"\nfaults = "InternalError"\nexpect = { requests = 1 }')
    [report] = coverage(map(check, file_of(text).scenarios))
    assert (report.rules, report.actions, report.environments) == ((5, 1), (1, 1), (2, 1))
    assert [(each.kind, each.name, each.place and each.place.line) for each in report.missing] == [
        ("rule", 'alibaba."CreateGroupId/GroupIdAlreadyExsited"', 11),
        ("rule", 'alibaba."GroupIdAlreadyUsedByOtherUsers"', 12),
        ("rule", 'alibaba."InvalidSecurityToken"', 13),
        ("rule", 'transport.alibaba."lost"', 16),
        ("environment", "prod", None),
    ]


def test_each_step_of_a_call_is_told_in_words() -> None:
    """What a failed test shows of the call: attempts and remedies, each with its result."""
    met = []
    for call, faults in (
        ("", "InternalError, ok"),
        ("refreshes = false", "InvalidSecurityToken"),
        ("", "InvalidSecurityToken"),
        ('name = "GID_a"', "GroupIdAlreadyUsedByOtherUsers"),
        ('verifier = "found"', "lost"),
        ('verifier = "missing", repeat = "duplicate"', "lost"),
    ):
        file = file_of(scenario(f'call = {{ {call} }}\nfaults = "{faults}"\nexpect = {{ requests = 1 }}'))
        met += [row.met for row in check(file.scenarios[0]).table]
    assert {
        "attempt 1: InternalError",
        "attempt 2: success",
        "refresh: failed",
        "refresh: done",
        "rename: done",
        "verify: it is there",
        "verify: not there",
    } <= set(met)
    Path("shop.toml").write_text(POLICY.replace('"1m"', '"1m", attempt_timeout = "2s"'))
    [hangs] = file_of(scenario('faults = "hang"\nexpect = { requests = 1 }')).scenarios
    assert check(hangs).table[0].met == "attempt 1: cut short"
