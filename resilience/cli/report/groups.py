"""Groups of calls: by operation, by failure, by rule, and by fault without a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, by, durations, ends_of
from resilience.cli.report.labels import COLUMNS, EndLabel, meaning, met, shown, step_of
from resilience.core.decision import StopReason
from resilience.core.fault import Fault
from resilience.simulation import Spread


@frozen(kw_only=True)
class Group:
    """
    The calls of one operation.

    Attributes:
        operation: The operation.
        provider: Its provider, if known.
        calls: The calls.
    """

    operation: str
    provider: str | None
    calls: tuple[ReportedCall, ...]

    @property
    def ends(self) -> Mapping[EndLabel, int]:
        """The number of calls for each end."""
        return ends_of(self.calls)

    @property
    def columns(self) -> Mapping[str, int]:
        """The number of calls in each column of a table of operations."""
        return {name: sum(self.ends.get(end, 0) for end in ends) for name, ends in COLUMNS.items()}

    @property
    def attempts(self) -> int:
        """The number of attempts."""
        return sum(len(each.call.attempts) for each in self.calls)

    @property
    def took(self) -> Spread | None:
        """The distribution of its calls' durations; None if none of them has ended."""
        lengths = durations(self.calls)
        return Spread.of(lengths) if lengths else None


@frozen(kw_only=True)
class Failure:
    """
    Calls with the same failure.

    Attributes:
        operation: The operation.
        provider: The provider, if known.
        what: The code, or the name of the failure.
        fault: The last fault of the first call, or None.
        stop_reason: The reason of the end.
        rule_id: The rule that decided last, or None.
        rule_origin: The place of the rule.
        calls: The calls.
    """

    operation: str
    provider: str | None
    what: str
    fault: Fault | None
    stop_reason: StopReason | None
    rule_id: str | None
    rule_origin: str | None
    calls: tuple[ReportedCall, ...]

    @property
    def label(self) -> str:
        """The fault with its HTTP status, or the name of the failure, made safe to show."""
        return shown(self.what) if self.fault is None else met(self.fault)

    @property
    def meaning(self) -> str | None:
        """The meaning of its code in the catalogue, or None."""
        return meaning(self.provider, None if self.fault is None else self.fault.code)

    @property
    def request_ids(self) -> tuple[str, ...]:
        """The service's ids of the last requests, for its support."""
        return tuple(dict.fromkeys(each.request_id for each in self.calls if each.request_id is not None))

    @property
    def doubtful(self) -> int:
        """The number of calls that may have taken effect."""
        return sum(each.may_exist for each in self.calls)


@frozen(kw_only=True)
class RuleUse:
    """
    The decisions of a rule.

    Attributes:
        rule_id: The rule, or None for decisions without a rule.
        rule_origin: The place of the rule.
        steps: The number of decisions by step.
        labels: The number of decisions by fault.
        operations: The operations.
        calls: The number of calls.
    """

    rule_id: str | None
    rule_origin: str | None
    steps: Mapping[str, int]
    labels: Mapping[str, int]
    operations: tuple[str, ...]
    calls: int

    @property
    def count(self) -> int:
        """The number of decisions."""
        return sum(self.steps.values())


@frozen(kw_only=True)
class Gap:
    """
    A fault that no rule matched.

    Attributes:
        provider: The provider, if known.
        fault: The first fault of its kind.
        operations: The number of calls by operation.
    """

    provider: str | None
    fault: Fault
    operations: Mapping[str, int]

    @property
    def table(self) -> str:
        """The table for a rule."""
        return f"rules.{self.provider}" if self.fault.code is not None else "rules.transport"

    @property
    def key(self) -> str | None:
        """The key of a rule; None for a fault that no rule can name."""
        fault = self.fault
        if fault.code is not None:
            return fault.code if self.provider is not None else None
        return f"http-{fault.status}" if fault.status is not None else fault.transport


@frozen(kw_only=True)
class Refreshes:
    """The number of refreshes, of waits for another call's refresh, and of failed refreshes."""

    led: int
    joined: int
    failed: int


def failures(calls: Iterable[ReportedCall]) -> tuple[Failure, ...]:
    """Return calls by failure, the most first."""

    def kind(each: ReportedCall) -> tuple[Any, ...]:
        last, call = each.last, each.call
        rule = (None, None) if last is None else (last.rule_id, last.rule_origin)
        return call.operation, call.provider, each.failure, call.stop_reason, *rule

    groups = by((each for each in calls if each.has_failed), kind)
    found = [
        Failure(
            operation=operation,
            provider=provider,
            what=what,
            fault=None if group[0].last is None else group[0].last.fault,
            stop_reason=reason,
            rule_id=rule,
            rule_origin=origin,
            calls=tuple(group),
        )
        for (operation, provider, what, reason, rule, origin), group in groups.items()
    ]
    return tuple(sorted(found, key=lambda each: -len(each.calls)))


def rules(calls: Iterable[ReportedCall]) -> tuple[RuleUse, ...]:
    """Return the decisions of each rule, the most first."""
    decided = [(one, each) for one in calls for each in one.call.attempts if each.fault is not None]
    groups: dict[tuple[str | None, str | None], list[int]] = {}
    for place, (_, attempt) in enumerate(decided):
        groups.setdefault((attempt.rule_id, attempt.rule_origin), []).append(place)
    found = []
    for (rule, origin), places in groups.items():
        its = [decided[place] for place in places]
        found.append(
            RuleUse(
                rule_id=rule,
                rule_origin=origin,
                steps=dict(Counter(step_of(each) for _, each in its).most_common()),
                labels=dict(Counter(each.fault.label for _, each in its if each.fault is not None).most_common()),
                operations=tuple(dict.fromkeys(one.call.operation for one, _ in its)),
                calls=len({one.number for one, _ in its}),
            )
        )
    return tuple(sorted(found, key=lambda each: -each.count))


def gaps(calls: Iterable[ReportedCall]) -> tuple[Gap, ...]:
    """Return the faults without a rule that ended calls."""
    found: dict[tuple[str | None, str], tuple[Fault, Counter[str]]] = {}
    for each in calls:
        if each.call.stop_reason != "unknown" or each.last is None or each.last.fault is None:
            continue
        fault = each.last.fault
        whose = fault.provider or each.call.provider
        found.setdefault((whose, fault.label), (fault, Counter()))[1][each.call.operation] += 1
    return tuple(
        Gap(provider=provider, fault=fault, operations=dict(counts.most_common()))
        for (provider, _), (fault, counts) in found.items()
    )


def injected(calls: Iterable[ReportedCall]) -> int:
    """Return the number of faults from ``[chaos]``."""
    return sum(each.chaos is not None for one in calls for each in one.call.attempts)


def refreshes(calls: Iterable[ReportedCall]) -> Refreshes:
    """Count refreshes."""
    all_of_them = [each for one in calls for each in one.call.remedies if each.kind == "refresh"]
    led = [each for each in all_of_them if each.leads]
    return Refreshes(
        led=len(led), joined=len(all_of_them) - len(led), failed=sum(each.error is not None for each in led)
    )
