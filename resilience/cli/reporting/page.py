"""
A report as one self-contained page: what failed, a timeline, plots, tables, and every call attempt by attempt.

The page says everything without its script, which adds filters and search. It loads nothing, and the same recordings
give the same page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from resilience import __version__
from resilience.cli.pageparts import document
from resilience.cli.reporting import tables
from resilience.cli.reporting.calls import Reported, by, durations, waits_of
from resilience.cli.reporting.lanes import PATTERNS, Scale, axis, grid
from resilience.cli.reporting.load import load
from resilience.cli.reporting.numbers import Summary
from resilience.cli.reporting.said import asides, by_the_clock, period, policies, runs, verdict
from resilience.cli.reporting.script import POLICY, SCRIPT
from resilience.cli.reporting.story import row
from resilience.cli.reporting.style import REPORT_STYLE
from resilience.cli.reporting.words import END_WORDS, FAILED, instant, shown
from resilience.cli.screen import seconds, times

LISTED: Final = 2000
"""How many calls a page lists, at most: so many open in a second or two. The numbers count all of them."""

_NOTES: Final = 20

# From so many on, lines are laid out only when they come into view.
_MANY: Final = 200

_LEGEND: Final = (
    ("s-success", 3, 20, "success"),
    ("s-accept", 3, 20, "taken for a success"),
    ("s-fail", 3, 20, "failed for good"),
    ("s-unfinished", 3, 20, "never ended"),
    ("s-retry", 9, 14, "failed, retry"),
    ("s-refresh", 9, 14, "failed, new credentials"),
    ("s-rename", 9, 14, "failed, another name"),
    ("s-verify", 9, 14, "failed, verify"),
    ("r-refresh", 4, 7, "fetching credentials"),
    ("r-verify", 16, 7, "asking the verifier"),
    ("waits", 11, 4, "waiting"),
)


def page(summary: Summary, *, sources: Sequence[str], notes: Sequence[str] = ()) -> str:
    """
    Return the page.

    Args:
        summary: The numbers, and the calls.
        sources: The names of the files that were read.
        notes: What could not be read of them.
    """
    title = f"Report: {', '.join(policies(summary)) or 'nothing was recorded'}"
    listed = chosen(summary.calls, LISTED)
    numbers = frozenset(each.number for each in listed)
    body = [
        *_header(title, summary, sources),
        *_trouble(summary, numbers),
        *(_timeline(summary, listed) if listed else ()),
        *(_numbers(summary) if summary.calls else ()),
        *_notes(notes),
        f"<footer>Made by resilience {escape(__version__)}. Instants are in UTC.</footer>",
        *([f"<script>{SCRIPT}</script>"] if listed else []),
    ]
    head = f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
    return document(title, body, head=head, style=REPORT_STYLE)


def chosen(calls: Sequence[Reported], most: int) -> tuple[Reported, ...]:
    """Return at most so many calls, in their order: first those that did not end well, then the slowest."""
    if len(calls) <= most:
        return tuple(calls)
    ranked = sorted(calls, key=lambda each: (not (each.has_failed or each.end == "unfinished"), -each.took))
    return tuple(sorted(ranked[:most], key=lambda each: each.number))


def _header(title: str, summary: Summary, sources: Sequence[str]) -> Iterator[str]:
    is_bad = bool(summary.failed or summary.unfinished)
    kind, sign = ("bad", "\N{MULTIPLICATION X}") if is_bad else ("good", "\N{CHECK MARK}")
    yield f"<header><h1>{escape(title)}</h1>"
    yield f'<p class="verdict {kind}"><span class="sign" aria-hidden="true">{sign}</span>{escape(verdict(summary))}</p>'
    if summary.calls:
        ends: dict[str, float] = dict(summary.ends.items())
        yield tables.stack(ends, "e-fill") + tables.end_keys(summary)
        yield f'<p class="faint">{escape(period(summary))}, from {escape(", ".join(map(shown, sources)))}</p>'
        yield from _tiles(summary)
        yield _contents(summary)
    yield "</header>"


def _tiles(summary: Summary) -> Iterator[str]:
    spent, made, count = summary.times, summary.refreshes, len(summary.calls)
    total = spent.total or 1.0
    tiles = {
        "calls": (f"{count:,}", times(runs(summary), "run")),
        "attempts per call": (f"{summary.attempts / count:.2f}", times(summary.attempts, "attempt")),
        "time": (seconds(spent.whole), f"{seconds(spent.under_way)} with calls under way"),
        "waiting": (f"{spent.waiting / total:.0%}", f"{seconds(spent.waiting)}, summed over calls"),
        "new credentials": (f"{made.led:,}", f"{made.joined:,} waited for another call's"),
        "accepted on belief": (f"{len(summary.believed):,}", "not verified"),
    }
    yield '<dl class="tiles">'
    for name, (number, more) in tiles.items():
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(number)} <small>{escape(more)}</small></dd></div>"
    yield "</dl>"


def _contents(summary: Summary) -> str:
    places = {
        "failed": ("What failed", summary.failures),
        "unfinished": ("What never ended", summary.unfinished),
        "gaps": ("What no rule matched", summary.gaps),
        "timeline": ("Timeline", True),
        "time": ("Where the time went", True),
        "operations": ("Operations", True),
        "rules": ("Rules", summary.rules),
    }
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, (title, is_there) in places.items() if is_there)
    return f'<nav aria-label="on this page"><ul>{links}</ul></nav>'


def _section(name: str, title: str, *parts: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>'
    yield from parts
    yield "</section>"


def _trouble(summary: Summary, listed: frozenset[int]) -> Iterator[str]:
    if summary.failures:
        yield from _section("failed", "What failed", tables.failures(summary.failures, listed))
    if summary.unfinished:
        yield from _section("unfinished", "What never ended", tables.unfinished(summary.unfinished))
    if summary.gaps:
        yield from _section("gaps", "What no rule matched", *tables.gaps(summary.gaps))


def _timeline(summary: Summary, listed: Sequence[Reported]) -> Iterator[str]:
    said = "Each line is a call, and opens. All lines of a run share its time; inside, a call has its own."
    if len(listed) < len(summary.calls):
        said += (
            f" {len(listed):,} of {len(summary.calls):,} calls are listed: first what did not end well, "
            "then the slowest. All numbers on this page count every call."
        )
    keys = "".join(
        f'<li><svg viewBox="0 0 24 26" aria-hidden="true"><rect class="{kind}" x="1" y="{top}" width="22" '
        f'height="{height}" rx="2"/></svg>{escape(words)}</li>'
        for kind, top, height, words in _LEGEND
    )
    every = by(summary.calls, _run_of)
    yield from _section(
        "timeline",
        "Timeline",
        PATTERNS,
        f"<p>{escape(said)}</p>",
        f'<ul class="keys" aria-label="what the drawings mean">{keys}</ul>',
        _filters(listed),
        *(part for run, its in by(listed, _run_of).items() for part in _run(its, every[run])),
    )


def _filters(listed: Sequence[Reported]) -> str:
    there = {each.end for each in listed}
    ends: dict[str, str] = {end: words for end, words in END_WORDS.items() if end in there}
    names = {name: name for name in sorted({shown(each.call.operation) for each in listed})}
    codes = {code: code for code in sorted({shown(label) for each in listed for label in each.labels})}
    trouble = {"*failed": "all that did not end well"} if there & {*FAILED, "unfinished"} else {}
    orders = {"time": "time", "took": "longest first", "attempts": "most attempts first"}
    return (
        '<form id="filters" hidden aria-label="filters">'
        '<label class="search">search<input type="search" name="search" autocomplete="off" spellcheck="false"></label>'
        + _select("end", "ended", {"": "in any way", **trouble, **ends})
        + _select("operation", "operation", {"": "any", **names})
        + _select("code", "met", {"": "anything", **codes})
        + _select("order", "order", orders)
        + _select("lanes", "lines show", {"run": "when it was", "length": "how long it took"})
        + '<button type="reset">show all</button></form><output id="shown" for="filters"></output>'
    )


def _select(name: str, label: str, options: dict[str, str]) -> str:
    chosen_from = "".join(
        f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in options.items()
    )
    return f'<label>{label}<select name="{name}">{chosen_from}</select></label>'


def _run_of(one: Reported) -> int:
    return one.run


def _run(calls: Sequence[Reported], every: Sequence[Reported]) -> Iterator[str]:
    start = min(each.call.started_at for each in every)
    scale = Scale.of(start, max(each.finish for each in every))
    kind = "calls many" if len(calls) > _MANY else "calls"
    title = f"Run {calls[0].run}: {instant(start)} UTC, {seconds(scale.length)}, {times(len(every), 'call')}"
    yield f'<div class="run"><h3>{escape(title)}</h3>{load(every, scale)}{axis(scale)}'
    yield f'<div class="{kind}" style="{grid(scale)}">'
    for each in calls:
        yield row(each, scale)
    yield "</div></div>"


def _numbers(summary: Summary) -> Iterator[str]:
    said = "Summed over calls: calls that run at once each count. " + by_the_clock(summary.times).capitalize() + "."
    yield from _section(
        "time", "Where the time went", f"<p>{escape(said)}</p>", tables.part_keys(), *tables.shares(summary)
    )
    lengths = {
        "Calls": (durations(summary.calls), "duration", "how long calls took"),
        "Waits": (waits_of(summary.calls), "waits-plot", "how long waits were"),
    }
    plots = [
        f"<div><h3>{title}, on a logarithmic scale</h3>{''.join(tables.spread_of(values, kind, label))}</div>"
        for title, (values, kind, label) in lengths.items()
        if values
    ]
    yield from _section("spread", "How long it took", '<div class="two">', *plots, "</div>")
    yield from _section("operations", "Operations", tables.operations(summary.operations))
    if summary.rules:
        yield from _section("rules", "Rules that decided", tables.rules(summary.rules))
    items = "".join(f"<li>{escape(line)}</li>" for line in asides(summary))
    yield from _section("asides", "What else happened", f"<ul>{items}</ul>")


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if not notes:
        return
    items = [f"<li>{escape(shown(note))}</li>" for note in notes[:_NOTES]]
    if len(notes) > _NOTES:
        items.append(f"<li>and {len(notes) - _NOTES:,} more</li>")
    yield from _section("notes", "What could not be read", f"<ul>{''.join(items)}</ul>")
