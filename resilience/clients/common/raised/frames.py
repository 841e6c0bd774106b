"""
Read the frames of an exception's traceback, without changing them.

The SDKs drop important facts (was the request sent? which HTTP status came back?), but the
frames of the traceback still have them in local variables. A traceback can be missing, for
instance after pickling, so every caller works without the result as well.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from traceback import walk_tb
from types import FrameType
from typing import Final

_SENDING: Final = frozenset({"_request", "_send_handling_redirects"})


def frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames that an exception passed through, from where it was caught to where it was raised."""
    for frame, _ in walk_tb(error.__traceback__):
        yield frame


def module_of(frame: FrameType) -> str:
    """Return the name of the module whose code a frame runs."""
    name = frame.f_globals.get("__name__", "")
    return name if isinstance(name, str) else ""


def passes_module(error: BaseException, module: str) -> bool:
    """Tell whether an exception was raised in a module or below a call from it."""
    return any(module_of(frame) == module for frame in frames(error))


def passes_function(error: BaseException, names: Container[str]) -> bool:
    """Tell whether an exception was raised in a function of one of these names, or below a call from it."""
    return any(frame.f_code.co_name in names for frame in frames(error))


def innermost(error: BaseException, package: tuple[str, ...]) -> FrameType | None:
    """
    Return the frame of these packages that is nearest to where an exception was raised.

    Args:
        error: The exception.
        package: Beginnings of top-level package names, with a dot for a whole one: ``("acme.", "acme_")``.
    """
    found = None
    for frame in frames(error):
        if f"{module_of(frame)}.".startswith(package):
            found = frame
    return found


def local(error: BaseException, package: tuple[str, ...], name: str) -> object:
    """Return a local variable of the innermost frame of these packages that has it; None if none does."""
    found: object = None
    for frame in frames(error):
        if f"{module_of(frame)}.".startswith(package):
            value = frame.f_locals.get(name)
            found = found if value is None else value
    return found


def followed_redirect(error: BaseException) -> bool:
    """
    Tell whether the service had answered with a redirect before the failed request.

    requests (2.34) follows redirects in ``resolve_redirects``; aiohttp (3.14) and httpx (0.28)
    keep the answers so far in a local ``history`` of the function that sends.
    """
    return any(
        frame.f_code.co_name == "resolve_redirects"
        or (frame.f_code.co_name in _SENDING and bool(frame.f_locals.get("history")))
        for each in _chain(error)
        for frame in frames(each)
    )


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception with all its causes and contexts, and those that an SDK has in ``inner_exception``."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and not any(each is known for known in found):
            found.append(each)
            waiting += [each.__cause__, each.__context__, getattr(each, "inner_exception", None)]
    return found
