"""
How do I watch provisioning runs in Grafana, and get woken when one fails?

With the two files beside this one: ``dashboard.json`` for Grafana and ``alerts.yml`` for Prometheus. Both are made
from the telemetry contract of the library by this script, so that no panel asks for a metric that does not exist::

    python examples/observability/generate.py            # write both files
    python examples/observability/generate.py --check    # 1 if they are not what would be written

Change what is asked for in ``panels.py`` and ``alerting.py``. ``README.md`` says how metrics and traces get there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alerting import alert_rules
from panels import Panel, Row, rows

from resilience.telemetry.contract import contract

FOLDER: Final = Path(__file__).resolve().parent
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
# Of Grafana 10.4; newer ones read it and migrate it.
_SCHEMA: Final = 39
# A narrower step than two scrapes would see no growth.
_NARROWEST: Final = "1m"
_FULL: Final = 24


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {
        "dashboard.json": json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n",
        "alerts.yml": alert_rules(),
    }


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "resilience-calls",
        "title": "Calls of management APIs (resilience)",
        "description": "What mqtt-resilience did about failing calls. Names are those of a Prometheus scrape. Version "
        f"{contract().version} of the telemetry contract.",
        "tags": ["resilience", "mqtt"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables())},
        "annotations": {"list": []},
        "panels": list(_placed(rows())),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }
    seen = "resilience_operation_duration_seconds_count"
    for name, label, shown, within in (
        ("job", "Job", "job", ""),
        ("instance", "Instance", "instance", '{job=~"$job"}'),
        ("operation", "Operation", "resilience_operation_name", '{job=~"$job", instance=~"$instance"}'),
    ):
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": _SOURCE,
            "query": {"query": f"label_values({seen}{within}, {shown})", "refId": name},
            # Again when the time range changes: a script of last night is not there now.
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": ["All"], "value": ["$__all"]},
        }


def _placed(all_rows: tuple[Row, ...]) -> Iterator[dict[str, Any]]:
    """Place the panels: small numbers side by side, charts two in a row, tables as charts."""
    number, y = 0, 0
    for row in all_rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": _FULL, "h": 1},
        }
        y += 1
        x = height = 0
        for panel in row.panels:
            width, height = (4, 4) if panel.kind == "stat" else (12, 8)
            if x + width > _FULL:
                x, y = 0, y + height
            number += 1
            yield _drawn(panel, number) | {"gridPos": {"x": x, "y": y, "w": width, "h": height}}
            x += width
        y += height


def _drawn(panel: Panel, number: int) -> dict[str, Any]:
    instant = panel.kind in {"stat", "table"}
    drawn: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "interval": _NARROWEST,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": instant,
                "range": not instant,
                "exemplar": panel.exemplars,
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for place, query in enumerate(panel.queries)
        ],
    }
    if panel.kind == "table":
        hidden = {"Time": True}
        drawn["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return drawn


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green" if panel.alarm is not None else "blue", "value": None}]
    if panel.alarm is not None:
        steps.append({"color": "red", "value": panel.alarm})
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "bars" if panel.stacked else "line",
            "fillOpacity": 60 if panel.stacked else 0,
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            # Runs are short, and between them is nothing.
            "showPoints": "always" if panel.exemplars else "auto",
            "thresholdsStyle": {"mode": "off" if panel.alarm is None else "dashed"},
        }
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background", "graphMode": "none"}
    if panel.kind == "table":
        return {"showHeader": True}
    return {"legend": {"displayMode": "table", "placement": "right", "calcs": ["sum" if panel.stacked else "max"]}}


def main() -> int:
    """Write the files, or tell which of them are not what they should be."""
    if sys.argv[1:] not in ([], ["--check"]):
        print("give nothing, or --check", file=sys.stderr)
        return 2
    found = 0
    for name, text in files().items():
        path = FOLDER / name
        if not sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path}: is not what generate.py would write; run it without --check", file=sys.stderr)
            found = 1
    return found


if __name__ == "__main__":
    sys.exit(main())
