"""
The signatures of both vendors, computed from what arrived, to be compared with what was claimed.

Sources, read 2026-11-21: Alibaba Cloud "Request syntax and signature method V3" (ACS3-HMAC-SHA256) and "RPC signature"
(version 1.0, HMAC-SHA1); Tencent Cloud "Signature v3" (TC3-HMAC-SHA256). Tried with alibabacloud_tea_openapi 0.3.16 and
0.4.6, aliyun-python-sdk-core 2.16.1, tencentcloud-sdk-python-common 3.1.195.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from attrs import field, frozen

from resilience.sandbox.exchange import Request

ACS3 = "ACS3-HMAC-SHA256"
TC3 = "TC3-HMAC-SHA256"


@frozen
class Claim:
    """What an Authorization header, or a signed query, says about its sender."""

    key_id: str
    signature: str = field(repr=False)
    signed_headers: tuple[str, ...] = ()
    scope: str = ""
    """``date/service/tc3_request`` with Tencent."""


def sha256(data: bytes) -> str:
    """Return the digest as both vendors write it: lower-case hexadecimal."""
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


def acs3_string(request: Request, claim: Claim) -> str:
    """Return Alibaba's string to sign, version 3; the body's digest is recomputed, not believed."""
    pairs = sorted(parse_qsl(request.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            request.method,
            request.path,
            "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in pairs),
            "".join(f"{name}:{request.header(name).strip()}\n" for name in claim.signed_headers),
            ";".join(claim.signed_headers),
            sha256(request.body),
        ]
    )
    return f"{ACS3}\n{sha256(canonical.encode())}"


def acs3_signature(secret: str, string_to_sign: str) -> str:
    """Sign with HMAC-SHA256, hexadecimal."""
    return hmac.new(secret.encode(), string_to_sign.encode(), hashlib.sha256).hexdigest()


def rpc_string(method: str, parameters: Mapping[str, str]) -> str:
    """
    Return Alibaba's string to sign, RPC version 1.0.

    Args:
        method: GET or POST.
        parameters: Query and form together; ``Signature`` itself is left out here.
    """
    pairs = sorted((key, value) for key, value in parameters.items() if key != "Signature")
    canonical = "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in pairs)
    return f"{method}&%2F&{quote(canonical, safe='~')}"


def rpc_signature(secret: str, string_to_sign: str) -> str:
    """Sign with HMAC-SHA1, base64; the key is the secret followed by ``&``."""
    # The vendor's protocol fixes SHA-1 here; nothing is protected by it but the sandbox.
    digest = hmac.new(f"{secret}&".encode(), string_to_sign.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def tc3_scope_date(timestamp: int) -> str:
    """Return the date that Tencent's credential scope must carry: UTC, of the timestamp."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")


def tc3_signature(secret: str, request: Request, claim: Claim, timestamp: str) -> str:
    """Return Tencent's signature, version 3, over method, path, query, the signed headers and the body."""
    unsigned = request.header("x-tc-content-sha256") == "UNSIGNED-PAYLOAD"
    canonical = "\n".join(
        [
            request.method,
            request.path,
            request.query,
            "".join(f"{name}:{request.header(name).strip()}\n" for name in claim.signed_headers),
            ";".join(claim.signed_headers),
            sha256(b"UNSIGNED-PAYLOAD" if unsigned else request.body),
        ]
    )
    string_to_sign = f"{TC3}\n{timestamp}\n{claim.scope}\n{sha256(canonical.encode())}"
    key = f"TC3{secret}".encode()
    for part in claim.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, string_to_sign.encode(), hashlib.sha256).hexdigest()
