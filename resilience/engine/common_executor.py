"""What both executors share: how they are made, and which verifiers they know."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple, ParamSpec, TypeVar

from resilience.clients import registry
from resilience.core.events import Observer, ResourceRenamed
from resilience.core.fault import Fault
from resilience.core.policy import PolicyValues
from resilience.engine.credentials.source import Credentials
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.switch import switched_off
from resilience.engine.target.checks import check_renames
from resilience.engine.target.factory import TargetFactory
from resilience.engine.target.observers import Audience
from resilience.engine.target.operations import checked_provider, resolve
from resilience.engine.target.settings import ExecutorSettings
from resilience.engine.target.target import Target
from resilience.state import Ledger

P = ParamSpec("P")
R = TypeVar("R")


def _nobody(_: PolicyValues) -> Sequence[Observer]:
    return ()


_MOST_TARGETS: Final = 128


class PreparedTarget(NamedTuple):
    """A function of ``call`` or ``outcome`` with its operation, prepared once."""

    target: Target
    call: Callable[..., Any]
    outcome: Callable[..., Any]


class CommonExecutor:
    """
    The part of an executor that needs no runtime.

    Attributes:
        policy: What to do with faults.
        provider: The provider of operations that are named without a prefix, or None.
        enabled: Whether the policy acts; if not, each call is one attempt.
        target_factory: Prepares functions for calls.
    """

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(_nobody)
    """Returns the observers where none were given: the package chooses them, the engine knows none."""

    runtime: ClassVar[Runtime]

    _fast_path: ClassVar[staticmethod[..., Callable[..., Any]]]
    """Makes the fast path for calls of a function, that which returns values and that which returns outcomes."""

    def __init__(  # noqa: PLR0913  # a keyword for each thing that calls share
        self,
        policy: PolicyValues,
        *,
        provider: str | None = None,
        account: str = "",
        credentials: Mapping[str, Credentials[Any]] | None = None,
        classify: Callable[[Exception], Fault | None] | None = None,
        on_rename: Callable[[ResourceRenamed], object] | None = None,
        ledger: Ledger | None = None,
        observers: Sequence[Observer] | None = None,
        draw: Callable[[], float] = random.random,
        enabled: bool | None = None,
    ) -> None:
        if not isinstance(policy, PolicyValues):
            raise TypeError(f"policy: expected a policy, got {type(policy).__name__}; read one with Policy.load(...)")
        # A package of a third party that cannot be used is told here, and not while a call fails.
        registry.sdks()
        self.policy = policy
        self._targets: dict[tuple[str, Callable[..., Any]], PreparedTarget] = {}
        self.provider = checked_provider(provider, policy)
        self.enabled = not switched_off() if enabled is None else enabled
        self.target_factory = TargetFactory(
            ExecutorSettings(
                policy=policy,
                enabled=self.enabled,
                account=account,
                sources=dict(credentials or {}),
                audience=Audience(self.observers_for(policy) if observers is None else observers),
                classify=classify,
                on_rename=on_rename,
                ledger=(_ledger_of(policy) if ledger is None else ledger) if self.enabled else None,
                draw=draw,
            ),
            provider,
        )

    def __repr__(self) -> str:
        """Name the policy and the provider."""
        off = "" if self.enabled else " switched off"
        return f"<{type(self).__name__} policy={self.policy.name!r} provider={self.provider!r}{off}>"

    def verify(self, operation: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """
        Register a verifier for an operation, for functions that have none of their own.

        It takes the arguments of the call, and returns the value of what is there, or
        None. Register it before the first call.

        Raises:
            ValueError: The operation is unknown or ambiguous.
            RuntimeError: The operation has been called already, without this verifier.
        """
        resolve(operation, policy=self.policy, provider=self.provider)

        def register(verifier: Callable[P, R]) -> Callable[P, R]:
            self.target_factory.register(operation, verifier)
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
        self.target_factory.register_all(client, unique_tag=unique_tag, unique_names=unique_names)

    def _prepare(
        self,
        operation: str,
        function: Callable[..., Any],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Target:
        return self.target_factory.prepare(operation, function, runtime=self.runtime, key=key, accepted=accepted)

    def _prepared(self, operation: str, function: Callable[..., Any]) -> PreparedTarget:
        """
        Return what calls a function under the policy, the same for each call of it.

        To prepare a function takes some hundred times as long as to call it. A bound method is another object each
        time that it is asked for, and equal to the one before.
        """
        try:
            return self._targets[operation, function]
        except KeyError:
            is_kept = True
        except TypeError:
            is_kept = False  # a callable that cannot be hashed
        target = self._prepare(operation, function)
        prepared = PreparedTarget(target, self._fast_path(target), self._fast_path(target, as_outcome=True))
        if is_kept:
            if len(self._targets) >= _MOST_TARGETS:
                # Functions that are made anew for each call are not held on to for ever.
                self._targets.clear()
            self._targets[operation, function] = prepared
        return prepared

    def _prepare_wrapped(
        self,
        operation: str,
        function: Callable[..., Any],
        *,
        key: Mapping[str, str] | None,
        accepted: Callable[..., Any] | None,
    ) -> Target:
        """Look at everything that can be seen to be wrong before the first call."""
        if isinstance(function, classmethod | staticmethod):
            kind = type(function).__name__
            raise TypeError(f"{function.__qualname__}: put @{kind} above the line that wraps it, not below")
        target = self._prepare(operation, function, key=key, accepted=accepted)
        check_renames(function, target.operation, target.signature, target.subject, target.new_plan())
        return target


def _ledger_of(policy: PolicyValues) -> Ledger | None:
    settings = policy.ledger
    return None if settings is None else Ledger(settings.path, on_unfinished=settings.on_unfinished)
