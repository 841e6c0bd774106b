"""Whatever a file holds, the answer is a policy or a :class:`PolicyError`; nothing else ever leaves."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.format.shared_limits import BREAKER, BUDGET, RATE
from resilience.policyfile.format.tables import (
    BACKOFF,
    CREDENTIALS,
    LIMITS,
    RULE,
    SOURCE,
    TABLES,
    TELEMETRY,
    TOP,
)

EVERYTHING = (Path(__file__).parents[1] / "data" / "valid" / "everything.toml").read_text(encoding="utf-8")
LINES = EVERYTHING.replace('extends = ["base.toml", "../valid/smallest.toml", "builtin:tencent-mqtt"]', "").splitlines()

NAMES = sorted({*BACKOFF, *BREAKER, *BUDGET, *RATE, *CREDENTIALS, *LIMITS, *RULE, *SOURCE, *TABLES, *TELEMETRY, *TOP})
KEYS = st.one_of(
    st.sampled_from([*NAMES, "env", "extends", "transport", "alibaba", "acme", "default", "retry", "a", "lost", "A"]),
    st.sampled_from(['""', '"A.B"', '"Create*/A"', '"*/*"', '"alibaba:X/A"', '"http-5xx"', '"/"', '":"', '"%s"', "0"]),
)
VALUES = st.one_of(
    st.sampled_from(['"fail"', '"retry"', '"a"', '"30s"', '"none"', '"list"', '"default"', '""', '"{n}"', '"{"']),
    st.sampled_from(["0", "-1", "1", "2.5", "nan", "-inf", "true", "[]", "{}", "[[]]", '["1s"]', "07:32:00"]),
    st.sampled_from(["{ do = 1 }", '{ do = "a" }', '{ do = "accept", if = [] }', '{ do = "rename", pattern = {} }']),
    st.sampled_from(
        [
            "0x" + "f" * 5000,
            "1e999",
            '"\\u0000"',
            '"' + "9" * 500 + 's"',
            "{ B = { C = { D = 1 } } }",
            '"10/s"',
            '"0/s"',
        ]
    ),
)
PATHS = st.lists(KEYS, min_size=1, max_size=5).map(".".join)
ASSIGNMENTS = st.tuples(PATHS, VALUES).map(" = ".join)
HEADERS = PATHS.map(lambda path: f"[{path}]")


def answer(text: str, env: str | None = None) -> Policy | PolicyError:
    """Return what loading a text comes to; any other exception fails the test."""
    try:
        return Policy.loads(text, env=env)
    except PolicyError as error:
        return error


def check(text: str) -> None:
    """Load a text for no environment and for one; every problem must be showable, and stand inside the text."""
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    for env in (None, "prod"):
        found = answer(text, env)
        if isinstance(found, Policy):
            assert all(rule.origin for rule in found.rules)
            assert len(found.digest) == 12
            continue
        assert found.problems
        assert str(found)
        for problem in found.problems:
            assert 1 <= problem.line <= len(lines)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(ASSIGNMENTS, HEADERS), max_size=6))
def test_any_tables_and_values_end_in_a_policy_or_a_policy_error(lines: list[str]) -> None:
    """Every known key is tried with every type of value, in every table and at every depth."""
    check("\n".join(["schema = 1", *lines]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_to_a_policy_ends_in_a_policy_or_a_policy_error(data: st.DataObject) -> None:
    """A line that is lost, doubled or replaced never leads to another exception."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        lines[number : number + 1] = data.draw(
            st.sampled_from([[], [lines[number]] * 2]) | st.lists(st.one_of(ASSIGNMENTS, HEADERS), max_size=2)
        )
    check("\n".join(lines))


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab.=[]{}\"'\\\n\r\t\x00\x1b# 1\ufeff\u6d4b\U0001f600"), max_size=40))
def test_any_text_ends_in_a_policy_or_a_policy_error(text: str) -> None:
    """A text need not be TOML."""
    assert str(answer(text))
