"""The house can be taken in: rooms of a dozen modules, no circle among modules, and one thing for each class name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final, get_args

from resilience.cli.report.labels import DECISIONS
from resilience.cli.report.limits.phrases import GATES
from resilience.core.backoff import Backoff
from resilience.core.decision import Decision
from resilience.core.events import GateName
from resilience.core.machine import FINALITY
from resilience.core.policy import Verb, ready_made

PACKAGE: Final = Path(__file__).parents[1] / "resilience"

MOST_MODULES: Final = 14


def modules() -> dict[str, Path]:
    """Return the file of every module, by the module's full name."""
    return {
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for file in PACKAGE.rglob("*.py")
    }


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield our modules that a file imports, wherever in it, also for its types alone."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: imports are absolute"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in known else str(node.module)


def test_no_folder_holds_more_modules_than_can_be_taken_in() -> None:
    """A folder of more than a dozen modules has rooms."""
    count: defaultdict[str, int] = defaultdict(int)
    for file in modules().values():
        count[file.parent.relative_to(PACKAGE).as_posix()] += file.name != "__init__.py"
    assert {name: number for name, number in count.items() if number > MOST_MODULES} == {}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Modules have an order, also inside of a part, and also for their types: each can be read after what it needs."""
    known = modules()
    graph = {name: {other for other in imported(file, known) if other in known} for name, file in known.items()}
    circle = None
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle is None


def type_names(file: Path) -> Iterator[str]:
    """Yield the public classes of a file, and its names for types: those in capitals and small letters."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
    for statement in tree(file).body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                is_variable = isinstance(value, ast.Call) and ast.unparse(value.func) in {"TypeVar", "ParamSpec"}
                if name[0].isupper() and not name.isupper() and not is_variable:
                    yield name


def test_a_type_name_stands_for_one_thing() -> None:
    """No two public classes or types have one name, so that a reader who searches for it finds what is meant."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module, file in modules().items():
        for name in type_names(file):
            found[name].append(module)
    assert {name: sorted(places) for name, places in found.items() if len(places) > 1} == {}


def test_every_file_that_contributors_are_sent_to_exists() -> None:
    """CONTRIBUTING.md names files by their place in the repository or in the package, and each is there."""
    root = PACKAGE.parent
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    # "acme" is the provider that the page makes up.
    named = {name for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text) if "acme" not in name}
    assert len(named) > 20
    assert [name for name in sorted(named) if not ((root / name).exists() or (PACKAGE / name).exists())] == []


def test_every_verb_is_in_the_tables_of_verbs() -> None:
    """Mypy finds a match that lacks a new action, and no table that does."""
    verbs = set(get_args(Verb))
    assert set(FINALITY) == verbs
    assert set(DECISIONS) == verbs - {"fail"}
    assert set(ready_made(Backoff())) == verbs
    assert {each.verb for each in get_args(Decision)} == verbs


def test_every_gate_has_words() -> None:
    """Reports have words for whatever a call can wait for, and telemetry's contract has a value."""
    assert set(GATES) == set(get_args(GateName))
    contract = (PACKAGE / "telemetry" / "contract.toml").read_text(encoding="utf-8")
    assert [each for each in GATES if f"`{each}`" not in contract] == []
