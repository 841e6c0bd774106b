"""
Credentials of Alibaba's present SDK: a credential that calls a function for its keys, and the fixed keys of a client.

The credential takes id, secret and token from one snapshot. With the id of one generation and the secret of the next,
a client would sign wrongly. Sources for fixed keys: alibabacloud-tea-openapi 0.4 and alibabacloud-credentials 1.0.12,
read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import KeyTriple, triple


def alibaba_credential(current: Callable[[], KeyTriple]) -> AlibabaCredential:
    """
    Return an object for ``Config(credential=...)`` of Alibaba's SDKs.

    Args:
        current: Returns the keys that sign the next request. The credential calls it once for each question of the
            SDK, possibly from several threads, so it must not block.
    """
    return AlibabaCredential(current)


@frozen(eq=False)
class AlibabaCredential:
    """
    A credential for tea-openapi 0.3 and 0.4.

    Older product clients call one method for each part, and may so get parts of two generations.
    ``get_credential`` returns all parts of one generation.
    """

    _current: Callable[[], KeyTriple] = field(repr=False)

    def get_credential(self) -> Any:
        """Return one snapshot as the SDK's own ``CredentialModel``."""
        # Only the SDK calls this, so it is installed; importing this module must not need it.
        from alibabacloud_credentials.models import CredentialModel  # noqa: PLC0415

        keys = self._current()
        return CredentialModel(
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token,
            type=_type(keys),
        )

    async def get_credential_async(self) -> Any:
        """Return the same as :meth:`get_credential`."""
        return self.get_credential()

    def get_access_key_id(self) -> str:
        """Return the id of the key."""
        return self._current().access_key_id

    async def get_access_key_id_async(self) -> str:
        """Return the id of the key."""
        return self._current().access_key_id

    def get_access_key_secret(self) -> str:
        """Return the secret."""
        return self._current().access_key_secret

    async def get_access_key_secret_async(self) -> str:
        """Return the secret."""
        return self._current().access_key_secret

    def get_security_token(self) -> str | None:
        """Return the token, or None for a permanent key."""
        return self._current().security_token

    async def get_security_token_async(self) -> str | None:
        """Return the token, or None for a permanent key."""
        return self._current().security_token

    def get_type(self) -> str:
        """Return ``"sts"`` for temporary credentials, else ``"access_key"``."""
        return _type(self._current())


def _type(keys: KeyTriple) -> str:
    return "access_key" if keys.security_token is None else "sts"


def fixed_keys(client: object) -> KeyTriple | None:
    """Return the temporary keys that a client was made with."""
    return _of_credential(attribute(client, "_credential"))


def give_keys(client: Any, current: Callable[[], KeyTriple]) -> None:
    """Make a client call ``current`` for its keys before each request."""
    client._credential = alibaba_credential(current)  # noqa: SLF001


def given_by(client: object) -> Callable[[], KeyTriple] | None:
    """Return the function that :func:`give_keys` gave a client; None if it gave none."""
    holder = attribute(client, "_credential")
    return holder._current if isinstance(holder, AlibabaCredential) else None  # noqa: SLF001  # made here


def _of_credential(credential: object) -> KeyTriple | None:
    holder = attribute(credential, "cloud_credential")
    # A provider that fetches keys is no static one: refreshing.py deals with it.
    if "Static" not in type(attribute(holder, "provider") or holder).__name__ and not _is_static(holder):
        return None
    names = ("access_key_id", "access_key_secret", "security_token")
    return triple(*(attribute(holder, name) for name in names)) or _asked(credential)


def _is_static(holder: object) -> bool:
    return type(holder).__name__ in {"StsCredential", "StsTokenCredential"}


def _asked(credential: Any) -> KeyTriple | None:
    """Return the keys that a static credential answers with; it sends no request for them."""
    model = credential.get_credential()
    return triple(*(attribute(model, name) for name in ("access_key_id", "access_key_secret", "security_token")))
