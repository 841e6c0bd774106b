"""
Computes shared access signatures, which the SDKs make from the key of a policy.

A token is ``SharedAccessSignature sr=AUDIENCE&sig=SIGNATURE&se=EXPIRY&skn=POLICY``. Sources: azure-iot-hub 2.7.0
(sastoken.py), azure-iot-deviceprovisioning 1.0.0b1 (_auth.py); read 2026-11-28.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, quote_plus

from attrs import field, frozen

_SCHEME = "SharedAccessSignature "


@frozen
class SharedAccess:
    """The parts of a token."""

    audience: str
    policy: str
    expiry: int
    signature: str = field(repr=False)


def read_token(authorization: str) -> SharedAccess | None:
    """Return the parts of a token; None for another scheme, or if a part is missing."""
    if not authorization.startswith(_SCHEME):
        return None
    parts = dict(parse_qsl(authorization.removeprefix(_SCHEME)))
    if not {"sr", "sig", "se", "skn"} <= parts.keys() or not parts["se"].isdecimal():
        return None
    return SharedAccess(parts["sr"], parts["skn"], int(parts["se"]), parts["sig"])


def signature(key: str, audience: str, expiry: int) -> str:
    """Return the signature of a token, in base64."""
    text = f"{quote_plus(audience)}\n{expiry}".encode()
    return base64.b64encode(hmac.new(base64.b64decode(key), text, hashlib.sha256).digest()).decode()
