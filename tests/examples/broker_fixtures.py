"""A mosquitto for the examples: the one that is installed, or Debian's, unpacked for this test run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_PACKAGE = "mosquitto"


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which mosquitto is found; it takes no root to have one."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    if shutil.which("mosquitto", path=path) and shutil.which("mosquitto_passwd", path=path):
        return {"PATH": path}
    folder = tmp_path_factory.mktemp("mosquitto")
    why = _unpacked(folder)
    if why is not None:
        reason = f"there is no mosquitto, and it cannot be fetched: {why}"
        # Somebody's laptop may do without; the machine that decides what is released may not.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    libraries = sorted({str(library.parent) for library in folder.rglob("*.so*")})
    return {
        "PATH": os.pathsep.join([str(folder / "usr" / "sbin"), str(folder / "usr" / "bin"), path]),
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
    }


def _unpacked(folder: Path) -> str | None:
    """Fetch the package and what it needs, and unpack it into a folder; return what went wrong, or None."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "no apt-get and dpkg on this system"
    archives, lists = folder / "archives", folder / "lists"
    (archives / "partial").mkdir(parents=True)
    fetch = [
        *("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "--download-only"),
        *("-o", "Debug::NoLocking=1", "-o", f"Dir::Cache::archives={archives}", _PACKAGE),
    ]
    own_lists = ["-o", "Debug::NoLocking=1", "-o", f"Dir::State::lists={lists}"]
    # Images of systems often come without lists of packages: then into a folder of our own.
    for commands in ([fetch], [["apt-get", "update", *own_lists], [*fetch, *own_lists]]):
        lists.mkdir(exist_ok=True)
        failed = next((said for command in commands if (said := _failed(command)) is not None), None)
        if failed is None:
            break
    else:
        return failed
    return next(
        (said for each in archives.glob("*.deb") if (said := _failed(["dpkg", "-x", str(each), str(folder)]))), None
    )


def _failed(command: list[str]) -> str | None:
    """Run a command; return the last that it said if it failed, or None."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603  # ours
    except subprocess.TimeoutExpired:
        return f"{command[0]} takes too long"
    if run.returncode == 0:
        return None
    return f"{command[0]}: {(run.stderr or run.stdout).strip().splitlines()[-1:]}"
