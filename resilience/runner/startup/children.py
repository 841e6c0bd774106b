"""
Keep the Pythons that a script starts in the run.

Python imports only the first ``sitecustomize`` on its path. Launchers such as ``opentelemetry-instrument`` and
``ddtrace-run`` put their own folder first, so the Python that they start would not import ours. So this module puts our
folder first again whenever this process starts a program with the run's variables. Our ``sitecustomize`` imports the
next one.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, MutableMapping
from types import ModuleType
from typing import Any, Final

from resilience.runner.run import VARIABLE

_PATH: Final = "PYTHONPATH"
_FOLDER: Final = os.path.join(os.path.dirname(__file__), "sitecustomize")  # noqa: PTH118, PTH120  # pathlib takes longer
_ENV_OF_SPAWN: Final = 2


def with_our_folder(path: str) -> str:
    """Return PYTHONPATH with our folder in front, once."""
    entries = [entry for entry in path.split(os.pathsep) if entry and entry != _FOLDER]
    return os.pathsep.join([_FOLDER, *entries])


def keep_in_front() -> None:
    """Put our folder first in PYTHONPATH for the programs that functions of ``os`` start."""
    for name in ("execv", "execve", "posix_spawn", "posix_spawnp"):
        function = getattr(os, name, None)
        if function is not None:
            setattr(os, name, _with_environment(function))


def keep_in_front_of_popen(subprocess: ModuleType) -> None:
    """Put our folder first in PYTHONPATH for the programs that ``subprocess`` starts."""
    popen = subprocess.Popen
    popen.__init__ = _popen(popen.__init__)


def _with_environment(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > _ENV_OF_SPAWN:
            first, second, env, *rest = args
            return function(first, second, fixed(env), *rest, **kwargs)
        if "env" in kwargs:
            return function(*args, **{**kwargs, "env": fixed(kwargs["env"])})
        # The program gets the environment of this process.
        _fix(os.environ)
        return function(*args, **kwargs)

    return call


def _popen(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        env = kwargs.get("env")
        if len(args) > 1 and env is None:
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError:
                init(self, *args, **kwargs)  # raises TypeError with its own message
                return
            if bound.arguments.get("env") is not None:
                bound.arguments["env"] = fixed(bound.arguments["env"])
                init(*bound.args, **bound.kwargs)
                return
        if env is None:
            _fix(os.environ)
        else:
            kwargs["env"] = fixed(env)
        init(self, *args, **kwargs)

    return start


def fixed(env: Any) -> Any:
    """Return a copy of an environment with our folder first; the same object if it is not of the run."""
    if not isinstance(env, Mapping):
        return env
    if env is os.environ:
        _fix(os.environ)
        return env
    for name, path in ((VARIABLE, _PATH), (VARIABLE.encode(), _PATH.encode())):
        if name in env:
            before = env.get(path, b"" if isinstance(path, bytes) else "")
            text = os.fsdecode(before) if isinstance(before, bytes | str | os.PathLike) else None
            if text is None:
                return env
            after = with_our_folder(text)
            return env if after == text else {**env, path: os.fsencode(after) if isinstance(path, bytes) else after}
    return env


def _fix(environ: MutableMapping[str, str]) -> None:
    if VARIABLE in environ:
        before = environ.get(_PATH, "")
        after = with_our_folder(before)
        if after != before:
            environ[_PATH] = after
