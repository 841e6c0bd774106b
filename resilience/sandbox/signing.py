"""What signatures of all vendors have in common: computed from what arrived, and compared with the claim."""

from __future__ import annotations

import hashlib
import hmac

from attrs import field, frozen


@frozen
class Claim:
    """What an Authorization header, or a signed query, says about its sender."""

    key_id: str
    signature: str = field(repr=False)
    signed_headers: tuple[str, ...] = ()
    scope: str = ""
    """What the vendor adds to the id of the key, such as ``date/service``."""


def sha256(data: bytes) -> str:
    """Return the digest as vendors write it: lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def same(claimed: str, computed: str) -> bool:
    """Compare two signatures; text outside ASCII is simply unequal."""
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
