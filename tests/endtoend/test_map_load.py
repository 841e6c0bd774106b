"""Many calls through ``map``, counted by the service."""

from __future__ import annotations

import pytest
from map_load import Runtime, load


@pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
def test_everything_is_made_once_on_a_bad_day(runtime: Runtime) -> None:
    """Refused requests are sent again, and lost ones looked into; 100,000: ``python tests/endtoend/map_load.py``."""
    report = load(2000, runtime, seed=3)
    assert sum(report.ended.values()) == 2000
    assert report.ended.keys() == {"success", "success_after_retry", "accepted"}
    assert report.counted["made"] == 2000
    assert report.counted["twice"] == 0
    # Each retry follows a request that was refused, or lost before it had an effect; hardly a call has two of them.
    assert 0 <= report.counted["asked"] - 2000 - report.ended["success_after_retry"] <= 5
