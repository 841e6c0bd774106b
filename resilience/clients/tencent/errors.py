"""
Translate the exceptions of Tencent's SDK into faults.

The synchronous client raises one exception class with a code for every failure. It makes up
codes for failures that have none: a name of its own (``ClientNetworkError``), or the class name
of the exception that it caught (``KeyError``). The asynchronous client lets most exceptions
through. Neither keeps the HTTP status. Source: tencentcloud-sdk-python-common and -mqtt
3.1.195, read 2026-11-21.
"""

from __future__ import annotations

from types import FrameType
from typing import Final

from attrs import evolve

from resilience.clients.common.fields import (
    code_and_request_id,
    http_status,
    json_object,
    retry_after,
    type_name,
    word,
)
from resilience.clients.common.raised.frames import innermost, local, module_of, passes_function, passes_module
from resilience.clients.common.raised.misuse import is_misuse
from resilience.clients.common.raised.wire import transport_of, transport_of_text
from resilience.clients.tencent.traits import PACKAGES, PROVIDER
from resilience.core.fault import Fault, Transport

_CREDENTIALS: Final = "tencentcloud.common.credential"

_NETWORK: Final = "ClientNetworkError"
_STATUS: Final = "ServerNetworkError"

# The codes of mistakes that the SDK finds before it sends anything.
_LOCAL: Final = frozenset(
    {
        "ClientError",
        "ClientParamsError",
        "ClientSideError",
        "ClientError.MetadataError",
        "InvalidCredential",
        "EnvironmentError",
    }
)

# Class names that the synchronous client uses as codes; needed if the caught exception is lost (after pickling).
_CLASS_NAMES: Final[dict[str, Transport]] = {
    "ChunkedEncodingError": "lost",
    "ConnectionError": "lost",
    "ReadTimeout": "lost",
    "ContentDecodingError": "garbled",
    "JSONDecodeError": "garbled",
    "UnicodeDecodeError": "garbled",
    "KeyError": "garbled",
    "IndexError": "garbled",
}

# The SDK's functions that build a request, and those that read an answer.
_BUILDING: Final = frozenset({"_build_req_inter", "_build_req", "_serialize", "from_json_string"})
_READING: Final = frozenset(
    {"_check_error", "check_err", "deserialize_json", "_process_response_json", "_deserialize", "call_json"}
)
# With the region breaker on, the synchronous client swallows a network error, and then fails in this function.
_AFTER_BREAKER: Final = "_check_status"


def translate(error: Exception) -> Fault | None:
    """Return the fault in an exception of Tencent's SDK; None if it wraps a programming error."""
    code = word(getattr(error, "code", None))
    request_id = word(getattr(error, "requestId", None))
    caught = error.__context__
    fault: Fault | None
    if code == _NETWORK:
        fault = _network_error(error)
    elif code == _STATUS:
        fault = _status_error(error)
    elif request_id is None and isinstance(caught, Exception) and code == type(caught).__name__:
        fault = _caught(caught)
    elif request_id is None and code in _CLASS_NAMES:
        fault = Fault(transport=_CLASS_NAMES[code])
    else:
        fault = Fault(code=code, request_id=request_id, effect="none" if code in _LOCAL else None)
    return None if fault is None else _finished(fault, error)


def escaped(error: Exception) -> Fault | None:
    """
    Return the fault in an exception of another package that Tencent's SDK let through.

    None for a programming error, for an exception that was raised outside the SDK, and for one
    that users raise in their credentials.
    """
    if innermost(error, PACKAGES) is None:
        return None
    is_plain = type(error).__module__ in {"builtins", "json.decoder"}
    if not is_plain and transport_of(error) is None:
        return None
    fault = _caught(error)
    return None if fault is None else _finished(fault, error)


def _finished(fault: Fault, error: Exception) -> Fault:
    """Add provider and class to a fault; a failed refresh of credentials has no effect."""
    fault = evolve(fault, provider=PROVIDER, error=type_name(error))
    origins = [error] if error.__context__ is None else [error, error.__context__]
    if not any(passes_module(origin, _CREDENTIALS) for origin in origins):
        return fault
    # The request to the token service failed, so the SDK never signed that of the operation.
    return evolve(fault, effect="none", transport="unsent" if fault.transport == "lost" else fault.transport)


def _network_error(error: Exception) -> Fault:
    caught = error.__context__
    found = None if caught is None else transport_of(caught)
    return Fault(transport=found or transport_of_text(getattr(error, "message", None)))


def _status_error(error: Exception) -> Fault:
    """Translate an answer with an error status; the exception has its body, the frame that raised has the rest."""
    answer = local(error, PACKAGES, "resp")
    code, request_id = code_and_request_id(json_object(getattr(error, "message", None)))
    return Fault(
        code=code,
        transport="garbled" if code is None else None,
        status=http_status(getattr(answer, "status_code", None)),
        request_id=request_id,
        retry_after=retry_after(getattr(answer, "headers", None)),
    )


def _caught(error: Exception) -> Fault | None:
    """Translate an exception that was raised inside the SDK; None if it is a programming error."""
    transport = transport_of(error)
    if transport is not None:
        return Fault(transport=transport)
    frame = innermost(error, PACKAGES)
    if frame is not None and frame.f_code.co_name == _AFTER_BREAKER:
        return Fault(transport="lost")
    if frame is not None and _is_reading(frame):
        return Fault(transport="garbled")
    is_building = passes_function(error, _BUILDING)
    if is_misuse(error):
        # CVMRoleCredential signs with None if it has no metadata. This is a fault, since new credentials may help.
        return Fault(code="TypeError", effect="none") if is_building and isinstance(error, TypeError) else None
    if is_building:
        return Fault(effect="none")
    return Fault(transport="garbled" if isinstance(error, LookupError | ValueError) else "lost")


def _is_reading(frame: FrameType) -> bool:
    """Tell whether a frame of the SDK was reading an answer; an operation's method has the answer in ``body``."""
    # A credential reads only the answer of the token service.
    if frame.f_code.co_name in _READING or module_of(frame) == _CREDENTIALS:
        return True
    return module_of(frame).endswith("_client") and frame.f_locals.get("body") is not None
