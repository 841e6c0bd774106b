"""The part that both executors share: their arguments, their targets and their verifiers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple, ParamSpec, TypeVar

from resilience.clients import registry
from resilience.core.admission.breaker import Breaker
from resilience.core.events import ResourceRenamed
from resilience.core.fault import Fault
from resilience.core.observer import Observer
from resilience.core.policy import PolicyValues
from resilience.engine.breaker_control import BreakerControl, control
from resilience.engine.credentials.source import Credentials
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.sharing.by_hand import tell_by_hand
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


def _no_observers(_: PolicyValues) -> Sequence[Observer]:
    return ()


_MOST_TARGETS: Final = 128


class PreparedTarget(NamedTuple):
    """A function that was given to ``call`` or ``outcome``, prepared once for its operation."""

    target: Target
    call: Callable[..., Any]
    outcome: Callable[..., Any]


class CommonExecutor:
    """
    The part of an executor that needs no runtime.

    Attributes:
        policy: The policy.
        provider: The provider of operations that are named without a prefix, or None.
        enabled: Whether the policy applies; if not, each call is one attempt.
        target_factory: Prepares functions for calls.
    """

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(_no_observers)
    """Returns the default observers; the public executors override it, since the engine knows no observer."""

    runtime: ClassVar[Runtime]

    _fast_path: ClassVar[staticmethod[..., Callable[..., Any]]]
    """Returns the fast path for a target; with ``as_outcome=True`` one that returns outcomes."""

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
        # An unusable package of a third party raises here, and not in a failing call.
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
        """Return the policy's name and the provider."""
        off = "" if self.enabled else " switched off"
        return f"<{type(self).__name__} policy={self.policy.name!r} provider={self.provider!r}{off}>"

    def verify(self, operation: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """
        Register a verifier for an operation, for functions without a verifier of their own.

        The verifier takes the arguments of the call. It returns the value of the resource
        if the resource is there, else None. Register it before the first call.

        Rate limits do not count what it sends, unless it is a wrapped function itself.

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
        Register the ready-made verifiers of an SDK's client, for ``call`` with methods of that client.

        The verifiers use the client to look for the resource that a create may have made, and
        return what the create would have returned.

        Args:
            client: A client of Alibaba's or Tencent's SDK, synchronous or asynchronous.
            unique_tag: The key of the tag that has another value in each instance of the script. Without it, and
                without ``unique_names``, an instance of the same name does not count as the one of the call.
            unique_names: Your promise that no two instances have the same name.

        Raises:
            TypeError: The client is of neither SDK.
            RuntimeError: One of its operations has been called already.
        """
        self.target_factory.register_all(client, unique_tag=unique_tag, unique_names=unique_names)

    def breaker(self, provider: str | None = None, operation: str | None = None) -> BreakerControl:
        """
        Return the breaker of a provider, to look at its state, and to open, close or reset it by hand.

        Args:
            provider: As in ``[breaker.PROVIDER]``; None where the policy has one breaker, or for the executor's own.
            operation: Its own name, where the policy says ``per = "operation"``.

        Raises:
            ValueError: The policy has no such breaker.
        """
        setting = self.target_factory.setting

        def tell(breaker: Breaker) -> None:
            if setting.shared is not None:
                tell_by_hand(setting.shared, breaker, self.runtime)

        return control(setting.outage, provider or self.provider, operation, tell)

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
        Return the prepared target of a function, the same one for each call.

        Preparing a function takes some hundred times as long as calling it. The key works for bound methods too: each
        access makes a new object, which is equal to the one before.
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
                # A program may make a new function for each call, and these must not stay in memory.
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
        """Prepare a function, and raise for every mistake that is visible before the first call."""
        if isinstance(function, classmethod | staticmethod):
            kind = type(function).__name__
            raise TypeError(f"{function.__qualname__}: put @{kind} above the line that wraps it, not below")
        target = self._prepare(operation, function, key=key, accepted=accepted)
        check_renames(function, target.operation, target.signature, target.subject, target.new_plan())
        return target


def _ledger_of(policy: PolicyValues) -> Ledger | None:
    settings = policy.ledger
    return None if settings is None else Ledger.of(settings)
