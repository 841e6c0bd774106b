"""The adapter of requests and httpx, for the APIs that a policy describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from resilience.clients.common.calls import Apis, ClientMethod
from resilience.clients.common.timeouts import AnyFunction
from resilience.clients.rest.calls import is_rest_class, repeats_itself
from resilience.clients.rest.methods import methods_of
from resilience.clients.rest.timeouts import within_httpx, within_requests
from resilience.clients.rest.traits import HOOKS, LIBRARIES, PACKAGES
from resilience.clients.sdk import Sdk


class RestSdk(Sdk):
    """Clients of plain HTTP; their exceptions belong to no service."""

    provider: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    clients: ClassVar[tuple[str, ...]] = LIBRARIES
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = HOOKS

    def owns(self, error: Exception) -> bool:  # noqa: ARG002
        """Return False: ``common/raised/plain.py`` translates the exceptions of HTTP clients."""
        return False

    def methods(self, cls: type, apis: Apis) -> Mapping[str, ClientMethod]:
        """Return the methods of a client class that send requests."""
        return methods_of(cls, apis) if is_rest_class(cls) else {}

    def refuses(self, client: object, apis: Apis) -> str | None:
        """Return why a policy cannot apply to a client: the policy describes no API, or the client repeats requests."""
        if not is_rest_class(type(client)):
            return None
        if not apis.sources:
            return f"policy {apis.policy!r} describes no API: add a [sources.NAME] table to it"
        return repeats_itself(client)

    def within(self, function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:
        """Return a method of a client, or a function of the library, that waits at most ``seconds``."""
        is_httpx = function.__module__.partition(".")[0] == "httpx"
        return (within_httpx if is_httpx else within_requests)(function, client, seconds)
