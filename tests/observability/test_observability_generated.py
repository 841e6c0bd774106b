"""The files of the example: made from the contract, understood by promtool, and firing when they should."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from observability_files import FOLDER, alerts, expressions
from prometheus_tools import Tools

from resilience.telemetry.contract import contract

pytest_plugins = ["prometheus_fixtures"]

_LABELS = 'job="nightly", instance="ci:9464", resilience_operation_name="CreateGroupId"'
_CALLS = f"resilience_operation_duration_seconds_count{{{_LABELS}"
_SECONDS = f"resilience_operation_duration_seconds_sum{{{_LABELS}"


def _generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own script
        [sys.executable, folder / "generate.py", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_files_are_what_the_contract_says() -> None:
    """Whoever changes a metric or a panel makes the files anew."""
    ran = _generate(FOLDER, "--check")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("name", ["dashboard.json", "alerts.yml"])
def test_a_file_that_was_changed_by_hand_is_found_and_made_anew(name: str, tmp_path: Path) -> None:
    """``--check`` says which file drifted; without it the file is written."""
    shutil.copytree(FOLDER, tmp_path / "o")
    path = tmp_path / "o" / name
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace("operation", "operatoin"), encoding="utf-8")
    found = _generate(tmp_path / "o", "--check")
    assert found.returncode == 1
    assert found.stderr.startswith(f"{path.resolve()}: ")
    assert _generate(tmp_path / "o").returncode == 0
    assert path.read_text(encoding="utf-8") == right


def test_a_wrong_argument_is_wrong_use() -> None:
    """A misspelt option writes nothing."""
    assert _generate(FOLDER, "--chek").returncode == 2


def test_every_instrument_is_on_the_dashboard() -> None:
    """What is measured is shown somewhere."""
    asked = " ".join(expressions().values())
    missing = [each.name for each in contract().instruments if each.name.replace(".", "_") not in asked]
    assert missing == []


def test_a_panel_says_what_it_shows() -> None:
    """Each has a title of its own, a description and a unit; no two lie on each other."""
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    drawn = [panel for panel in panels if panel["type"] != "row"]
    assert len({panel["title"] for panel in drawn}) == len(drawn)
    assert all(panel["description"].endswith((".", "run.jsonl")) for panel in drawn)
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in drawn)
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_a_misspelt_name_is_an_error() -> None:
    """A panel of nothing cannot be made: instruments, their parts and their attributes are looked up."""
    series = import_module("scraped").series
    with pytest.raises(LookupError, match="no instrument is named"):
        series(".operation.durations", "count")
    with pytest.raises(LookupError, match="has no part"):
        series(".decisions", "count")
    with pytest.raises(LookupError, match="has no attribute"):
        series(".decisions").where(".outcome", '="failed"')


def test_promtool_accepts_the_rules(prometheus: Tools) -> None:
    """Every alert is one that Prometheus loads, and all of them are there."""
    said = prometheus.check("check", "rules", "alerts.yml", cwd=FOLDER)
    assert f"SUCCESS: {len(alerts())} rules found" in said


def test_an_alert_says_what_to_do_next() -> None:
    """Its runbook names a command that shows more, and who is woken learns which operation or job it is."""
    for name, alert in alerts().items():
        made = alert["alert"]
        assert "`resilience " in made.runbook, name
        assert "{{ $labels." in made.summary, name
        assert made.severity in {"critical", "warning"}, name


# Samples each minute; _ is none: the run is over and its port is closed. A counter begins where the run was first seen.
_BORN = "1 1 _x30"


def _series(metric: str, values: str, **labels: str) -> dict[str, str]:
    more = "".join(f', {name}="{value}"' for name, value in labels.items())
    return {"series": f"{metric}{{{_LABELS}{more}}}", "values": values}


def _limit(metric: str, values: str) -> dict[str, str]:
    return _series(metric, values, resilience_rate_scope="operation", resilience_rate_operation="CreateGroupId")


_CASES: dict[str, list[dict[str, str]]] = {
    "ResilienceOperationFailed": [_series("resilience_operation_failures_total", _BORN)],
    "ResilienceRetriesExhausted": [
        _series("resilience_operation_duration_seconds_count", _BORN, resilience_outcome="exhausted")
    ],
    "ResilienceAmplification": [
        _series("resilience_attempt_duration_seconds_count", "18 18 _x30", resilience_attempt_type="retry"),
        _series("resilience_operation_duration_seconds_count", "6 6 _x30", resilience_outcome="success_after_retry"),
    ],
    "ResilienceRefreshFailed": [
        _series("resilience_credential_refresh_duration_seconds_count", _BORN, error_type="OSError")
    ],
    "ResilienceMostlyWaiting": [
        _series("resilience_retry_delay_seconds_sum", "40 40 _x30", resilience_decision_action="retry"),
        _series("resilience_operation_duration_seconds_sum", "60 60 _x30", resilience_outcome="success_after_retry"),
    ],
    "ResilienceUnknownFault": [_series("resilience_faults_unmatched_total", _BORN)],
    "ResilienceBreakerOpen": [
        _series("resilience_breaker_state", _BORN, resilience_breaker_name="alibaba", resilience_breaker_state="open")
    ],
    "ResilienceLimitLowered": [
        _limit("resilience_rate_limit_per_second", "4 4 _x30"),
        _limit("resilience_rate_declared_per_second", "10 10 _x30"),
    ],
    "ResilienceLedgerUnfinished": [
        _series("resilience_ledger_answers_total", _BORN, resilience_ledger_answer="unfinished")
    ],
}
_HEALTHY = [
    _series("resilience_operation_failures_total", "0 0 0 _x30"),
    _series("resilience_faults_unmatched_total", "0 0 0 _x30"),
    _series("resilience_operation_duration_seconds_count", "9 9 9 _x30", resilience_outcome="success"),
    _series("resilience_operation_duration_seconds_sum", "60 60 60 _x30", resilience_outcome="success"),
    _series("resilience_attempt_duration_seconds_count", "10 10 10 _x30", resilience_attempt_type="original"),
    _series("resilience_credential_refresh_duration_seconds_count", "1 1 1 _x30", error_type=""),
    _series("resilience_retry_delay_seconds_sum", "2 2 2 _x30", resilience_decision_action="retry"),
    _series("resilience_ledger_answers_total", "1 1 1 _x30", resilience_ledger_answer="done"),
    _series(
        "resilience_breaker_state", "0 0 0 _x30", resilience_breaker_name="alibaba", resilience_breaker_state="open"
    ),
    _limit("resilience_rate_limit_per_second", "10 4 10 _x30"),
    _limit("resilience_rate_declared_per_second", "10 10 10 _x30"),
]


def _test(
    tools: Tools, folder: Path, series: list[dict[str, str]], expected: dict[tuple[str, str], int], *, step: str = "1m"
) -> None:
    """Let promtool play series, and ask how many alerts of a name fire at a moment."""
    shutil.copy(FOLDER / "alerts.yml", folder)
    asked = [
        {
            "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)',
            "eval_time": moment,
            "exp_samples": [{"labels": "{}", "value": number}],
        }
        for (name, moment), number in expected.items()
    ]
    tests: dict[str, Any] = {
        "rule_files": ["alerts.yml"],
        "evaluation_interval": step,
        "tests": [{"interval": step, "input_series": series, "promql_expr_test": asked}],
    }
    (folder / "test.yml").write_text(json.dumps(tests), encoding="utf-8")
    prometheus_says = tools.check("test", "rules", "test.yml", cwd=folder)
    assert "SUCCESS" in prometheus_says


@pytest.mark.parametrize("name", sorted(_CASES))
def test_an_alert_fires_for_a_series_that_is_born_with_its_value(name: str, prometheus: Tools, tmp_path: Path) -> None:
    """A run that two scrapes have seen is told of at once, until the window has passed, and then no more."""
    expected = {(name, "1m"): 1, (name, "10m"): 1, (name, "17m"): 0}
    _test(prometheus, tmp_path, _CASES[name], expected)


def test_a_healthy_run_fires_nothing(prometheus: Tools, tmp_path: Path) -> None:
    """Successes, a retry, a refresh and a resumed call wake nobody."""
    expected = {(name, moment): 0 for name in alerts() for moment in ("1m", "10m", "20m")}
    _test(prometheus, tmp_path, _HEALTHY, expected)


def test_an_old_failure_of_a_process_that_lives_on_is_told_once(prometheus: Tools, tmp_path: Path) -> None:
    """The counter stays at 1 for as long as the process lives; the alert ends with its window, and a new one begins."""
    series = [_series("resilience_operation_failures_total", "0x9 1x60 2x30")]
    name = "ResilienceOperationFailed"
    _test(prometheus, tmp_path, series, {(name, "5m"): 0, (name, "12m"): 1, (name, "40m"): 0, (name, "75m"): 1})


def test_a_job_that_stops_is_missed_until_it_is_given_up(prometheus: Tools, tmp_path: Path) -> None:
    """A nightly run that does not come is told of after 26 hours, and no more after a week."""
    series = [_series("resilience_operation_duration_seconds_count", "5 5 _x1200", resilience_outcome="success")]
    name = "ResilienceNoRun"
    _test(prometheus, tmp_path, series, {(name, "20h"): 0, (name, "27h"): 1, (name, "169h"): 0}, step="10m")
