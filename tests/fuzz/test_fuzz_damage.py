"""Some of the damage of ``policy_damage.py``, for a few seconds."""

from __future__ import annotations

import policy_damage
import pytest


@pytest.mark.parametrize("seed", range(4))
def test_one_damaged_place_hides_nothing_else(seed: int) -> None:
    """What was planted behind it is told, at its place, and the planted secret is shown nowhere."""
    policy_damage.run(25, seed)
