"""The page of a report: complete without its script, harmless whatever a journal says, and the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from report_calls import HOSTILE, attempt, call, failed, fault, remedy, summary, told, write_journal

from resilience.cli.app import app
from resilience.cli.pages.rendering import asset
from resilience.cli.report.drawing import Scale, tick
from resilience.cli.report.load import means_of, peak
from resilience.cli.report.page import LISTED, chosen, page
from resilience.journal.model import RecordedCall

_VOID = {"meta", "input", "br", "wbr"}


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and the text between them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text += data

    def all(self, tag: str, kind: str | None = None) -> list[dict[str, str]]:
        """Return the attributes of every such element; ``kind`` is one of its classes."""
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and (kind is None or kind in attrs.get("class", "").split())
        ]


def made(*calls: RecordedCall, **options: Any) -> Page:
    return Page(page(summary(*calls), sources=["journal.jsonl"], **options))


def busy() -> tuple[RecordedCall, ...]:
    """Return a call for each thing that a page can show."""
    lost = fault(None, transport="lost", status=None, request_id=None, error="httpx.ReadTimeout")
    return (
        call(),
        call(
            attempt(1, 0, 1, fault="SystemOverFlow", delay=2.0),
            attempt(2, 3, 1, fault=lost, effect="unknown", action="verify", rule_id="transport.lost"),
            attempt(3, 5, 1),
            at=0,
            took=6.0,
            ended="success_after_retry",
            waited=2.0,
            remedies=(remedy("verify", 4, 0.5, answer="not_there", action="retry", delay=0.5),),
            trace_id="0af7651916cd43dd8448eb211c80319c",
        ),
        call(attempt(fault="GroupIdAlreadyExsited", action="accept"), ended="accepted", stop_reason="accepted"),
        call(
            attempt(1, 0, 1, fault="GroupIdAlreadyUsedByOtherUsers", action="rename"),
            attempt(2, 1, 1),
            took=2.0,
            ended="success_after_retry",
            renamed={"GroupId": ("GID_a", "GID_a-2")},
            renames=1,
        ),
        failed("InstanceNotFound", at=7),
        failed("NeverHeardOf", at=8, stop_reason="unknown", rule_id=None),
        call(attempt(aborted=True), ended="cancelled", stop_reason="cancelled"),
        call(attempt(1, 9, None), at=9, took=None),
        call(
            attempt(1, 1, 1),
            took=2.0,
            remedies=(remedy("refresh", 0, 0.5, answer="done", provider="alibaba"),),
            operation="ApplyToken",
        ),
    )


def test_the_page_stands_alone() -> None:
    """It is well-formed, loads nothing, and its policy lets nothing run but its own script."""
    found = made(*busy())
    assert found.open == []
    assert not {name for name, _ in found.elements} & {"link", "img", "iframe", "object", "base"}
    assert {
        attrs[name] for _, attrs in found.elements for name in ("src", "srcset", "action") if name in attrs
    } == set()
    assert all(attrs["href"].startswith("#") for attrs in found.all("a"))
    assert set(re.findall(r"url\(([^)]*)\)", found.source)) == {"#failing", "#waiting"}
    scripts = re.findall(r"<script>(.*?)</script>", found.source, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    (policy,) = [
        meta["content"] for meta in found.all("meta") if "content" in meta and "default-src" in meta["content"]
    ]
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_every_link_leads_somewhere() -> None:
    """What a link names is on the page, and every id is there once."""
    found = made(*busy())
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"].removeprefix("#") for attrs in found.all("a")} <= set(ids)
    assert {attrs["aria-labelledby"] for attrs in found.all("section")} <= set(ids)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        pytest.param([call(), call()], "\N{CHECK MARK}all 2 calls succeeded", id="good"),
        pytest.param([call()], "\N{CHECK MARK}the only call succeeded", id="one"),
        pytest.param([call(), failed()], "\N{MULTIPLICATION X}1 of 2 calls failed", id="bad"),
        pytest.param([call(took=None)], "\N{MULTIPLICATION X}1 of 1 call never ended", id="killed"),
        pytest.param([failed(), call(took=None)], "\N{MULTIPLICATION X}1 of 2 calls failed, 1 never ended", id="both"),
        pytest.param(
            [call(), call(ended="cancelled")], "\N{CHECK MARK}1 of 2 calls cancelled, none failed", id="cancelled"
        ),
    ],
)
def test_the_verdict_is_at_the_top(calls: list[RecordedCall], said: str) -> None:
    """How it went stands under the title, with a sign beside its colour."""
    assert said in made(*calls).text[:200]


def test_each_call_has_a_line_and_a_course() -> None:
    """Without any script the page tells each call attempt by attempt: what it met, what was decided, and where."""
    text = made(*busy()).text
    for said in (
        "attempt 1, 1 s: SystemOverFlow (http 503)",
        "retry in 2 s",
        'alibaba."SystemOverFlow"  policies/mqtt.toml:7',
        "request id REQ-1",
        "attempt 2, 1 s: lost (may have taken effect)",
        "ask the verifier: not there",
        "renamed GroupId: GID_a \N{RIGHTWARDS ARROW} GID_a-2",
        "get new credentials: done",
        "success after retry after 6 s; 3 s calling, 2 s waiting, 500 ms in remedies",
        "trace 0af7651916cd43dd8448eb211c80319c",
        "never ended, last heard of after 0 s",
        "stop: no rule matches",
    ):
        assert said in text
    assert len(made(*busy()).all("details", "call")) == 9


def test_what_is_drawn_tells_steps_apart_by_more_than_colour() -> None:
    """What ended a call is drawn higher than what went on, remedies are thin, and waits have a pattern."""
    found = made(*busy())
    heights = {
        kind: {attrs["height"] for attrs in found.all("rect", kind)}
        for kind in ("s-success", "s-fail", "s-accept", "s-unfinished", "s-retry", "r-verify", "waits")
    }
    assert heights["s-success"] == heights["s-fail"] == heights["s-accept"] == heights["s-unfinished"] == {"20"}
    assert heights["s-retry"] == {"14"}
    assert heights["r-verify"] == {"7"}
    assert heights["waits"] == {"4"}
    assert ".s-fail { fill: url(#failing)" in found.source


def test_drawings_stay_inside_their_lane() -> None:
    """No shape begins before its lane or ends after it, and what is more than nothing is seen."""
    for attrs in made(*busy()).all("rect"):
        if attrs.get("x", "").endswith("%"):
            left, width = float(attrs["x"].rstrip("%")), float(attrs["width"].rstrip("%"))
            assert left >= 0
            assert width >= 0.5
            assert left + width <= 100.01


def test_filters_offer_what_is_there() -> None:
    """Each end, operation and code that occurs can be chosen, no other; all hidden until they work."""
    found = made(*busy())
    options = {attrs["value"] for attrs in found.all("option")}
    assert {"failed", "unfinished", "*failed", "ApplyToken", "CreateGroupId", "lost", "NeverHeardOf"} <= options
    assert "exhausted" not in options
    (form,) = found.all("form")
    assert "hidden" in form


def test_tables_keep_their_meaning_on_a_phone() -> None:
    """Each cell is labelled and each role spoken out, because narrow screens lay tables out as blocks."""
    found = made(*busy())
    assert len(found.all("table")) >= 4
    assert all(attrs.get("role") == "table" and attrs["aria-label"] for attrs in found.all("table"))
    assert all(attrs["role"] == "cell" and attrs["data-label"] for attrs in found.all("td"))
    assert all(attrs["scope"] in {"col", "row"} for attrs in found.all("th"))


def test_a_hostile_journal_is_harmless(tmp_path: Path) -> None:
    """Whatever a journal says is text: it makes no element, ends no script and turns no line around."""
    journal = write_journal(tmp_path / "j", told(f"p-{HOSTILE}", code=HOSTILE, operation=HOSTILE))
    file = tmp_path / "page.html"
    assert CliRunner().invoke(app, ["report", str(journal), "--html", str(file)]).exit_code == 0
    found = Page(file.read_text(encoding="utf-8"))
    assert found.open == []
    assert found.all("img") == []
    assert len(found.all("script")) == 1
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    assert "<img src=x onerror=alert(1)>" in found.text
    assert "&amp;" in found.text
    assert "\x1b" not in found.source
    assert "\u202e" not in found.source


def hostile_everywhere() -> RecordedCall:
    """Return a call in which every text is hostile."""
    met = fault(HOSTILE, request_id=HOSTILE, provider=HOSTILE, error=HOSTILE)
    return call(
        attempt(fault=met, action="fail", rule_id=HOSTILE, rule_origin=HOSTILE, chaos=HOSTILE, error=HOSTILE),
        ended="failed",
        stop_reason="unknown",
        operation=HOSTILE,
        provider=HOSTILE,
        policy=HOSTILE,
        policy_hash=HOSTILE,
        env=HOSTILE,
        renamed={HOSTILE: (HOSTILE, HOSTILE)},
        remedies=(remedy("refresh", answer="failed", error=HOSTILE, provider=HOSTILE),),
        trace_id=HOSTILE,
        run=HOSTILE,
        error_type=HOSTILE,
    )


def test_every_text_of_a_call_is_escaped() -> None:
    """No field of a call, no name of a file and no note can become markup."""
    found = Page(page(summary(hostile_everywhere()), sources=[HOSTILE], notes=[HOSTILE]))
    assert found.open == []
    assert found.all("img") == []
    assert len(found.all("script")) == 1
    assert "\x1b" not in found.source
    assert "\u202e" not in found.source


def test_the_same_journal_gives_the_same_page() -> None:
    """A page holds no clock and no chance: it can be kept under version control and compared."""
    calls = busy()
    assert made(*calls).source == made(*calls).source


def test_a_page_names_no_folder(tmp_path: Path) -> None:
    """A page that is passed on tells the names of its files, and not where they lay."""
    journal = write_journal(tmp_path / "journal.jsonl", told("p-1"))
    with journal.open("a", encoding="utf-8") as file:
        file.write("damaged\n")
    CliRunner().invoke(app, ["report", str(journal), "--html", str(tmp_path / "page.html")])
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "journal.jsonl: line 6" in text
    assert str(tmp_path) not in text


def test_a_long_journal_is_cut_where_it_says_so() -> None:
    """Beyond a bound the page lists what did not end well and then the slowest, counts everything, and says so."""
    calls = [call(at=float(n), took=1.0 + n / 1000) for n in range(LISTED + 500)]
    calls[3] = failed(at=3.0)
    found = made(*calls)
    assert len(found.all("details", "call")) == LISTED
    assert "2,000 of 2,500 calls are listed" in found.text
    assert "1 of 2,500 calls failed" in found.text
    assert found.all("div", "many")


def test_what_is_listed_keeps_its_order() -> None:
    """Of too many calls those that failed or never ended are kept first, then the slowest, all in the order of time."""
    its = summary(call(took=3), call(at=1, took=1), failed(at=2), call(at=3, took=None), call(at=4, took=2)).calls
    assert [each.number for each in chosen(its, 3)] == [1, 3, 4]
    assert [each.number for each in chosen(its, 4)] == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("length", "step"),
    [
        pytest.param(0.004, 0.001, id="milliseconds"),
        pytest.param(0.9, 0.2, id="under-a-second"),
        pytest.param(24.1, 5.0, id="seconds"),
        pytest.param(61.0, 15.0, id="a-minute"),
        pytest.param(3_700.0, 900.0, id="an-hour"),
        pytest.param(90_000.0, 21_600.0, id="a-day"),
    ],
)
def test_an_axis_has_round_numbers(length: float, step: float) -> None:
    """Marks stand at round lengths of time, and few of them."""
    assert tick(length) == pytest.approx(step)
    assert length / tick(length) <= 6


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([(0, 1), (1, 2)], 1, id="one-after-the-other"),
        pytest.param([(0, 3), (1, 2), (1.5, 4)], 3, id="at-once"),
        pytest.param([(1, 1), (1, 1)], 0, id="nothing-is-at-once-with-nothing"),
    ],
)
def test_the_most_calls_at_once_are_counted(spans: list[tuple[float, float]], most: int) -> None:
    """A call that begins where another ends is not at once with it."""
    assert peak(spans) == most


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)).map(sorted).map(tuple)),
)
def test_a_drawn_load_adds_up(spans: list[tuple[float, float]]) -> None:
    """What is drawn over time is as much as there was: no call is lost between two slices, and none is there twice."""
    means = means_of(spans, Scale(0.0, 50.0))
    assert sum(means) / len(means) * 50.0 == pytest.approx(sum(end - start for start, end in spans), abs=1e-6)
    assert max(means) <= max(peak(spans), 0) + 1e-6


def test_an_axis_of_a_year_is_readable() -> None:
    """Where no round length fits, there are few marks all the same."""
    assert 3e7 / tick(3e7) <= 6


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("place", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_and_data_stand_out_from_what_is_behind_them(place: int) -> None:
    """In each palette text has a contrast of 4.5:1, data one of 3:1 (WCAG 2.2, 1.4.3 and 1.4.11, read 2026-11-21)."""
    palettes = re.findall(r":root \{(.*?)\}", asset("page.css") + asset("report.css"), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w{6})", palettes[place]))
    for ground in (colours["back"], colours["card"]):
        for name, least in {
            "text": 4.5,
            "faint": 4.5,
            "red": 4.5,
            "green": 4.5,
            "blue": 4.5,
            "amber": 4.5,
            "teal": 3,
            "plum": 3,
        }.items():
            light, dark = sorted((_luminance(colours[name]), _luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, (name, ground)
