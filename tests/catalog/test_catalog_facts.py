"""Looking up codes, and rules for names."""

from __future__ import annotations

import re

import pytest

from resilience.catalog import NameRule, catalogue


@pytest.mark.parametrize(
    ("provider", "code", "found"),
    [
        pytest.param("alibaba", "SystemOverFlow", "SystemOverFlow", id="exact"),
        pytest.param("alibaba", "InvalidParameter.Actions", "InvalidParameter", id="parent"),
        pytest.param("alibaba", "Throttling.Some.Other", "Throttling", id="parents-parent"),
        pytest.param("tencent", "InternalError.DbError", "InternalError.DbError", id="longest"),
        pytest.param("tencent", "InternalError.Another", "InternalError", id="parent-of-unknown"),
        pytest.param("alibaba", "InvalidParameters", None, id="no-dot-no-parent"),
        pytest.param("alibaba", "systemoverflow", None, id="case"),
        pytest.param("alibaba", "", None, id="empty"),
        pytest.param("alibaba", ".InternalError", None, id="leading-dot"),
    ],
)
def test_a_code_is_looked_up_by_its_longest_known_part(provider: str, code: str, found: str | None) -> None:
    """The exact code wins, then the part before the last dot, and so on."""
    facts = catalogue(provider).code(code)
    assert (None if facts is None else facts.code) == found


def test_an_unknown_operation_is_none() -> None:
    """An operation is looked up by its exact name."""
    assert catalogue("alibaba").operation("CreateTopic") is None
    assert catalogue("tencent").operation("createtopic") is None


@pytest.mark.parametrize(
    ("provider", "rule", "name"),
    [
        ("alibaba", "group-id", "GID_abc"),
        ("alibaba", "group-id", "GID-abc"),
        ("alibaba", "group-id", "GID__-9"),
        ("alibaba", "group-id", "GID_" + "x" * 60),
        ("alibaba", "client-id", "GID_abc@@@d"),
        ("alibaba", "client-id", "GID_abc@@@" + "d" * 54),
        ("alibaba", "parent-topic", "t"),
        ("tencent", "topic", "abc"),
        ("tencent", "topic", "-" * 100),
        ("tencent", "username", "u"),
        ("tencent", "username", "u" * 32),
        ("tencent", "policy-name", "策略一"),
        ("tencent", "policy-name", "a-_"),
        ("tencent", "instance-name", "a" * 64),
        ("tencent", "block-rule-name", "b-1"),
    ],
)
def test_a_legal_name_is_legal(provider: str, rule: str, name: str) -> None:
    """A name within the documented rule passes, at both ends of its length too."""
    assert catalogue(provider).names[rule].is_legal(name)


@pytest.mark.parametrize(
    ("provider", "rule", "name"),
    [
        ("alibaba", "group-id", ""),
        ("alibaba", "group-id", "GID_ab"),
        ("alibaba", "group-id", "GID_" + "x" * 61),
        ("alibaba", "group-id", "gid_abc"),
        ("alibaba", "group-id", "GIDabcd"),
        ("alibaba", "group-id", "xGID_abc"),
        ("alibaba", "group-id", "GID_abc\n"),
        ("alibaba", "group-id", "GID_a b"),
        ("alibaba", "group-id", "GID_äbc"),
        ("alibaba", "client-id", "GID_abc@@@"),
        ("alibaba", "client-id", "GID_abc@@@" + "d" * 55),
        ("alibaba", "parent-topic", "a/b"),
        ("tencent", "topic", "ab"),
        ("tencent", "topic", "a" * 101),
        ("tencent", "topic", "a/b"),
        ("tencent", "username", "u" * 33),
        ("tencent", "policy-name", "ab"),
        ("tencent", "policy-name", "a.b"),
        ("tencent", "instance-name", "ab"),
        ("tencent", "block-rule-name", "b_1"),
    ],
)
def test_an_illegal_name_is_not(provider: str, rule: str, name: str) -> None:
    """A name that breaks the documented rule is refused before the service refuses it."""
    assert not catalogue(provider).names[rule].is_legal(name)


@pytest.mark.parametrize(
    ("provider", "operation", "name"),
    [
        ("alibaba", "CreateGroupId", "GID_sensors"),
        ("tencent", "CreateTopic", "telemetry"),
        ("tencent", "CreateUser", "reader"),
        ("tencent", "CreateAuthorizationPolicy", "read-only"),
        ("tencent", "CreateBlockRule", "bad-guys"),
    ],
)
def test_a_new_name_is_legal(provider: str, operation: str, name: str) -> None:
    """What a rename appends by default makes a legal name again."""
    facts = catalogue(provider).operation(operation)
    assert facts is not None
    assert facts.name is not None
    rule = catalogue(provider).names[facts.name]
    assert rule.is_legal(name)
    assert rule.is_legal(f"{name}-2")
    if rule.max_length is not None:
        assert not rule.is_legal(name.ljust(rule.max_length, "x") + "-2")


def test_a_rename_keeps_what_makes_a_group_id() -> None:
    """The four characters that a rename never touches are those without which no GroupId is legal."""
    rule = catalogue("alibaba").names["group-id"]
    assert "GID_abcd"[: rule.keep_prefix] == "GID_"
    assert not rule.is_legal("GIDx" + "a" * 10)


def test_length_and_pattern_both_decide() -> None:
    """A name is illegal if it is too short or too long, even where the pattern would take it."""
    rule = NameRule(pattern="a*", min_length=2, max_length=3, suffix="a", meaning="two or three", source="none")
    assert [rule.is_legal("a" * length) for length in range(5)] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("provider", "rule", "first", "more"),
    [
        ("alibaba", "group-id", "GID_", "x"),
        ("alibaba", "parent-topic", "", "x"),
        ("tencent", "topic", "", "x"),
        ("tencent", "username", "", "x"),
        ("tencent", "policy-name", "", "x"),
        ("tencent", "instance-name", "", "x"),
    ],
)
def test_length_and_pattern_agree(provider: str, rule: str, first: str, more: str) -> None:
    """Where the pattern limits the length too, it says the same as the numbers beside it."""
    facts = catalogue(provider).names[rule]
    legal = [length for length in range(len(first), 120) if re.fullmatch(facts.pattern, first.ljust(length, more))]
    assert (legal[0], legal[-1]) == (facts.min_length, facts.max_length)
