"""
Marks failures that a policy has already decided, so that calls around it do not decide them again.

The mark sits on the exception, not in a context variable, so it passes through task
groups and threads by itself. The mark has the number of the decision, because a
program may raise one exception object many times. To an attempt belong only the
decisions that were made since the attempt began.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import Final

from resilience.clients import leaves

_MARK: Final = "__resilience_decided__"

# The number of decisions so far. Every call reads it, and an item of a list is read fastest.
count: Final = [0]
# With two threads the number must not go back: a mark with an old number would belong to another call.
_lock: Final = Lock()
if hasattr(os, "register_at_fork"):
    # A thread that holds the lock while its process forks is not there in the new process to give it back.
    os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001  # as threading does


Mark = tuple[int, bool]
"""The mark of a decided exception: the number of the decision, and whether its call left a doubt unresolved."""


def mark(error: Exception, *, doubt: bool = False) -> None:
    """Mark an exception, and each leaf of a group, as decided by a policy just now."""
    with _lock:
        count[0] += 1
        found = count[0], doubt
    # An exception that is a frozen dataclass refuses a plain assignment.
    object.__setattr__(error, _MARK, found)
    if isinstance(error, ExceptionGroup):
        # A task group may replace an exception group by a copy of it; the leaves stay the same objects.
        for each in leaves(error):
            object.__setattr__(each, _MARK, found)


def marks(error: Exception, since: int) -> list[Mark]:
    """Return the marks of an exception, or of its leaves, that are newer than decision number ``since``."""
    if since == count[0]:
        return []  # no policy has decided anything meanwhile
    found: list[object] = [getattr(each, _MARK, None) for each in (error, *leaves(error))]
    return [each for each in found if isinstance(each, tuple) and each[0] > since]
