"""The dashboard and the alerts of the examples, and what makes them."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from resilience.cli.demo.examples import folder

FOLDER = Path(folder()) / "observability"
sys.path.insert(0, str(FOLDER))

_METRIC = re.compile(r"\bresilience_\w+")


def expressions() -> dict[str, str]:
    """Return each question of the dashboard by its panel's title and its letter, with the variables filled in."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return {
        f"{panel['title']} {target['refId']}": filled(target["expr"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }


def filled(expr: str) -> str:
    """Return an expression as Grafana sends it: everything chosen, an hour shown, a step of a minute."""
    values = {
        "$job": ".*",
        "$instance": ".*",
        "$operation": ".*",
        "$__interval_ms": "60000",
        "$__interval": "1m",
        "$__range": "1h",
    }
    for name, value in values.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


def alerts() -> dict[str, dict[str, Any]]:
    """Return each alert by its name, as its maker has it."""
    alerting = import_module("alerting")
    return {alert.name: {"expr": alert.expr, "alert": alert} for alert in alerting.alerts()}


def names_in(expr: str) -> set[str]:
    """Return the metrics and labels of ours that an expression names."""
    return set(_METRIC.findall(expr)) | ({"error_type"} if "error_type" in expr else set())
