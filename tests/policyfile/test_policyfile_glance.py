"""The quick look at a policy: it passes what is right, and never what the full reading reports."""

from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.rulekeys import are_plain_codes
from resilience.policyfile.settings import merge

SMALL = 'schema = 1\n[limits]\ndeadline = "2m"\n'
SHIPPED = ("alibaba-mqtt", "provisioning", "tencent-mqtt")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def count_readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that gets an entry for each full reading of settings."""
    readings: list[object] = []

    def counted(*arguments: object) -> object:
        readings.append(arguments)
        return merge(*arguments)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr("resilience.policyfile.assemble.merge", counted)
    return readings


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_is_passed_at_a_glance(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies that everybody builds on cost no full reading, in any environment."""
    readings = count_readings(monkeypatch)
    policy = Policy.load(f"builtin:{name}")
    for env in policy.environments:
        Policy.load(f"builtin:{name}", env=env)
    assert readings == []


def test_a_policy_is_built_once_and_when_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules, actions and the digest are the same objects each time, and cost one reading together."""
    readings = count_readings(monkeypatch)
    policy = Policy.load("builtin:provisioning", env="prod")
    assert readings == []
    assert policy.rules is policy.rules
    assert policy.actions is policy.actions
    assert policy.unknown is policy.actions["fail"]
    assert policy.digest == Policy.load("builtin:provisioning", env="prod").digest
    assert len(readings) == 2


def test_a_policy_has_no_other_attributes() -> None:
    """A misspelled attribute is an error, also before anything was built."""
    with pytest.raises(AttributeError, match="rulez"):
        _ = Policy.loads(SMALL).rulez  # type: ignore[attr-defined]  # that is the point


def test_a_policy_that_needs_a_closer_look_is_the_same_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a glance was enough cannot be seen from outside."""
    text = (
        SMALL + '[rules.alibaba]\nA = "retry"\n"Create*/B" = { do = "retry", max = 2 }\n[env.dev.limits]\nsettle = "1s"'
    )
    quick = Policy.loads(text, env="dev")
    monkeypatch.setattr("resilience.policyfile.assemble.is_fine", lambda *_: False)
    slow = Policy.loads(text, env="dev")
    assert quick == slow
    assert (quick.digest, quick.environments, quick.sources) == (slow.digest, slow.environments, slow.sources)
    assert [rule.origin for rule in quick.rules] == [rule.origin for rule in slow.rules]


@pytest.mark.parametrize(
    ("rest", "rule"),
    [
        pytest.param('[rules.a]\nA = { do = "retry", counts = 1 }', "RP042", id="one-is-not-true"),
        pytest.param('[rules.a]\nA = { do = "retry", max = true }', "RP042", id="true-is-not-one"),
        pytest.param('[rules.a]\nA = { do = "retry", max = 1 }\nB = { do = "retry", max = 1.0 }', "RP042", id="float"),
        pytest.param('[rules.a]\nA = { do = "rename", pattern = "{nm" }', "RP056", id="pattern-of-a-rule"),
        pytest.param('[actions.a]\ndo = "rename"\npattern = "{nm"', "RP056", id="pattern-of-an-action"),
        pytest.param('[rules.a]\n"A\\nB" = "fail"', "RP050", id="line-in-a-code"),
        pytest.param('[rules.a]\nlost = "fail"', "RP050", id="transport-word"),
        pytest.param('[rules.a]\n"X/lost" = "fail"', "RP050", id="transport-word-of-an-operation"),
        pytest.param('[rules.a]\n"" = "fail"', "RP050", id="empty-code"),
        pytest.param('[rules.alibaba]\n"Create*/A" = "fail"\n"*Group/A" = "retry"', "", id="two-globs-apart"),
        pytest.param('[rules.alibaba]\n"*Group*/A" = "fail"\n"Group**/A" = "retry"', "", id="no-common-operation"),
        pytest.param('[rules.alibaba]\n"*Group*/A" = "fail"\n"**Group/A" = "retry"', "", id="glob-without-match"),
        pytest.param('[rules.alibaba]\n"Creat*/A" = "fail"\n"Crea*t*/A" = "retry"', "RP022", id="equal-globs"),
        pytest.param(
            '[rules.alibaba]\n"CreateGroupId/A" = "fail"\n"alibaba:CreateGroupId/A" = "retry"', "RP022", id="prefix"
        ),
        pytest.param('[env.dev]\nunknown = "retry"', "RP025", id="unknown-of-another-environment"),
        pytest.param(
            '[actions.a]\ndo = "verify"\nthen = "b"\n[actions.b]\ndo = "accept"\n[env.dev]\nunknown = "a"',
            "RP025",
            id="unknown-that-leads-to-an-accept",
        ),
        pytest.param('[operations.alibaba]\n"Create*" = "safe"', "RP058", id="glob-that-is-declared"),
        pytest.param('[operations.acme]\n"acme:Make" = "safe"', "RP058", id="prefix-that-is-declared"),
        pytest.param('[operations.acme]\n" Make" = "safe"', "RP058", id="blank-that-is-declared"),
        pytest.param('[operations.acme]\n"" = "safe"', "RP058", id="nothing-that-is-declared"),
        pytest.param('[rules.alibaba]\n"503" = "fail"', "RP050", id="status-as-a-code"),
        pytest.param('[rules.alibaba]\n"5xx" = "fail"', "RP050", id="statuses-as-a-code"),
        pytest.param('[rules.transport]\n"http-204" = "fail"', "RP050", id="status-of-a-success"),
        pytest.param('[rules.transport]\n"http-2xx" = { do = "fail" }', "RP050", id="statuses-of-successes"),
        pytest.param('[rules.a]\n"503" = "fail"\n[rules.transport]\n"http-302" = "fail"', "", id="statuses-of-faults"),
        pytest.param('[operations.a]\n"Make-it.now" = "safe"\n[rules.a]\nA = "fail"', "", id="odd-operation"),
        pytest.param('[env.dev.limits]\ndeadline = "8761h"', "RP043", id="more-than-a-year"),
        pytest.param(
            '[actions.a]\ndo = "retry"\nthen = "b"\n[actions.b]\ndo = "retry"\nthen = "a"', "RP052", id="circle"
        ),
    ],
)
def test_a_glance_passes_only_what_the_full_reading_passes(rest: str, rule: str) -> None:
    """What looks right and is not earns its problem; what looks odd and is right is a policy."""
    if not rule:
        assert Policy.loads(SMALL + rest).rules
        return
    with pytest.raises(PolicyError) as caught:
        Policy.loads(SMALL + rest)
    assert [problem.rule for problem in caught.value.problems] == [rule]


@pytest.mark.parametrize(
    ("keys", "plain"),
    [
        pytest.param([], True, id="none"),
        pytest.param(["A", "A.B_c.9", "9"], True, id="words-and-dots"),
        pytest.param([""], False, id="empty"),
        pytest.param(["A", "", "B"], False, id="empty-between"),
        pytest.param(["A\nB"], False, id="line-end"),
        pytest.param([".A"], False, id="dot-first"),
        pytest.param(["A.", "B"], False, id="dot-last"),
        pytest.param(["A..B"], False, id="two-dots"),
        pytest.param(["A-B"], False, id="dash"),
        pytest.param(["\u00e9"], False, id="not-ascii"),
        pytest.param(["\ud800"], False, id="half-a-character"),
    ],
)
def test_plain_codes_are_told_from_all_others(keys: list[str], *, plain: bool) -> None:
    """Only words of ASCII letters, digits and _ with single dots between them need no closer look."""
    assert are_plain_codes(keys) is plain


def test_a_carriage_return_before_an_end_of_line_is_no_second_end_of_line() -> None:
    """An end of line is replaced once, so that the text that is parsed is the text that positions stand in."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads("schema = 1\r\r\n")
    assert [(problem.line, problem.column, problem.rule) for problem in caught.value.problems] == [(1, 11, "RP045")]


def test_only_one_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """A second mark is a character that TOML does not allow there."""
    (tmp_path / "twice.toml").write_text("\ufeff\ufeff" + SMALL, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"twice.toml:1:1: error\[RP045\]"):
        Policy.load(tmp_path / "twice.toml")


def test_an_escape_that_the_end_cuts_short_is_reported_inside_the_text() -> None:
    """The position of a syntax error is never behind the end of its line."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads('a = "\\')
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(1, 7)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("schema = 0\n" + SMALL[11:], [(1, "RP043")], id="one-problem-for-a-schema-below-one"),
        pytest.param(SMALL + '[actions]\na = 5\n[rules.x]\nA = "a"', [(5, "RP042")], id="action-that-is-no-table"),
        pytest.param("actions = 5\n" + SMALL + '[rules.x]\nA = "a"', [(1, "RP042")], id="actions-that-are-no-table"),
        pytest.param(
            SMALL + '[actions."a b"]\ndo = "retry"\n[rules.x]\nA = "a b"', [(4, "RP058")], id="action-of-a-bad-name"
        ),
        pytest.param(
            "backoff = 1\n" + SMALL + '[rules.x]\nA = { do = "retry", backoff = "b" }', [(1, "RP042")], id="backoffs"
        ),
        pytest.param(
            SMALL + "[actions.a]\ndo = []\n[env.dev.actions.a]\nmax = 2", [(5, "RP042")], id="verb-that-cannot-be-read"
        ),
    ],
)
def test_what_follows_from_a_problem_is_not_reported_as_another_one(text: str, found: list[tuple[int, str]]) -> None:
    """One mistake is one problem, also where other values name what is wrong."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads(text)
    assert [(problem.line, problem.rule) for problem in caught.value.problems] == found
