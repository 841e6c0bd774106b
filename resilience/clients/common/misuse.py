"""Tell a mistake in the program from a fault of the service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final

from resilience.clients.common.fields import attribute, kinds, packages
from resilience.clients.common.frames import frames, module_of

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

# Errors that anyio, sniffio and trio have a class for; by name, so that none is imported here.
_MISTAKE_NAMES: Final = (
    "NoEventLoopError",
    "AsyncLibraryNotFoundError",
    "RunFinishedError",
    "BusyResourceError",
    "TrioInternalError",
)
_ASYNC_PACKAGES: Final = ("anyio", "sniffio", "trio")

_NO_LOOP: Final = "no running event loop"

# asyncio, aiohttp, httpx and trio only say it in words.
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

_ALIBABA: Final = ("alibabacloud_", "darabonba", "Tea")
_ASYNC_SUFFIX: Final = "_async"


def is_misuse(error: BaseException) -> bool:
    """
    Tell whether an exception reports a programming error, which no policy may answer.

    These are wrong types and names, unfinished code and failed imports, and any
    use of an event loop from the wrong place. ``ValueError`` and ``LookupError``
    are none: users' code says with them that the world is not as it should be.
    """
    if isinstance(error, _MISTAKES):
        return True
    if any(package in _ASYNC_PACKAGES and name in _MISTAKE_NAMES for package, name in kinds(type(error))):
        return True
    if type(error) is not RuntimeError:
        return False
    text = _text(error).lower()
    return any(part in text for part in _MISTAKE_TEXTS)


def needs_asyncio(function: Callable[..., Any]) -> bool:
    """
    Tell whether a function works under asyncio only: an asynchronous method of Alibaba's clients, bound or not.

    They talk through aiohttp. Tencent's asynchronous client talks through httpx, and works under trio.
    """
    while isinstance(function, partial):
        function = function.func
    plain = getattr(function, "__func__", function)
    # A method that users add to a class of theirs is their own affair.
    return iscoroutinefunction(plain) and plain.__module__.startswith(_ALIBABA)


def wrong_loop(error: BaseException) -> str | None:
    """
    Say in one sentence which client does not work under this event loop, and what does; None for any other exception.

    Args:
        error: What an attempt raised; best with its traceback, which names the method.
    """
    inner = error if type(error) is RuntimeError else attribute(error, "inner_exception")
    if type(inner) is not RuntimeError or not _text(inner).lower().startswith(_NO_LOOP):
        return None
    passed = [frame for each in (error, inner) for frame in frames(each)]
    if any(module_of(frame).partition(".")[0] == "tencentcloud" for frame in passed):
        return (
            "the retryer of Tencent's asynchronous client sleeps with asyncio, which is not running: "
            "set ClientProfile.retryer to None, or call the synchronous client in a plain function, "
            "which runs in a worker thread"
        )
    called = [frame.f_code.co_name for frame in passed if module_of(frame).startswith(_ALIBABA)]
    if not called and not any(package.startswith(_ALIBABA) for package in packages(type(error))):
        return None
    # The outermost of them is what the user called.
    name = next((name for name in called if name.endswith(_ASYNC_SUFFIX)), None)
    method, instead = (
        ("the *_async methods", "the synchronous method")
        if name is None
        else (f"{name}()", f"{name.removesuffix(_ASYNC_SUFFIX)}()")
    )
    return (
        f"{method} of Alibaba's client needs asyncio, which is not running: "
        f"call {instead} in a plain function, which runs in a worker thread"
    )


def _text(error: BaseException) -> str:
    """Return an exception's own first argument if it is text: never ``str(error)``, which may run foreign code."""
    return error.args[0] if error.args and isinstance(error.args[0], str) else ""
