"""What is built holds what it must, and works where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
DATA = (
    *(f"policies/{path.name}" for path in (ROOT / "policies").glob("*.*")),
    *(f"examples/{path.name}" for path in (ROOT / "examples").glob("*.*")),
)
CATALOGUE = ("catalog/alibaba.toml", "catalog/tencent.toml", "py.typed")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(  # noqa: S603  # our own build
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist, without the network."""
    target = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", target, cwd=ROOT)
    return target


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel where our dependencies are seen, but not our checkout; return the folder around it."""
    place = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    (wheel,) = built.glob("*.whl")
    python = place / "venv/bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=place)
    (site,) = (place / "venv").glob("lib/python*/site-packages")
    # A path in a .pth file is only a path: the editable install's own .pth files over there are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return place


@pytest.mark.parametrize("name", [*DATA, *CATALOGUE])
def test_the_wheel_has_all_data(built: Path, name: str) -> None:
    """Policies, examples, catalogue and the typing marker are inside the package."""
    (wheel,) = built.glob("*.whl")
    assert f"resilience/{name}" in ZipFile(wheel).namelist()


def test_the_wheel_has_nothing_else_at_its_top(built: Path) -> None:
    """Nothing but the package gets into a user's site-packages."""
    (wheel,) = built.glob("*.whl")
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"resilience"}


def test_the_sdist_can_be_tested(built: Path) -> None:
    """The source distribution has what the tests and a build need, and no caches."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".ci/run", "tests/test_packaging.py", *DATA}
    assert wanted <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".git/", ".venv"))]


def test_an_installed_wheel_finds_its_data(installed: Path) -> None:
    """From a wheel, the ready-made policies load and the examples are found, far from any checkout."""
    code = (
        "import json, resilience\n"
        "from resilience.cli.demo.examples import folder, load\n"
        "from resilience.catalog import providers\n"
        'policy = resilience.Policy.load("builtin:provisioning", env="dev")\n'
        'load("plain_coroutines")\n'
        "print(json.dumps([resilience.__file__, policy.env, str(folder()), list(providers())]))"
    )
    where, env, examples, providers = json.loads(run(installed / "venv/bin/python", "-c", code, cwd=installed))
    assert Path(where).is_relative_to(installed)
    assert Path(examples).is_relative_to(installed)
    assert (env, providers) == ("dev", [path.stem for path in sorted((ROOT / "resilience/catalog").glob("*.toml"))])


def test_the_command_is_installed(installed: Path) -> None:
    """The wheel brings the command."""
    assert run(installed / "venv/bin/resilience", "--version", cwd=installed).startswith("resilience ")
