"""Call a function after a module has been imported, without changing the import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

Listener = Callable[[ModuleType], None]

SOCKET: Final = "socket"
"""The module of every connection that Python itself makes."""

SENDERS: Final = frozenset(
    {
        "aiohttp.client_reqrep",
        "http.client",
        "httpcore._async.connection_pool",
        "httpcore._sync.connection_pool",
    }
)
"""The modules that every HTTP request passes (as in requests_sent.py, which imports more; a test compares them)."""


def watch_imports(names: Collection[str], listener: Listener) -> None:
    """
    Call a function with each of these modules after its import, and after each reload.

    For modules that are imported already the function is called at once. An exception of the
    function leaves the ``import`` statement.
    """
    sys.meta_path.insert(0, _Finder(frozenset(names), listener))
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            listener(module)


class _Finder:
    """Finds the same modules as the finders after it, with a loader that calls the listener."""

    def __init__(self, names: frozenset[str], listener: Listener) -> None:
        self._names = names
        self._listener = listener

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a watched module; None for other modules, which the next finders find."""
        if name not in self._names:
            return None
        # Python has asked the finders before this one already.
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._listener)  # type: ignore[assignment]  # it has a loader's methods
                return spec
        return None


class _Loader:
    """
    Stands for a module's loader until the module is executed.

    The module never sees it: its own loader is back in ``__loader__`` before the first line of the module runs.
    """

    def __init__(self, loader: Any, listener: Listener) -> None:
        self._loader = loader
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return the module that the loader makes; None for the default."""
        create = getattr(self._loader, "create_module", None)
        made: ModuleType | None = None if create is None else create(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, and call the listener."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._listener(module)
