"""Pause the garbage collector while many objects are made, of which nearly none is garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """
    Pause the garbage collector.

    Imports and policies make many objects and no garbage. The collector visits all objects again and again. Without
    this pause it would take a third of the start of a run that imports an SDK, and a fourth of the check of a large
    policy.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
