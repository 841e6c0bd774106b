"""The house: imports run one way, and each outside library has its one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[1] / "resilience"
NAME: Final = PACKAGE.name

# What each part may import of the others.
MAY_IMPORT: Final[Mapping[str, frozenset[str]]] = {
    "core": frozenset(),
    "catalog": frozenset({"core"}),
    "policyfile": frozenset({"core", "catalog"}),
    "clients": frozenset({"core", "catalog"}),
    "state": frozenset({"core"}),
    "engine": frozenset({"core", "catalog", "clients", "state"}),
    # Its executors are the public ones, whose `map` it makes; a fleet from a file reads its policy too, and the words
    # of its problems are those of policy files. A forecast makes the calls of a fleet on a virtual clock, and the
    # catalogue knows what a service refuses too many of them with, and a fault script what else it answers. The ledger
    # knows which rows an earlier run has done. Its calls are one trace, also on other machines.
    "fleet": frozenset(
        {"core", "catalog", "state", "engine", "policyfile", "executors", "simulation", "testing", "telemetry"}
    ),
    "telemetry": frozenset({"core", "catalog"}),
    # It plays the services, so it knows what the catalogue knows, and nothing of policies or calls.
    "sandbox": frozenset({"core", "catalog"}),
    # What calls did, written and read back: events and faults, and what the catalogue knows of codes.
    "journal": frozenset({"core", "catalog"}),
    # It rehearses decisions without a network: the decisions, what the catalogue knows of codes, and recorded faults.
    "simulation": frozenset({"core", "catalog", "journal"}),
    # Stories of calls under a policy: it reads policies, and finds operations as an executor does.
    "scenarios": frozenset({"core", "catalog", "policyfile", "engine", "simulation"}),
    # It puts an unmodified script under a policy: everything that a script could use itself.
    "runner": frozenset(
        {"core", "catalog", "policyfile", "clients", "state", "engine", "telemetry", "journal", "observers"}
    ),
    "testing": frozenset({"core", "catalog", "policyfile", "clients", "state", "engine"}),
    "cli": frozenset(
        {
            "core",
            "catalog",
            "policyfile",
            "clients",
            "state",
            "engine",
            "fleet",
            "telemetry",
            "sandbox",
            "simulation",
            "scenarios",
            "journal",
            "runner",
            "testing",
            "__init__",
        }
    ),
    "__main__": frozenset({"cli"}),
    # The public names: everything but the commands and the sandbox, which nobody should pay for who does not use them.
    "__init__": frozenset(
        {
            "core",
            "catalog",
            "policyfile",
            "clients",
            "state",
            "engine",
            "fleet",
            "telemetry",
            "journal",
            "executors",
            "observers",
        }
    ),
    # Where the engine meets the observers that watch it by default.
    "executors": frozenset({"core", "engine", "fleet", "telemetry", "observers"}),
    # Where the journal meets the telemetry whose spans it tells.
    "observers": frozenset({"telemetry", "journal"}),
}

HOMES: Final[Mapping[str, frozenset[str]]] = {
    "attrs": frozenset(MAY_IMPORT),
    "tomli": frozenset({"policyfile", "catalog"}),
    "opentelemetry": frozenset({"telemetry"}),
    "anyio": frozenset({"engine", "fleet", "state", "sandbox", "testing"}),
    "coredis": frozenset({"state"}),
    "distributed": frozenset({"fleet"}),
    "psycopg": frozenset({"state"}),
    "click": frozenset({"cli"}),
    "rich": frozenset({"cli"}),
    "jinja2": frozenset({"cli"}),
    "markupsafe": frozenset({"cli"}),
    "pygls": frozenset({"cli"}),
    # What the sandbox plays AWS with.
    "moto": frozenset({"sandbox"}),
    "werkzeug": frozenset({"sandbox"}),
    "botocore": frozenset({"sandbox"}),
    "lsprotocol": frozenset({"cli"}),
    # An SDK's own classes are made where its errors are read, and only when somebody asks for one.
    "alibabacloud_credentials": frozenset({"clients"}),
    "tencentcloud": frozenset({"clients"}),
    # The virtual clock of users' tests that run on trio.
    "trio": frozenset({"testing"}),
}

# What the decisions are made of: nothing here reads a clock, draws a number, opens a file or waits.
PURE: Final = frozenset(
    {
        "__future__",
        "collections",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "types",
        "typing",
    }
)

MODULES: Final = sorted(PACKAGE.rglob("*.py"))


def part_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imported(file: Path) -> tuple[tuple[int, str], ...]:
    """Return line and full name of every import of a file, wherever in it; ``from a import b`` is ``a.b``."""
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    home = (NAME, *file.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = home[: len(home) - node.level + 1] if node.level else ()
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{name.name}") for name in node.names)


def wrong_imports(part: str) -> list[str]:
    """Return the imports of other parts that a part may not have, as ``file:line: name``."""
    wrong = []
    for file in MODULES:
        if part_of(file) != part:
            continue
        for line, name in imported(file):
            top, *inner = name.split(".")
            if top != NAME:
                continue
            # What is no part is a name of the front door: ``from resilience import Policy``.
            other = inner[0] if inner and inner[0] in parts() else "__init__"
            if other != part and other not in MAY_IMPORT[part]:
                wrong.append(f"{file.relative_to(PACKAGE)}:{line}: {name}")
    return wrong


@cache
def parts() -> frozenset[str]:
    return frozenset(part_of(file) for file in MODULES)


def test_every_part_of_the_package_has_its_place() -> None:
    """A part that the plan does not name would be held to nothing."""
    assert parts() <= MAY_IMPORT.keys()


@pytest.mark.parametrize("part", sorted(MAY_IMPORT.keys() & parts()))
def test_imports_run_one_way(part: str) -> None:
    """A part imports what is below it, also inside of functions, and never a neighbour or what is above."""
    assert wrong_imports(part) == []


@pytest.mark.parametrize("part", sorted(parts()))
def test_an_outside_library_has_its_one_home(part: str) -> None:
    """Everything from outside the standard library is imported where it lives, and nowhere else."""
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line}: {name}"
        for file in MODULES
        if part_of(file) == part
        for line, name in imported(file)
        if (top := name.split(".")[0]) != NAME
        and top not in sys.stdlib_module_names
        and part not in HOMES.get(top, frozenset())
    ]
    assert wrong == []


def test_decisions_are_made_of_plain_values() -> None:
    """The core imports attrs and what is pure of the standard library: no clock, no chance, no file, no event loop."""
    foreign = {
        name
        for file in MODULES
        if part_of(file) == "core"
        for _, name in imported(file)
        if name.split(".")[0] not in PURE | {NAME, "attrs"}
    }
    assert foreign == set()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a.b, c", ["a.b", "c"]),
        ("from a.b import c, d", ["a.b.c", "a.b.d"]),
        ("from . import x", ["resilience.engine.x"]),
        ("from ..core import x", ["resilience.core.x"]),
        ("def f():\n    import a", ["a"]),
        ("if TYPE_CHECKING:\n    from a import b", ["a.b"]),
    ],
)
def test_every_form_of_import_is_seen(
    source: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import is seen in every form and place, so that none slips past the rules above."""
    (tmp_path / NAME / "engine").mkdir(parents=True)
    file = tmp_path / NAME / "engine" / "module.py"
    file.write_text(source, encoding="utf-8")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / NAME)
    assert [name for _, name in imported(file)] == names


# A process of its own: this one has imported half of the world.
_NEWCOMERS = f"import sys; before = set(sys.modules); import {NAME}; print(*sorted(set(sys.modules) - before))"


@pytest.fixture(scope="module")
def newcomers() -> frozenset[str]:
    """Return the modules that ``import resilience`` brings."""
    run = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-W", "error", "-c", _NEWCOMERS],
        check=True,
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        timeout=60,
    )
    return frozenset(run.stdout.split())


def test_importing_the_package_brings_only_its_dependencies(newcomers: frozenset[str]) -> None:
    """What is not of the standard library is one of the four dependencies, or one that these themselves need."""
    ours = {"anyio", "attr", "attrs", "tomli", "opentelemetry"}
    theirs = {"exceptiongroup", "idna", "importlib_metadata", "sniffio", "typing_extensions", "zipp"}
    tops = {name.split(".")[0] for name in newcomers} - sys.stdlib_module_names - {NAME}
    # An editable install and compiled wheels add helper modules of their own.
    assert {name for name in tops if not (name.startswith("_") or name.endswith("__mypyc"))} <= ours | theirs


@pytest.mark.parametrize(
    "name",
    [
        "opentelemetry.sdk",
        "opentelemetry.exporter",
        "click",
        "rich",
        "jinja2",
        "coredis",
        "distributed",
        "trio",
        "uvloop",
        "requests",
        "aiohttp",
        "httpx",
        "tencentcloud",
        "alibabacloud_onsmqtt20200420",
        "aliyunsdkcore",
        "darabonba",
        "Tea",
        "sqlite3",
        "asyncio.base_events",
        "resilience.cli",
        "resilience.sandbox",
        "resilience.testing",
    ],
)
def test_importing_the_package_leaves_out(name: str, newcomers: frozenset[str]) -> None:
    """No SDK, no command line, no event loop, no database and no sandbox is paid for by who does not use it."""
    assert name not in newcomers
    assert not any(module.startswith(f"{name}.") for module in newcomers)


def test_an_executor_brings_no_journal() -> None:
    """Most policies ask for none."""
    command = "import sys; from resilience import Executor; print(*sys.modules)"
    run = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-W", "error", "-c", command], check=True, capture_output=True, text=True, timeout=60
    )
    assert [name for name in run.stdout.split() if name.startswith("resilience.journal")] == []


@pytest.mark.parametrize("part", sorted(parts() - {"__main__", "__init__"}))
def test_every_part_can_be_imported_by_itself(part: str) -> None:
    """No part relies on another one having been imported first."""
    command = f"import importlib, pkgutil; m = importlib.import_module('{NAME}.{part}'); print(m.__name__)"
    run = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-W", "error", "-c", command], check=False, capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stdout.strip()) == (0, f"{NAME}.{part}"), run.stderr
