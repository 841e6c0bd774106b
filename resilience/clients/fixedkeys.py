"""
Clients that were made with temporary keys which nothing renews: the keys, and a way to put others in their place.

Seen in alibabacloud-tea-openapi 0.4, alibabacloud-credentials 1.0.12, aliyun-python-sdk-core 2.16.1 and
tencentcloud-sdk-python-common 3.1.195, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from resilience.clients.common.fields import attribute, packages
from resilience.clients.credentials import (
    AlibabaCredential,
    KeyTriple,
    TencentCredential,
    alibaba_credential,
    tencent_credential,
)


def fixed_keys(client: object) -> KeyTriple | None:
    """
    Return the temporary keys that a client was made with; None if it has none, or such that renew themselves.

    Permanent keys never expire, so there is no reason to replace them.
    """
    families = packages(type(client))
    if "tencentcloud" in families:
        return _of_tencent(attribute(client, "credential"))
    if "aliyunsdkcore" in families:
        return _of_signer(attribute(client, "_signer"))
    if any(family.startswith("alibabacloud_") for family in families):
        return _of_alibaba(attribute(client, "_credential"))
    return None


def give_keys(client: Any, current: Callable[[], KeyTriple]) -> None:
    """Let a client of :func:`fixed_keys` ask for its keys before each request."""
    families = packages(type(client))
    if "tencentcloud" in families:
        client.credential = tencent_credential(current)
    elif "aliyunsdkcore" in families:
        client._signer = _CurrentSigner(type(client._signer), current)  # noqa: SLF001
    else:
        client._credential = alibaba_credential(current)  # noqa: SLF001


def given_by(client: object) -> Callable[[], KeyTriple] | None:
    """Return the function that a client asks for its keys, if :func:`give_keys` has given it one."""
    for name in ("credential", "_credential", "_signer"):
        holder = attribute(client, name)
        if isinstance(holder, AlibabaCredential | TencentCredential | _CurrentSigner):
            return holder._current  # noqa: SLF001  # made here
    return None


def _of_tencent(credential: object) -> KeyTriple | None:
    kind = type(credential)
    if kind.__module__ != "tencentcloud.common.credential" or kind.__name__ != "Credential":
        return None
    return _triple(*(attribute(credential, name) for name in ("secret_id", "secret_key", "token")))


def _of_signer(signer: object) -> KeyTriple | None:
    if type(signer).__name__ != "StsTokenSigner":
        return None
    keys = attribute(signer, "_credential")
    return _triple(*(attribute(keys, name) for name in ("sts_access_key_id", "sts_access_key_secret", "sts_token")))


def _of_alibaba(credential: object) -> KeyTriple | None:
    holder = attribute(credential, "cloud_credential")
    # What fetches keys has a cache of them, and is asked elsewhere.
    if "Static" not in type(attribute(holder, "provider") or holder).__name__ and not _is_static(holder):
        return None
    names = ("access_key_id", "access_key_secret", "security_token")
    return _triple(*(attribute(holder, name) for name in names)) or _asked(credential)


def _is_static(holder: object) -> bool:
    return type(holder).__name__ in {"StsCredential", "StsTokenCredential"}


def _asked(credential: Any) -> KeyTriple | None:
    """Return what a static credential answers; it has no reason to ask anybody else."""
    model = credential.get_credential()
    return _triple(*(attribute(model, name) for name in ("access_key_id", "access_key_secret", "security_token")))


def _triple(key_id: object, secret: object, token: object) -> KeyTriple | None:
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str) and token):
        return None
    return KeyTriple(access_key_id=key_id, access_key_secret=secret, security_token=token)


@frozen(eq=False)
class _CurrentSigner:
    """Signs each request of the old SDK with the keys of one generation."""

    _signer: Any
    _current: Callable[[], KeyTriple]

    def sign(self, region_id: str, request: Any) -> Any:
        """Return the headers and the URL of a request."""
        keys = self._current()
        return self._signer(_SignerKeys(keys)).sign(region_id, request)


class _SignerKeys:
    """Keys, by the names that the old SDK's signer reads."""

    def __init__(self, keys: KeyTriple) -> None:
        self.sts_access_key_id = keys.access_key_id
        self.sts_access_key_secret = keys.access_key_secret
        self.sts_token = keys.security_token
