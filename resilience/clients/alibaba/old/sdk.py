"""The adapter of Alibaba's old SDK, aliyunsdkcore."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from resilience.clients.alibaba.base import AlibabaSdk
from resilience.clients.alibaba.old import credentials, errors, raising, refreshing, retries, timeouts
from resilience.clients.alibaba.old.forms import FORMS
from resilience.clients.alibaba.old.methods import GENERIC
from resilience.clients.alibaba.traits import OLD_HOOKS, OLD_PACKAGES
from resilience.clients.common.keys import KeyTriple, OwnKeys
from resilience.clients.common.request_forms import Forms
from resilience.clients.common.timeouts import Call
from resilience.clients.vendor.facts import Generic
from resilience.core.fault import Fault


class OldSdk(AlibabaSdk):
    """Clients of aliyunsdkcore, and requests of any ``aliyunsdk*`` package."""

    packages: ClassVar[tuple[str, ...]] = OLD_PACKAGES
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = OLD_HOOKS
    generic: ClassVar[Mapping[str, Generic]] = GENERIC
    forms: ClassVar[Forms] = FORMS

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own."""
        return errors.translate(error)

    def escaped(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of another package that the SDK let through."""
        return errors.escaped(error)

    def within(self, function: Call, client: Any, seconds: float) -> Call | None:
        """Return a method that waits no longer than so, on a copy of its client."""
        return timeouts.within(function, client, seconds)

    def switch_off_retries(self, client: Any) -> str | None:
        """Make this client do each call once."""
        return retries.switch_off(client)

    def own_keys(self, client: object) -> OwnKeys | None:
        """Return what can be done with the credential that a client refreshes by itself."""
        return refreshing.own_keys(client)

    def fixed_keys(self, client: object) -> KeyTriple | None:
        """Return the temporary keys that a client was made with."""
        return credentials.fixed_keys(client)

    def give_keys(self, client: Any, current: Callable[[], KeyTriple]) -> None:
        """Let a client ask for its keys before each request."""
        credentials.give_keys(client, current)

    def given_by(self, client: object) -> Callable[[], KeyTriple] | None:
        """Return the function that a client asks for its keys."""
        return credentials.given_by(client)

    def shaped(self, answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002  # what is asked for has no part in it
        """Return an answer as a method returns it: as bytes, or with status and headers (``parts``)."""
        body = json.dumps(fields).encode()
        return (200, {}, body) if answer == "parts" else body

    def own_error(self, fault: Fault, message: str) -> Exception | None:
        """Return the exception that the SDK raises for a failure."""
        error: Exception | None = raising.service_error(fault, message)
        return error
