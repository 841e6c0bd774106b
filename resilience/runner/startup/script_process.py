"""The work of the script's own process: check the policy before the script, and write the summary after it."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from resilience.catalog.plugins import PluginError, plugins
from resilience.policyfile import PolicyError
from resilience.runner.ending.termination import die_if_terminated, end_like_interrupt
from resilience.runner.run import VARIABLE, Run
from resilience.runner.settings import RunSettings

if TYPE_CHECKING:
    from resilience.clients.common.renaming import Renaming
    from resilience.runner.startup.process import Process
    from resilience.runner.totals.counters import Counts

_WRONG_USE: Final = 2


def begin(process: Process) -> None:
    """
    Read the policy, and try its ledger and journal; end the process with exit code 2 if something is wrong.

    This registers the first of all exit functions, so it is the last that runs.
    """
    process.settings = _settings(process.run)
    _try_ledger(process.settings)
    hosts = tuple(host for source in process.settings.apis.values() for host in source.hosts)
    hooks = _hooks_of_plugins(process.run)
    if hosts or hooks:
        # The script's children need these before they have read the policy.
        process.run = process.run._replace(hosts=hosts, sdk_hooks=(*process.run.sdk_hooks, *hooks))
        os.environ[VARIABLE] = process.run.dumps()
    atexit.register(_end, process, os.getpid())
    end_like_interrupt()


def _hooks_of_plugins(run: Run) -> tuple[str, ...]:
    """Return the modules that have client classes of third parties' SDKs."""
    if not plugins():
        return ()
    from resilience.clients import registry  # noqa: PLC0415  # few users have such a package

    try:
        return tuple(registry.hooks().keys() - {*run.sdk_hooks, *run.http_hooks})
    except PluginError as error:
        _refuse(run, str(error))


def _settings(run: Run) -> RunSettings:
    try:
        return RunSettings.of(run)
    except (PolicyError, PluginError) as error:
        _refuse(run, str(error))
    except Exception as error:
        from resilience.journal.writer import JournalError  # noqa: PLC0415  # most runs have no journal

        if not isinstance(error, JournalError):
            raise
        _refuse(run, str(error))


def _try_ledger(settings: RunSettings) -> None:
    if settings.run.ledger is None and settings.policy.ledger is None:
        return
    from resilience.state import LedgerError  # noqa: PLC0415  # imports a database, which few runs need

    try:
        ledger = settings.ledger()
        if ledger is not None:
            with ledger:
                ledger.get("")
    except (LedgerError, ValueError) as error:
        _refuse(settings.run, str(error))


def _refuse(run: Run, text: str) -> NoReturn:
    _say([text])
    run.remove()
    os._exit(_WRONG_USE)  # Python has not begun with the script, and an exception would be ignored


def _end(process: Process, root: int) -> None:
    settings = process.settings
    if settings is None or os.getpid() != root:
        return  # a forked process inherits the exit function
    # Imported here: a script that is killed, or becomes another program, needs none of these.
    from resilience.runner.ending.summary import summary  # noqa: PLC0415
    from resilience.runner.totals.bypasses import bypassed  # noqa: PLC0415
    from resilience.runner.totals.counters import counted  # noqa: PLC0415
    from resilience.runner.totals.notes import noted  # noqa: PLC0415
    from resilience.runner.totals.shared import NAMES  # noqa: PLC0415

    run = settings.run
    counts = counted(run)
    if not run.quiet:
        changes: Mapping[Renaming, str] = {}
        if os.path.exists(run.shared(NAMES)):  # noqa: PTH110  # pathlib takes longer
            from resilience.runner.totals.names import renames  # noqa: PLC0415  # imports the engine

            changes = renames(run)
        is_on = process.patches is None or process.patches.enabled
        lines = [
            *summary(settings.policy, counts, changes, noted(run), bypassed(run), is_on=is_on),
            *settings.remarks(),
            *process.remarks(),
        ]
        _say([f"resilience: {line}" for line in lines])
    # After the summary, because a receiver that does not answer costs some seconds.
    if counts.calls and not _send(process, counts) and not run.quiet:
        _say(["resilience: not all telemetry could be sent: nothing answers where the OTEL_ variables point"])
    run.remove()
    _stay_interrupted()
    die_if_terminated()


def _send(process: Process, counts: Counts) -> bool:
    if process.patches is not None and process.patches.tracing.has_begun:
        return process.patches.tracing.send()
    from resilience.runner.telemetry.late_export import send  # noqa: PLC0415  # imports OpenTelemetry

    return send(process.run, counts)


def _stay_interrupted() -> None:
    """
    Make a script that Ctrl-C has ended still end by that signal.

    Python notes the interrupt in a flag, and clears the flag when it next executes source text
    (``unhandled_keyboard_interrupt`` in CPython's Python/pythonrun.c, 3.11 and 3.13). Imports at the end and
    telemetry may do that. This sets the flag again.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102  # only source text sets the flag


def _say(lines: list[str]) -> None:
    try:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return  # the script has closed standard error, or there is none
