"""
Raise our own errors also as errors of the SDK.

A refusal of the service leaves a call as the service's own exception. Our own errors have
our classes, which a script that was written for an SDK does not catch. So with a wrapped
client they are instances of both classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import TracebackType
from typing import Any, Final

from resilience.core.fault import Fault
from resilience.engine import errors
from resilience.state import LedgerError
from resilience.state.store import StateError

OURS: Final = (
    errors.ServiceError,
    errors.Refused,
    errors.DeadlineExceeded,
    errors.RemedyFailed,
    LedgerError,
    StateError,
)

_PARTS: Final = "_resilience_parts"
_PACKAGE: Final = __name__.partition(".")[0] + "."


def disguised(
    ours: Exception, service_error: Callable[[Fault, str], Exception | None], last: Fault | None
) -> Exception:
    """
    Return one of our errors as an error of the SDK too; unchanged if the SDK has no class for it.

    Args:
        ours: The error.
        service_error: Makes the SDK's error from a fault and a message.
        last: The fault of the last attempt; None if there was none.
    """
    fault = ours.fault if isinstance(ours, errors.ServiceError) else last
    theirs = service_error(fault or Fault(transport="unsent"), str(ours))
    if theirs is None:
        return ours
    error = _both(ours, theirs)
    error.__cause__, error.__context__ = ours.__cause__, ours.__context__
    error.__suppress_context__ = ours.__suppress_context__
    for note in getattr(ours, "__notes__", ()):
        error.add_note(note)
    return error


def _both(ours: Exception, theirs: Exception) -> Exception:
    kinds: tuple[Any, Any] = type(ours), type(theirs)
    cls = _class_of(*kinds)
    error: Exception = cls.__new__(cls, *theirs.args)
    vars(error).update({**vars(theirs), **vars(ours)})
    vars(error).pop("__notes__", None)
    vars(error)[_PARTS] = (ours, theirs)
    return error


@lru_cache(maxsize=64)
def _class_of(ours: Any, theirs: Any) -> Any:
    # Another process cannot find this class, but it can find the two classes that it is made of.
    members = {"__module__": ours.__module__, "__qualname__": ours.__qualname__, "__reduce__": _reduce}
    return type(ours.__name__, (ours, theirs), members)


def _reduce(error: Exception) -> tuple[Any, ...]:
    return _both, vars(error)[_PARTS]


def without_our_frames(error: BaseException) -> TracebackType | None:
    """Return an exception's traceback without our frames, as if the script had called its SDK itself."""
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        if not traceback.tb_frame.f_globals.get("__name__", "").startswith(_PACKAGE):
            frames.append(traceback)
        traceback = traceback.tb_next
    result: TracebackType | None = None
    for each in reversed(frames):
        result = TracebackType(result, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return result
