"""Quick fixes for findings that say what was probably meant."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from resilience.cli.lsp.documents import Document, TextRange
from resilience.policyfile import Problem

_MEANT: Final = re.compile(r'did you mean "([^"]+)"')


@frozen(kw_only=True)
class Fix:
    """
    A replacement.

    Attributes:
        title: What it does.
        range: What is replaced.
        text: By what.
    """

    title: str
    range: TextRange
    text: str


def fix(document: Document, problem: Problem) -> Fix | None:
    """Return the replacement that a finding proposes; None if it proposes none."""
    found = _MEANT.search(problem.message)
    if found is None:
        return None
    wanted, place = found[1], document.range_of(problem)
    line = document.line(place.start_line)
    start = place.start
    written = line[start : place.end] if place.start_line == place.end_line else ""
    quote = written[:1] if written[:1] in {'"', "'"} else ""
    old = written.strip("\"'")
    if not old:
        return None
    # Of "Operation/Code" the finding may be about the code alone.
    operation, slash, code = old.rpartition("/")
    if slash and "/" not in wanted and code:
        wanted = f"{operation}/{wanted}"
    return Fix(title=f'Change "{old}" to "{wanted}"', range=place, text=f"{quote}{wanted}{quote}")
