"""
Computes the signatures of Tencent's requests.

Source, read 2026-11-21: Tencent Cloud "Signature v3" (TC3-HMAC-SHA256). Tried with tencentcloud-sdk-python-common
3.1.195.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from resilience.sandbox.exchange import HttpRequest
from resilience.sandbox.signing import Claim, sha256

TC3 = "TC3-HMAC-SHA256"


def tc3_scope_date(timestamp: int) -> str:
    """Return the UTC date of a timestamp, for Tencent's credential scope."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")


def tc3_signature(secret: str, request: HttpRequest, claim: Claim, timestamp: str) -> str:
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
