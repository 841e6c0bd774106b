"""Policies that look right and are not, or look odd and are right."""

from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError

SMALL = 'schema = 1\n[limits]\ndeadline = "2m"\n'


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def test_a_policy_has_no_other_attributes() -> None:
    """A misspelled attribute is an error."""
    with pytest.raises(AttributeError, match="rulez"):
        _ = Policy.loads(SMALL).rulez  # type: ignore[attr-defined]  # that is the point


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
def test_what_looks_right_and_is_not_is_reported(rest: str, rule: str) -> None:
    """What looks right and is not earns its problem; what looks odd and is right is a policy."""
    if not rule:
        assert Policy.loads(SMALL + rest).rules
        return
    with pytest.raises(PolicyError) as caught:
        Policy.loads(SMALL + rest)
    assert [problem.rule for problem in caught.value.problems] == [rule]


def test_a_carriage_return_before_an_end_of_line_is_no_second_end_of_line() -> None:
    """An end of line is replaced once, so that the text that is parsed is the text that positions stand in."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads("schema = 1\r\r\nlimits.deadline = 'none'")
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
    (problem,) = [problem for problem in caught.value.problems if problem.rule == "RP045"]
    assert (problem.line, problem.column) == (1, 7)


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
