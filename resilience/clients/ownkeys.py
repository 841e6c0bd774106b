"""
The credentials that an SDK's client refreshes by itself, made to refresh when and where they should.

Left alone they do two kinds of harm. A token that the service refuses before its time
is never replaced: they look at the clock, not at the answer. And they refresh inside
the call: with Alibaba's ``*_async`` methods and Tencent's asynchronous client that stops
the event loop, Alibaba's for five seconds as soon as two calls meet, by a thread lock
(alibabacloud-credentials 1.0.12, tencentcloud-sdk-python-common 3.1.195 and
aliyun-python-sdk-core 2.16.1, read 2026-11-21). So :meth:`OwnKeys.fetch` in a worker thread
before a call, and :meth:`OwnKeys.renew` in one after a refusal, do it from outside.

Nothing here holds a lock of the SDK while it waits for the network, except where the SDK's own
method does: a call on an event loop would stop there.
"""

from __future__ import annotations

import weakref
from inspect import iscoroutinefunction
from typing import Any, Protocol

from attrs import frozen

from resilience.clients.alibaba.refreshing import SIGNERS, ProviderKeys, SignerKeys, inner_name
from resilience.clients.common.fields import attribute, kinds, packages
from resilience.clients.tencent.refreshing import MACHINE, ROLES, MachineKeys, RoleKeys


class OwnKeys(Protocol):
    """What can be done with a client's own refreshing credential; ask for one refresh at a time."""

    @property
    def identity(self) -> object:
        """The credential: clients that share it share its refreshes. Hashable, and can be referred to weakly."""

    def renew(self) -> None:
        """
        Fetch new keys now, however good the present ones look; blocks.

        Raises:
            Exception: The SDK's own; the present keys then stay, for calls that they may be good enough for.
        """

    def is_due(self) -> bool:
        """Tell whether the SDK would refresh within its next call; no I/O."""

    def expires_at(self) -> float | None:
        """Return when the present keys end, in epoch seconds; None if there are none yet or nobody knows."""

    def fetch(self) -> None:
        """
        Do what the SDK would do within its next call, if that is due; blocks.

        Raises:
            Exception: The SDK's own.
        """


def own_keys(client: object) -> OwnKeys | None:
    """
    Return what can be done with the credential that a client refreshes by itself.

    Args:
        client: A client of Alibaba's SDKs, the old one included, or of Tencent's.

    Returns:
        None for permanent or static keys, for credentials that :mod:`resilience` renews already, and for classes that
        nothing is known about. An object of the user's own counts if it has a plain public method ``refresh()`` beside
        ``get_credential_info()`` (Tencent) or ``get_credential()`` (Alibaba).
    """
    families = packages(type(client))
    if "tencentcloud" in families:
        return _of_tencent(attribute(client, "credential"))
    if "aliyunsdkcore" in families:
        signer = attribute(client, "_signer")
        return SignerKeys(_identity(signer), signer) if type(signer).__name__ in SIGNERS else None
    if any(family.startswith("alibabacloud_") for family in families):
        return _of_alibaba(attribute(client, "_credential"))
    return None


def _of_tencent(credential: object) -> OwnKeys | None:
    names = [name for package, name in kinds(type(credential)) if package == "tencentcloud"]
    for name in names:
        if name in ROLES:
            return RoleKeys(_identity(credential), credential, *ROLES[name])
        if name == MACHINE:
            return MachineKeys(_identity(credential), credential)
    return None if names else _of_user(credential, "get_credential_info")


def _of_alibaba(credential: object) -> OwnKeys | None:
    provider = attribute(attribute(credential, "cloud_credential"), "provider")
    if provider is None:
        return _of_user(credential, "get_credential")
    if attribute(provider, "_credentials_cache") is not None or inner_name(provider) is not None:
        return ProviderKeys(_identity(provider), provider)
    return _of_user(provider, "get_credentials")


def _of_user(credential: object, getter: str) -> OwnKeys | None:
    refresh = attribute(credential, "refresh")
    if not callable(refresh) or iscoroutinefunction(refresh) or not callable(attribute(credential, getter)):
        return None
    return _UserObject(_identity(credential), credential, getter)


@frozen(eq=False)
class _Same:
    """Stands for an object that cannot be hashed, or not be referred to weakly."""

    thing: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def _identity(credential: object) -> object:
    try:
        hash(credential)
        weakref.ref(credential)
    except TypeError:
        return _Same(credential)
    return credential


@frozen(eq=False)
class _UserObject:
    """What users write: nobody can tell when it is due."""

    identity: object
    _credential: Any
    _getter: str

    def renew(self) -> None:
        self._credential.refresh()

    def is_due(self) -> bool:
        return False

    def expires_at(self) -> float | None:
        return None

    def fetch(self) -> None:
        getattr(self._credential, self._getter)()
