"""Each shipped policy has tests beside it, which pass, and which meet each of its rules, actions and environments."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from resilience.policyfile.files.policy_file import builtin_names
from resilience.scenarios import check, coverage, read

FOLDER: Final = Path(__file__).parents[2] / "policies"

# It has no rule and no environment: what its actions do is seen in the policies that extend it.
WITHOUT_RULES: Final = {"common"}
NAMES: Final = sorted({name for name in builtin_names() if (FOLDER / f"{name}.toml").exists()} - WITHOUT_RULES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_does_what_its_tests_say(name: str) -> None:
    """The file can be read as a whole, each scenario goes as it is told, and nothing of the policy is left out."""
    file = read(FOLDER / f"{name}.test.toml")
    assert [str(problem) for problem in file.problems] == []
    results = list(map(check, file.scenarios))
    assert [f"{each.scenario}: {difference}" for each in results for difference in each.differences] == []
    [report] = coverage(results)
    assert [f"{each.kind} {each.name}" for each in report.missing] == []
