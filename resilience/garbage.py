"""When the garbage collector waits: while very many objects are made, and nearly none of them is garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """
    Let the garbage collector wait.

    Imports and policies make many objects and no garbage. To look through all that is there, again and again, would
    take a third of the start of a run in which an SDK is imported, and a fourth of the check of a large policy.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
