"""
Translate the exceptions of Alibaba's present SDK into faults.

The SDK for MQTT uses tea-openapi 0.4 today, and still allows 0.3. Both hide something: 0.4
formats missing fields as the text "None" and wraps every network error; 0.3 lets some
network errors through. Sources:
alibabacloud_tea_openapi 0.4.6 and 0.3.16, darabonba-core 1.0.9, alibabacloud-tea 0.4.3,
alibabacloud-credentials 1.0.12, read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import evolve

from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.alibaba.traits import TEA_PACKAGES as PACKAGES
from resilience.clients.common.fields import (
    code_and_request_id,
    first_word,
    header,
    http_status,
    is_named,
    json_after,
    packages,
    retry_after,
    seconds,
    type_name,
    word,
)
from resilience.clients.common.raised.frames import innermost, local
from resilience.clients.common.raised.misuse import is_misuse
from resilience.clients.common.raised.wire import transport_of, transport_of_text
from resilience.core.fault import Fault, Transport

_UNREADABLE_TEXT: Final = "Failed to parse the value as json format"

# "... http_code: 403, result: {json}", and "... HttpCode=404" of the instance metadata provider.
_CREDENTIAL_STATUS: Final = re.compile(r"(?:http_code: |HttpCode=)(\d{3})\b")

_UNKNOWN: Final = object()


def _owns(error: Exception) -> bool:
    """Tell whether an exception's class comes from this SDK."""
    return any(f"{package}.".startswith(PACKAGES) for package in packages(type(error)))


def translate(error: Exception) -> Fault | None:
    """Return the fault in an exception of this SDK; None if it wraps a programming error."""
    if is_named(error, "UnretryableException"):
        return _unretryable(error)
    if is_named(error, "CredentialException"):
        return _credential(error)
    if is_named(error, "RetryError"):
        return Fault(provider=PROVIDER, transport=_retry_error(error), error=type_name(error))
    if is_named(error, "TeaException"):
        return _answer(error)
    # The SDK raises ValidateException, RequiredArgumentException and similar classes before it sends anything.
    return Fault(provider=PROVIDER, effect="none", error=type_name(error))


def escaped(error: Exception) -> Fault | None:
    """
    Return the fault in an exception of another package that this SDK let through.

    None if the exception was raised elsewhere, or reports a programming error. tea-openapi 0.3 wraps only some
    network errors, and it does not wrap the errors of reading an answer.
    """
    status = _unreadable(error)
    if status is not None:
        return Fault(provider=PROVIDER, transport="garbled", status=error_status(status), error=type_name(error))
    transport = None if innermost(error, PACKAGES) is None else transport_of(error)
    return None if transport is None else Fault(provider=PROVIDER, transport=transport, error=type_name(error))


def _answer(error: Exception) -> Fault:
    """Translate an error that the service answered, or one of the SDK itself, which has no status and no data."""
    data = getattr(error, "data", None)
    fields: Mapping[str, object] = data if isinstance(data, dict) else {}
    status = next(
        (
            found
            for value in (
                getattr(error, "status_code", None),
                getattr(error, "statusCode", None),
                fields.get("statusCode"),
            )
            if (found := http_status(value)) is not None
        ),
        None,
    )
    code = word(getattr(error, "code", None))
    request_id = first_word(getattr(error, "request_id", None), code_and_request_id(fields)[1])
    is_local = code is not None and status is None and request_id is None and not fields
    return Fault(
        provider=PROVIDER,
        code=code,
        status=status,
        request_id=request_id,
        retry_after=_retry_after(error),
        effect="none" if is_local else None,
        error=type_name(error),
    )


def _retry_after(error: Exception) -> float | None:
    """
    Return the server's hint in seconds: from the field of 0.4, else from the headers.

    Only the frame that raised the exception still has the headers. 0.3 has no field for the hint, and neither version
    reads the standard header.
    """
    # The field is the header's value, in milliseconds: darabonba/core.py sleeps that long.
    hint = seconds(getattr(error, "retry_after", None), per_second=1000)
    if hint is not None:
        return hint
    headers = getattr(local(error, ("alibabacloud_tea_openapi",), "_response"), "headers", None)
    hint = seconds(header(headers, "x-acs-retry-after"), per_second=1000)
    return retry_after(headers) if hint is None else hint


def _unretryable(error: Exception) -> Fault | None:
    inner = getattr(error, "inner_exception", None)
    # The SDK stores the request just before it sends it. If there is none, nothing was sent.
    is_unsent = getattr(error, "last_request", _UNKNOWN) is None
    fault: Fault | None
    if not isinstance(inner, Exception):
        fault = Fault(transport="lost")
    elif _owns(inner):
        fault = translate(inner)
    else:
        fault = _foreign(inner, is_unsent=is_unsent)
    if fault is None:
        return None
    fault = evolve(fault, provider=PROVIDER, error=type_name(error))
    if not is_unsent:
        return fault
    return evolve(fault, effect="none", transport="unsent" if fault.transport == "lost" else fault.transport)


def _foreign(inner: Exception, *, is_unsent: bool) -> Fault | None:
    """Translate an exception of another package, or of Python's own, that was raised during a call."""
    transport = transport_of(inner)
    if transport is not None:
        return Fault(transport=transport)
    status = _unreadable(inner)
    if status is not None:
        return Fault(transport="garbled", status=error_status(status))
    if is_misuse(inner):
        return None
    return Fault(effect="none") if is_unsent else Fault(transport="lost")


def _unreadable(error: Exception) -> int | None:
    """Return the status of an answer that could not be read, 0 if the status is unknown; None if no answer came."""
    if not isinstance(error, RuntimeError | AttributeError | TypeError | ValueError | LookupError):
        return None
    frame = innermost(error, PACKAGES)
    # Both versions of tea-openapi have the answer in this local variable once it has come.
    answer = local(error, ("alibabacloud_tea_openapi",), "_response")
    if answer is not None:
        return http_status(getattr(answer, "status_code", None)) or 0
    if isinstance(error, RuntimeError):
        text = error.args[0] if error.args else None
        return 0 if isinstance(text, str) and text.startswith(_UNREADABLE_TEXT) else None
    if isinstance(error, AttributeError) and frame is None:
        # Without a traceback: `err.get("Code")` on JSON that is no object.
        return 0 if error.name == "get" and isinstance(error.obj, list | str | int | float | bool | None) else None
    # A client makes a model of an answer in `from_map`, below a function with runtime options. A user's call of
    # `from_map` is not below such a function.
    is_model = frame is not None and frame.f_code.co_name == "from_map"
    return 0 if is_model and local(error, ("alibabacloud_",), "runtime") is not None else None


def error_status(status: int) -> int | None:
    """Return a status that reports an error, and None for any other: rules match no ``http-200``."""
    return status if status >= 300 else None  # noqa: PLR2004  # what follows success


def _retry_error(error: Exception) -> Transport:
    """Return what the exception that the SDK was handling says, or else what the text says that the SDK kept."""
    handled = error.__context__
    found = None if handled is None else transport_of(handled)
    return found or transport_of_text(getattr(error, "message", None))


def _credential(error: Exception) -> Fault:
    """Translate the error of a credential provider: the call was never sent, and the code is the token service's."""
    text = getattr(error, "message", None)
    found = _CREDENTIAL_STATUS.search(text) if isinstance(text, str) else None
    code, request_id = code_and_request_id(json_after("result: ", error))
    return Fault(
        provider=PROVIDER,
        code=first_word(getattr(error, "code", None), code),
        status=http_status(found[1]) if found else None,
        request_id=first_word(getattr(error, "request_id", None), request_id),
        effect="none",
        error=type_name(error),
    )
