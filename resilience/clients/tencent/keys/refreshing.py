"""
Renew the keys of the credential classes of Tencent's SDK that refresh by themselves.

Each of their methods holds the credential's lock until the token service has answered. A call
that signs meanwhile waits for that lock, even on an event loop. So a copy of the credential
fetches new keys, which then replace the old ones under the lock. Source:
tencentcloud-sdk-python-common 3.1.195, credential.py, read 2026-11-21.
"""

from __future__ import annotations

import time
from copy import copy
from importlib import import_module
from threading import Lock
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.fields import attribute, kinds
from resilience.clients.common.keys import ManagedKeys, identity_of, users_keys

ROLES: Final = {
    "STSAssumeRoleCredential": ("get_sts_tmp_role_arn", 0.9),
    "OIDCRoleArnCredential": ("refresh", 0.1),
}
"""Classes that assume a role, the method for it, and the part of the lifetime that is left when they do it again."""

MACHINE: Final = "CVMRoleCredential"
"""The class that asks the metadata service of the machine."""

_ERRORS: Final = "tencentcloud.common.exception.tencent_cloud_sdk_exception"

_ROLE_FIELDS: Final = ("_tmp_secret_id", "_tmp_secret_key", "_token", "_expired_time")
_MACHINE_FIELDS: Final = ("_secret_id", "_secret_key", "_token", "_expired_ts", "role")


@frozen(eq=False)
class RoleKeys:
    """A credential that assumes a role."""

    identity: object
    _credential: Any
    _method: str
    _share: float

    def renew(self) -> None:
        """Assume the role again."""
        twin = copy(self._credential)
        getattr(twin, self._method)()
        _take(self._credential, twin, _ROLE_FIELDS)

    def is_due(self) -> bool:
        """Tell whether the credential would assume the role before it next signs."""
        *keys, due = (getattr(self._credential, name) for name in _ROLE_FIELDS)
        return None in keys or due < int(time.time())

    def expires_at(self) -> float | None:
        """Return when the keys expire, in epoch seconds, computed from the time at which the class will renew them."""
        due = self._credential._expired_time  # noqa: SLF001
        return float(due + self._credential._duration_seconds * self._share) if due else None  # noqa: SLF001

    def fetch(self) -> None:
        """Assume the role if it is due."""
        if self.is_due():
            self.renew()


@frozen(eq=False)
class MachineKeys:
    """A credential that asks the metadata service of the machine, and hides every failure."""

    identity: object
    _credential: Any

    def renew(self) -> None:
        """
        Ask the metadata service for new keys.

        Raises:
            TencentCloudSDKException: It did not answer with keys; the SDK's class would sign without any.
        """
        if not self._ask():
            error = import_module(_ERRORS).TencentCloudSDKException
            raise error("ClientError.MetadataError", "the metadata service did not answer with keys")

    def is_due(self) -> bool:
        """Tell whether the credential would ask for keys before it next signs."""
        return bool(self._credential._need_refresh())  # noqa: SLF001

    def expires_at(self) -> float | None:
        """Return when the keys expire, in epoch seconds; None if there are none."""
        end = self._credential._expired_ts  # noqa: SLF001
        return float(end) if end else None

    def fetch(self) -> None:
        """Ask for keys if they are due; ignore a failure as long as the present keys are valid."""
        if self.is_due() and (self.expires_at() or 0.0) <= time.time():
            self.renew()
        elif self.is_due():
            self._ask()

    def _ask(self) -> bool:
        twin = copy(self._credential)
        twin._lock = Lock()  # noqa: SLF001
        twin._expired_ts = 0  # noqa: SLF001
        twin.update_credential()
        if not twin._expired_ts:  # noqa: SLF001
            return False
        _take(self._credential, twin, _MACHINE_FIELDS)
        return True


def _take(credential: Any, twin: Any, names: tuple[str, ...]) -> None:
    with credential._lock:  # noqa: SLF001
        vars(credential).update({name: getattr(twin, name) for name in names})


def managed_keys(client: object) -> ManagedKeys | None:
    """Return the credential of a client; None if the credential does not renew its keys."""
    credential = attribute(client, "credential")
    names = [name for package, name in kinds(type(credential)) if package == "tencentcloud"]
    for name in names:
        if name in ROLES:
            return RoleKeys(identity_of(credential), credential, *ROLES[name])
        if name == MACHINE:
            return MachineKeys(identity_of(credential), credential)
    return None if names else users_keys(credential, "get_credential_info")
