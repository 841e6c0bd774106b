"""
What Alibaba's old SDK refreshes by itself: its signers.

Only private attributes tell what they keep; seen in aliyun-python-sdk-core 2.16.1, read 2026-11-21.
"""

from __future__ import annotations

import time
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import OwnKeys, identity_of

SIGNERS: Final = {
    "RamRoleArnSigner": "_refresh_session_ak_and_sk",
    "EcsRamRoleSigner": "_refresh_session_ak_and_sk",
    "RsaKeyPairSigner": "_get_session_ak_and_sk",
}
"""Signers that fetch keys for a session, and how each does it."""


@frozen(eq=False)
class SignerKeys:
    """A signer of the old SDK, which goes by the age of its keys and never learns when they end."""

    identity: object
    _signer: Any

    def renew(self) -> None:
        """Fetch new keys."""
        getattr(self._signer, SIGNERS[type(self._signer).__name__])()

    def is_due(self) -> bool:
        """Tell what the signer itself asks before it signs."""
        longest = self._period() * getattr(self._signer, "_REFRESH_SCALE", 0.8)
        age = int(time.time()) - self._signer._last_update_time  # noqa: SLF001
        return attribute(self._signer, "_session_credential") is None or age > longest

    def expires_at(self) -> float | None:
        """Return the age that the signer asked for, counted from when the answer came."""
        made = self._signer._last_update_time  # noqa: SLF001
        return float(made + self._period()) if made else None

    def fetch(self) -> None:
        """Fetch keys if that is due."""
        self._signer._check_session_credential()  # noqa: SLF001

    def _period(self) -> Any:
        return getattr(self._signer, "_session_period", None) or self._signer._SESSION_PERIOD  # noqa: SLF001


def own_keys(client: object) -> OwnKeys | None:
    """Return what can be done with the signer of a client of the old SDK; None if it renews nothing."""
    signer = attribute(client, "_signer")
    return SignerKeys(identity_of(signer), signer) if type(signer).__name__ in SIGNERS else None
