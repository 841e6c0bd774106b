"""Plots for a terminal: bars of eighths of a character, histograms, and the course of one call."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen
from rich.text import Text

from resilience.cli.screen import seconds
from resilience.simulation.played import Activity, Played

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_FULL: Final = "█"
_PLAIN: Final = "#"

STYLES: Final[Mapping[Activity, str]] = {"attempt": "cyan", "verify": "magenta", "refresh": "yellow", "rename": "green"}
_SIGNS: Final[Mapping[Activity, str]] = {"attempt": "█", "verify": "▓", "refresh": "▒", "rename": "▒"}
_PLAIN_SIGNS: Final[Mapping[Activity, str]] = {"attempt": "A", "verify": "V", "refresh": "R", "rename": "N"}


@frozen
class Bin:
    """The number of values from ``low`` up to ``high``, without ``high`` except in the last bin of a histogram."""

    low: float
    high: float
    count: int

    @property
    def numbers(self) -> str:
        """The whole numbers of the bin: ``2`` or ``2 to 4``."""
        low, high = int(self.low), int(self.high) - 1
        return str(low) if low >= high else f"{low} to {high}"


def histogram(values: Sequence[float], most: int) -> tuple[Bin, ...]:
    """Return at most so many bins of equal width; one bin if all values are equal. There is at least one value."""
    low, high = min(values), max(values)
    if high - low < 1e-9:  # noqa: PLR2004  # rounding errors of sums of seconds
        return (Bin(low, high, len(values)),)
    width = (high - low) / most
    counts = [0] * most
    for value in values:
        counts[min(int((value - low) / width), most - 1)] += 1
    return tuple(Bin(low + n * width, low + (n + 1) * width, count) for n, count in enumerate(counts))


def whole_numbers(values: Sequence[int], most: int) -> tuple[Bin, ...]:
    """Return a bin for each whole number, or for several neighbours if there would be too many."""
    low, high = min(values), max(values)
    step = math.ceil((high - low + 1) / most)
    counts = [0] * math.ceil((high - low + 1) / step)
    for value in values:
        counts[(value - low) // step] += 1
    return tuple(Bin(low + n * step, low + (n + 1) * step, count) for n, count in enumerate(counts))


def bar(share: float, width: int, *, plain: bool = False) -> str:
    """
    Return a bar.

    Args:
        share: The filled part of the width, from 0 to 1; anything above 0 is visible.
        width: In characters.
        plain: Use ASCII, for terminals without Unicode.
    """
    if plain:
        return _PLAIN * (math.ceil(share * width) if share > 0 else 0)
    eighths = max(round(share * width * 8), 1) if share > 0 else 0
    full, rest = divmod(eighths, 8)
    return _FULL * full + (_EIGHTHS[rest] if rest else "")


def bars(rows: Sequence[tuple[str, int]], width: int, *, plain: bool = False, style: str = "cyan") -> Iterator[Text]:
    """
    Yield a line for each label and its count: label, bar, count and share.

    Args:
        rows: The labels and counts.
        width: The width of a line, in characters.
        plain: Use ASCII.
        style: The style of the bars.
    """
    total = sum(count for _, count in rows)
    most = max((count for _, count in rows), default=0)
    indent = max((len(label) for label, _ in rows), default=0)
    room = max(width - indent - 22, 8)
    for label, count in rows:
        drawn = bar(count / most if most else 0.0, room, plain=plain)
        line = Text(f"{label:>{indent}} ")
        line.append(f"{drawn:{room}}", style=style)
        yield line.append(f" {count:>9,} {count / total if total else 0:>7.1%}")


def strip(played: Played, width: int, *, plain: bool = False) -> Text:
    """Return the course of a call to scale: attempts and remedies as blocks, waits as gaps."""
    signs = _PLAIN_SIGNS if plain else _SIGNS
    cells: list[tuple[str, str]] = [("." if plain else "·", "dim")] * width
    scale = width / played.duration if played.duration > 0 else 0.0
    for step in played.steps:
        first = min(int(step.began * scale), width - 1)
        last = min(max(math.ceil(step.ended * scale) - 1, first), width - 1)
        for cell in range(first, last + 1):
            cells[cell] = (signs[step.did], STYLES[step.did])
    text = Text()
    for sign, style in cells:
        text.append(sign, style=style)
    return text


def axis(low: float, high: float, width: int) -> Text:
    """Return the labels under the two ends of a strip or plot of times."""
    left, right = seconds(low), seconds(high)
    return Text(f"{left}{right:>{max(width - len(left), len(right) + 1)}}", style="dim")
