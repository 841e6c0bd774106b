"""``simulate``: one call step by step, many calls as plots, and a page of both."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app
from resilience.cli.plots import Bin, bar, histogram, whole_numbers

BUYS = ["--operation", "tencent:CreateInstance"]
GROUP = ["--operation", "CreateGroupId"]


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(
        app, ["simulate", "--policy", "builtin:provisioning", *arguments], env={"COLUMNS": "80", **environ}
    )


def told(*arguments: str) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_call_is_told_step_by_step() -> None:
    """Each attempt says when it began, what it met, what was decided, and by which rule and line."""
    output = run(*GROUP, "--faults", "ServiceUnavailable*2, lost, ok", "--seed", "1").output
    assert re.search(r"attempt 1, 100 ms: ServiceUnavailable \(may have taken effect\)", output)
    assert re.search(r"-> retry \(gently\) in [0-9.]+ m?s", output)
    assert re.search(r'alibaba\."ServiceUnavailable"  builtin:alibaba-mqtt:\d+:\d+', output)
    assert "attempt 4, 100 ms: success" in output
    assert "success_after_retry after" in output
    assert max(map(len, output.splitlines())) <= 80


def test_the_same_seed_gives_the_same_call() -> None:
    """A simulation can be repeated, and another seed waits otherwise."""
    script = [*GROUP, "--faults", "ServiceUnavailable*3"]
    once, again, other = (told(*script, "--seed", seed)["call"] for seed in ("1", "1", "2"))
    assert once == again
    assert once["waited"] != other["waited"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param([], "unverified", id="no-verifier"),
        pytest.param(["--verifier", "found"], "accepted", id="found"),
        pytest.param(["--verifier", "honest"], "accepted", id="honest"),
        pytest.param(["--verifier", "missing"], "success", id="missing"),
    ],
)
def test_a_verifier_decides_how_doubt_ends(options: list[str], reason: str) -> None:
    """After an answer that got lost the call stops, or does what the verifier's answer leads to."""
    call = told(*BUYS, "--faults", "applied lost", *options)["call"]
    assert call["stop_reason"] == reason
    assert call["effects"] == (2 if reason == "success" else 1)


def test_without_credentials_nothing_is_refreshed() -> None:
    """``--no-credentials`` ends a call that needs new ones."""
    script = [*GROUP, "--faults", "InvalidSecurityToken.Expired"]
    assert told(*script)["call"]["stop_reason"] == "success"
    assert told(*script, "--no-credentials")["call"]["stop_reason"] == "no_credentials"


def test_latency_is_how_long_attempts_take() -> None:
    """An attempt without a delay of its own takes the latency, and the others what they say."""
    steps = told(*GROUP, "--faults", "unsent, slow 3s", "--latency", "1500ms")["call"]["turns"]
    assert [round(step["ended"] - step["began"], 6) for step in steps] == [1.5, 3.0]


def test_many_runs_are_shown_as_they_are_spread() -> None:
    """``--runs`` shows percentiles, how it ends, and what it costs the service."""
    result = run(*BUYS, "--faults", "InternalError", "--rate", "0.3", "--verifier", "honest", "--runs", "300")
    assert result.exit_code == 0
    for said in ("p50", "p95", "p99", "How it ends", "success", "requests on average", "in no run did more"):
        assert said in result.output
    found = told(*BUYS, "--faults", "InternalError", "--rate", "0.3", "--verifier", "honest", "--runs", "300")["runs"]
    assert found["count"] == sum(found["reasons"].values()) == 300
    assert found["duration"]["p50"] <= found["duration"]["p95"] <= found["duration"]["greatest"]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone(tmp_path: Path) -> None:
    """``--html`` writes one well-formed page with plots, which loads nothing and runs no script."""
    file = tmp_path / "page.html"
    assert run(*BUYS, "--faults", "lost", "--rate", "0.5", "--runs", "50", "--html", str(file)).exit_code == 0
    text = file.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert {"svg", "rect", "polyline", "table"} <= page.tags
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert page.links == []
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_the_page_escapes_what_was_typed(tmp_path: Path) -> None:
    """What a policy or a user says is text in the page, never markup."""
    policy = tmp_path / "p.toml"
    policy.write_text('schema = 1\nname = "<b>mine"\nlimits = { deadline = "1m" }\n', encoding="utf-8")
    file = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["simulate", "-p", str(policy), *GROUP, "--html", str(file)])
    assert result.exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert "&lt;b&gt;mine" in text
    assert "<b>mine" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([*GROUP, "--faults", "losst"], "did you mean 'lost'", id="word"),
        pytest.param(["--operation", "CreateGroupID"], 'did you mean "CreateGroupId"', id="operation"),
        pytest.param([*GROUP, "--rate", "0.5"], "--rate needs --faults", id="rate-of-nothing"),
        pytest.param([*GROUP, "--latency", "5"], "expected a duration", id="latency"),
        pytest.param([*GROUP, "--html", "/no/such/folder/page.html"], "cannot write", id="page"),
    ],
)
def test_what_cannot_be_simulated_is_wrong_use(arguments: list[str], said: str) -> None:
    """A script or an option that is not understood exits with 2 and says what was probably meant."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_call_that_never_ends_is_a_finding(tmp_path: Path) -> None:
    """A policy that would go on for ever exits with 1 and says what is missing."""
    policy = tmp_path / "p.toml"
    policy.write_text(
        'schema = 1\nlimits = { deadline = "none" }\nrules.alibaba.Busy = { do = "retry", counts = false }\n',
        encoding="utf-8",
    )
    result = CliRunner().invoke(app, ["simulate", "-p", str(policy), *GROUP, "--faults", "Busy*"])
    assert result.exit_code == 1
    assert "no limit of the policy ends this call" in result.stderr


@pytest.mark.parametrize(
    ("share", "plain", "drawn"),
    [
        pytest.param(1.0, False, "████", id="whole"),
        pytest.param(0.375, False, "█▌", id="part"),
        pytest.param(0.0001, False, "▏", id="a-little"),
        pytest.param(0.0, False, "", id="nothing"),
        pytest.param(0.5, True, "##", id="ascii"),
    ],
)
def test_a_bar_is_as_long_as_its_share(share: float, plain: bool, drawn: str) -> None:  # noqa: FBT001  # a column
    """A bar has eighths of a character, and what is more than nothing is seen."""
    assert bar(share, 4, plain=plain) == drawn


def test_a_histogram_counts_everything_once() -> None:
    """Every value is in one bin, the greatest too; equal values have a single bin."""
    assert [each.count for each in histogram([0.0, 1.0, 2.0, 10.0], 5)] == [2, 1, 0, 0, 1]
    assert histogram([3.0, 3.0], 5) == (Bin(3.0, 3.0, 2),)


def test_whole_numbers_share_bins_only_where_they_are_many() -> None:
    """A few numbers have a bin each; many are put together."""
    assert whole_numbers([1, 2, 2, 4], 10) == (Bin(1, 2, 1), Bin(2, 3, 2), Bin(3, 4, 0), Bin(4, 5, 1))
    assert [each.count for each in whole_numbers(list(range(20)), 4)] == [5, 5, 5, 5]
