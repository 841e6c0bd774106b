"""Fixture: a real Prometheus and its promtool, from Debian."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_tools import Tools


@pytest.fixture(scope="session")
def prometheus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Find the programs: installed, or fetched from Debian, once, and unpacked in pytest's cache."""
    installed = [shutil.which(name) for name in ("prometheus", "promtool")]
    if all(installed):
        return Tools(*(Path(str(found)) for found in installed))
    # None under `-p no:cacheprovider`.
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    folder = tmp_path_factory.mktemp("prometheus") if cache is None else Path(cache.mkdir("prometheus"))
    tools = Tools(folder / "usr/bin/prometheus", folder / "usr/bin/promtool")
    if not tools.promtool.exists():
        said = _run("apt-get", "download", "prometheus", folder=folder)
        for archive in folder.glob("prometheus_*.deb"):
            said += _run("dpkg", "-x", archive.name, ".", folder=folder)
            archive.unlink()
        if not tools.promtool.exists():
            said += _run("apt-get", "install", "--yes", "prometheus", folder=folder)
            tools = Tools(Path("/usr/bin/prometheus"), Path("/usr/bin/promtool"))
        hint = "install Debian's package prometheus, or run apt-get update so that it can be fetched"
        assert tools.promtool.exists(), f"no promtool: {hint}\n{said}"
    return tools


def _run(*command: str, folder: Path) -> str:
    """Run one of Debian's programs; return what it says, whatever comes of it."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    return ran.stdout + ran.stderr
