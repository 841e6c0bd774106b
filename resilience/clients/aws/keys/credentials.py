"""
Credentials of botocore: a credential that calls a function for its keys, and the fixed keys of a client.

A client signs with the credential in the context of a request, if there is one (signers.py 1.43.117,
``request_credentials``, read 2026-11-28). So a wrapped client gets new keys, and the given one keeps its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from attrs import field, frozen

from resilience.clients.common.fields import attribute, kinds
from resilience.clients.common.keys import KeyTriple, triple
from resilience.clients.common.timeouts import twin

_FIXED: Final = {("botocore", "Credentials"): False, ("aiobotocore", "AioCredentials"): True}
"""The classes of credentials that never change, and whether their methods are coroutine functions."""

_SIGNING: Final = "signing"
_CREDENTIALS: Final = "request_credentials"


def credential_of(client: object) -> object:
    """Return the credential that a client signs with; None if it has none, or is no client."""
    return attribute(attribute(client, "_request_signer"), "_credentials")


@frozen(eq=False)
class GivenCredentials:
    """A credential for botocore's clients; they sign with the result of :meth:`get_frozen_credentials`."""

    _current: Callable[[], KeyTriple] = field(repr=False)
    method: str = "resilience"
    account_id: None = None

    def get_frozen_credentials(self) -> Any:
        """Return id, secret and token of one generation."""
        keys = self._current()
        made: Any = sys.modules["botocore.credentials"]
        return made.ReadOnlyCredentials(keys.access_key_id, keys.access_key_secret, keys.security_token)

    @property
    def access_key(self) -> str:
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

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """Return a function that returns one of the properties."""
        return lambda: getattr(self, property_name, None)


@frozen(eq=False)
class GivenAioCredentials(GivenCredentials):
    """The same for aiobotocore, which awaits the keys."""

    async def get_frozen_credentials(self) -> Any:
        """Return id, secret and token of one generation."""
        return super().get_frozen_credentials()


def fixed_keys(client: object) -> KeyTriple | None:
    """Return the temporary keys that a client was made with."""
    credential = credential_of(client)
    if kinds(type(credential))[0] not in _FIXED:
        return None
    return triple(*(attribute(credential, name) for name in ("access_key", "secret_key", "token")))


def give_keys(client: Any, current: Callable[[], KeyTriple]) -> None:
    """Make a client call ``current`` for its keys before each request."""
    is_async = any(package == "aiobotocore" for package, _ in kinds(type(client)))
    credential = (GivenAioCredentials if is_async else GivenCredentials)(current)
    signer, endpoint = twin(client._request_signer), twin(client._endpoint)  # noqa: SLF001  # no public name leads to them
    signer._credentials = credential  # noqa: SLF001
    create = endpoint.create_request

    def create_request(params: Any, operation_model: Any = None) -> Any:
        context = params["context"]
        context[_SIGNING] = {**context.get(_SIGNING, {}), _CREDENTIALS: credential}
        return create(params, operation_model)

    endpoint.create_request = create_request
    client._request_signer, client._endpoint = signer, endpoint  # noqa: SLF001


def given_by(client: object) -> Callable[[], KeyTriple] | None:
    """Return the function that :func:`give_keys` gave a client; None if it gave none."""
    credential = credential_of(client)
    return credential._current if isinstance(credential, GivenCredentials) else None  # noqa: SLF001  # made here
