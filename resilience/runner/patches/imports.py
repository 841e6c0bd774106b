"""Tells when a module has been imported, and leaves importing as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

Listener = Callable[[ModuleType], None]

SOCKET: Final = "socket"
"""The module that every connection passes which Python makes itself."""

SENDERS: Final = frozenset(
    {
        "aiohttp.client_reqrep",
        "http.client",
        "httpcore._async.connection_pool",
        "httpcore._sync.connection_pool",
    }
)
"""Modules that every HTTP request passes on its way out (see sent.py, which brings in more; a test compares them)."""


def watch_imports(names: Collection[str], listener: Listener) -> None:
    """
    Call a function with each of these modules when it has been imported, and each time it is reloaded.

    Those that are there already are told at once. What the function raises leaves the
    ``import`` statement.
    """
    sys.meta_path.insert(0, _Finder(frozenset(names), listener))
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            listener(module)


class _Finder:
    """Finds what the finders after it find, with a loader that tells."""

    def __init__(self, names: frozenset[str], listener: Listener) -> None:
        self._names = names
        self._listener = listener

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that is watched; None for every other, which is left to the others."""
        if name not in self._names:
            return None
        # Those before us have had their turn.
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._listener)  # type: ignore[assignment]  # passes for one
                return spec
        return None


class _Loader:
    """
    Stands for a module's loader until the module is run.

    The module itself never sees it: before its first line runs, its loader is in its place again.
    """

    def __init__(self, loader: Any, listener: Listener) -> None:
        self._loader = loader
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the loader make the module, or have it made."""
        create = getattr(self._loader, "create_module", None)
        made: ModuleType | None = None if create is None else create(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, and tell that it is there."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._listener(module)
