"""
Packages of third parties with a provider: an adapter, a catalogue and policies.

Such a package has an entry point of the group ``resilience.sdks``, which names its adapter (see
:mod:`resilience.clients.sdk`). Two folders stand beside the adapter's module: ``catalog`` with a catalogue for each
provider, and ``policies`` with files for ``builtin:NAME``. Either may be missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

GROUP: Final = "resilience.sdks"

_SECTION: Final = f"[{GROUP}]".encode()


class PluginError(Exception):
    """A package of a third party cannot be used; the message has the package, the reason and the remedy."""


class Plugin(NamedTuple):
    """
    A package with a provider.

    Attributes:
        name: The name in messages: entry point, distribution and version.
        entry_point: The entry point.
        folder: The folder of its module.
    """

    name: str
    entry_point: Any
    folder: Path

    def files(self, kind: str) -> Mapping[str, Path]:
        """Return its TOML files in a folder, by name."""
        return {file.stem: file for file in sorted((self.folder / kind).glob("*.toml"))}

    def load(self) -> Any:
        """
        Import the adapter, and make an instance of a class.

        Raises:
            PluginError: Importing or making it fails.
        """
        try:
            found = self.entry_point.load()
            return found() if isinstance(found, type) else found
        except Exception as error:
            raise self.broken(f"{type(error).__name__}: {error}") from error

    def broken(self, why: str) -> PluginError:
        """Return the error for an unusable package."""
        return _broken(self.name, why)


@cache
def plugins() -> tuple[Plugin, ...]:
    """
    Return the packages with a provider; a process searches for them once.

    Raises:
        PluginError: An entry point names a missing module.
    """
    if not any(map(_has_section, _descriptions())):
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415  # a slow import, which few users need

    return tuple(_plugin(each) for each in sorted(entry_points(group=GROUP), key=lambda each: each.name))


def files(kind: str) -> dict[str, Path]:
    """
    Return the TOML files of all packages in a folder, by name.

    Raises:
        PluginError: Two packages have a file of one name.
    """
    found: dict[str, tuple[str, Path]] = {}
    for plugin in plugins():
        for name, path in plugin.files(kind).items():
            if name in found:
                raise plugin.broken(f"{kind}/{name}.toml is in {found[name][0]} too")
            found[name] = plugin.name, path
    return {name: path for name, (_, path) in found.items()}


def _plugin(entry_point: Any) -> Plugin:
    from importlib.util import find_spec  # noqa: PLC0415  # see plugins

    dist = entry_point.dist
    name = f"{entry_point.name} = {entry_point.value}" + (f" of {dist.name} {dist.version}" if dist else "")
    try:
        spec = find_spec(entry_point.module)
    except Exception as error:
        raise _broken(name, f"{type(error).__name__}: {error}") from error
    if spec is None or spec.origin is None:
        raise _broken(name, f"there is no module {entry_point.module}")
    return Plugin(name, entry_point, Path(spec.origin).parent)


def _broken(name: str, why: str) -> PluginError:
    return PluginError(f"entry point {name} ({GROUP}): {why}; repair or uninstall that package")


def _descriptions() -> Iterator[str]:
    """Yield the metadata folders of distributions on the path."""
    for folder in sys.path:
        try:
            with os.scandir(folder or ".") as entries:
                yield from (entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))
        except OSError:
            continue  # not there, or an archive


def _has_section(folder: str) -> bool:
    try:
        with open(f"{folder}/entry_points.txt", "rb") as file:  # noqa: PTH123  # pathlib takes as long as all the rest
            return _SECTION in file.read()
    except OSError:
        return False
