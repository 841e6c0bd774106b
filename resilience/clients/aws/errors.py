"""
Translate the exceptions of botocore into faults.

A refusal is a ``ClientError``, or a class named like its code; the code is in ``response``. botocore makes up the code
of an answer without one: the HTTP status as text. All other failures are a ``BotoCoreError``: of the network with the
exception of urllib3 or aiohttp inside, of credentials, or of the configuration. Sources: botocore 1.43.117,
exceptions.py, parsers.py and httpsession.py, and aiobotocore 3.10.0, httpsession.py; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve

from resilience.clients.aws.answers import HEADERS, REQUEST_ID, metadata_of
from resilience.clients.aws.traits import PACKAGES, PROVIDER
from resilience.clients.common.fields import attribute, header, http_status, kinds, retry_after, type_name, word
from resilience.clients.common.raised.frames import innermost, local, passes_module
from resilience.clients.common.raised.misuse import is_misuse
from resilience.clients.common.raised.wire import transport_of
from resilience.core.fault import Fault, Transport

# A credential that assumes a role asks the token service while the request of the operation is being signed.
_CREDENTIALS: Final = ("botocore.credentials", "aiobotocore.credentials", "botocore.tokens", "aiobotocore.tokens")
_PARSERS: Final = ("botocore.parsers", "aiobotocore.parsers")

# By the first class of the MRO that is listed; None: what the exception inside says.
_VERDICTS: Final[Mapping[str, Transport | None]] = {
    "ConnectTimeoutError": "unsent",
    "ProxyConnectionError": "unsent",
    # A connection that was never made; aiobotocore raises it for one that the service reset, too.
    "EndpointConnectionError": None,
    # A handshake, or a connection that breaks later.
    "SSLError": None,
    # An answer that does not come, or a handshake that stalls.
    "ReadTimeoutError": None,
    # A hang-up, or an answer that is no HTTP.
    "ConnectionClosedError": None,
    "IncompleteReadError": "lost",
    "ResponseStreamingError": "lost",
    "HTTPClientError": None,
    "ConnectionError": None,
    "ResponseParserError": "garbled",
    "ChecksumError": "garbled",
    "FlexibleChecksumError": "garbled",
}

# Mistakes in the arguments of a call, and in a test's stubs; ``ValidationError`` is the base of several.
_MISTAKES: Final = frozenset({"ParamValidationError", "ValidationError", "MissingParametersError", "StubResponseError"})

# What a function meets after it has sent requests that succeeded.
_LATER: Final = frozenset({"WaiterError", "PaginationError"})


def translate(error: Exception) -> Fault | None:
    """Return the fault in an exception of botocore; None if it is a programming error."""
    names = [name for package, name in kinds(type(error)) if f"{package}." in PACKAGES]
    if not _MISTAKES.isdisjoint(names):
        return None
    if "ClientError" in names:
        return _before_sending(_refusal(error), error)
    name = next((name for name in names if name in _VERDICTS), None)
    caught = _caught(error)
    if name is not None and caught is not None and is_misuse(caught):
        # aiobotocore under trio, and other mistakes that the HTTP library met.
        return None
    if name is not None:
        found = Fault(transport=_VERDICTS[name] or (None if caught is None else transport_of(caught)) or "lost")
    else:
        # Credentials, configuration and endpoints: whatever is missing, nothing was sent.
        found = Fault(code=type(error).__name__, effect=None if _LATER.intersection(names) else "none")
    return _before_sending(evolve(found, provider=PROVIDER, error=type_name(error)), error)


def escaped(error: Exception) -> Fault | None:
    """
    Return the fault in an exception of another package that botocore let through; None for other exceptions.

    Its parsers fail with exceptions of Python's own if an answer is JSON, but of another form.
    """
    if innermost(error, PACKAGES) is None:
        return None
    if any(passes_module(error, module) for module in _CREDENTIALS):
        # A refresh of credentials runs a command, reads a file, or asks a service.
        return Fault(provider=PROVIDER, code="CredentialRetrievalError", effect="none", error=type_name(error))
    if not any(passes_module(error, module) for module in _PARSERS):
        return None
    answer = local(error, PACKAGES, "response")
    read = answer if isinstance(answer, dict) else {}
    status = http_status(read.get("status_code"))
    is_refusal = status is not None and status >= 300  # noqa: PLR2004  # what follows success
    return Fault(
        provider=PROVIDER,
        transport=None if is_refusal else "garbled",
        status=status if is_refusal else None,
        request_id=word(header(read.get("headers"), "x-amzn-requestid")),
        retry_after=retry_after(read.get("headers")),
        error=type_name(error),
    )


def _refusal(error: Exception) -> Fault:
    response = attribute(error, "response")
    said = response.get("Error") if isinstance(response, dict) else None
    code = word(said.get("Code")) if isinstance(said, dict) else None
    metadata = metadata_of(response)
    status = http_status(metadata.get("HTTPStatusCode"))
    if code is not None and http_status(code) is not None:
        # The answer had no code: botocore gives the status in its place.
        status, code = http_status(code), None
    return Fault(
        provider=PROVIDER,
        code=code,
        transport="garbled" if code is None and status is None else None,
        status=status,
        request_id=word(metadata.get(REQUEST_ID)),
        retry_after=retry_after(metadata.get(HEADERS)),
        error=type_name(error),
    )


def _caught(error: Exception) -> Exception | None:
    """Return the exception of urllib3 or aiohttp inside; None if there is none."""
    kwargs = attribute(error, "kwargs")
    found = kwargs.get("error") if isinstance(kwargs, dict) else None
    return found if isinstance(found, Exception) else None


def _before_sending(fault: Fault, error: Exception) -> Fault:
    """Return the fault of a failed refresh of credentials without effect: the operation's request was not signed."""
    if not any(passes_module(error, module) for module in _CREDENTIALS):
        return fault
    return evolve(fault, effect="none", transport="unsent" if fault.transport == "lost" else fault.transport)
