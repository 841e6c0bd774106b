"""The tables and plots of a report's page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from resilience.cli.pageparts import WIDTH, columns, ends, percentiles
from resilience.cli.plots import Bin
from resilience.cli.reporting.calls import Reported, durations
from resilience.cli.reporting.groups import Failure, Gap, Group, RuleUse
from resilience.cli.reporting.numbers import Summary, Times
from resilience.cli.reporting.said import hint, met_by, stays
from resilience.cli.reporting.story import anchor, breakable
from resilience.cli.reporting.words import (
    COLUMNS,
    END_WORDS,
    counted,
    instant,
    meaning,
    met,
    place,
    service,
    shown,
    stopped,
)
from resilience.cli.screen import seconds, times
from resilience.simulation import Spread

_BINS: Final = 30
_LINKS: Final = 12
_IDS: Final = 20
_ROWS: Final = 200

PARTS: Final = ("calling", "waiting", "remedies", "other")
"""What time goes into, as plots have it."""


def table(
    label: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: frozenset[int] = frozenset(),
    kind: str = "rows",
) -> str:
    """
    Return a table that becomes a list of blocks where the screen is narrow.

    Args:
        label: What it shows, for those who do not see it.
        headers: As text.
        rows: Cells as HTML; the first one heads its row.
        numbers: Which columns hold numbers, counted from 0.
        kind: Its classes.
    """
    # The roles are spoken out: a table that is laid out as blocks is none any more to some readers of screens.
    head = "".join(
        f'<th scope="col" role="columnheader"{_kind(number, numbers)}>{escape(name)}</th>'
        for number, name in enumerate(headers)
    )
    body = []
    for row in rows:
        cells = [f'<th scope="row" role="rowheader">{row[0]}</th>']
        cells += [
            f'<td role="cell" data-label="{escape(name)}"{_kind(number, numbers)}>{cell}</td>'
            for number, (name, cell) in enumerate(zip(headers[1:], row[1:], strict=True), 1)
        ]
        body.append(f'<tr role="row">{"".join(cells)}</tr>')
    return (
        f'<table class="{kind}" role="table" aria-label="{escape(label)}">'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(body)}</tbody></table>'
    )


def _kind(number: int, numbers: frozenset[int]) -> str:
    return ' class="n"' if number in numbers else ""


def _rest(all_of_them: Sequence[object]) -> str:
    more = len(all_of_them) - _ROWS
    return f"<p>and {more:,} more; --format json has them all</p>" if more > 0 else ""


def failures(found: Sequence[Failure], listed: frozenset[int]) -> str:
    """Return the table of what failed; ``listed`` are the numbers of the calls that the page shows."""
    headers = ("operation", "what it met", "why it stopped", "for the support", "calls")
    rows = [
        (breakable(each.operation), _met(each), _why(each), _ids(each), _links(each.calls, listed))
        for each in found[:_ROWS]
    ]
    return table("calls that failed", headers, rows, kind="rows wide") + _rest(found)


def _met(failure: Failure) -> str:
    what = shown(failure.what) if failure.fault is None else met(failure.fault)
    text = f'<span class="what">{breakable(what)}</span>'
    about = meaning(failure.provider, None if failure.fault is None else failure.fault.code)
    return text if about is None else f'{text}<br><span class="faint">{escape(about)}</span>'


def _why(failure: Failure) -> str:
    parts = [escape(stopped(failure.stop_reason))]
    if failure.rule_id is not None:
        parts.append(f'<code class="faint">{breakable(place(failure.rule_id, failure.rule_origin))}</code>')
    if stays(failure):
        parts.append('<span class="faint">the same call gets the same answer until somebody changes something</span>')
    if failure.doubtful:
        text = f"{times(failure.doubtful, 'call')} may have taken effect all the same: look before you repeat"
        parts.append(f"<strong>{escape(text)}</strong>")
    return "<br>".join(parts)


def _ids(failure: Failure) -> str:
    ids = failure.request_ids
    if not ids:
        return '<span class="faint">no request id is known</span>'
    items = "".join(f"<li><code>{escape(shown(each))}</code></li>" for each in ids[:_IDS])
    more = f"<li>and {len(ids) - _IDS:,} more</li>" if len(ids) > _IDS else ""
    return f'<span class="faint">{escape(service(failure.provider))}:</span><ul>{items}{more}</ul>'


def _links(calls: Sequence[Reported], listed: frozenset[int]) -> str:
    links = [f'<a href="#{anchor(each)}">{each.number}</a>' for each in calls[:_LINKS] if each.number in listed]
    more = len(calls) - len(links)
    return f"{len(calls):,}: " + ", ".join([*links, *([f"and {more:,} more"] if more else [])])


def unfinished(calls: Sequence[Reported]) -> str:
    """Return the table of calls that never ended."""
    rows = []
    for each in calls[:_ROWS]:
        look = "may have taken effect: look before you repeat" if each.may_exist else "nothing was left in doubt"
        link = f'<a href="#{anchor(each)}">{breakable(each.call.operation)}</a>'
        begun = f"{instant(each.call.started_at)} UTC"
        rows.append((link, begun, seconds(each.took), f"{len(each.call.attempts):,}", look))
    headers = ("operation", "begun", "last heard of after", "attempts", "and now")
    return table("calls that never ended", headers, rows) + _rest(calls)


def gaps(found: Sequence[Gap]) -> Iterator[str]:
    """Yield what no rule matched, each with the rule that is missing."""
    for each in found[:_ROWS]:
        yield f'<h3 class="what">{breakable(met(each.fault))}</h3><p>{escape(met_by(each))}.'
        lines = hint(each)
        if lines:
            yield f" A rule decides it, with the action that fits:</p><pre>{escape(chr(10).join(lines))}</pre>"
        else:
            yield " No rule can name it: nothing is known of it but its class.</p>"
    yield _rest(found)


def operations(groups: Sequence[Group]) -> str:
    """Return the table of operations."""
    rows = []
    for each in groups[:_ROWS]:
        counts = each.ends
        took = durations(each.calls)
        spread = Spread.of(took) if took else None
        cells = [sum(counts.get(end, 0) for end in kinds) for kinds in COLUMNS.values()]
        rows.append(
            (
                breakable(each.operation)
                + (f' <span class="faint">{escape(shown(each.provider))}</span>' if each.provider else ""),
                f"{len(each.calls):,}",
                *(f"{cell:,}" if cell else "" for cell in cells),
                f"{each.attempts / len(each.calls):.2f}",
                *(("", "", "") if spread is None else map(seconds, (spread.at[50], spread.at[95], spread.greatest))),
            )
        )
    headers = (
        "operation", "calls", *COLUMNS, "attempts per call", "p50", "p95", "longest",
    )  # fmt: skip
    return table("operations", headers, rows, numbers=frozenset(range(1, len(headers)))) + _rest(groups)


def rules(uses: Sequence[RuleUse]) -> str:
    """Return the table of rules."""
    rows = [
        (
            f"<code>{breakable('no rule' if each.rule_id is None else each.rule_id)}</code>"
            + ("" if each.rule_origin is None else f'<br><code class="faint">{escape(shown(each.rule_origin))}</code>'),
            f"{each.count:,}",
            f"{each.calls:,}",
            escape(counted(each.steps)),
            breakable(counted(each.labels)),
            ", ".join(map(breakable, each.operations)),
        )
        for each in uses[:_ROWS]
    ]
    headers = ("rule", "decided", "calls", "to", "on", "operations")
    return table("rules", headers, rows, numbers=frozenset({1, 2}), kind="rows ruled") + _rest(uses)


def stack(parts: Mapping[str, float], kind: str) -> str:
    """Return one bar of several parts; ``kind`` and a part's name make its class."""
    total = sum(parts.values()) or 1.0
    shapes, left = "", 0.0
    for name, size in parts.items():
        width = size / total * WIDTH
        shapes += f'<rect class="{kind}-{name}" x="{left:.1f}" width="{width:.1f}" height="20"/>'
        left += width
    return f'<svg class="stack" viewBox="0 0 {WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>'


def shares(summary: Summary) -> Iterator[str]:
    """Yield, for all calls and for each operation, what their time went into."""
    yield '<div class="shares">'
    everything = [("all operations", summary.times)] if len(summary.operations) > 1 else []
    of_each = [(breakable(group.operation), Times.of(group.calls)) for group in summary.operations[:_ROWS]]
    for name, spent in [*everything, *of_each]:
        parts = dict(zip(PARTS, (spent.calling, spent.waiting, spent.remedying, spent.other), strict=True))
        total = spent.total or 1.0
        said = ", ".join(f"{part} {length / total:.0%}" for part, length in parts.items() if length / total >= 0.005)  # noqa: PLR2004  # what would be shown as 0%
        yield (
            f"<span>{name}</span>{stack(parts, 't')}"
            f'<span class="sum">{seconds(spent.total)}<br><span class="faint">{said}</span></span>'
        )
    yield "</div>"


def spread_of(values: Sequence[float], kind: str, label: str) -> Iterator[str]:
    """Yield a plot of how lengths of time are spread, on a scale where each step is so many times the one before."""
    spread = Spread.of(values)
    low = max(spread.least, 0.001)
    length = math.log(max(spread.greatest, low) / low)

    def at(value: float) -> float:
        return math.log(max(value, low) / low) / length if length else 0.0

    count = _BINS if length else 1
    counts = [0] * count
    for value in values:
        counts[min(int(at(value) * count), count - 1)] += 1
    edges = [low * math.exp(length * number / count) for number in range(count + 1)]
    bins = [Bin(edges[number], edges[number + 1], each) for number, each in enumerate(counts)]
    yield columns(bins, kind, spread, label, at=at)
    yield ends(seconds(spread.least), seconds(spread.greatest))
    yield percentiles(spread)


def end_keys(summary: Summary) -> str:
    """Return what the parts of the bar of ends mean, with their numbers."""
    return _keys([(f"e-fill-{end}", f"{END_WORDS[end]} {count:,}") for end, count in summary.ends.items()])


def part_keys() -> str:
    """Return what the parts of the bars of time mean."""
    return _keys([(f"t-{part}", part) for part in PARTS])


def _keys(rows: Iterable[tuple[str, str]]) -> str:
    items = (
        f'<li><svg viewBox="0 0 24 16" aria-hidden="true"><rect class="{kind}" width="24" height="16" rx="2"/></svg>'
        f"{escape(words)}</li>"
        for kind, words in rows
    )
    return f'<ul class="keys">{"".join(items)}</ul>'
