"""The page of a report in a real browser: filters, links into the timeline, and what cannot run."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Final

from browsing import dumped
from report_calls import HOSTILE, call, failed, summary

from resilience.cli.report.page import page

# What a user would do; it stands behind the page's own script, with the page's policy taken away.
ACT: Final = """
<script>
  const form = document.getElementById("filters");
  const change = (name, value) => {
    form[name].value = value;
    form[name].dispatchEvent(new Event("input", { bubbles: true }));
    form[name].dispatchEvent(new Event("change", { bubbles: true }));
  };
  const seen = () => [...document.querySelectorAll(".call:not([hidden])")];
  const report = text => document.body.setAttribute("data-report", text);
  %s
</script>
"""


WIDTHS: Final = (320, 360, 700, 710, 1280)


def acted(folder: Path, script: str) -> str:
    """Return what a script reports that does what a user would do."""
    source = re.sub(r"<meta http-equiv[^>]*>", "", _page()).replace("</body>", ACT % script + "</body>")
    (said,) = re.findall(r'data-report="([^"]*)"', dumped(folder, source))
    return str(said)


def _page() -> str:
    calls = [
        call(at=0, took=1.0, operation="ListGroupId"),
        call(at=1, took=3.0, ended="success_after_retry"),
        failed("InstanceNotFound", at=2),
        call(at=3, took=None),
    ]
    return page(summary(*calls), sources=["journal.jsonl"])


FILTERS: Final = (
    ("end", "*failed", "CreateGroupId failed,CreateGroupId unfinished"),
    ("end", "success", "ListGroupId success"),
    ("operation", "ListGroupId", "ListGroupId success"),
    ("code", "InstanceNotFound", "CreateGroupId failed"),
    ("search", "INSTANCEnot http", "CreateGroupId failed"),
    ("search", "REQ-InstanceNotFound-2", "CreateGroupId failed"),
    ("search", "<b>", ""),
)


def test_filters_show_what_fits(tmp_path: Path) -> None:
    """Each filter hides the calls that it does not fit, also by what stands in their course; then all are back."""
    script = f"""
      const shown = () => seen().map(c => c.dataset.operation + " " + c.dataset.end).join(",");
      const all = shown();
      report({json.dumps([each[:2] for each in FILTERS])}.map(([name, value]) => {{
        const before = form[name].value;
        change(name, value);
        const found = shown();
        change(name, before);
        return found + (shown() === all ? "" : " and all others stay hidden");
      }}).join("; "));
    """
    assert acted(tmp_path, script).split("; ") == [shown for *_, shown in FILTERS]


def test_order_and_bars_can_be_changed(tmp_path: Path) -> None:
    """The longest call comes first where that is asked for, and its drawing takes the whole width, the others less."""
    script = """
      change("order", "took"); change("bars", "length");
      report(seen().map(c => c.dataset.took + "=" + c.querySelector("summary .lane").style.width).slice(0, 2).join());
    """
    assert acted(tmp_path, script) == "3.000=max(100%, 3px),1.000=max(33.3333%, 3px)"


def test_no_screen_is_too_narrow(tmp_path: Path) -> None:
    """Down to 320 px nothing of the page reaches over its edge, also with every course open and every name long."""
    name = "RegisterDeviceCredentialOfAVeryLongName" * 2
    calls = [failed("InvalidParameter.OfAVeryLongName" * 3, operation=name), call(operation=name), call(took=None)]
    source = re.sub(r"<meta http-equiv[^>]*>", "", page(summary(*calls), sources=["journal" * 20], notes=["n" * 200]))
    frames = "".join(f'<iframe width="{width}" height="800" srcdoc="{escape(source)}"></iframe>' for width in WIDTHS)
    script = """
      for (const frame of document.querySelectorAll("iframe")) frame.addEventListener("load", () => {
        const page = frame.contentDocument;
        for (const each of page.querySelectorAll("details")) each.open = true;
        frame.dataset.report = `${page.documentElement.scrollWidth} of ${frame.contentWindow.innerWidth}`;
      });
    """
    said = re.findall(
        r'data-report="(\d+) of (\d+)"', dumped(tmp_path, f"<body>{frames}<script>{script}</script></body>")
    )
    assert len(said) == len(WIDTHS)
    assert [(seen, there) for seen, there in said if int(seen) > int(there)] == []


def test_filters_appear_where_scripts_run(tmp_path: Path) -> None:
    """The page's own policy lets its own script run, which shows the filters and counts the calls."""
    text = dumped(tmp_path, _page())
    assert re.search(r'<form id="filters" aria-label="filters">', text)
    assert "all 4 calls</output>" in text


def test_a_link_opens_the_call_that_it_names(tmp_path: Path) -> None:
    """A fragment in the address opens that call's course, and no other."""
    text = dumped(tmp_path, _page(), fragment="#call-3")
    (opened,) = re.findall(r"<details [^>]* open[^>]*>", text)
    assert 'data-end="failed"' in opened


def test_a_link_to_a_hidden_call_shows_it_again(tmp_path: Path) -> None:
    """A link from a table leads to its call also where a filter has hidden it."""
    script = """
      change("end", "success"); location.hash = "#call-3";
      addEventListener("hashchange", () => report(seen().length + " " + document.querySelector(".e-failed").open));
    """
    assert acted(tmp_path, script) == "4 true"


def test_no_other_script_runs(tmp_path: Path) -> None:
    """Were markup to get into the page all the same, its policy would not let it act."""
    evil = """<script>document.title = "taken"</script><img src="x:" onerror="document.title = 'taken'">"""
    text = dumped(tmp_path, _page().replace("<footer>", evil + "<footer>"))
    assert "<title>Report: provisioning (prod)" in text
    assert "all 4 calls" in text


def test_a_hostile_journal_does_not_stop_the_filters(tmp_path: Path) -> None:
    """Where codes and operations are hostile, they are text, and can be filtered for."""
    text = dumped(tmp_path, page(summary(failed(HOSTILE, operation=HOSTILE), call()), sources=["j"]))
    assert "all 2 calls</output>" in text
    assert "<img" not in text.replace("&lt;img", "")
