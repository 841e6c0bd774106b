"""
What became of a request whose answer never came: never sent, lost, or unreadable.

The default is "lost": where nobody can tell, the request may have taken effect.
"Unsent" needs proof: the class of the exception, or a frame that was connecting.
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
# "inside": the class says nothing, but it carries the exception that does.
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
    # Only raised when a redirect has answered a request whose body cannot be sent once more.
    ("requests", "UnrewindableBodyError"): "lost",
    ("requests", "ChunkedEncodingError"): "lost",
    ("requests", "ContentDecodingError"): "garbled",
    ("requests", "JSONDecodeError"): "garbled",
    # What the request should have held is no JSON; the class above, of answers, extends this one.
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
    # Both are also what a stalled or broken TLS handshake becomes.
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

# OpenSSL's names for what only a handshake can say; others may come with data in flight.
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

# How the texts begin in which urllib3 (after "Caused by") and aiohttp say that they never connected.
_UNSENT_TEXTS: Final = (
    "NewConnectionError(",
    "NameResolutionError(",
    "ConnectTimeoutError(",
    "ProxyError(",
    "Cannot connect to host ",
    "Connection timeout to host ",
)


def transport_of(error: BaseException) -> Transport | None:
    """Return what an exception of a network library says about the request; None if it is none of these."""
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
    Return what the text of a network error says where an SDK kept nothing else; "lost" if it does not tell.

    Args:
        text: The message. What stands before its last "Caused by" is a URL with
            the caller's parameters, and is not looked at.
    """
    if not isinstance(text, str):
        return "lost"
    cause = text.rpartition("(Caused by ")[2]
    if cause.startswith(_UNSENT_TEXTS):
        return "unsent"
    is_handshake = cause.startswith("SSLError(") and any(reason in cause for reason in _HANDSHAKE_REASONS)
    return "unsent" if is_handshake else "lost"


def _inside(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions that a wrapper carries on purpose; ``__context__`` may be anyone's and is left out."""
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
    # asyncio joins the failures of several addresses into one OSError without a number.
    if (is_network or error.errno is None) and passes_function(error, _BEFORE_SENDING):
        return "unsent"
    return "lost" if is_network else None
