"""Tell a mistake in the program from a fault of the service."""

from __future__ import annotations

from typing import Final

from resilience.clients.common.fields import kinds

_MISTAKES: Final = (
    TypeError,
    AttributeError,
    NameError,
    AssertionError,
    NotImplementedError,
    ImportError,
    SyntaxError,
    RecursionError,
)

# The classes of anyio, sniffio and trio for such errors; by name, so that this module imports none of them.
_MISTAKE_NAMES: Final = (
    "NoEventLoopError",
    "AsyncLibraryNotFoundError",
    "RunFinishedError",
    "BusyResourceError",
    "TrioInternalError",
)
_ASYNC_PACKAGES: Final = ("anyio", "sniffio", "trio")

_NO_LOOP: Final = "no running event loop"

# asyncio, aiohttp, httpx and trio have no classes for these, only texts.
_MISTAKE_TEXTS: Final = (
    _NO_LOOP,
    "no current event loop",
    "attached to a different loop",
    "bound to a different event loop",
    "event loop is closed",
    "event loop is already running",
    "another loop is running",
    "cannot be called from a running event loop",
    "must be called from async context",
    "cannot reuse already awaited coroutine",
    "timeout context manager should be used inside a task",
    "cancel scope",
    "session is closed",
    "client has been closed",
    "can't be used in 'await' expression",
)


def is_misuse(error: BaseException) -> bool:
    """
    Tell whether an exception reports a programming error, which no rule matches.

    Programming errors are wrong types and names, unfinished code, failed imports, and the
    use of an event loop from the wrong place. ``ValueError`` and ``LookupError`` are not
    among them: users raise them for wrong data.
    """
    if isinstance(error, _MISTAKES):
        return True
    if any(package in _ASYNC_PACKAGES and name in _MISTAKE_NAMES for package, name in kinds(type(error))):
        return True
    if type(error) is not RuntimeError:
        return False
    text = _text(error).lower()
    return any(part in text for part in _MISTAKE_TEXTS)


def needs_running_loop(error: BaseException) -> bool:
    """Tell whether an exception says that no event loop of asyncio runs."""
    return type(error) is RuntimeError and _text(error).lower().startswith(_NO_LOOP)


def _text(error: BaseException) -> str:
    """Return an exception's first argument if it is text; ``str(error)`` might run foreign code."""
    return error.args[0] if error.args and isinstance(error.args[0], str) else ""
