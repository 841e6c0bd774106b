"""A policy compiled for one operation, with what one call of it can do."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from attrs import Factory, field, frozen

from resilience.core.admission.result import Result
from resilience.core.fault import Effect, Fault, Repeat
from resilience.core.match import RuleTable
from resilience.core.policy import Action, Limits, PolicyValues, Rule


def _unlisted(provider: str | None, code: str) -> Effect | None:  # noqa: ARG001  # the catalogue's signature
    return None


def _no_result(provider: str | None, code: str) -> Result | None:  # noqa: ARG001  # likewise
    return None


def _of(read: Callable[[Any], Any]) -> Any:
    """Return the default of a field that is read from the others once, because decisions ask for it often."""
    return Factory(read, takes_self=True)


@frozen(kw_only=True)
class Plan:
    """
    What the machine needs to know of a call, besides its history.

    Attributes:
        operation: The operation's own name.
        provider: The call's provider, or None where none is known.
        policy: The policy.
        own_limits: The limits of the call, where they are not the policy's.
        enabled: Whether the policy acts. If not, the first attempt is the last, whatever it fails with.
        repeat: What a repeat of the operation does.
        can_verify: Whether a verifier is registered.
        own_settle: The operation's own :attr:`Limits.settle`; None for that of all calls.
        can_rename: Whether the call can be sent with another name.
        credentials: The providers that have a source of credentials.
        effect_of: What the catalogue knows about the effect of a provider's code, None where it is silent.
        result_of_code: What the catalogue knows about how an attempt ended that such a code ended; likewise.
        table: The policy's rules for this operation.
        limits: The limits of the call.
        must_verify_first: Whether an attempt whose effect is unknown forbids the next one until a verifier has looked.
        is_repeatable: Whether the same request may be sent again at any time, because that changes nothing.
        can_be_ours: Whether "it exists" may speak of what an earlier attempt made. Where an equal repeat changes
            nothing, the service says so of another content only: then a verifier has to know.
        settle: How long after a doubtful attempt "it is not there" is not yet believed, in seconds.
        memo: What the machine has found out about faults of one kind; nothing of a call.
    """

    operation: str
    provider: str | None = None
    policy: PolicyValues
    own_limits: Limits | None = None
    enabled: bool = True
    repeat: Repeat = "duplicate"
    can_verify: bool = False
    own_settle: float | None = None
    can_rename: bool = False
    credentials: frozenset[str] = frozenset()
    effect_of: Callable[[str | None, str], Effect | None] = _unlisted
    result_of_code: Callable[[str | None, str], Result | None] = _no_result
    table: RuleTable = field(
        repr=False,
        eq=False,
        default=_of(lambda self: RuleTable.of(self.policy.rules, self.operation)),
    )

    limits: Limits = field(init=False, default=_of(lambda self: self.own_limits or self.policy.limits))
    must_verify_first: bool = field(init=False, default=_of(lambda self: self.repeat == "duplicate"))
    is_repeatable: bool = field(init=False, default=_of(lambda self: self.repeat in {"safe", "equal"}))
    can_be_ours: bool = field(init=False, default=_of(lambda self: self.repeat != "equal" or self.can_verify))
    memo: dict[Hashable, Any] = field(init=False, factory=dict, repr=False, eq=False)
    settle: float = field(
        init=False, default=_of(lambda self: self.limits.settle if self.own_settle is None else self.own_settle)
    )

    def rule(self, fault: Fault) -> Rule | None:
        """Return the rule that answers a fault, or None if none does."""
        return self.table.match(fault, self.provider, self.operation)

    def candidates(self, fault: Fault) -> tuple[Rule, ...]:
        """Return the rules that may answer a fault, whatever its message is: the first that fits does."""
        return self.table.candidates(fault, self.provider, self.operation)

    def effect(self, fault: Fault, rule: Rule | None) -> Effect:
        """Return a fault's effect: what the rule says, else the transport, the catalogue, the status."""
        if rule is not None and rule.effect is not None:
            return rule.effect
        if fault.effect is None and fault.code is not None:
            known = self.effect_of(fault.provider or self.provider, fault.code)
            if known is not None:
                return known
        return fault.effect_or_default()

    def reachable(self) -> Iterator[tuple[Rule | None, Action]]:
        """Yield every action that a fault of this operation can lead to, through ``then`` as well, with its rule."""
        scopes = {self.provider, "transport", f"transport.{self.provider}"}
        met = [rule for rule in self.table.rules() if self.provider is None or rule.scope in scopes]
        starts: list[tuple[Rule | None, Action]] = [(rule, rule.action) for rule in met]
        for rule, start in [*starts, (None, self.policy.unknown)]:
            action: Action | None = start
            while action is not None:
                yield rule, action
                action = action.then
