"""
Signers of Alibaba's old SDK that fetch new keys by themselves.

Their state is in private attributes, as in aliyun-python-sdk-core 2.16.1, read 2026-11-21.
"""

from __future__ import annotations

import time
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import ManagedKeys, identity_of

SIGNERS: Final = {
    "RamRoleArnSigner": "_refresh_session_ak_and_sk",
    "EcsRamRoleSigner": "_refresh_session_ak_and_sk",
    "RsaKeyPairSigner": "_get_session_ak_and_sk",
}
"""The signers that fetch keys for a session, each with its method for that."""


@frozen(eq=False)
class SignerKeys:
    """A signer of the old SDK; it renews keys by their age, because it does not keep when they expire."""

    identity: object
    _signer: Any

    def renew(self) -> None:
        """Fetch new keys."""
        getattr(self._signer, SIGNERS[type(self._signer).__name__])()

    def is_due(self) -> bool:
        """Tell whether the signer would fetch keys before it next signs."""
        longest = self._period() * getattr(self._signer, "_REFRESH_SCALE", 0.8)
        age = int(time.time()) - self._signer._last_update_time  # noqa: SLF001
        return attribute(self._signer, "_session_credential") is None or age > longest

    def expires_at(self) -> float | None:
        """Return the time of the last answer plus the lifetime that the signer asked for, in epoch seconds."""
        made = self._signer._last_update_time  # noqa: SLF001
        return float(made + self._period()) if made else None

    def fetch(self) -> None:
        """Fetch keys if they are due."""
        self._signer._check_session_credential()  # noqa: SLF001

    def _period(self) -> Any:
        return getattr(self._signer, "_session_period", None) or self._signer._SESSION_PERIOD  # noqa: SLF001


def managed_keys(client: object) -> ManagedKeys | None:
    """Return the signer of a client of the old SDK; None if the signer does not renew its keys."""
    signer = attribute(client, "_signer")
    return SignerKeys(identity_of(signer), signer) if type(signer).__name__ in SIGNERS else None
