"""The adapter of Azure's SDKs for IoT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar

from resilience.clients.azure import answers, connections, errors, keys, methods
from resilience.clients.azure.described import GROUPS
from resilience.clients.azure.methods import AzureMethod
from resilience.clients.azure.traits import HOOKS, PACKAGES, PROVIDER
from resilience.clients.common.calls import Apis
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.raised.frames import module_of
from resilience.clients.sdk import Sdk


class AzureSdk(Sdk):
    """
    Clients of ``azure-iot-hub`` (msrest) and of ``azure-iot-deviceprovisioning`` (azure-core).

    They have their methods in groups of operations, which are attributes of the clients.
    """

    provider: ClassVar[str] = PROVIDER
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    clients: ClassVar[tuple[str, ...]] = ("azure-iot-hub or azure-iot-deviceprovisioning",)
    verifies: ClassVar[str] = "azure-iot-hub, azure-iot-deviceprovisioning"
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = HOOKS

    # See the methods of the base class.
    check = staticmethod(answers.checker)
    fault = staticmethod(errors.translate)
    escaped = staticmethod(errors.escaped)
    within = staticmethod(methods.within)
    lower = staticmethod(connections.lower)
    host = staticmethod(connections.host_of)
    retries_itself = staticmethod(connections.retries_itself)
    switch_off_retries = staticmethod(connections.switch_off_retries)
    attributes = staticmethod(connections.copied)
    fixed_keys = staticmethod(keys.fixed_keys)
    give_keys = staticmethod(keys.give_keys)
    given_by = staticmethod(keys.given_by)

    def methods(self, cls: type, apis: Apis) -> Mapping[str, AzureMethod]:  # noqa: ARG002  # for vendors' SDKs the policy describes no API
        """Return the methods of a class of operations, by name; empty for other classes."""
        return methods.methods_of(cls)

    def verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:
        """
        Return the verifiers of a client and of its groups, by operation; None for other clients.

        Raises:
            ValueError: ``purchases`` is not empty: such a client buys nothing.
        """
        found = methods.verifiers_of(client)
        if found and purchases:
            raise ValueError("verifiers_for: such a client buys nothing; leave out unique_tag, unique and unique_names")
        return found or None

    def groups(self, cls: type) -> tuple[str, ...]:
        """Return the attributes of a client class that have operations, or another client with groups."""
        return next((GROUPS[base.__name__] for base in cls.__mro__ if self._has_groups(base)), ())

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:  # noqa: ARG002  # the frames are enough
        """Return a sentence about the default transport of asynchronous clients, which needs asyncio."""
        if not any(f"{module_of(frame)}.".startswith(PACKAGES) for frame in passed):
            return None
        return (
            "the asynchronous client sends with aiohttp, and asyncio is not running: make the client with "
            "TrioRequestsTransport (azure.core.pipeline.transport), or call the synchronous client in a plain "
            "function, which runs in a worker thread"
        )

    def _has_groups(self, cls: type) -> bool:
        return cls.__name__ in GROUPS and f"{cls.__module__}.".startswith(PACKAGES)
