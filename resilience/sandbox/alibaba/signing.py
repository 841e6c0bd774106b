"""
Computes the signatures of Alibaba's requests.

Sources, read 2026-11-21: Alibaba Cloud "Request syntax and signature method V3" (ACS3-HMAC-SHA256) and "RPC signature"
(version 1.0, HMAC-SHA1). Tried with alibabacloud_tea_openapi 0.3.16 and 0.4.6, aliyun-python-sdk-core 2.16.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

from resilience.sandbox.exchange import HttpRequest
from resilience.sandbox.signing import Claim, sha256

ACS3 = "ACS3-HMAC-SHA256"


def acs3_string(request: HttpRequest, claim: Claim) -> str:
    """Return Alibaba's string to sign, version 3, with the computed digest of the body."""
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
        parameters: Query and form together; this function leaves ``Signature`` out.
    """
    pairs = sorted((key, value) for key, value in parameters.items() if key != "Signature")
    canonical = "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in pairs)
    return f"{method}&%2F&{quote(canonical, safe='~')}"


def rpc_signature(secret: str, string_to_sign: str) -> str:
    """Sign with HMAC-SHA1, base64; the key is the secret followed by ``&``."""
    # The vendor's protocol requires SHA-1, which protects only the sandbox here.
    digest = hmac.new(f"{secret}&".encode(), string_to_sign.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
