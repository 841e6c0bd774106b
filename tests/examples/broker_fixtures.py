"""A mosquitto for the examples: the one that is installed, or Debian's."""

from __future__ import annotations

import debian
import pytest


@pytest.fixture(scope="session")
def mosquitto() -> dict[str, str]:
    """Return the environment in which mosquitto is found."""
    return debian.mosquitto()
