"""The plan of a call: the policy for one operation, and the abilities of the call."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from attrs import Factory, field, frozen

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.result import Result
from resilience.core.fault import Effect, Fault, Repeat
from resilience.core.match import RuleTable
from resilience.core.policy import Action, Limits, PolicyValues, Rule


def _unlisted(provider: str | None, code: str) -> Effect | None:  # noqa: ARG001  # the catalogue's signature
    return None


def _no_result(provider: str | None, code: str) -> Result | None:  # noqa: ARG001  # likewise
    return None


def _rates(plan: Plan) -> RateLimits | None:
    return plan.policy.rates.get(plan.provider) if plan.enabled and plan.provider is not None else None


def _is_limited(plan: Plan) -> bool:
    rates = _rates(plan)
    return rates is not None and rates.limits_rate(plan.operation)


def _is_paced(plan: Plan) -> bool:
    rates = _rates(plan)
    return rates is not None and rates.adaptive


def _of(read: Callable[[Any], Any]) -> Any:
    """Return a default that is computed once from other fields, because decisions need it often."""
    return Factory(read, takes_self=True)


@frozen(kw_only=True)
class Plan:
    """
    The facts that the machine needs about a call, besides its history.

    Attributes:
        operation: The operation's name, without a provider.
        provider: The call's provider; None if it is unknown.
        policy: The policy.
        own_limits: The limits of the call; None for the policy's.
        enabled: Whether the policy applies. If not, the first attempt is the last, with any fault.
        repeat: What a repeat of the operation does.
        can_verify: Whether there is a verifier.
        own_settle: The operation's own :attr:`Limits.settle`; None for that of all calls.
        can_rename: Whether the call can be sent with another name.
        credentials: The providers that have a source of credentials.
        effect_of: Returns the catalogue's effect of a provider's code; None if it has none.
        result_of_code: What the catalogue knows about how an attempt ended that such a code ended; likewise.
        table: The policy's rules for this operation.
        limits: The limits of the call.
        must_verify_first: Whether a verifier has to look before another attempt may follow one of unknown effect.
        is_repeatable: Whether the same request may be sent again at any time, because that changes nothing.
        can_be_ours: Whether "it exists" may be about the resource of an earlier attempt. For an ``equal`` operation the
            service says "it exists" only of another content, so a verifier has to decide.
        is_limited: Whether rate limits hold back its attempts. Then a throttled one uses up neither ``max_attempts``
            nor ``max``, as long as there is a deadline.
        is_paced: Whether these limits adapt. Then a throttled attempt that uses up nothing waits for its turn among all
            calls of the provider, instead of a backoff.
        settle: The seconds after a doubtful attempt during which "it is not there" is not believed.
        memo: The machine's results about faults of one kind; nothing about a call.
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
    is_limited: bool = field(init=False, default=_of(_is_limited))
    is_paced: bool = field(init=False, default=_of(_is_paced))
    memo: dict[Hashable, Any] = field(init=False, factory=dict, repr=False, eq=False)
    settle: float = field(
        init=False, default=_of(lambda self: self.limits.settle if self.own_settle is None else self.own_settle)
    )

    def rule(self, fault: Fault) -> Rule | None:
        """Return the rule that matches a fault; None if none does."""
        return self.table.match(fault, self.provider, self.operation)

    def candidates(self, fault: Fault) -> tuple[Rule, ...]:
        """Return the rules that may match a fault, depending on its message; the first that fits does."""
        return self.table.candidates(fault, self.provider, self.operation)

    def effect(self, fault: Fault, rule: Rule | None) -> Effect:
        """Return a fault's effect: from the rule, else from the transport, the catalogue, the status."""
        if rule is not None and rule.effect is not None:
            return rule.effect
        if fault.effect is None and fault.code is not None:
            known = self.effect_of(fault.provider or self.provider, fault.code)
            if known is not None:
                return known
        return fault.effect_or_default()

    def reachable(self) -> Iterator[tuple[Rule | None, Action]]:
        """Yield every action that a fault of this operation can lead to, also through ``then``, with its rule."""
        scopes = {self.provider, "transport", f"transport.{self.provider}"}
        met = [rule for rule in self.table.rules() if self.provider is None or rule.scope in scopes]
        starts: list[tuple[Rule | None, Action]] = [(rule, rule.action) for rule in met]
        for rule, start in [*starts, (None, self.policy.unknown)]:
            yield from ((rule, action) for action in start.chain)
