"""The results of the demo: a table, a trace, and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from resilience import Outcome
from resilience.cli.demo.rehearsal import PROMISES, DemoRun, resource_of
from resilience.core.decision import Ended
from resilience.engine.outcome import Attempt
from resilience.telemetry import Node

_STYLES: Mapping[Ended, str] = {
    "success": "green",
    "success_after_retry": "green",
    "accepted": "cyan",
    "failed": "red",
    "exhausted": "red",
    "refused": "red",
}

_CALL_WIDTH: Final = 41
"""The width of the first column; the table has 80 columns in all."""

_UNSHOWN: Final = ("+", "link to ", "attempt", "request ", "reason ", "verified no", "effect none", "http ")
"""The beginnings of a span's facts that the tree, the table or another span shows already."""

_OF_PARTS: Final = ("by ", "at ")
"""The beginnings of a span's facts that its child spans show."""


def table(played: DemoRun) -> Table:
    """Return the table of calls, for a terminal of 80 columns or more."""
    drawn = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    drawn.add_column("call, and what was decided", width=_CALL_WIDTH, overflow="fold")
    drawn.add_column("ended", no_wrap=True)
    drawn.add_column("attempts", justify="right", no_wrap=True)
    drawn.add_column("waited", justify="right", no_wrap=True)
    for provider in PROMISES:
        drawn.add_row(Text(f"\n{provider}", style="bold"))
        for outcome in played.outcomes[provider]:
            _add(drawn, outcome)
    return drawn


def _add(drawn: Table, outcome: Outcome[Any]) -> None:
    resource = _named(outcome)
    fits = len(outcome.operation) + len(resource) < _CALL_WIDTH
    call = Text(f"{outcome.operation} {resource}" if fits else f"{outcome.operation}\n  {resource}")
    for line in _decided(outcome):
        call.append(f"\n  {line}", style="dim")
    ended = Text(outcome.ended, style=_STYLES[outcome.ended])
    if outcome.stop_reason == "dry_run":
        ended.append(", dry run")
    waited = f"{outcome.waited:.1f} s" if outcome.waited else ""
    drawn.add_row(call, ended, str(len(outcome.attempts)), waited)


def _named(outcome: Outcome[Any]) -> str:
    for old, new in outcome.renamed.values():
        return f"{old} -> {new}"
    return resource_of(outcome)


def _decided(outcome: Outcome[Any]) -> Iterator[str]:
    for attempt in outcome.attempts:
        if attempt.fault is not None:
            yield f"{attempt.fault.label}: {_word(attempt)}"
    if outcome.verified:
        yield "verifier: it is there"


def _word(attempt: Attempt) -> str:
    return "" if attempt.decision is None else attempt.decision.verb


def trace(roots: Iterable[Node]) -> Iterator[Tree]:
    """Yield a drawing of each root with its children, ordered by name."""
    for root in sorted(roots, key=lambda root: root.name):
        drawn = Tree(_labelled(root), guide_style="dim")
        _grow(drawn, root.children)
        yield drawn


def _grow(drawn: Tree, children: Iterable[Node]) -> None:
    for child in children:
        _grow(drawn.add(_labelled(child)), child.children)


def _labelled(node: Node) -> Text:
    label = Text(node.name, style="red" if node.status == "error" else "bold")
    label.append(f" {node.duration:.2f} s", style="not bold default")
    unshown = (*_UNSHOWN, *_OF_PARTS) if node.children else _UNSHOWN
    facts = [fact for fact in node.facts if not fact.startswith(unshown) and not fact.endswith(" 0 s")]
    # After a fault with a code, error.type repeats the code.
    facts = [fact for fact in facts if fact not in {f"error.type {code}" for code in facts}]
    return label.append(f" {', '.join(facts)}" if facts else "", style="not bold dim")


def evidence(played: DemoRun) -> Text:
    """Return the line that tells whether every resource was made exactly once; red if not."""
    wanted, made = played.wanted(), played.made()
    if wanted == made:
        return Text(
            f"Exactly once: {played.asked_to_make()} requests were sent to make {wanted.total()} things; "
            f"by the services' own log each of them was made once, and nothing else.",
            style="bold green",
        )
    lines = ["Not exactly once, by the services' own log:"]
    for operation, name in sorted(wanted | made):
        times, right = made[operation, name], wanted[operation, name]
        if times != right:
            lines.append(f"  {operation} {name}: made {times} times, wanted {right}")
    return Text("\n".join(lines), style="bold red")
