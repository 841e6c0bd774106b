"""
The shared access signatures that clients sign with, where they are fixed.

A connection string has a permanent key, of which each request makes a signature; a ``TokenCredential`` renews its
tokens by itself. Both are left alone. A client of azure-core that was made with an ``AzureSasCredential`` has one
signature, which expires. Sources: azure-iot-deviceprovisioning 1.0.0b1 (_auth.py), azure-core 1.41.0 (credentials.py);
read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, Final
from urllib.parse import parse_qs

from attrs import field, frozen

from resilience.clients.azure.connections import sender_of
from resilience.clients.azure.traits import SIGNED
from resilience.clients.common.fields import attribute, seconds
from resilience.clients.common.keys import KeyTriple

_SIGNATURE: Final = "signature"


@frozen(eq=False)
class GivenSignature:
    """A credential in place of an ``AzureSasCredential``: it calls a function for its signature."""

    current: Callable[[], KeyTriple] = field(repr=False)

    @property
    def signature(self) -> str:
        """The signature of the present keys."""
        return self.current().security_token or ""


def fixed_keys(client: object) -> KeyTriple | None:
    """Return the signature of a client, with the name of its policy as its id; None if the client makes signatures."""
    credential = attribute(_policy(client), "_credential")
    given = attribute(credential, _SIGNATURE)
    if isinstance(credential, GivenSignature) or not isinstance(given, str) or not given.startswith(SIGNED):
        return None
    parts = {name: values[0] for name, values in parse_qs(given.removeprefix(SIGNED)).items()}
    return KeyTriple(
        access_key_id=parts.get("skn", ""),
        access_key_secret=parts.get("sig", ""),
        security_token=given,
        expires_at=seconds(parts.get("se")),
    )


def give_keys(client: Any, current: Callable[[], KeyTriple]) -> None:
    """Make a client call ``current`` for its signature before each request."""
    for runner in _runners(client):
        if runner._policy is _policy(client):  # noqa: SLF001  # the pipeline has no public way to its policies
            # Another client may share the policy.
            runner._policy = copy(runner._policy)  # noqa: SLF001
            runner._policy._credential = GivenSignature(current)  # noqa: SLF001
            return


def given_by(client: object) -> Callable[[], KeyTriple] | None:
    """Return the function that :func:`give_keys` gave a client; None if it gave none."""
    credential = attribute(_policy(client), "_credential")
    return credential.current if isinstance(credential, GivenSignature) else None


def _policy(client: object) -> Any:
    """Return the policy that signs with a fixed signature; None if the client has none."""
    policies = (runner._policy for runner in _runners(client))  # noqa: SLF001
    return next((each for each in policies if attribute(attribute(each, "_credential"), _SIGNATURE) is not None), None)


def _runners(client: object) -> list[Any]:
    pipeline = attribute(sender_of(client), "_pipeline")
    runners: Any = attribute(pipeline, "_impl_policies") or ()
    return [runner for runner in runners if hasattr(runner, "_policy")]
