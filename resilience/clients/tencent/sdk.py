"""The adapter of Tencent's SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar

from resilience.catalog import OperationFacts
from resilience.clients.common.assuming import Keys
from resilience.clients.common.calls import Check
from resilience.clients.common.keys import KeyTriple, OwnKeys
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.raised.frames import module_of
from resilience.clients.common.renaming import NamePlaces
from resilience.clients.common.request_forms import Forms
from resilience.clients.common.timeouts import Call
from resilience.clients.sdk import CodeList
from resilience.clients.tencent import accepted, answers, errors, methods, raising, retries, timeouts
from resilience.clients.tencent.forms import FORMS
from resilience.clients.tencent.keys import credentials, refreshing
from resilience.clients.tencent.keys.assuming import tencent_assume_role
from resilience.clients.tencent.methods import GENERIC
from resilience.clients.tencent.places import PLACES
from resilience.clients.tencent.traits import HOOKS, PACKAGES, PROVIDER
from resilience.clients.tencent.verifying import verifiers
from resilience.clients.vendor.facts import Generic
from resilience.clients.vendor.sdk import VendorSdk
from resilience.core.fault import Fault


class TencentSdk(VendorSdk):
    """Clients of ``tencentcloud``, synchronous and asynchronous; the latter talk through httpx and work under trio."""

    provider: ClassVar[str] = PROVIDER
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    clients: ClassVar[tuple[str, ...]] = ("Tencent's SDK",)
    verifies: ClassVar[str] = "tencentcloud.mqtt"
    code_list: ClassVar[CodeList] = CodeList(
        "tencentcloud-sdk-python-mqtt", "tencentcloud", "mqtt/v{version}/errorcodes.py"
    )
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = HOOKS
    generic: ClassVar[Mapping[str, Generic]] = GENERIC
    forms: ClassVar[Forms] = FORMS
    places: ClassVar[NamePlaces] = PLACES
    # Where its tools and the default provider of its SDK read them (read 2026-11-28).
    key_variables: ClassVar[tuple[str, str, str]] = (
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_SESSION_TOKEN",
    )

    def check(self, facts: OperationFacts | None) -> Check:
        """Return a function that tells the fault in an answer."""
        return answers.checker(facts)

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own."""
        return errors.translate(error)

    def escaped(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of another package that the SDK let through."""
        return errors.escaped(error)

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:  # noqa: ARG002  # the frames say it all
        """Say what of the SDK needs asyncio: its retryer alone."""
        if not any(f"{module_of(frame)}.".startswith(self.packages) for frame in passed):
            return None
        return (
            "the retryer of Tencent's asynchronous client sleeps with asyncio, which is not running: "
            "set ClientProfile.retryer to None, or call the synchronous client in a plain function, "
            "which runs in a worker thread"
        )

    def within(self, function: Call, client: Any, seconds: float) -> Call | None:
        """Return a method that waits no longer than so, on a copy of its client."""
        return timeouts.within(function, client, seconds)

    def lower(self, client: Any, seconds: float) -> bool:
        """Make a client wait no longer than so in all its calls."""
        return timeouts.lower(client, seconds)

    def retries_itself(self, client: object) -> str | None:
        """Say how a client repeats calls."""
        return retries.retries_itself(client)

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

    def verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:
        """Return what asks a service whether something is there."""
        return verifiers.verifiers(client, purchases)

    def assume_role(self, role: str, keys: Keys, options: Mapping[str, Any]) -> Callable[[], KeyTriple]:
        """Return a function that assumes a role."""
        return tencent_assume_role(role_arn=role, keys=keys, **options)

    def is_foreign(self, module: str) -> bool:
        """Tell whether a module has the vendor's client for another product."""
        return methods.is_foreign(module)

    def operations(self, base: type) -> list[tuple[str, str]]:
        """Return the methods of a client class that perform one operation."""
        return methods.operations(base)

    def answer(self, base: type, operation: str, said: Mapping[str, Any]) -> Any:
        """Return a good answer of the SDK's own type."""
        return accepted.answer(base, operation, said)

    def answer_names(self, client: Any, operation: str) -> frozenset[str]:
        """Return the fields that a good answer has: the models say it, else the catalogue."""
        return accepted.names(client, operation) or super().answer_names(client, operation)

    def shaped(self, answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return an answer as a method for any operation returns it."""
        return accepted.shaped(answer, fields, args, kwargs)

    def own_error(self, fault: Fault, message: str) -> Exception | None:
        """Return the exception that the SDK raises for a failure."""
        error: Exception | None = raising.service_error(fault, message)
        return error
