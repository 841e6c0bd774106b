"""What ``fleet`` and ``plan`` are given: a function, rows, and the policy for both."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click
from attrs import evolve

from resilience.cli.screen import WRONG_USE
from resilience.core.policy import LedgerSettings, PolicyValues
from resilience.fleet.function import FleetFunction, FunctionError, imported, under_policy
from resilience.fleet.rows.check import CheckedRows, rows_for
from resilience.fleet.rows.problems import RowsError
from resilience.fleet.rows.source import Form, RowSource, file_rows, spooled
from resilience.journal.writer import JournalError

_STANDARD_INPUT: Final = "-"


def with_ledger(policy: PolicyValues, ledger: str | None, dask: str | None = None) -> PolicyValues:
    """
    Return the policy with the ledger elsewhere, if a file or a server is named.

    Raises:
        click.UsageError: The calls are made on a cluster.
    """
    if ledger is None:
        return policy
    if dask is not None:
        raise click.UsageError("--ledger and --dask: the policy's text travels, and no option; name the ledger in it")
    where = ledger if "://" in ledger else str(Path(ledger).absolute())
    return evolve(policy, ledger=(policy.ledger or LedgerSettings()).kept_at(where))


@contextmanager
def rows_at(path: str, form: Form | None) -> Iterator[RowSource]:
    """Give the rows of a file; those of standard input are kept in a temporary file while they are used."""
    try:
        if path != _STANDARD_INPUT:
            yield file_rows(Path(path), path, form)
            return
        with tempfile.TemporaryDirectory(prefix="resilience-rows-") as folder:
            yield file_rows(spooled(sys.stdin.buffer, Path(folder)), "<stdin>", form)
    except OSError as error:
        if error.filename is None:
            raise
        raise click.UsageError(f"{error.filename}: {error.strerror}") from None


def checked_input(
    name: str, policy: PolicyValues, operation: str | None, source: RowSource
) -> tuple[FleetFunction, CheckedRows]:
    """
    Find a function, put it under the policy and check the rows for it; if the rows have problems, exit with 2.

    Raises:
        click.UsageError: The function cannot be used.
    """
    try:
        found = imported(name)
    except FunctionError as error:
        raise click.UsageError(str(error)) from None
    try:
        called = under_policy(found, policy, operation)
        return called, rows_for(called.target, called.key_of, source)
    except (RowsError, JournalError) as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_USE)
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None


@contextmanager
def placed_on(processes: int | None, dask: str | None) -> Iterator[Any]:
    """
    Give what ``on`` of :func:`resilience.fleet.provision` is: a number of processes, the client of a cluster, or None.

    Raises:
        click.UsageError: Both are asked for, or there is no such cluster.
    """
    if dask is None:
        yield processes
        return
    if processes is not None:
        raise click.UsageError("--processes and --dask: choose one of them")
    if find_spec("distributed") is None:
        raise click.UsageError("--dask needs the extra: pip install 'mqtt-resilience[dask]'")
    from resilience.fleet.distribution.dask_engine import connected  # noqa: PLC0415  # it imports Dask

    with ExitStack() as stack:
        try:
            client = stack.enter_context(connected(dask))
        except FunctionError as error:
            raise click.UsageError(f"--dask {error}") from None
        if not client.nthreads():
            click.echo("resilience: the Dask cluster has no worker yet, and the fleet waits for one", err=True)
        yield client
