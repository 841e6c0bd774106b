"""What ``resilience rule`` says is true: every bad example earns its id and nothing else, every good one nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.policyfile import TITLES
from resilience.policyfile.lint import LINT_TITLES, inspect
from resilience.policyfile.lint.explain import PARENT, RuleExplanation, explanations

EACH = pytest.mark.parametrize("explained", explanations().values(), ids=lambda each: each.rule)


def found(folder: Path, explained: RuleExplanation, text: str) -> list[tuple[str, str]]:
    if explained.parent is not None:
        (folder / PARENT).write_text(explained.parent, encoding="utf-8")
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    problems = inspect(file, environments=[explained.env] if explained.env else [])
    return [(problem.rule, problem.severity) for problem in problems]


def test_every_id_is_explained() -> None:
    """Whatever a file can earn has an explanation, and nothing else has one."""
    assert set(explanations()) == {*TITLES, *LINT_TITLES}
    assert not set(TITLES) & set(LINT_TITLES), "an id has one meaning"


@EACH
def test_a_bad_example_earns_its_id_alone(explained: RuleExplanation, tmp_path: Path) -> None:
    """The wrong example is wrong in just the way that it is shown for, and as severely as is said."""
    assert set(found(tmp_path, explained, explained.bad)) == {(explained.rule, explained.severity)}


@EACH
def test_a_good_example_earns_nothing(explained: RuleExplanation, tmp_path: Path) -> None:
    """The right example is right in every way."""
    assert found(tmp_path, explained, explained.good) == []


@EACH
def test_an_explanation_is_whole(explained: RuleExplanation) -> None:
    """Each says why and where from, and shows two different policies."""
    assert explained.why
    assert explained.source
    assert explained.bad != explained.good
