"""Which engine a fleet runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resilience.fleet.distribution.engine import Engine

if TYPE_CHECKING:
    from distributed import Client


def engine_on(on: int | Client) -> Engine:
    """
    Return the engine that places chunks.

    Args:
        on: A number of processes, or the client of a Dask cluster.

    Raises:
        TypeError: It is neither.
        ValueError: There are no processes, or the client cannot be used.
    """
    if isinstance(on, int):
        if on < 1 or on is True:
            raise ValueError(f"on: expected a number of processes from 1, got {on}")
        from resilience.fleet.distribution.processes import ProcessEngine  # noqa: PLC0415  # the other one needs none

        return ProcessEngine(on)
    # Dask is imported only by those who have imported it already.
    if type(on).__module__.partition(".")[0] != "distributed" or not hasattr(on, "submit"):
        raise TypeError(f"on: expected a number of processes or a Client of Dask, got {type(on).__name__}")
    from resilience.fleet.distribution.dask_engine import DaskEngine  # noqa: PLC0415  # it imports Dask

    return DaskEngine(on)
