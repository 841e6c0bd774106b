"""The executor: a policy around the user's functions."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, overload

from resilience.clients import verifiers_for
from resilience.core.fault import Fault
from resilience.core.match import RuleTable
from resilience.core.policy import PolicyValues
from resilience.engine.arguments import Signature
from resilience.engine.callee import Callee, Setting
from resilience.engine.credentials import Credentials
from resilience.engine.events import Observer, Renamed
from resilience.engine.operations import resolve
from resilience.engine.outcome import Outcome
from resilience.engine.run import run
from resilience.engine.watch import Audience
from resilience.engine.wrapped import Wrapped, build
from resilience.state import Ledger

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Decorator(Protocol):
    """What ``wrap(operation)`` returns; its type depends on what it decorates."""

    @overload
    def __call__(self, function: Callable[P, Awaitable[T]], /) -> Wrapped[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> Wrapped[P, T]: ...


class Executor:
    """
    Applies one policy to the calls of one program.

    It starts no task and keeps no global state; it may serve any number of calls
    at a time, on asyncio, uvloop and trio.

    Args:
        policy: What to do with faults.
        provider: The provider of operations that are named without a prefix; None to take
            the only one that knows the operation.
        account: Goes into the ``{hash}`` of rename patterns, so that accounts get different names.
        credentials: Sources of credentials, by provider.
        classify: Reads the fault from exceptions that the built-in translators do not know; None from it,
            or no such function, leaves them to those.
        on_rename: Told of every rename, in the task of the call.
        ledger: Knows what earlier runs have started and done; None for the one of the policy's ``[ledger]``, if it has
            that table.
        observers: Who watches; None for OpenTelemetry spans.
        draw: Gives a number in [0, 1) for each decision, from which jitter is taken.
    """

    default_observers: ClassVar[Sequence[Observer]] = ()

    def __init__(  # noqa: PLR0913  # a keyword for each thing that calls share
        self,
        policy: PolicyValues,
        *,
        provider: str | None = None,
        account: str = "",
        credentials: Mapping[str, Credentials[Any]] | None = None,
        classify: Callable[[Exception], Fault | None] | None = None,
        on_rename: Callable[[Renamed], object] | None = None,
        ledger: Ledger | None = None,
        observers: Sequence[Observer] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy
        self.provider = provider
        self._setting = Setting(
            policy=policy,
            account=account,
            sources=dict(credentials or {}),
            audience=Audience(self.default_observers if observers is None else observers),
            classify=classify,
            on_rename=on_rename,
            ledger=_ledger_of(policy) if ledger is None else ledger,
            draw=draw,
        )
        self._tables: dict[str, RuleTable] = {}
        self._verifiers: dict[tuple[str | None, str], Callable[..., Any]] = {}

    def __repr__(self) -> str:
        """Name the policy and the provider."""
        return f"<Executor policy={self.policy.name!r} provider={self.provider!r}>"

    @overload
    def wrap(
        self,
        operation: str,
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Decorator: ...
    @overload
    def wrap(
        self,
        operation: str,
        function: Callable[P, Awaitable[T]],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Wrapped[P, T]: ...
    @overload
    def wrap(
        self,
        operation: str,
        function: Callable[P, T],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Wrapped[P, T]: ...
    def wrap(
        self,
        operation: str,
        function: Callable[..., Any] | None = None,
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Any:
        """
        Put a function under the policy, as a decorator or directly.

        Args:
            operation: What the function does: ``Name`` or ``provider:Name``.
            function: A coroutine function, or a plain function, which runs in a worker thread.
            key: Which parameter (or field of a request object) is a request field, where it is not named like it:
                ``{"GroupId": "gid"}``.
            accepted: Makes the value of an accepted call from the call's arguments, where no verifier is registered.

        Raises:
            ValueError: The operation is unknown or ambiguous, or the function is a method of an SDK's client that
                retries by itself.
            TypeError: The policy can rename what no parameter of the function holds, or this is
                a ``classmethod`` or ``staticmethod`` object, which belongs around what is wrapped.
        """

        def decorate(function: Callable[..., Any]) -> Wrapped[Any, Any]:
            if isinstance(function, classmethod | staticmethod):
                kind = type(function).__name__
                raise TypeError(f"{function.__qualname__}: put @{kind} above the line that wraps it, not below")
            callee = self._callee(operation, function, key=key, accepted=accepted)
            callee.check_renames()
            return build(callee)

        return decorate if function is None else decorate(function)

    @overload
    async def call(
        self, operation: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def call(self, operation: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Make one call of a function; return its value, or raise the service's own exception."""
        return (await run(self._callee(operation, function), args, kwargs)).unwrap()

    @overload
    async def outcome(
        self, operation: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Outcome[T]: ...
    @overload
    async def outcome(
        self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Outcome[T]: ...
    async def outcome(self, operation: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Make one call of a function and return how it ended; a failed call raises nothing."""
        return await run(self._callee(operation, function), args, kwargs)

    def verify(self, operation: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """
        Register a verifier for an operation, for functions that have none of their own.

        It takes the arguments of the call, and returns the value of what is there, or
        None. Register it before the first call.

        Raises:
            ValueError: The operation is unknown or ambiguous.
            RuntimeError: The operation has been called already, without this verifier.
        """
        found = resolve(operation, policy=self.policy, provider=self.provider)

        def register(verifier: Callable[P, R]) -> Callable[P, R]:
            if (found.provider, found.name) in self._setting.called:
                raise RuntimeError(f"{found.name} has been called already; register its verifier before")
            self._verifiers[found.provider, found.name] = verifier
            return verifier

        return register

    def verify_with(self, client: object, *, unique_tag: str | None = None, unique_names: bool = False) -> None:
        """
        Register the ready-made verifiers of an SDK's client: for ``call`` with that client's own methods.

        They read back what a create may have made, with the client itself, and
        return it in the shape that the create would have returned.

        Args:
            client: A client of Alibaba's or Tencent's SDK, synchronous or not.
            unique_tag: The tag key by which the script makes its instances unique; without it (and without
                ``unique_names``) an instance of the same name is never taken for the one that was asked for.
            unique_names: The script promises that no two instances have the same name.

        Raises:
            TypeError: The client is of neither SDK.
            RuntimeError: One of its operations has been called already.
        """
        for operation, verifier in verifiers_for(client, unique_tag=unique_tag, unique_names=unique_names).items():
            self.verify(operation)(verifier)

    def _callee(
        self,
        operation: str,
        function: Callable[..., Any],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Callee:
        found = resolve(operation, policy=self.policy, provider=self.provider)
        if found.name not in self._tables:
            self._tables[found.name] = RuleTable.of(self.policy.rules, found.name)
        callee = Callee(
            setting=self._setting,
            operation=found,
            function=function,
            signature=Signature(function, key or {}),
            table=self._tables[found.name],
            verifiers=self._verifiers,
            accepted=accepted,
        )
        callee.check_client()
        return callee


def _ledger_of(policy: PolicyValues) -> Ledger | None:
    settings = policy.ledger
    return None if settings is None else Ledger(settings.path, on_unfinished=settings.on_unfinished)
