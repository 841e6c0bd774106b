"""Make targets from functions, for one executor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from resilience.clients import registry, verifiers_for
from resilience.core.match import RuleTable
from resilience.core.plan import Plan
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.target.arguments import Signature
from resilience.engine.target.checks import check_client, check_ledger
from resilience.engine.target.operations import Operation, resolve
from resilience.engine.target.settings import ExecutorSettings
from resilience.engine.target.target import Target


@define(eq=False)
class TargetFactory:
    """
    Prepares functions for calls under one policy.

    Attributes:
        setting: The settings that all calls share.
        provider: The provider of operations that are named without a prefix, or None.
        verifiers: The registered verifiers, by provider and operation.
        ready_made: Those of them that ask the service for the operation's read-back.
        wrapped: The first function of each operation.
    """

    setting: ExecutorSettings
    provider: str | None
    _tables: dict[str, RuleTable] = field(factory=dict, init=False)
    _renames: dict[tuple[str | None, str], bool] = field(factory=dict, init=False)
    verifiers: dict[tuple[str | None, str], Callable[..., Any]] = field(factory=dict, init=False)
    ready_made: set[tuple[str | None, str]] = field(factory=set, init=False)
    wrapped: dict[tuple[str | None, str], Target] = field(factory=dict, init=False)

    def prepare(
        self,
        operation: str,
        function: Callable[..., Any],
        *,
        runtime: Runtime,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Target:
        """
        Return the target of a function and its operation.

        Raises:
            ValueError: The operation is unknown or ambiguous; the function is a method of an SDK's client that
                retries by itself; or there is a ledger, and no key of the operation's resource is known.
            TypeError: The function is a generator function, or has no parameter for the key in the ledger.
        """
        found = resolve(operation, policy=self.setting.policy, provider=self.provider)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = getattr(function, "__qualname__", function)
            raise TypeError(
                f"{name} is a generator function, which works only while it is read: "
                "wrap a function that makes one call, and call it in the generator"
            )
        target = Target(
            setting=self.setting,
            runtime=runtime,
            operation=found,
            function=function,
            signature=Signature(function, key or {}),
            table=self.table(found.name),
            verifiers=self.verifiers,
            ready_made=self.ready_made,
            renames=self.renames(found),
            names=self.setting.names,
            accepted=accepted,
            siblings=self.wrapped,
        )
        check_client(function, found)
        if self.setting.ledger is not None:
            check_ledger(function, found, target.signature, target.subject)
        self.wrapped.setdefault((found.provider, found.name), target)
        return target

    def table(self, operation: str) -> RuleTable:
        """Return the policy's rules for an operation."""
        if operation not in self._tables:
            self._tables[operation] = RuleTable.of(self.setting.policy.rules, operation)
        return self._tables[operation]

    def renames(self, operation: Operation) -> bool:
        """Tell whether the policy can rename an operation's resource."""
        if operation.rename is None or not self.setting.enabled:
            return False
        key = operation.provider, operation.name
        if key not in self._renames:
            plan = Plan(
                operation=operation.name,
                provider=operation.provider,
                policy=self.setting.policy,
                table=self.table(operation.name),
            )
            self._renames[key] = any(action.do == "rename" for _, action in plan.reachable())
        return self._renames[key]

    def register(self, operation: str, verifier: Callable[..., Any]) -> None:
        """
        Register a verifier for an operation, for functions without a verifier of their own.

        Raises:
            ValueError: The operation is unknown or ambiguous.
            RuntimeError: The operation has been called already, without this verifier.
        """
        found = resolve(operation, policy=self.setting.policy, provider=self.provider)
        if (found.provider, found.name) in self.setting.called:
            raise RuntimeError(f"{found.name} has been called already; register its verifier before")
        self.verifiers[found.provider, found.name] = verifier
        self.ready_made.discard((found.provider, found.name))

    def register_all(self, client: object, *, unique_tag: str | None, unique_names: bool) -> None:
        """Register the ready-made verifiers of an SDK's client."""
        ready = verifiers_for(client, unique_tag=unique_tag, unique_names=unique_names)
        sdk = registry.of_class(type(client))
        discarders = {} if sdk is None else sdk.discarders(client)
        for operation in {**ready, **discarders}:
            found = resolve(operation, policy=self.setting.policy, provider=self.provider)
            verifier = (discarders if found.discards else ready).get(operation)
            if verifier is not None:
                self.register(operation, verifier)
                self.ready_made.add((found.provider, found.name))
