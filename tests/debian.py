"""
Programs that tests need and PyPI does not have: taken from the machine, or from Debian's packages.

    python3 tests/debian.py

fetches all of them, which saves the tests the time. In .ci/run, which sets ALL_PROGRAMS, a test that cannot have what
it needs fails: a skip would look like a success. Elsewhere it is skipped, and the summary says why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

# Ignored by git, and shared by all workers and later runs.
_FOLDER = Path(__file__).parents[1] / ".pytest_cache" / "debian"
_QUIETLY = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
_INSTALL = ("apt-get", "-qq", "-y", "--no-install-recommends", "install")


def chromium() -> str:
    """Return the path of the browser, installing it where it is not there."""
    return _installed("chromium", "chromium")


def mosquitto() -> dict[str, str]:
    """Return the environment in which the broker and its programs are found."""
    return _unpacked("mosquitto", "mosquitto", "mosquitto_passwd")


def prometheus() -> dict[str, str]:
    """Return the environment in which Prometheus and its promtool are found."""
    return _unpacked("prometheus", "prometheus", "promtool")


def postgres() -> dict[str, str]:
    """Return the environment in which a PostgreSQL server and its programs are found."""
    return _unpacked("postgresql", "postgres", "initdb", inside="lib/postgresql/*/bin")


def pgbouncer() -> dict[str, str]:
    """Return the environment in which PgBouncer is found."""
    return _unpacked("pgbouncer", "pgbouncer")


def rabbitmq() -> dict[str, str]:
    """Return the environment in which Erlang is found, with the path of RabbitMQ's server in ``RABBITMQ_SERVER``."""
    found = _unpacked("rabbitmq-server", "rabbitmq-server", "erlexec", inside="lib/erlang/erts-*/bin")
    program = shutil.which("erlexec", path=found["PATH"])
    assert program is not None
    erlang = Path(program).parents[2]
    (server,) = erlang.parent.glob("rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
    own = {"ROOTDIR": str(erlang), "BINDIR": str(Path(program).parent), "EMU": "beam", "PROGNAME": "erl"}
    return {**found, **own, "RABBITMQ_SERVER": str(server)}


def redis() -> dict[str, str]:
    """Return the environment in which a Redis server is found."""
    return _unpacked("redis-server", "redis-server")


def _installed(name: str, package: str) -> str:
    with _alone():
        found = shutil.which(name)
        said = ""
        # Without lists of packages, a first attempt finds nothing.
        for command in ((*_INSTALL, package), ("apt-get", "-qq", "update"), (*_INSTALL, package)):
            if found is None:
                said = _failed(command) or ""
                found = shutil.which(name)
    if found is None:
        _miss(f"{name} is not there, and apt-get cannot install {package}: {said}")
    return found


def _unpacked(package: str, *names: str, inside: str = "sbin") -> dict[str, str]:
    """
    Return the environment in which a package's programs are found.

    Where they are not there, the package and what it needs are unpacked into
    a folder: this takes no root, and starts no service.

    Args:
        package: The package.
        names: The programs.
        inside: Where under ``/usr`` they are, if they are not in the PATH.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, Path("/usr").glob(inside))])
    if all(shutil.which(name, path=path) for name in names):
        return {"PATH": path}
    folder = _FOLDER / package
    with _alone():
        if not folder.exists():
            _unpack(package, folder)
    libraries = sorted({str(library.parent) for library in folder.rglob("*.so*")})
    return {
        "PATH": os.pathsep.join([*map(str, (folder / "usr").glob(inside)), str(folder / "usr" / "bin"), path]),
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
    }


def _unpack(package: str, folder: Path) -> None:
    archives, lists, partly = (_FOLDER / f"{package}-{name}" for name in ("archives", "lists", "partly"))
    for each in (archives / "partial", lists, partly):
        each.mkdir(parents=True, exist_ok=True)
    fetch = (
        *_INSTALL,
        "--download-only",
        "-o",
        "Debug::NoLocking=1",
        "-o",
        f"Dir::Cache::archives={archives}",
        package,
    )
    said = _failed(fetch)
    if said is not None:  # images of systems often come without lists of packages
        own = ("-o", "Debug::NoLocking=1", "-o", f"Dir::State::lists={lists}")
        said = _failed(("apt-get", "-qq", "update", *own)) or _failed((*fetch, *own))
    for archive in archives.glob("*.deb"):
        said = said or _failed(("dpkg", "-x", str(archive), str(partly)))
    if said is not None:
        _miss(f"{package} is not there, and cannot be fetched: {said}")
    partly.rename(folder)
    shutil.rmtree(archives)
    shutil.rmtree(lists)


def _miss(why: str) -> NoReturn:
    """Skip the test that needs a program, or fail it where all programs have to be there."""
    if os.environ.get("ALL_PROGRAMS"):
        raise AssertionError(why)
    import pytest  # noqa: PLC0415  # to fetch programs takes only Python

    pytest.skip(why)


def _failed(command: tuple[str, ...]) -> str | None:
    """Run a command; return the last that it said if it failed, or None."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=_QUIETLY, timeout=600)  # noqa: S603  # ours
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if run.returncode == 0 else f"{command[0]}: {(run.stderr or run.stdout).strip().splitlines()[-1:]}"


@contextmanager
def _alone() -> Iterator[None]:
    """Let one worker after the other use apt-get, which does not wait for its own locks."""
    import fcntl  # noqa: PLC0415  # Windows, which has no apt-get either, does not have it

    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    os.environ["ALL_PROGRAMS"] = "1"
    for fetch in (chromium, mosquitto, pgbouncer, prometheus, postgres, rabbitmq, redis):
        fetch()
