"""
Translate the exceptions of Azure's two generations of SDKs into faults.

azure-core tells requests that were never sent (``ServiceRequestError``) from those without an answer
(``ServiceResponseError``), but not always rightly: on aiohttp every broken connection is a ``ServiceRequestError``,
also one that broke after the request. So the network error inside decides, and without proof a request counts as sent.
msrest has one class for both, ``ClientRequestError``. Sources: azure-core 1.41.0 (pipeline/transport), msrest 0.7.1,
azure-identity 1.27.0; read 2026-11-28. All products of the vendor raise the same classes, so a fault has a provider
only if the exception passed a package for IoT.
"""

from __future__ import annotations

import json
from typing import Final

from attrs import evolve

from resilience.clients.azure.codes import read
from resilience.clients.azure.traits import OWN_MODULES, PACKAGES, PROVIDER
from resilience.clients.common.fields import (
    attribute,
    header,
    http_status,
    is_named,
    retry_after,
    seconds,
    type_name,
)
from resilience.clients.common.raised.frames import frames, innermost, module_of
from resilience.clients.common.raised.misuse import is_misuse
from resilience.clients.common.raised.wire import transport_of
from resilience.core.fault import Fault, Transport

# What finds a mistake of the caller before anything is sent; the next two wrap the exceptions of others.
_LOCAL: Final = ("ValidationError", "SerializationError", "SasTokenError")
_UNREADABLE: Final = ("DecodeError", "DeserializationError", "TooManyRedirectsError")
# Misuse of a response object; no request failed.
_MISUSE: Final = ("StreamConsumedError", "StreamClosedError", "ResponseNotReadError")
# Without a response: there was no token to send the request with.
_UNSIGNED: Final = ("TokenExpiredError", "AuthenticationError", "ClientAuthenticationError")

# What gets a token before the request of the operation is sent; a credential of the user's has these methods too.
_SIGNING: Final = ("azure.identity", "msal", "azure.iot.hub.auth", "azure.iot.hub.sastoken")
_GETTING: Final = frozenset({"get_token", "get_token_info"})

_SUCCESS: Final = range(200, 300)


def translate(error: Exception) -> Fault | None:
    """Return the fault in an exception of the SDKs; None if it reports a programming error."""
    if any(is_named(error, name) for name in _MISUSE):
        return None
    fault = _fault(error)
    if fault is None:
        return None
    if _is_signing(error):
        # The token service failed, so the request of the operation was never sent.
        fault = evolve(
            fault,
            effect="none",
            status=None,
            retry_after=None,
            transport="unsent" if fault.transport is not None else None,
            code="CredentialUnavailable" if fault.transport is None else None,
        )
    return evolve(fault, provider=PROVIDER if _is_ours(error) else None, error=type_name(error))


def escaped(error: Exception) -> Fault | None:
    """
    Return the fault in an exception of another package that the SDKs let through; None for any other exception.

    A body that is no JSON raises Python's own exception.
    """
    if not isinstance(error, json.JSONDecodeError | UnicodeDecodeError) or innermost(error, PACKAGES) is None:
        return None
    return Fault(provider=PROVIDER if _is_ours(error) else None, transport="garbled", error=type_name(error))


def _fault(error: Exception) -> Fault | None:
    if any(is_named(error, name) for name in _LOCAL):
        return Fault(effect="none")
    response, inner = attribute(error, "response"), attribute(error, "inner_exception")
    if response is None and any(is_named(error, name) for name in _UNSIGNED):
        return Fault(code="CredentialUnavailable", effect="none")
    if isinstance(inner, Exception) and response is None and is_misuse(inner):
        return None
    if response is not None and _status(error, response) not in _SUCCESS:
        return _answered(error, response)
    if is_named(error, "IncompleteReadError"):
        return Fault(transport="lost")
    if response is not None or any(is_named(error, name) for name in _UNREADABLE):
        return Fault(transport="garbled")
    if is_named(error, "ServiceRequestError"):
        # Without an exception inside, the retry policy's own time-out came before the request.
        return Fault(transport=_transport(inner, "lost") if isinstance(inner, Exception) else "unsent")
    if is_named(error, "ServiceResponseError") or is_named(error, "ClientRequestError"):
        return Fault(transport=_transport(inner, "lost"))
    if is_named(error, "HttpResponseError"):
        return Fault(transport=_transport(inner, "garbled"))
    return Fault()


def _transport(inner: object, otherwise: Transport) -> Transport:
    """Return what became of a request, from the network error inside the SDK's."""
    if not isinstance(inner, Exception):
        return otherwise
    if is_named(inner, "ClientResponseError"):
        # aiohttp makes up a status for an answer that is no HTTP.
        return "garbled"
    return transport_of(inner) or otherwise


def _answered(error: Exception, response: object) -> Fault:
    """Translate a refusal of the service."""
    headers = attribute(response, "headers")
    said = read(_body(response), headers)
    return Fault(
        code=said.code,
        status=_status(error, response),
        request_id=said.request_id,
        retry_after=retry_after(headers) if (wait := _milliseconds(headers)) is None else wait,
        message=said.message,
    )


def _status(error: Exception, response: object) -> int | None:
    return http_status(attribute(response, "status_code")) or http_status(attribute(error, "status_code"))


def _milliseconds(headers: object) -> float | None:
    return seconds(header(headers, "retry-after-ms", "x-ms-retry-after-ms"), per_second=1000)


def _body(response: object) -> object:
    """Return the body of a response that has been read; this function does no I/O."""
    # requests (msrest) and azure-core's own responses keep the body here; its older ones wrap a response of requests.
    inner = attribute(response, "internal_response")
    for each in (response, inner):
        for name in ("_content", "_body"):
            body = attribute(each, name)
            if isinstance(body, bytes | str):
                return body
    return None


def _is_signing(error: BaseException) -> bool:
    """Tell whether an exception was raised while a token was fetched, and not by the request that it was for."""
    return any(module_of(frame).startswith(_SIGNING) or frame.f_code.co_name in _GETTING for frame in frames(error))


def _is_ours(error: BaseException) -> bool:
    return any(module_of(frame).startswith(OWN_MODULES) for frame in frames(error))
