"""
Marks failures that a policy has already decided, so that calls around it do not decide them again.

The mark sits on the exception, not in a context variable: it passes through task
groups and threads by itself. It carries the number of the decision, because a
program may raise one exception object many times: only what was decided since an
attempt began belongs to a call inside that attempt.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import Final

from resilience.clients import leaves

_MARK: Final = "__resilience_decided__"

# The number of decisions so far. A list, because reading its cell is the cheapest thing that every call can do.
count: Final = [0]
# Two threads must not count back: a mark that looks old would be taken for another call's.
_lock: Final = Lock()
if hasattr(os, "register_at_fork"):
    # A thread that holds the lock while its process forks is not there in the new process to give it back.
    os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001  # as threading does


Mark = tuple[int, bool]
"""What a decided exception carries: the number of the decision, and whether that call left something unresolved."""


def mark(error: Exception, *, doubt: bool = False) -> None:
    """Note on an exception, and on each leaf of a group, that a policy has just decided it."""
    with _lock:
        count[0] += 1
        found = count[0], doubt
    # Frozen dataclass exceptions refuse plain attribute setting.
    object.__setattr__(error, _MARK, found)
    if isinstance(error, ExceptionGroup):
        # Task groups put a copy of a group in its place; only leaves stay what they are.
        for each in leaves(error):
            object.__setattr__(each, _MARK, found)


def marks(error: Exception, since: int) -> list[Mark]:
    """Return the marks that policies have set on this exception, or on its leaves, after decision number ``since``."""
    if since == count[0]:
        return []  # no policy has decided anything meanwhile
    found: list[object] = [getattr(each, _MARK, None) for each in (error, *leaves(error))]
    return [each for each in found if isinstance(each, tuple) and each[0] > since]
