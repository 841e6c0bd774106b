"""
Tell from a network error what became of the request: ``unsent``, ``lost`` or ``garbled``.

The default is ``lost``: the request may have taken effect. ``unsent`` needs proof: the class of
the exception, or a frame that was connecting.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final, Literal

from resilience.clients.common.fields import kinds
from resilience.clients.common.raised.frames import passes_function
from resilience.core.fault import Transport

# (top-level package, class) -> verdict; the first class of the MRO that is listed decides.
# "inside": the verdict is that of the exception which this one wraps.
# Sources: requests 2.34, urllib3 2.8, httpx 0.28, aiohttp 3.14, anyio 4.16, trio 0.35, read 2026-11-21.
_VERDICTS: Final[dict[tuple[str, str], Transport | Literal["inside"]]] = {
    ("requests", "ConnectTimeout"): "unsent",
    ("requests", "ProxyError"): "unsent",
    ("requests", "SSLError"): "inside",
    ("requests", "ConnectionError"): "inside",
    ("requests", "ReadTimeout"): "inside",
    ("requests", "Timeout"): "lost",
    # The adapter has repeated an error status until it gave up, and hides it.
    ("requests", "RetryError"): "inside",
    # requests raises this only after a redirect, for a body that it cannot send a second time.
    ("requests", "UnrewindableBodyError"): "lost",
    ("requests", "ChunkedEncodingError"): "lost",
    ("requests", "ContentDecodingError"): "garbled",
    ("requests", "JSONDecodeError"): "garbled",
    # The program's data cannot be written as JSON. The class above, which is about answers, extends this one.
    ("requests", "InvalidJSONError"): "unsent",
    ("requests", "TooManyRedirects"): "garbled",
    ("requests", "MissingSchema"): "unsent",
    ("requests", "InvalidSchema"): "unsent",
    ("requests", "InvalidURL"): "unsent",
    ("requests", "InvalidHeader"): "unsent",
    ("urllib3", "MaxRetryError"): "inside",
    ("urllib3", "SSLError"): "inside",
    ("urllib3", "NewConnectionError"): "unsent",
    ("urllib3", "ConnectTimeoutError"): "unsent",
    ("urllib3", "NameResolutionError"): "unsent",
    # Only raised before the proxy was reached: urllib3/connectionpool.py, _wrap_proxy_error.
    ("urllib3", "ProxyError"): "unsent",
    ("urllib3", "LocationValueError"): "unsent",
    # urllib3 raises both also for a TLS handshake that stalls or breaks.
    ("urllib3", "ReadTimeoutError"): "inside",
    ("urllib3", "ProtocolError"): "inside",
    ("urllib3", "DecodeError"): "garbled",
    ("urllib3", "ResponseError"): "garbled",
    ("httpx", "ConnectError"): "unsent",
    ("httpx", "ConnectTimeout"): "unsent",
    ("httpx", "PoolTimeout"): "unsent",
    ("httpx", "ProxyError"): "unsent",
    ("httpx", "UnsupportedProtocol"): "unsent",
    ("httpx", "InvalidURL"): "unsent",
    ("httpx", "DecodingError"): "garbled",
    ("httpx", "TooManyRedirects"): "garbled",
    ("httpx", "RequestError"): "lost",
    ("httpcore", "ConnectError"): "unsent",
    ("httpcore", "ConnectTimeout"): "unsent",
    ("httpcore", "PoolTimeout"): "unsent",
    ("httpcore", "ProxyError"): "unsent",
    ("httpcore", "UnsupportedProtocol"): "unsent",
    ("httpcore", "NetworkError"): "lost",
    ("httpcore", "TimeoutException"): "lost",
    ("httpcore", "ProtocolError"): "lost",
    ("aiohttp", "ClientConnectorError"): "unsent",
    ("aiohttp", "ClientConnectorCertificateError"): "unsent",
    ("aiohttp", "ServerFingerprintMismatch"): "unsent",
    ("aiohttp", "ConnectionTimeoutError"): "unsent",
    ("aiohttp", "InvalidURL"): "unsent",
    ("aiohttp", "ClientPayloadError"): "lost",
    ("aiohttp", "ClientConnectionError"): "lost",
    ("anyio", "ConnectionFailed"): "unsent",
    ("anyio", "BrokenResourceError"): "lost",
    ("anyio", "ClosedResourceError"): "lost",
    ("anyio", "EndOfStream"): "lost",
    ("anyio", "IncompleteRead"): "lost",
    ("trio", "BrokenResourceError"): "lost",
    ("trio", "ClosedResourceError"): "lost",
    ("trio", "TooSlowError"): "lost",
    ("asyncio", "IncompleteReadError"): "lost",
    ("urllib", "ContentTooShortError"): "lost",
    ("urllib", "URLError"): "inside",
    ("http", "InvalidURL"): "unsent",
    ("http", "RemoteDisconnected"): "lost",
    ("http", "BadStatusLine"): "garbled",
    ("http", "LineTooLong"): "garbled",
    ("http", "HTTPException"): "lost",
}

_CONNECTING: Final = frozenset(
    {"create_connection", "_create_connection", "_connect_sock", "sock_connect", "connect_tcp", "open_tcp_stream"}
)
_HANDSHAKING: Final = frozenset({"do_handshake", "_do_handshake", "_on_handshake_complete", "start_tls"})
_BEFORE_SENDING: Final = _CONNECTING | _HANDSHAKING

# OpenSSL's reasons that only a handshake has; other reasons may come after data was sent.
_HANDSHAKE_REASONS: Final = (
    "CERTIFICATE_VERIFY_FAILED",
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "NO_PROTOCOLS_AVAILABLE",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "TLSV1_UNRECOGNIZED_NAME",
)

_NETWORK_ERRNOS: Final = frozenset(
    {
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENETRESET,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
    }
)

# The beginnings of texts of urllib3 (after "Caused by") and of aiohttp for a connection that was never made.
_UNSENT_TEXTS: Final = (
    "NewConnectionError(",
    "NameResolutionError(",
    "ConnectTimeoutError(",
    "ProxyError(",
    "Cannot connect to host ",
    "Connection timeout to host ",
)


def transport_of(error: BaseException) -> Transport | None:
    """Return what became of the request of a network error; None if the exception is no network error."""
    for kind in kinds(type(error)):
        verdict = _VERDICTS.get(kind)
        if verdict == "inside":
            return next((found for inner in _inside(error) if (found := transport_of(inner))), "lost")
        if verdict is not None:
            return verdict
    if isinstance(error, ssl.SSLError):
        return _tls(error)
    return _system(error) if isinstance(error, OSError) else None


def transport_of_text(text: object) -> Transport:
    """
    Return what became of a request, from the text of a network error; "lost" if the text does not say it.

    Args:
        text: The message. The part before its last "Caused by" has a URL with the
            caller's parameters, and is not read.
    """
    if not isinstance(text, str):
        return "lost"
    cause = text.rpartition("(Caused by ")[2]
    if cause.startswith(_UNSENT_TEXTS):
        return "unsent"
    is_handshake = cause.startswith("SSLError(") and any(reason in cause for reason in _HANDSHAKE_REASONS)
    return "unsent" if is_handshake else "lost"


def _inside(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions that an exception wraps; not its ``__context__``, which may be unrelated."""
    for value in (getattr(error, "reason", None), *error.args, error.__cause__):
        if isinstance(value, BaseException) and value is not error:
            yield value


def _tls(error: ssl.SSLError) -> Transport:
    if isinstance(error, ssl.SSLCertVerificationError) or getattr(error, "reason", None) in _HANDSHAKE_REASONS:
        return "unsent"
    return "unsent" if passes_function(error, _HANDSHAKING) else "lost"


def _system(error: OSError) -> Transport | None:
    if isinstance(error, ConnectionRefusedError | socket.gaierror | socket.herror):
        return "unsent"
    is_network = isinstance(error, ConnectionError | TimeoutError) or error.errno in _NETWORK_ERRNOS
    # asyncio joins the failures of several addresses into one OSError without an errno.
    if (is_network or error.errno is None) and passes_function(error, _BEFORE_SENDING):
        return "unsent"
    return "lost" if is_network else None
