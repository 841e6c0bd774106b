"""
Read the public key in a certificate, and in a request for one (RFC 5280, 4.1, and RFC 2986, 4.1).

Both are DER: each element has a tag, a length and a content. The key is compared as a whole, with its algorithm.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)

_SEQUENCE: Final = 0x30
# The version of a certificate, which the first version leaves out.
_VERSION: Final = 0xA0

# The places of the key: after serial number, algorithm, issuer, validity and subject; after version and subject.
_IN_CERTIFICATE: Final = 5
_IN_REQUEST: Final = 2

_LONG: Final = 0x80


def of_certificate(pem: str) -> bytes:
    """
    Return the public key of a certificate.

    Raises:
        ValueError: The text has no certificate that can be read.
    """
    parts = [part for part in _inner(pem, "CERTIFICATE") if part[0] != _VERSION]
    return _at(parts, _IN_CERTIFICATE)


def of_request(pem: str) -> bytes:
    """
    Return the public key of a request for a certificate.

    Raises:
        ValueError: The text has no request that can be read.
    """
    return _at(_inner(pem, "CERTIFICATE REQUEST"), _IN_REQUEST)


def _inner(pem: str, kind: str) -> list[bytes]:
    """Return the parts of what is signed, the first part of the whole."""
    found = _PEM.search(pem)
    if found is None or found[1].removeprefix("NEW ") != kind:
        raise ValueError(f"expected a {kind.lower()} in PEM form, found none; its public key says what to look for")
    try:
        der = base64.b64decode("".join(found[2].split()), validate=True)
    except binascii.Error:
        der = b""
    return _parts(_at(_parts(der), 0))


def _parts(element: bytes) -> list[bytes]:
    """Return the elements in a sequence."""
    content = element[_head(element) :] if element[:1] == bytes([_SEQUENCE]) else b""
    parts = []
    while content:
        end = _head(content) + _length(content)
        parts.append(content[:end])
        content = content[end:]
    return parts


def _at(parts: list[bytes], place: int) -> bytes:
    if place >= len(parts):
        raise ValueError("the certificate, or the request for one, cannot be read")
    return parts[place]


def _head(element: bytes) -> int:
    """Return the size of tag and length."""
    first = element[1] if len(element) > 1 else 0
    return 2 + (first & ~_LONG if first & _LONG else 0)


def _length(element: bytes) -> int:
    """Return the size of the content."""
    first = element[1] if len(element) > 1 else 0
    return int.from_bytes(element[2 : _head(element)]) if first & _LONG else first
