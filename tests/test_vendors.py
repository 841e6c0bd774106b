"""What is known of a vendor or of an SDK stands in its room: no other module names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from resilience.catalog import catalogue, providers
from resilience.clients import registry

PACKAGE: Final = Path(__file__).parents[1] / "resilience"

# A folder with a ``room.py`` or a ``service.py`` is a vendor's, or that of HTTP libraries.
ROOMS: Final = tuple(
    f"{file.parent.relative_to(PACKAGE).as_posix()}/"
    for pattern in ("clients/*/room.py", "sandbox/*/service.py")
    for file in sorted(PACKAGE.glob(pattern))
    if file.parent.name != "common"
)

# Packages whose names are words of English, too.
ENGLISH: Final = frozenset({"requests", "tea"})

# Where else vendors, or HTTP libraries, are named, and why.
EXCEPTIONS: Final[Mapping[str, str]] = {
    "clients/outline.py": "the list of rooms",
    "clients/__init__.py": "the public names, and where each lives",
    "clients/sts.py": "public names: one refresher for each vendor",
    "sandbox/services.py": "the list of services",
    "cli/demo/command.py": "it plays two scripts of examples/, which are for these SDKs",
    "cli/demo/rehearsal.py": "likewise",
    "clients/common/raised/plain.py": "what HTTP libraries raise, whichever SDK is built on them",
    "clients/common/raised/wire.py": "likewise",
}


@cache
def words() -> frozenset[str]:
    """Return the words that stand for vendors and SDKs, in small letters."""
    packages = {name.strip("._") for sdk in registry.sdks() for name in sdk.packages}
    modules = {module.partition(".")[0] for sdk in registry.sdks() for module in sdk.hooks}
    clouds = {catalogue(provider).cloud for provider in providers()}
    # A service that is nobody's cloud has no name of one.
    return frozenset(word.lower() for word in {*providers(), *packages, *modules, *clouds, "aliyun"} - {""})


@cache
def classes() -> frozenset[str]:
    """Return the names of client classes that are no words of everybody."""
    found = {name for sdk in registry.sdks() for each in sdk.hooks.values() for name in each}
    return frozenset(found - {"Client", "Session", "AsyncClient"})


def said(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every name and string of a module, but for its docstrings."""
    tree = ast.parse(source)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if id(node) not in prose:
                yield node.lineno, text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str() as text):
                yield node.lineno, text
            case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text):
                yield node.lineno, text
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                # As it could be written with dots: what is imported begins with its package.
                module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                yield from ((node.lineno, f"{module}{each.name}.") for each in imported)


def named(source: str) -> list[tuple[int, str]]:
    """Return where a module names a vendor or an SDK."""
    found = []
    for line, text in said(source):
        parts = set(re.split(r"[^a-z0-9]+", text.lower()))
        begins = {word for word in words() - ENGLISH if any(part.startswith(word) for part in parts)}
        # As a module, and not as the word that it is as well: `requests.adapters` and no key of that name.
        dotted = {word for word in ENGLISH if re.match(rf"{word}\.(\w|$)", text.lower())}
        found += [(line, word) for word in sorted(begins | dotted | ({text} & classes()))]
    return found


def modules() -> list[str]:
    files = (file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
    return sorted(file for file in files if not file.startswith(ROOMS))


@pytest.mark.parametrize("file", modules())
def test_no_module_outside_the_rooms_names_a_vendor_or_an_sdk(file: str) -> None:
    """What differs between SDKs is asked of an adapter, so that a new one needs no edit elsewhere."""
    source = (PACKAGE / file).read_text(encoding="utf-8")
    found = named(source)
    if file in EXCEPTIONS:
        assert found, f"{file} names none any more: take it from the list"
    else:
        assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'if provider == "alibaba": ...',
        "from resilience.clients.tencent.sdk import TencentSdk",
        "import httpx",
        "import requests",
        "from requests import Session",
        'LOGGER = "requests.sessions"',
        "def of_tencent(): ...",
        "client.alibaba",
        'sys.modules["alibabacloud_tea_openapi.exceptions"]',
        'HOST = "mqtt.tencentcloudapi.com"',
        "isinstance(client, AcsClient)",
        'f"{name} of aliyun"',
    ],
)
def test_a_vendor_is_seen_wherever_it_is_named(source: str) -> None:
    """The rule above would hold of any code otherwise."""
    assert named(source)


@pytest.mark.parametrize(
    "source", ['"""As Alibaba does."""', "# Tencent's own\nx = 1", "requests = 3", "{'requests': tea_time}"]
)
def test_prose_and_words_of_everybody_are_none(source: str) -> None:
    """Docstrings and comments may give examples; many a word is not only a vendor's."""
    assert named(source) == []
