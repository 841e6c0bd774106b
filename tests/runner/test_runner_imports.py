"""The import hook tells when a module is there, and nobody who imports it can tell."""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
import inspect
import sys
import zipfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from resilience.clients import registry
from resilience.clients.outline import HTTP_HOOKS, SDK_HOOKS
from resilience.runner.patches import requests_sent
from resilience.runner.patches.imports import SENDERS, watch_imports

NAME = "watched_package.inner"


@pytest.fixture
def told() -> list[ModuleType]:
    return []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder on the path with a package; finders and modules are afterwards what they were."""
    package = tmp_path / "watched_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("seen = type(__spec__.loader).__name__, type(__loader__).__name__\nvalue = 1\n")
    (package / "data.txt").write_text("data")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield tmp_path
    for name in [each for each in sys.modules if each.startswith("watched_package")]:
        del sys.modules[name]


@pytest.mark.usefixtures("folder")
def test_a_module_is_told_when_it_has_run(told: list[ModuleType]) -> None:
    """The listener gets the module with everything in it, once, and no other module."""

    def change(module: ModuleType) -> None:
        told.append(module)
        module.value += 1  # type: ignore[attr-defined]  # it has one

    watch_imports({NAME}, change)
    inner = importlib.import_module(NAME)
    importlib.import_module(NAME)
    assert told == [inner]
    assert inner.value == 2


@pytest.mark.usefixtures("folder")
def test_a_module_sees_its_own_loader(told: list[ModuleType]) -> None:
    """While it runs and afterwards, a module's spec and loader are those that it would have without us."""
    watch_imports({NAME}, told.append)
    inner = importlib.import_module(NAME)
    assert inner.seen == ("SourceFileLoader", "SourceFileLoader")
    assert type(inner.__loader__) is SourceFileLoader
    assert inner.__spec__ is not None
    assert inner.__spec__.loader is inner.__loader__
    assert inspect.getsource(inner).endswith("value = 1\n")
    assert importlib.resources.files("watched_package").joinpath("data.txt").read_text() == "data"


@pytest.mark.usefixtures("folder")
def test_a_spec_that_is_only_looked_at_works_like_any(told: list[ModuleType]) -> None:
    """To look for a module tells nobody, and its loader answers what loaders are asked."""
    watch_imports({NAME}, told.append)
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    assert spec.origin is not None
    assert spec.loader.get_code(NAME).co_filename == spec.origin  # type: ignore[attr-defined]  # source loaders have it
    assert spec.loader.is_package(NAME) is False  # type: ignore[attr-defined]  # likewise
    assert told == []


@pytest.mark.usefixtures("folder")
def test_a_reload_is_told_again(told: list[ModuleType]) -> None:
    """New classes come with a reload, and they have to be known as well."""
    watch_imports({NAME}, told.append)
    inner = importlib.import_module(NAME)
    importlib.reload(inner)
    assert told == [inner, inner]
    assert type(inner.__loader__) is SourceFileLoader


@pytest.mark.usefixtures("folder")
def test_a_lazy_loader_tells_when_it_loads(told: list[ModuleType]) -> None:
    """A module that is made to load at its first use is told then, and not before."""
    watch_imports({NAME}, told.append)
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert told == []
    assert module.value == 1
    assert told == [module]


def test_a_module_in_an_archive_is_told(folder: Path, told: list[ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """One loader serves all modules of an archive; only the one that is watched is told."""
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("watched_zipped.py", "")
        archive.writestr("watched_package_other.py", "")
    monkeypatch.syspath_prepend(folder / "archive.zip")
    watch_imports({"watched_zipped"}, told.append)
    importlib.import_module("watched_package_other")
    zipped = importlib.import_module("watched_zipped")
    del sys.modules["watched_zipped"]
    assert told == [zipped]
    assert type(zipped.__loader__).__name__ == "zipimporter"


@pytest.mark.usefixtures("folder")
def test_a_module_that_is_there_already_is_told_at_once(told: list[ModuleType]) -> None:
    """Somebody may have imported an SDK before us."""
    inner = importlib.import_module(NAME)
    watch_imports({NAME}, told.append)
    assert told == [inner]


@pytest.mark.usefixtures("folder")
def test_what_the_listener_raises_leaves_the_import(told: list[ModuleType]) -> None:
    """A module that could not be covered is not there: an import that seems to work would go uncovered."""

    def refuse(_: ModuleType) -> None:
        raise RuntimeError("no")

    watch_imports({NAME}, refuse)
    with pytest.raises(RuntimeError, match="no"):
        importlib.import_module(NAME)
    assert NAME not in sys.modules
    assert told == []


@pytest.mark.usefixtures("folder")
def test_a_module_that_is_missing_or_broken_fails_as_ever(folder: Path, told: list[ModuleType]) -> None:
    """No loader is made up where there is nothing to load, and a module's own error is its own."""
    watch_imports({NAME, "watched_package.nothing"}, told.append)
    with pytest.raises(ModuleNotFoundError, match=r"watched_package[.]nothing"):
        importlib.import_module("watched_package.nothing")
    (folder / "watched_package" / "inner.py").write_text("1 / 0\n")
    importlib.invalidate_caches()
    with pytest.raises(ZeroDivisionError):
        importlib.import_module(NAME)
    assert told == []


def test_the_modules_of_all_sdks_are_watched() -> None:
    """The list that starts quickly and the list that knows the classes name the same modules."""
    assert registry.hooks().keys() == SDK_HOOKS | HTTP_HOOKS
    assert requests_sent.MODULES.keys() == SENDERS
