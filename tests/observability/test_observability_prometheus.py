"""What a real Prometheus makes of a real run's metrics, and of the dashboard and the alerts in the examples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from faulty_day import spoil
from observability_files import FOLDER, alerts, expressions, names_in
from prometheus_tools import Server, Tools, scraping

from resilience.sandbox import Sandbox

pytest_plugins = ["prometheus_fixtures"]

_SCRIPT = Path(__file__).with_name("observed_run.py")
# What the day has no reason for: calls take less than two attempts each, and seconds; and the job does run.
_NOT_TODAY = {"ResilienceAmplification", "ResilienceMostlyWaiting", "ResilienceNoRun"}
# How low the limit goes depends on how many calls are in the second of the one that is throttled.
_PERHAPS = {"ResilienceLimitLowered"}
# All calls are over when the metrics are read.
_NOTHING_LEFT = {
    "Calls under way A",
    "Calls that wait for their turn A",
    "Attempts under way against their limit A",
}


@frozen
class Watched:
    """A Prometheus that has scraped one run, and what it has seen."""

    server: Server
    seen: frozenset[str]
    labels: frozenset[str]


def _begin(how: str, ledger: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603  # our own script
        [sys.executable, _SCRIPT, how, str(ledger)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(environ) + "\n")
    process.stdin.flush()
    return process


@pytest.fixture(scope="module")
def watched(prometheus: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Let a run crash, let the next one have a faulty day, and scrape it until its counters have been seen twice."""
    folder = tmp_path_factory.mktemp("prometheus")
    with Sandbox() as sandbox:
        environ = spoil(sandbox)
        with _begin("crash", folder / "ledger.db", environ) as crashed:
            assert crashed.wait(60) == 3
        with _begin("scraped", folder / "ledger.db", environ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            port = int(process.stdout.readline())
            rules = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
            with scraping(prometheus, folder, port, rules) as server:
                server.until("count_over_time(resilience_operation_duration_seconds_count[1m]) > 2")
                rows: list[dict[str, Any]] = server.get("series", **{"match[]": '{job="provisioning"}'})
                yield Watched(
                    server,
                    frozenset(row["__name__"] for row in rows),
                    frozenset(label for row in rows for label, value in row.items() if value),
                )
                process.stdin.close()
                assert process.wait(60) == 0


@pytest.mark.parametrize("panel", sorted(expressions()))
def test_every_panel_has_data(panel: str, watched: Watched) -> None:
    """After a day on which everything happens, no question of the dashboard is answered with nothing."""
    found = watched.server.query(expressions()[panel])
    assert found
    assert any(float(series["value"][1]) > 0 for series in found) is (panel not in _NOTHING_LEFT)


@pytest.mark.parametrize("name", sorted({*expressions(), *alerts()}))
def test_every_name_is_in_the_scrape(name: str, watched: Watched) -> None:
    """Each metric and each label that a panel or an alert names is one that the exporter makes."""
    expr = expressions().get(name) or alerts()[name]["expr"]
    assert names_in(expr) <= watched.seen | watched.labels


@pytest.mark.parametrize("name", sorted(alerts().keys() - _NOT_TODAY - _PERHAPS))
def test_an_alert_fires_for_a_run_of_seconds(name: str, watched: Watched) -> None:
    """A script whose work was over before the first scrape is told of: its counters were born with what they say."""
    (first, *_) = watched.server.until(f'ALERTS{{alertname="{name}", alertstate="firing"}}')
    assert first["metric"]["job"] == "provisioning"


def test_no_alert_fires_that_nothing_is_for(watched: Watched) -> None:
    """A run that makes calls is not missed, and few retries that wait for milliseconds are no outage."""
    watched.server.until('ALERTS{alertname="ResilienceOperationFailed"}')
    firing = {series["metric"]["alertname"] for series in watched.server.query("ALERTS")}
    assert firing.isdisjoint(_NOT_TODAY)


def test_failures_are_told_by_operation(watched: Watched) -> None:
    """Three operations failed, each once; nothing that succeeded after retries is among them."""
    watched.server.until('ALERTS{alertname="ResilienceOperationFailed"}')
    alert = alerts()["ResilienceOperationFailed"]["expr"]
    found = watched.server.query(alert)
    failed = {series["metric"]["resilience_operation_name"]: series["value"][1] for series in found}
    assert failed == {"DeleteGroupId": "1", "QueryToken": "1", "ListGroupId": "1"}
