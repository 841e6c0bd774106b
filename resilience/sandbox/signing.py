"""Common parts of all vendors' signatures, which the sandbox computes and compares with the request's."""

from __future__ import annotations

import hashlib
import hmac

from attrs import field, frozen


@frozen
class Claim:
    """The key and the signature of an Authorization header, or of a signed query."""

    key_id: str
    signature: str = field(repr=False)
    signed_headers: tuple[str, ...] = ()
    scope: str = ""
    """The vendor's addition to the id of the key, such as ``date/service``."""


def sha256(data: bytes) -> str:
    """Return the digest in lower-case hexadecimal, as vendors write it."""
    return hashlib.sha256(data).hexdigest()


def same(claimed: str, computed: str) -> bool:
    """Tell whether two signatures are equal, in constant time."""
    return hmac.compare_digest(claimed.encode(), computed.encode())


def read_authorization(header: str, algorithm: str) -> Claim | None:
    """
    Read ``ALGORITHM Credential=..., SignedHeaders=a;b, Signature=...``.

    Returns:
        The claim, or None if the header has another form or algorithm.
    """
    name, _, rest = header.partition(" ")
    if name != algorithm:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if not {"Credential", "SignedHeaders", "Signature"} <= set(parts):
        return None
    key_id, _, scope = parts["Credential"].partition("/")
    return Claim(key_id, parts["Signature"], tuple(parts["SignedHeaders"].split(";")), scope)
