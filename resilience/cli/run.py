"""``resilience run``: runs an unmodified script under a policy."""

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
from resilience.cli.completion import environments, files, policies
from resilience.clients.outline import HTTP_HOOKS, SDK_HOOKS
from resilience.runner.run import VARIABLE, Run
from resilience.runner.startup.children import with_our_folder

_PATH: Final = "PYTHONPATH"

_MARKED: Final = "resilience.cli.run.marked"
"""Whether ``--`` stands before the command."""

_BEGINNING: Final = 64
"""The first bytes of a file, which are enough to recognize its kind."""

_PYTHONS: Final = frozenset({".py", ".pyw", ".pyz"})

_OTHERS: Final = frozenset({".sh", ".bash", ".zsh", ".mk", ".js", ".rb", ".pl", ".exe", ".bat", ".cmd", ".ps1"})
"""Endings of files that are not Python, unless their first line names a program."""

# Python's own options that take the place of a script, and what has to follow them.
_LEADS: Final = {"-m": "the name of a module", "-c": "a text"}


class _Command(click.Command):
    """A command whose own options end before the script, as Python's do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read our options up to the script or the command, and leave the rest unchanged."""
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
@click.option(
    "--policy", "-p", required=True, metavar="FILE", help="A policy: a file, or builtin:NAME.", shell_complete=policies
)
@click.option(
    "--env",
    "-e",
    metavar="NAME",
    help="The environment; by default the one in RESILIENCE_ENV, or none.",
    shell_complete=environments,
)
@click.option(
    "--ledger",
    metavar="FILE",
    help="A file, or a server's url, to record started and done operations for the next run.",
    shell_complete=files,
)
@click.option("--journal", metavar="FILE", help="A file to record every call.", shell_complete=files)
@click.option("--quiet", "-q", is_flag=True, help="Print no summary at the end.")
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
    Run an unmodified Python script, or any command, under a policy.

    The policy applies to every management call that the script makes with the vendors' SDKs, and to every request that
    it sends with requests or httpx to a host in the policy's [sources]. Other requests to these hosts, such as those of
    urllib3 or with a body that can be read only once, are counted for the summary.

    The script runs as under "python", with its own arguments, standard streams, signals and exit code. The policy also
    applies in every Python process that the script starts. After "--" stands a command, such as "sh deploy.sh" or
    "make"; the policy applies in the Python processes that it starts. At the end a summary is printed on standard
    error. If the policy has an error, or the command does not exist, nothing starts and the exit code is 2.

    SIGTERM ends a script like Ctrl-C: the script can clean up, the summary follows, and the exit code is 143.

    With the extra "otel" and OpenTelemetry's variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, the run exports one trace.

    The policy does not reach a Python that ignores the environment (-I, -E, -S) or belongs to another installation, nor
    other programs that send requests, such as curl.
    """
    is_program = _is_program(command[0], is_marked=ctx.meta[_MARKED])
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise click.UsageError("Python was started with -I, -E or -S, which keep the policy from the script")
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
    Tell whether a word names a program; if not, it names a script for Python.

    Raises:
        click.UsageError: The word names neither.
    """
    if not is_marked and name in _LEADS:
        return False
    path = Path(name)
    if path.suffix in _PYTHONS and not path.exists():
        return False  # Python reports the missing file
    if path.is_dir() or (path.is_file() and _is_python(path)):
        return is_marked and path.is_file() and os.access(path, os.X_OK)
    # PATH gives the folder of a bare name, as in a shell.
    if shutil.which(name) is not None:
        return True
    if path.is_file():
        raise click.UsageError(
            f"{name} is no Python script, and it cannot be executed; say what runs it: -- sh {name}, or chmod +x {name}"
        )
    raise click.UsageError(f"there is neither a file {name} nor a program of that name on the path")


def _is_python(path: Path) -> bool:
    """Tell whether Python can run a file: a script, or an archive of ``zipapp``."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return True  # Python reports the reason
    if beginning.startswith(b"#!"):
        return b"python" in beginning.partition(b"\n")[0]
    return path.suffix not in _OTHERS and not beginning.startswith((b"\x7fELF", b"MZ"))


def _title(command: Sequence[str]) -> str:
    """Return the title of the run: the name of the script without its folder, or of the module."""
    if command[0] == "-c":
        return "-c"
    return command[1] if command[0] == "-m" else Path(command[0]).name


def _folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="resilience-run-")
    except OSError as error:
        raise click.UsageError(f"there is no place for temporary files: {error.strerror or error}") from None


def _flags() -> list[str]:
    """Return the options of this Python that multiprocessing also passes on to its children."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001  # no other place knows them
    return flags


def _become(arguments: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process by another program; on Windows, wait for it and end with its exit code."""
    if sys.platform == "win32":
        with subprocess.Popen(arguments, env=environ) as child:  # noqa: S603  # this very Python
            while True:
                try:
                    sys.exit(child.wait())
                except KeyboardInterrupt:
                    continue  # the child got it too, and decides
    else:
        os.execve(arguments[0], arguments, environ)  # noqa: S606  # this very Python, and no shell
