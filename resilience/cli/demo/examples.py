"""Finds the examples in a wheel and in a checkout."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import resilience


def folder() -> Path:
    """
    Return the folder of the examples.

    Raises:
        FileNotFoundError: The folder is neither in the package, as in a wheel, nor beside it, as in a checkout.
    """
    package = Path(resilience.__file__).parent
    for place in (package / "examples", package.parent / "examples"):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"no examples in {package} or beside it")


def load(name: str) -> ModuleType:
    """
    Import an example by its name, without running it.

    Raises:
        ImportError: There is no such example, or a package that it imports is missing.
    """
    path = folder() / f"{name}.py"
    spec = spec_from_file_location(f"resilience_examples_{name}", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise ImportError(f"no example {name!r} in {path.parent}", name=name)
    module = module_from_spec(spec)
    # Classes find their module by name, for their annotations.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
