"""
Credentials that a live client asks for on every call, so that a refresh needs no new client.

Each question is answered from one snapshot: a client that read the key of one
generation and the secret of the next would sign with a torn pair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Self

from attrs import field, frozen


@frozen(kw_only=True)
class KeyTriple:
    """
    One generation of credentials.

    Neither ``repr`` nor a pickle shows a secret: a pickle is refused.

    Attributes:
        access_key_id: The id of the key; Tencent calls it SecretId.
        access_key_secret: The secret; Tencent calls it SecretKey.
        security_token: The token of temporary credentials, or None for a permanent key.
        expires_at: When they end, in epoch seconds, or None if they do not or nobody knows.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied into anything that might be stored."""
        raise TypeError("credentials are not pickled; pass a function that loads them instead")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def alibaba_credential(current: Callable[[], KeyTriple]) -> AlibabaCredential:
    """
    Return an object for ``Config(credential=...)`` of Alibaba's SDKs.

    Args:
        current: Returns the credentials to sign the next request with. It is
            called once per question, possibly from several threads, and must not block.
    """
    return AlibabaCredential(current)


def tencent_credential(current: Callable[[], KeyTriple]) -> TencentCredential:
    """
    Return an object for the ``credential`` argument of Tencent's clients, synchronous and asynchronous.

    Args:
        current: As for :func:`alibaba_credential`.
    """
    return TencentCredential(current)


@frozen(eq=False)
class AlibabaCredential:
    """
    Answers what tea-openapi 0.3 and 0.4 ask of a credential.

    The accessors of one part each are what older product clients use; a signer
    that uses several of them may see two generations, which the single call cannot.
    """

    _current: Callable[[], KeyTriple] = field(repr=False)

    def get_credential(self) -> Any:
        """Return one snapshot as the SDK's own ``CredentialModel``."""
        # Whoever asks has the SDK; whoever imports this module need not.
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


@frozen(eq=False)
class TencentCredential:
    """Answers what Tencent's clients ask of a credential; they sign with :meth:`get_credential_info` alone."""

    _current: Callable[[], KeyTriple] = field(repr=False)

    def get_credential_info(self) -> tuple[str, str, str | None]:
        """Return id, secret and token of one generation."""
        keys = self._current()
        return keys.access_key_id, keys.access_key_secret, keys.security_token

    @property
    def secret_id(self) -> str:
        """The id of the key."""
        return self._current().access_key_id

    @property
    def secret_key(self) -> str:
        """The secret."""
        return self._current().access_key_secret

    @property
    def token(self) -> str | None:
        """The token, or None for a permanent key."""
        return self._current().security_token

    @property
    def secretId(self) -> str:  # noqa: N802  # older SDKs read these names
        """The id of the key."""
        return self._current().access_key_id

    @property
    def secretKey(self) -> str:  # noqa: N802
        """The secret."""
        return self._current().access_key_secret


def _type(keys: KeyTriple) -> str:
    return "access_key" if keys.security_token is None else "sts"
