"""A plan's time against a real run; the long form is the command in ``plan_runs.py``."""

from __future__ import annotations

import pytest
from plan_runs import Kind, compared


@pytest.mark.parametrize(
    ("kind", "limit", "rows", "counting", "calls"),
    [("known", 20, 60, "window", 40), ("there", 50, 100, "bucket", 100)],
)
def test_a_plan_says_how_long_it_takes(kind: Kind, limit: int, rows: int, counting: str, calls: int) -> None:
    """The run takes no less than 0.9 times what was said, on any machine; what was said is near the best there is."""
    found = compared(kind, limit, rows, counting=counting)
    said, best = found.plan.seconds, calls / limit - 1
    assert found.plan.calls == calls
    assert found.report.done + found.report.failed == rows
    assert said is not None
    assert best <= said <= min(found.took * 1.1, best * 1.2 + 0.4)
