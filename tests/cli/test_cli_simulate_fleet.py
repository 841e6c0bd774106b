"""``resilience simulate --fleet``: many calls at a service's limit."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app

TOKEN = ["--operation", "ApplyToken"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", "--policy", "builtin:provisioning", *arguments], env={"COLUMNS": "80"})


def told(*arguments: str) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_fleet_is_shown_beside_one_without_rates() -> None:
    """The policy's rates keep the limit; without them the service is asked more often, and it takes longer."""
    output = run(*TOKEN, "--fleet", "300", "--limit", "100/s", "--latency", "40ms").output
    assert "a service that takes 100/s (counted in any window)" in output
    assert re.search(r"times the best +1\.\d\d +\d\.\d\d\n", output)
    assert re.search(r"most requests in a second +100 +1[0-9]{2}\n", output)
    assert re.search(r"to 1 s .* 100 ", output)
    assert re.search(r"300 calls take [0-9.]+ s; the limit allows 2 s at best", output)
    assert max(map(len, output.splitlines())) <= 80


def test_a_fleet_is_told_in_json() -> None:
    """The same seed tells the same."""
    arguments = [*TOKEN, "--fleet", "50", "--limit", "20/s", "--counting", "bucket", "--others", "0.5", "--seed", "3"]
    found = told(*arguments)
    service = {"limit": "20/s", "counting": "bucket", "latency": 0.1, "others": 0.5, "faults": [], "rate": None}
    assert found["service"] == service
    assert found["fleet"]["calls"] == 50
    assert found["fleet"]["requests"] == 50 - found["fleet"]["failed"] + found["fleet"]["refused"]
    assert found["without_rates"]["calls"] == 50
    assert told(*arguments) == found


def test_a_policy_without_rates_is_told_what_to_write(tmp_path: Path) -> None:
    """One that declares none for the provider has nothing to be compared with."""
    policy = tmp_path / "p.toml"
    policy.write_text('schema = 1\nlimits.deadline = "1m"\n[rules.acme]\nX = "fail"\n[operations.acme]\nGet = "safe"\n')
    arguments = ["simulate", "--policy", str(policy), "--operation", "Get", "--fleet", "30", "--limit", "5/s"]
    output = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"}).output
    assert "without its rates" not in output
    assert 'write [rate.acme], with default = "5/s" or adaptive = true' in " ".join(output.split())
    assert re.search(r"\d+ calls failed, for the stop reasons unknown \d+", output)


def test_each_call_meets_the_faults() -> None:
    """A script is for the attempts of each call; with --rate its faults come at random, to so many of the attempts."""
    few = (*TOKEN, "--fleet", "40", "--limit", "50/s")
    found = told(*few, "--faults", "SystemOverFlow, lost")
    assert found["service"]["faults"] == ["SystemOverFlow", "lost"]
    assert (found["fleet"]["requests"], found["fleet"]["failed"]) == (40 * 3 + found["fleet"]["refused"], 0)
    found = told(*few, "--faults", "lost", "--rate", "0.2")
    assert 40 < found["fleet"]["requests"] - found["fleet"]["refused"] < 65


def test_many_runs_of_a_fleet_have_a_spread() -> None:
    """The median, and 5 % to 95 % of the runs; the first run is the one without --runs."""
    few = (*TOKEN, "--fleet", "60", "--limit", "20/s", "--others", "0.3")
    found = told(*few, "--runs", "8")
    spread = found["fleet"]["spread"]["duration"]
    assert spread["least"] <= spread["p5"] <= spread["p50"] <= spread["p95"] <= spread["greatest"]
    assert spread["least"] < spread["greatest"]
    assert found["runs"] == 8
    assert found["fleet"]["duration"] == told(*few)["fleet"]["duration"]
    output = run(*few, "--runs", "8").output
    assert "the median of 8 runs, and 5 % to 95 % of them" in output
    assert re.search(r"times the best +[0-9.]+ \([0-9.]+ \.\. [0-9.]+\)", output)


def test_another_policy_is_compared(tmp_path: Path) -> None:
    """It makes the same calls, in its own environment."""
    policy = tmp_path / "slow.toml"
    policy.write_text(
        'schema = 1\nname = "slow"\nextends = ["builtin:alibaba-mqtt"]\n'
        '[rate.alibaba.operations]\nApplyToken = "10/s"\n'
        '[env.x.rate.alibaba.operations]\nApplyToken = "5/s"\n'
    )
    few = (*TOKEN, "--fleet", "60", "--limit", "20/s", "--compare", str(policy))
    found, other = told(*few), told(*few, "--compare-env", "x")
    assert found["fleet"] == other["fleet"]
    assert (found["compared"]["policy"], found["compared"]["env"], other["compared"]["env"]) == ("slow", None, "x")
    assert other["compared"]["duration"] > 1.5 * found["compared"]["duration"]
    assert "slow, x" in run(*few, "--compare-env", "x").output
    assert told(*TOKEN, "--fleet", "5", "--limit", "20/s")["compared"] is None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert not {"src", "href", "onclick"} & values.keys()
        assert tag not in {"script", "link", "img", "iframe"}
        self.classes += (values.get("class") or "").split()
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_of_a_fleet_is_whole(tmp_path: Path) -> None:
    """It has a plot for each policy, loads nothing, and shows limit, adaptation, refusals, completion and the best."""
    file = tmp_path / "page.html"
    words = (
        "--fleet",
        "300",
        "--limit",
        "100/s",
        "--others",
        "0.4",
        "--runs",
        "3",
        "--compare",
        "builtin:alibaba-mqtt",
    )
    result = run(*TOKEN, *words, "--html", str(file))
    assert f"wrote {file}" in result.output.replace("\n", "")
    text = file.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert {"counted", "refused", "limit", "left", "adapted", "best", "ours", "unpaced", "other"} <= set(page.classes)
    assert text.count("<h2>The most requests within a second, ") == 3
    assert "300 calls of ApplyToken under mqtt-provisioning" in text
    assert "http" not in text.replace("http-equiv", "").replace("http-5xx", "")
    numbers = [
        float(y) for points in re.findall(r'points="([^"]*)"', text) for y in re.findall(r",(-?[0-9.]+)", points)
    ]
    assert numbers
    assert all(0 <= each <= 100 for each in numbers)


def test_messages_of_faults_are_not_on_the_page(tmp_path: Path) -> None:
    """As everywhere: a message is looked at, and never shown."""
    file = tmp_path / "page.html"
    run(*TOKEN, "--fleet", "5", "--limit", "9/s", "--faults", 'SystemOverFlow("secret words")', "--html", str(file))
    assert "secret words" not in file.read_text(encoding="utf-8")
    assert "secret words" not in json.dumps(
        told(*TOKEN, "--fleet", "5", "--limit", "9/s", "--faults", 'SystemOverFlow("secret words")')
    )


def test_a_fleet_without_an_end_is_refused(tmp_path: Path) -> None:
    """A message instead of an endless rehearsal, and exit code 1."""
    policy = tmp_path / "p.toml"
    policy.write_text(
        'schema = 1\nlimits = { deadline = "none" }\n[rules.acme]\nX = { do = "retry", counts = false }\n'
        '[operations.acme]\nGet = "safe"\n'
    )
    base = ["simulate", "--policy", str(policy), "--operation", "Get", "--fleet", "3", "--limit", "5/s", "--faults"]
    for script, why in (("X*", "no limit of the policy ends a call"), ("hang", "an attempt hangs")):
        result = CliRunner().invoke(app, [*base, script])
        assert (result.exit_code, result.stdout) == (1, "")
        assert why in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--fleet", "10"], "--fleet needs --limit"),
        (["--limit", "10/s"], "--limit: needs --fleet, the number of calls"),
        (["--counting", "window", "--others", "0"], "--counting, --others: need --fleet"),
        (["--compare", "builtin:provisioning"], "--compare: needs --fleet"),
        (["--fleet", "10", "--limit", "10"], 'expected a rate such as "10/s"'),
        (["--fleet", "10", "--limit", "10/s", "--name", "n"], "each call of a fleet has a name of its own"),
        (["--fleet", "10", "--limit", "10/s", "--rate", "0.5"], "--rate needs --faults"),
        (["--fleet", "10", "--limit", "10/s", "--faults", "SystemOverFlw"], "did you mean 'SystemOverFlow'"),
        (["--fleet", "10", "--limit", "10/s", "--compare-env", "dev"], "--compare-env needs --compare"),
        (["--fleet", "10", "--limit", "10/s", "--compare", "no.toml"], "no.toml"),
        (["--fleet", "10", "--limit", "10/s", "--html", "/no/such/folder/page.html"], "cannot write"),
        (["--fleet", "10", "--limit", "10/s", "--others", "1"], "--others"),
    ],
)
def test_options_of_a_fleet_that_do_not_fit_are_refused(arguments: list[str], why: str) -> None:
    """With what to write, and exit code 2."""
    result = run(*TOKEN, *arguments)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())
