"""
The project's own scenarios: each event of a story leads to the decision that stands beside it.

They are test files as users write them for their policies; ``resilience.scenarios`` describes the format, and
``resilience test tests/conformance/scenarios/*.toml`` runs them as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from resilience.scenarios import Scenario, check, read

FOLDER: Final = Path(__file__).parent / "scenarios"
FILES: Final = [read(file) for file in sorted(FOLDER.glob("*.toml"))]


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(scenario, id=f"{Path(file.name).stem}-{scenario}") for file in FILES for scenario in file.scenarios],
)
def test_a_scenario_goes_as_it_is_told(scenario: Scenario) -> None:
    """Each event of a scenario leads to the decision that stands beside it."""
    assert [str(each) for each in check(scenario).differences] == []


def test_every_story_can_be_read() -> None:
    """A file with a mistake would be no failure of any scenario, nor would a folder that is not found."""
    assert [str(problem) for file in FILES for problem in file.problems] == []
    assert sum(len(file.scenarios) for file in FILES) >= 50
