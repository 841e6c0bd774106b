"""The adapter of Alibaba's present SDK, which is built on tea-openapi (0.3 and 0.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar, Final

from resilience.clients.alibaba.base import AlibabaSdk
from resilience.clients.alibaba.tea import accepted, errors, forms, methods, raising, retries, timeouts
from resilience.clients.alibaba.tea.forms import FORMS
from resilience.clients.alibaba.tea.keys import credentials, refreshing
from resilience.clients.alibaba.tea.methods import GENERIC
from resilience.clients.alibaba.tea.verifying import verifiers
from resilience.clients.alibaba.traits import TEA_HOOKS, TEA_PACKAGES
from resilience.clients.common.fields import packages
from resilience.clients.common.keys import KeyTriple, OwnKeys
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.raised.frames import module_of
from resilience.clients.common.request_forms import Forms
from resilience.clients.common.timeouts import Call
from resilience.clients.vendor.facts import Generic
from resilience.core.fault import Fault

_ASYNC_SUFFIX: Final = "_async"


class TeaSdk(AlibabaSdk):
    """Clients of tea-openapi, those for one product (``alibabacloud_*``) and the one for any."""

    packages: ClassVar[tuple[str, ...]] = TEA_PACKAGES
    clients: ClassVar[tuple[str, ...]] = ("Alibaba's SDK",)
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = TEA_HOOKS
    generic: ClassVar[Mapping[str, Generic]] = GENERIC
    forms: ClassVar[Forms] = FORMS
    # Its asynchronous methods talk through aiohttp.
    needs_asyncio: ClassVar[bool] = True
    verifies: ClassVar[str] = "alibabacloud_onsmqtt20200420"

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own."""
        return errors.translate(error)

    def escaped(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of another package that the SDK let through."""
        return errors.escaped(error)

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:
        """Say which method needs asyncio, and what works instead."""
        called = [frame.f_code.co_name for frame in passed if f"{module_of(frame)}.".startswith(self.packages)]
        if not called and not any(f"{package}.".startswith(self.packages) for package in packages(type(error))):
            return None
        # The outermost of them is what the user called.
        name = next((name for name in called if name.endswith(_ASYNC_SUFFIX)), None)
        method, instead = (
            ("the *_async methods", "the synchronous method")
            if name is None
            else (f"{name}()", f"{name.removesuffix(_ASYNC_SUFFIX)}()")
        )
        return (
            f"{method} of Alibaba's client needs asyncio, which is not running: "
            f"call {instead} in a plain function, which runs in a worker thread"
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

    def options_may_retry(self, client: object) -> bool:
        """Tell whether the runtime options of one call may ask for retries: with tea-openapi 0.3 they may."""
        return retries.options_count(client)

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its runtime options ask for."""
        # The options come last.
        if any(getattr(each, "autoretry", None) is True for each in (*args[-1:], *kwargs.values())):
            return retries.without_autoretry(args, kwargs)
        return args, kwargs

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

    def generic_verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:  # noqa: ARG002
        """Return the same for methods that take the operation as an argument; with these nothing is bought."""
        return verifiers.generic_verifiers(client)

    def is_foreign(self, module: str) -> bool:
        """Tell whether a module has the vendor's client for another product."""
        return methods.is_foreign(module)

    def operations(self, base: type) -> list[tuple[str, str]]:
        """Return the methods of a client class that perform one operation."""
        return methods.operations(base)

    def is_read_once(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Tell whether a request is gone when it has been sent once: its body is a stream."""
        return forms.is_read_once(args, kwargs)

    def answer(self, base: type, operation: str, said: Mapping[str, Any]) -> Any:
        """Return a good answer of the SDK's own type."""
        return accepted.answer(base, operation, said)

    def shaped(self, answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002  # all of them return the same
        """Return an answer as a method for any operation returns it."""
        return accepted.shaped(fields, args, kwargs)

    def own_error(self, fault: Fault, message: str) -> Exception | None:
        """Return the exception that the SDK raises for a failure."""
        error: Exception | None = raising.service_error(fault, message)
        return error
