"""Write the summary of a run: a few lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from resilience.core.policy import PolicyValues
from resilience.runner.totals.bypasses import Way
from resilience.runner.totals.counters import Counts
from resilience.runner.totals.notes import Noted

if TYPE_CHECKING:
    from resilience.clients.common.renaming import Renaming

# How many items of a list the summary shows; the journal has all.
_SHOWN: Final = 3

# How many ways past the policy it shows; no other output shows them.
_WAYS_SHOWN: Final = 8

_SECOND: Final = 1000
_MINUTE: Final = 60


def summary(  # noqa: PLR0913  # one for each result of a run
    policy: PolicyValues,
    counts: Counts,
    renames: Mapping[Renaming, str],
    noted: Noted,
    past: Mapping[Way, int],
    *,
    is_on: bool = True,
) -> list[str]:
    """Return the lines, without the name of the program; ``is_on`` is False under RESILIENCE=off."""
    none = "no calls under the policy" if past else "no management calls"
    parts = [
        _times(counts.calls, "call") if counts.calls else none,
        *_some(counts.retries, "retry", "retries"),
        *_some(counts.refreshes, "refresh", "refreshes"),
        *_renamed(renames),
        *_some(counts.verifications, "verification"),
        *([f"{counts.discards:,} discarded"] if counts.discards else []),
        *([f"{counts.accepted:,} accepted"] if counts.accepted else []),
        *_some(counts.failures, "failure"),
        *([f"{counts.refused:,} of them refused by us"] if counts.refused else []),
    ]
    waited = [f"waited {_seconds(counts.waited)}"] if counts.waited else []
    named = policy.name if policy.env is None else f"{policy.name} ({policy.env})"
    lines = [
        "; ".join([", ".join(parts), *waited, f"policy {named}{'' if is_on else ', switched off by RESILIENCE=off'}"])
    ]
    if noted.failures:
        lines.append(f"failed: {_few(noted.failures, '; ')}")
    if past:
        lines.append(_past(past))
    return [*lines, *noted.remarks]


def _past(past: Mapping[Way, int]) -> str:
    total = sum(past.values())
    each = [f"{count:,} {operation} by {way}" for (operation, way), count in past.items()]
    were = "was" if total == 1 else "were"
    return f"{_times(total, 'call')} {were} not under the policy: {_few(each, ', ', _WAYS_SHOWN)}"


def _renamed(renames: Mapping[Renaming, str]) -> list[str]:
    if not renames:
        return []
    shown = _few([f"{each.old} is now {new}" for each, new in renames.items()], ", ")
    return [f"{_times(len(renames), 'rename')} ({shown})"]


def _few(items: Iterable[str], between: str, shown: int = _SHOWN) -> str:
    items = list(items)
    more = len(items) - shown
    return between.join([*items[:shown], *([f"and {more:,} more"] if more > 0 else [])])


def _some(count: int, word: str, words: str = "") -> list[str]:
    return [_times(count, word, words)] if count else []


def _times(count: int, word: str, words: str = "") -> str:
    return f"{count:,} {word if count == 1 else words or f'{word}s'}"


def _seconds(milliseconds: int) -> str:
    seconds = milliseconds / _SECOND
    if seconds < 1:
        return f"{milliseconds} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes:,} min {rest} s"
