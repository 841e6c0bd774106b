"""Expressions of a policy: they mean what they mean in Python, and none of them takes long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.grammar.pattern import Pattern, PatternError

EXPRESSIONS = (
    *("[a-z0-9-]+", "^[a-z]([a-z0-9-]*[a-z0-9])?$", "(a+)+", "(a|aa)*b", r"[A-Za-z][\w.-]{2,5}", "a{0}", "a{,3}"),
    *("a{2,}b?", "(?:x|y|)z", "[]a]+", "[^]a]", r"\d+\.\d", "a|b|", "", "{", "a{", "a{x}", "(a{2}){2,3}"),
    *("(?P<n>a)b", "é+", r"[\]x]y", ".{3}", "a*?b", r"\x41\u0042", "x{0,0}", "(|a)+", "a??", "[a-]b"),
)


@given(st.sampled_from(EXPRESSIONS), st.text("ab-xyz].AB1{é,2\n", max_size=8))
def test_an_expression_means_what_it_means_in_python(text: str, name: str) -> None:
    """For every expression that is supported, a whole name fits exactly if Python says so."""
    assert Pattern.of(text).matches(name) == (re.fullmatch(text, name) is not None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("[a-z", "unterminated character set", id="open-set"),
        pytest.param("*", "nothing to repeat", id="nothing-to-repeat"),
        pytest.param("((((", "missing", id="open-group"),
        pytest.param("(?=a)b", "look-around", id="look-ahead"),
        pytest.param("(?<!a)b", "look-around", id="look-behind"),
        pytest.param("(?i)a", "flags", id="flag"),
        pytest.param(r"(a)\1", r"\\1 is not supported", id="reference"),
        pytest.param(r"\bx", r"\\b is not supported", id="border"),
        pytest.param("a$b", "leave it out", id="end-within"),
        pytest.param("a*+", "possessive", id="possessive"),
        pytest.param("(a{100}){100}", "too large", id="too-large"),
        pytest.param("(" * 5000 + ")" * 5000, "too large, or its groups are nested too deeply", id="too-deep"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, why: str) -> None:
    """An expression that is none, or that needs more than one look at each character, is refused with a reason."""
    with pytest.raises(PatternError, match=why):
        Pattern.of(text)


@pytest.mark.parametrize("text", ["(a+)+", "(a|aa)+", "(a*)*b", "([a-z]+)*x", "(.*)*(.*)*(.*)*1"])
def test_no_expression_takes_long(text: str) -> None:
    """What keeps Python busy for years is told at once."""
    pattern, started = Pattern.of(text), time.perf_counter()
    assert not pattern.matches("a" * 500 + "!")
    assert time.perf_counter() - started < 1
