"""Mappings inside of frozen values: they cannot be changed, and the value can still be copied and pickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import AttrsInstance, fields


def fixed(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a copy that cannot be changed."""
    return MappingProxyType(dict(table))


def reduced(value: AttrsInstance) -> tuple[Callable[..., Any], tuple[type[Any], dict[str, Any]]]:
    """Return for ``__reduce__`` how a value is built again; a read-only mapping cannot be pickled itself."""
    values = {each.alias: getattr(value, each.name) for each in fields(type(value))}
    return _built, (
        type(value),
        {name: dict(each) if isinstance(each, MappingProxyType) else each for name, each in values.items()},
    )


def _built(cls: type[Any], values: Mapping[str, Any]) -> Any:
    return cls(**values)
