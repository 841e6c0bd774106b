"""
What the examples of engines have in common: a function, which workers import, and the rows that it is called with.

The function makes a bridge where yours calls a service: here it writes a line to the file that ``BRIDGES`` names. It
makes a second one if it is asked again.
"""

from __future__ import annotations

import os
from pathlib import Path

from resilience import Executor, Policy

POLICY = str(Path(__file__).with_name("fleet.toml"))
ROWS = [{"site": site, "name": f"{site}-{number:02}"} for site in ("plant", "depot") for number in range(20)]

executor = Executor(Policy.load(POLICY), provider="acme")


@executor.wrap("CreateBridge", key={"Site": "site", "Name": "name"})
def create_bridge(site: str, name: str) -> None:
    """Make a bridge."""
    with Path(os.environ["BRIDGES"]).open("a", encoding="utf-8") as made:
        made.write(f"{site} {name}\n")


@create_bridge.verify
def find_bridge(site: str, name: str) -> bool | None:
    """Say whether a bridge is there."""
    return f"{site} {name}" in bridges() or None


def bridges() -> list[str]:
    """Return what has been made."""
    made = Path(os.environ["BRIDGES"])
    return made.read_text(encoding="utf-8").splitlines() if made.exists() else []
