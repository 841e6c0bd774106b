"""Copy wrapped clients within a process, and refuse to pickle them."""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from typing import Any, NoReturn, Self

from attrs import frozen


def reducer(cls: Any) -> Callable[[Any, Any], Any]:
    """
    Return the ``__reduce_ex__`` of a class that was derived from ``cls`` at run time.

    Another process could not find such a class by its name. A copy in this process does not need the name.
    """

    def reduce(client: Any, protocol: Any) -> Any:
        reduced = cls.__reduce_ex__(client, protocol)
        if reduced[0] is not copyreg.__newobj__:  # type: ignore[attr-defined]  # the standard library returns it
            return reduced
        _, (derived, *args), *rest = reduced
        return _new, (_OnlyHere(derived), *args), *rest

    return reduce


@frozen
class _OnlyHere:
    """A class that exists in this process alone."""

    cls: Any

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a wrapped {self.cls.__qualname__} cannot be pickled, because its executor stays in this process: "
            "make a client in each process, and wrap it there"
        )


def _new(only_here: _OnlyHere, *args: Any) -> Any:
    return only_here.cls.__new__(only_here.cls, *args)
