"""Processes that share no memory with a test, and have already imported what most of their time would go to."""

from __future__ import annotations

import multiprocessing
from functools import cache
from multiprocessing.context import ForkServerContext
from typing import Final

_IMPORTED: Final = (
    "anyio._backends._asyncio",
    "anyio._backends._trio",
    "coredis",
    "psycopg",
    "pytest",
    "resilience.clients.registry",
    "resilience.engine.executor",
    "resilience.fleet.maps.mapping",
    "resilience.policyfile",
    "resilience.sandbox",
    "resilience.state.store.redis",
    "resilience.state.store.sqlite",
    "resilience.testing",
)


@cache
def context() -> ForkServerContext:
    """Return what starts them, as spawned ones; each is forked from a process that has only imported."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(list(_IMPORTED))
    return made
