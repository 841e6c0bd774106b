"""``resilience run``: an unmodified script under a policy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

from resilience import runner
from resilience.clients.outline import HTTP_HOOKS, SDK_HOOKS
from resilience.runner.run import VARIABLE, Run
from resilience.runner.startup.children import with_our_folder

_PATH: Final = "PYTHONPATH"

_MARKED: Final = "resilience.cli.run.marked"
"""Whether ``--`` stands before what is to be run."""

_BEGINNING: Final = 64
"""As many bytes of a file as it takes to see what it is."""

_PYTHONS: Final = frozenset({".py", ".pyw", ".pyz"})

_OTHERS: Final = frozenset({".sh", ".bash", ".zsh", ".mk", ".js", ".rb", ".pl", ".exe", ".bat", ".cmd", ".ps1"})
"""Endings of files that are no Python, where their first line does not say what they are."""

# With what a program begins for Python itself, where it is no script, and what has to follow.
_LEADS: Final = {"-m": "the name of a module", "-c": "a text"}


class _Command(click.Command):
    """A command that ends its own options where the script's begin, as Python does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read our options up to the script or the command, and leave the rest as it is."""
        begin = self._begin(ctx, args)
        is_marked = args[begin : begin + 1] == ["--"]
        ctx.meta[_MARKED] = is_marked
        return super().parse_args(ctx, args if is_marked else [*args[:begin], "--", *args[begin:]])

    def _begin(self, ctx: click.Context, args: Sequence[str]) -> int:
        takes_value = {
            name
            for option in self.get_params(ctx)
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        at = 0
        while at < len(args):
            word = args[at]
            if word in _LEADS or word == "--" or not word.startswith("-"):
                return at
            at += 2 if word in takes_value else 1
        return len(args)


@click.command(cls=_Command, short_help="Run an unmodified script, or any command, under a policy.")
@click.option("--policy", "-p", required=True, metavar="FILE", help="A policy: a file, or builtin:NAME.")
@click.option("--env", "-e", metavar="NAME", help="The environment; by default the one in RESILIENCE_ENV, or none.")
@click.option("--ledger", metavar="FILE", help="Remember there what was started and what was done.")
@click.option("--journal", metavar="FILE", help="Write there what happens to every call.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing at the end.")
@click.argument(
    "command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="SCRIPT|-m MODULE|-- COMMAND [ARGUMENT]..."
)
@click.pass_context
def run(  # noqa: PLR0913, PLR0917  # a parameter for each option
    ctx: click.Context,
    command: tuple[str, ...],
    policy: str,
    env: str | None,
    ledger: str | None,
    journal: str | None,
    *,
    quiet: bool,
) -> None:
    """
    Run a Python script as it is, with every management call of the vendors' SDKs under a policy, and every request of
    requests and httpx to an API whose hosts the policy's [sources] name. Calls that are made by another way, such as
    urllib3 or a body that can be read once, are counted, and the end says how many there were, and by which way.

    It runs as under "python": arguments, standard streams, signals and the exit code are its own, and the Pythons
    that it starts are covered like it. After "--" stands any command, such as "sh deploy.sh" or "make": the Pythons
    that it starts are covered. When it ends, a few lines on standard error sum up what was done. The exit code
    is 2, and nothing is begun, if something is wrong with the policy, or if there is no such command.

    SIGTERM ends a script as Ctrl-C does: it can clean up, the summary is printed, and the exit code is 143.

    With the extra "otel", and with the variables that OpenTelemetry defines (OTEL_EXPORTER_OTLP_ENDPOINT and its kin),
    the run is sent as one trace.

    Not covered: a Python that ignores the environment (-I, -E, -S) or belongs to another installation. Not seen either:
    what other programs send, such as curl.
    """
    is_program = _is_program(command[0], is_marked=ctx.meta[_MARKED])
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise click.UsageError("Python was started with -I, -E or -S, and so would not find what covers the script")
    if not is_program and command[0] in _LEADS and len(command) == 1:
        raise click.UsageError(f"{command[0]}: expected {_LEADS[command[0]]}")
    started = Run(
        policy=policy,
        env=env,
        ledger=ledger,
        journal=journal,
        quiet=quiet,
        title=_title(command),
        start=str(Path.cwd()),
        folder=_folder(),
        home=str(Path(runner.__file__).parents[2]),
        python=[sys.hexversion, sys.prefix],
        trace=[os.urandom(16).hex(), os.urandom(8).hex()],
        traceparent=os.environ.get("TRACEPARENT", ""),
        sdk_hooks=tuple(SDK_HOOKS),
        http_hooks=tuple(HTTP_HOOKS),
    )
    if is_program:
        from resilience.runner.startup.supervisor import supervise  # noqa: PLC0415  # a script needs none of it

        os.environ.update({VARIABLE: started.dumps(), _PATH: with_our_folder(os.environ.get(_PATH, ""))})
        sys.exit(supervise(started, command))
    arguments = [sys.executable, *_flags(), *command]
    path = with_our_folder(os.environ.get(_PATH, ""))
    _become(arguments, {**os.environ, VARIABLE: started.dumps(), _PATH: path})


def _is_program(name: str, *, is_marked: bool) -> bool:
    """
    Tell whether a word names a program that is run as it is; otherwise Python runs it.

    Raises:
        click.UsageError: It is neither.
    """
    if not is_marked and name in _LEADS:
        return False
    path = Path(name)
    if path.suffix in _PYTHONS and not path.exists():
        return False  # Python says that it is not there
    if path.is_dir() or (path.is_file() and _is_python(path)):
        return is_marked and path.is_file() and os.access(path, os.X_OK)
    # A name without a folder is looked for on the path, as a shell does.
    if shutil.which(name) is not None:
        return True
    if path.is_file():
        raise click.UsageError(
            f"{name} is no Python script, and it cannot be executed; say what runs it: -- sh {name}, or chmod +x {name}"
        )
    raise click.UsageError(f"there is neither a file {name} nor a program of that name on the path")


def _is_python(path: Path) -> bool:
    """Tell whether Python can run a file: a script, or what ``zipapp`` makes."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return True  # Python says why it cannot be read
    if beginning.startswith(b"#!"):
        return b"python" in beginning.partition(b"\n")[0]
    return path.suffix not in _OTHERS and not beginning.startswith((b"\x7fELF", b"MZ"))


def _title(command: Sequence[str]) -> str:
    """Return what the run is called: the name of the script, without the folders, or of the module."""
    if command[0] == "-c":
        return "-c"
    return command[1] if command[0] == "-m" else Path(command[0]).name


def _folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="resilience-run-")
    except OSError as error:
        raise click.UsageError(f"there is no place for temporary files: {error.strerror or error}") from None


def _flags() -> list[str]:
    """Return the options that this Python was started with, as multiprocessing hands them on to its children."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001  # no other place knows them
    return flags


def _become(arguments: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process by another program; where there is no such thing, wait for it and end as it does."""
    if sys.platform == "win32":
        with subprocess.Popen(arguments, env=environ) as child:  # noqa: S603  # this very Python
            while True:
                try:
                    sys.exit(child.wait())
                except KeyboardInterrupt:
                    continue  # it got it too, and decides
    else:
        os.execve(arguments[0], arguments, environ)  # noqa: S606  # this very Python, and no shell
