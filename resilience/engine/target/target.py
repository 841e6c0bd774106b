"""A function with its operation, its rules and its verifier: the target of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from copy import copy as copied
from functools import cached_property
from typing import Any, ClassVar, Final, Self

from attrs import define, field

from resilience.clients import leaves
from resilience.clients.answers import checker
from resilience.clients.common.answer_fields import complete
from resilience.clients.timeouts import within
from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker
from resilience.core.admission.budget import RetryBudget
from resilience.core.events import CallStarted, LimitsInForce, ResourceRenamed
from resilience.core.fault import Fault
from resilience.core.match import RuleTable
from resilience.core.operations import advice
from resilience.core.operations.rename import name_hash
from resilience.core.plan import Plan
from resilience.core.policy import Limits
from resilience.engine.credentials.source import Credentials
from resilience.engine.errors import ServiceError
from resilience.engine.runtime.plain_thread import at_once
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.runtime.worker_threads import is_coroutine_function
from resilience.engine.target.advised_target import AdvisedTarget
from resilience.engine.target.checks import check_accepts, check_discards, name_of
from resilience.engine.target.ledger_entry import LedgerClaim
from resilience.engine.target.names import NameOwners, NameScope
from resilience.engine.target.operations import effect_of, result_of_code
from resilience.engine.target.read_back import read_back
from resilience.state.ledger import LedgerEntry, entry_key

PLAIN: Final = frozenset({type(None), bool, int, float, str, list, tuple})
"""Types of values that are never an SDK's answer."""


@define(kw_only=True, eq=False, slots=False)
class Target(AdvisedTarget):
    """
    One function under a policy; the attributes that it shares with its advice stand in :class:`AdvisedTarget`.

    Attributes:
        function: The user's function.
        table: The policy's rules for the operation.
        verifiers: The executor's verifiers, by provider and operation; the function's own verifier wins.
        ready_made: The operations whose registered verifier asks for their read-back.
        renames: Whether the policy can rename the operation's resource.
        names: The owners of names.
        runtime: The runtime of its calls.
        accepted: Makes the value of an accepted call from the call's arguments; or None.
        own_limits: The limits of its calls; None for the policy's.
        siblings: The functions of the executor's other operations; one of them may be the read-back.
        plain: Types of values that are never an SDK's answer.
        gates: The gates (:class:`~resilience.engine.call.gates.Gate`) that its calls pass before an attempt; None
            before the first call.
    """

    plain: ClassVar[frozenset[type]] = PLAIN

    runtime: Runtime
    function: Callable[..., Any]
    table: RuleTable
    verifiers: Mapping[tuple[str | None, str], Callable[..., Any]]
    ready_made: Collection[tuple[str | None, str]]
    renames: bool
    names: NameOwners
    accepted: Callable[..., Any] | None = None
    own_limits: Limits | None = None
    siblings: Mapping[tuple[str | None, str], Target] = field(factory=dict)
    gates: tuple[Any, ...] | None = field(default=None, init=False)
    _own_verifier: Callable[..., Any] | None = field(default=None, init=False)

    @property
    def verifier(self) -> Callable[..., Any] | None:
        """The verifier of the operation; None if there is none."""
        known = self._own_verifier or self.verifiers.get((self.operation.provider, self.operation.name))
        return known or self._read_back

    @property
    def asked_operation(self) -> str | None:
        """The operation that the verifier asks the service for; None where that is not known, or counts by itself."""
        key = self.operation.provider, self.operation.name
        is_users = self._own_verifier is not None or (key in self.verifiers and key not in self.ready_made)
        return None if is_users else self.operation.found_by

    @property
    def _read_back(self) -> Callable[..., Any] | None:
        """The verifier that calls the operation's read-back, if its function is known and needs only the key."""
        if self.operation.discards:
            return None
        sibling = self.siblings.get((self.operation.provider, self.operation.read_back or ""))
        return None if sibling is None else read_back(self, sibling)

    def register(self, verifier: Callable[..., Any]) -> None:
        """
        Register the function's own verifier.

        Raises:
            RuntimeError: The function has been called already, without this verifier.
        """
        if "plan" in vars(self):
            raise RuntimeError(f"{name_of(self.function)} has been called already; register its verifier before")
        self._own_verifier = verifier

    @property
    def limits(self) -> Limits:
        """The limits of a call."""
        return self.own_limits or self.setting.limits

    def limited(self, limits: Limits) -> Self:
        """Return the same target with other limits; this one does not change."""
        copy = copied(self)
        for name in ("plan", "started"):
            vars(copy).pop(name, None)
        copy.own_limits = limits if self.setting.enabled else None
        return copy

    @property
    def source(self) -> Credentials[Any] | None:
        """The source of a call's credentials; None if it needs none."""
        return self.sources.get(self.operation.provider or "")

    @property
    def sources(self) -> Mapping[str, Credentials[Any]]:
        """The sources of credentials that a call may renew, by provider."""
        return self.setting.sources

    @property
    def keeps_source(self) -> bool:
        """Whether the source of credentials is always the same."""
        return True

    @property
    def may_shield(self) -> bool:
        """Whether the function may shield a part of itself from cancellation."""
        return True

    @cached_property
    def needs_thread(self) -> bool:
        """Whether the function is a plain function, which runs in a worker thread of an event loop."""
        return not self.runtime.blocks and not is_coroutine_function(self.function)

    @cached_property
    def is_plain_attempt(self) -> bool:
        """Whether an attempt only awaits the function: without a thread, and without faults of a rehearsal."""
        return not self.runtime.blocks and not self.needs_thread and self.setting.rehearsal is None

    @property
    def verifier_needs_thread(self) -> bool:
        """Whether the verifier is a plain function, which runs in a worker thread of an event loop."""
        return not self.runtime.blocks and self.verifier is not None and not is_coroutine_function(self.verifier)

    def within(self, seconds: float | None) -> Callable[..., Any]:
        """
        Return a plain function for one attempt, which gives up by itself after ``seconds`` if possible.

        That is possible for a method of an SDK's client with known time-outs. A thread cannot be interrupted.
        """
        bounded = None if seconds is None else within(self.function, seconds)
        return bounded or self.function

    @cached_property
    def verify(self) -> Callable[..., Awaitable[Any]]:
        """The verifier as a coroutine function."""
        if self.verifier is None:
            raise AssertionError("the machine asked for a verification that the plan does not offer")
        return at_once(self.verifier) if self.runtime.blocks else self.setting.threads.awaitable(self.verifier)

    def faults(self, error: Exception) -> tuple[Fault, ...] | None:
        """Return the faults of an exception, or of each leaf of a group; None if one is a programming error."""
        if not isinstance(error, ExceptionGroup):
            fault = self.setting.fault(error, self.operation.provider)
            return None if fault is None else (fault,)
        read = [self.setting.fault(leaf, self.operation.provider) for leaf in leaves(error)]
        known = tuple(fault for fault in read if fault is not None)
        return known if len(known) == len(read) else None

    @cached_property
    def check(self) -> Callable[[object], Fault | None]:
        """The check of a returned value."""
        own = checker(self.operation.provider or "", self.operation.name)
        return complete(self.operation.provider, self.operation.requires, own) if self.operation.requires else own

    def refusal(self, value: object) -> ServiceError | None:
        """Return the error for a returned value that is a failure; None for a success."""
        if type(value) in self.plain:
            return None
        fault = self.check(value)
        if fault is None:
            return None
        return ServiceError.of(fault, "the answer is no success, although the SDK took it", answer=value)

    def accept(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None, *, dry_run: bool) -> Any:  # noqa: ARG002  # a subclass needs it
        """Return the value of an accepted call; ``fault`` is the fault that was accepted."""
        return None if self.accepted is None or dry_run else self.accepted(*args, **kwargs)

    def renamed(self, event: ResourceRenamed) -> None:
        """Pass a rename to the executor's ``on_rename``."""
        if self.setting.on_rename is not None:
            self.setting.on_rename(event)

    @property
    def follows_renames(self) -> bool:
        """Whether a call with the old name of a renamed resource begins with the new one; functions do not."""
        return False

    def asked_for(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[NameScope, str] | None:
        """Return the scope and the name that a call asks for; None if it has no name."""
        operation = self.operation
        name = None if operation.rename is None else self.signature.get(operation.rename, args, kwargs)
        if operation.rename is None or name is None:
            return None
        others = [self.signature.text(key, args, kwargs) or "" for key in operation.key if key != operation.rename]
        return NameScope(operation.provider or "", operation.name, operation.rename, "\0".join(others)), name

    def digest(self, scope: NameScope, original: str) -> str:
        """Return the hash of account, scope and the name that a call asks for."""
        outer = [scope.scope] if any(key != scope.field for key in self.operation.key) else []
        return name_hash(self.setting.account, *outer, original)

    @cached_property
    def plan(self) -> Plan:
        """The plan for the machine; the first call makes it, after verifiers have been registered."""
        check_discards(self.function, self.operation, has_verifier=self.verifier is not None)
        plan = self.new_plan()
        if self.needs_value and self.verifier is None and self.accepted is None:
            check_accepts(self.function, self.operation, plan, has_ledger=self.setting.ledger is not None)
        self.setting.called.add((self.operation.provider, self.operation.name))
        return plan

    @property
    def needs_value(self) -> bool:
        """Whether an accepted call needs a value from the user."""
        return True

    @cached_property
    def budget(self) -> RetryBudget | None:
        """What pays for the retries of this function and of others; None where the policy has no budget."""
        return self.setting.outage.budget(self.operation.provider) if self.setting.enabled else None

    @cached_property
    def breaker(self) -> Breaker | None:
        """What attempts of this function and of others have to pass; None where the policy has no breaker."""
        operation = self.operation
        return self.setting.outage.breaker(operation.provider, operation.name) if self.setting.enabled else None

    @property
    def admission(self) -> Admission | None:
        """The rate limits that attempts of this function and of others have to keep; None where there are none."""
        return self.setting.admissions.of(self.operation.provider) if self.setting.enabled else None

    @property
    def host(self) -> str:
        """The host that its calls are sent to, as far as limits of a host count it; empty if it is unknown."""
        return ""

    @cached_property
    def shares_limits(self) -> bool:
        """Whether the policy has a budget, a breaker or rate limits for its calls."""
        return not (self.budget is None and self.breaker is None and self.admission is None)

    @property
    def has_more_to_do(self) -> bool:
        """Whether something is to be done before an attempt, instead of it or after it."""
        return self.setting.has_more_to_do or self.needs_thread or self.shares_limits

    @cached_property
    def started(self) -> CallStarted:
        """The event for observers when a call begins."""
        return CallStarted(
            operation=self.plan.operation,
            provider=self.plan.provider,
            policy=self.plan.policy,
            shared=self._shared if self.shares_limits else None,
        )

    def _shared(self) -> LimitsInForce:
        return LimitsInForce(admission=self.admission, breaker=self.breaker, budget=self.budget)

    def track(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> LedgerClaim | None:
        """Return the ledger claim of a call; None without a ledger, or if no key of the resource is known."""
        ledger = self.setting.ledger
        if ledger is None or not self.operation.is_for_ledger:
            return None
        missing = ""
        for names in self.operation.ledger_keys:
            found = {name: self.signature.text(name, args, kwargs) for name in names}
            resource = {name: value for name, value in found.items() if value is not None}
            if len(resource) == len(names):
                provider, operation = self.operation.provider, self.operation.name
                key = entry_key(provider, self.setting.account, operation, resource)
                entry = LedgerEntry(key=key, provider=provider, operation=operation, resource=resource)
                renamed = self.operation.rename if self.operation.rename in resource else None
                return LedgerClaim(ledger, entry, self.runtime, renamed)
            missing = next(name for name in names if name not in resource)
        subject = self.subject_of(args, kwargs)
        self.forgets(advice.keyless(subject, missing) if missing else advice.unremembered(subject))
        return None

    def new_plan(self) -> Plan:
        """Return a new plan for the machine."""
        rename = self.operation.rename
        return Plan(
            operation=self.operation.name,
            provider=self.operation.provider,
            policy=self.setting.policy,
            own_limits=self.limits,
            enabled=self.setting.enabled,
            repeat=self.operation.repeat,
            can_verify=self.verifier is not None,
            own_settle=self.operation.settle,
            can_rename=rename is not None and self.signature.can_hold(rename),
            credentials=frozenset(self.sources),
            effect_of=effect_of,
            result_of_code=result_of_code,
            table=self.table,
        )
