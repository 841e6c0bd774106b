"""The adapter of Alibaba's present SDK, which is built on tea-openapi (0.3 and 0.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar, Final

from resilience.clients.alibaba.base import AlibabaSdk
from resilience.clients.alibaba.tea import accepted, errors, methods, raising, retries, timeouts
from resilience.clients.alibaba.tea.codecs import CODECS, is_read_once
from resilience.clients.alibaba.tea.keys import credentials, refreshing
from resilience.clients.alibaba.tea.methods import GENERIC
from resilience.clients.alibaba.tea.verifying import verifiers
from resilience.clients.alibaba.traits import TEA_HOOKS, TEA_PACKAGES
from resilience.clients.common.fields import packages
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.raised.frames import module_of
from resilience.clients.common.request_codecs import RequestCodecs
from resilience.clients.vendor.facts import Generic

_ASYNC_SUFFIX: Final = "_async"


class TeaSdk(AlibabaSdk):
    """Clients of tea-openapi: those for one product (``alibabacloud_*``), and the client for any product."""

    packages: ClassVar[tuple[str, ...]] = TEA_PACKAGES
    clients: ClassVar[tuple[str, ...]] = ("Alibaba's SDK",)
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = TEA_HOOKS
    generic: ClassVar[Mapping[str, Generic]] = GENERIC
    codecs: ClassVar[RequestCodecs] = CODECS
    # The SDK's asynchronous methods use aiohttp.
    needs_asyncio: ClassVar[bool] = True
    verifies: ClassVar[str] = "alibabacloud_onsmqtt20200420"

    # See the methods of the base classes.
    fault = staticmethod(errors.translate)
    escaped = staticmethod(errors.escaped)
    within = staticmethod(timeouts.within)
    lower = staticmethod(timeouts.lower)
    retries_itself = staticmethod(retries.retries_itself)
    switch_off_retries = staticmethod(retries.switch_off)
    options_may_retry = staticmethod(retries.options_count)
    managed_keys = staticmethod(refreshing.managed_keys)
    fixed_keys = staticmethod(credentials.fixed_keys)
    give_keys = staticmethod(credentials.give_keys)
    given_by = staticmethod(credentials.given_by)
    verifiers = staticmethod(verifiers.verifiers)
    is_foreign = staticmethod(methods.is_foreign)
    operations = staticmethod(methods.operations)
    is_read_once = staticmethod(is_read_once)
    answer = staticmethod(accepted.answer)
    own_error = staticmethod(raising.service_error)

    def host(self, client: object) -> str:
        """Return the endpoint of a client."""
        endpoint = getattr(client, "_endpoint", None)
        return endpoint.lower() if isinstance(endpoint, str) else ""

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:
        """Return a sentence about which method needs asyncio, and what works instead."""
        called = [frame.f_code.co_name for frame in passed if f"{module_of(frame)}.".startswith(self.packages)]
        if not called and not any(f"{package}.".startswith(self.packages) for package in packages(type(error))):
            return None
        # The user called the outermost one.
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

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its runtime options ask for."""
        # Runtime options are the last positional argument, or given by name.
        if any(getattr(each, "autoretry", None) is True for each in (*args[-1:], *kwargs.values())):
            return retries.without_autoretry(args, kwargs)
        return args, kwargs

    def generic_verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:  # noqa: ARG002
        """Return a client's verifiers for generic methods; such calls buy nothing."""
        return verifiers.generic_verifiers(client)

    def shaped(self, answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002  # all generic methods return the same type
        """Return an answer in the type that a generic method returns."""
        return accepted.shaped(fields, args, kwargs)
