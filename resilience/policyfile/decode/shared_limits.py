"""Builds ``[rate]``, ``[budget]`` and ``[breaker]`` from merged settings, and checks values that depend on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, evolve, field, frozen

from resilience.core.admission.limits import DEFAULT_RATIO, BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate, parsed
from resilience.policyfile.decode.backoffs import misplaced
from resilience.policyfile.decode.globs import names_of
from resilience.policyfile.decode.layers import Stack
from resilience.policyfile.decode.operations import Operations
from resilience.policyfile.format.rows import keys_of
from resilience.policyfile.format.shared_limits import BUDGET
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, listed, quoted
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Settings

_MIN_CALLS: Final = BreakerLimits().min_calls


@frozen
class SharedLimits:
    """
    The shared limits of some layers, by provider.

    Attributes:
        rates: The values of ``[rate]``.
        budgets: The values of ``[budget]``.
        breakers: The values of ``[breaker]``.
    """

    rates: Mapping[str, RateLimits] = field(factory=dict)
    budgets: Mapping[str, BudgetLimits] = field(factory=dict)
    breakers: Mapping[str, BreakerLimits] = field(factory=dict)


def read_shared(settings: Settings, operations: Operations, stack: Stack, report: Report) -> SharedLimits:
    """Return the shared limits of all providers, and report mistakes in them."""
    return read_shared_onto(
        SharedLimits(),
        settings,
        operations,
        stack,
        report,
        changed={"rate": settings.rate, "budget": settings.budget, "breaker": settings.breaker},
    )


def read_shared_onto(  # noqa: PLR0913  # the limits below, the settings, and their places
    below: SharedLimits,
    settings: Settings,
    operations: Operations,
    stack: Stack,
    report: Report,
    *,
    changed: Mapping[str, Iterable[str]],
) -> SharedLimits:
    """Return shared limits with those of some providers, by table, built anew; the other providers keep theirs."""
    builder = _Builder(settings, operations, stack, report)
    return evolve(
        below,
        rates={**below.rates, **{name: builder.rate(name) for name in changed["rate"]}},
        budgets={**below.budgets, **{name: builder.budget(name) for name in changed["budget"]}},
        breakers={**below.breakers, **{name: builder.breaker(name) for name in changed["breaker"]}},
    )


def rate_paths(stack: Stack, provider: str, operations: Iterable[str]) -> dict[tuple[str, ...], list[str]]:
    """
    Return the operations of each entry of ``[rate.PROVIDER.operations]``, by the path of the entry.

    The entry of an operation is the one with its name, or else the narrowest glob.
    """
    table = ("rate", provider, "operations")
    layers = [layer.get(table, None) for layer in stack.layers]
    entries = {key: value for each in layers if isinstance(each, dict) for key, value in each.items()}
    rates = {key: rate for key, value in entries.items() if isinstance(value, str) and (rate := parsed(value))}
    names = names_of(frozenset(operations))
    owners: dict[str, str] = {}
    for key in sorted(rates, key=lambda each: _narrowness(each, rates[each])):
        owners.update(dict.fromkeys(names.meeting(key), key))
    found: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(owners):
        found.setdefault((*table, owners[name]), []).append(name)
    return found


def _narrowness(key: str, rate: Rate) -> tuple[bool, int, float, str]:
    """Return the order of the keys in which the last one that fits wins; of equal globs, the lower rate wins."""
    return "*" not in key, len(key.replace("*", "")), -rate.per_second, key


@define
class _Builder:
    settings: Settings
    operations: Operations
    stack: Stack
    report: Report

    def rate(self, provider: str) -> RateLimits:
        entries = dict(self.settings.rate.get(provider, {}))
        written: dict[str, Rate] = entries.pop("operations", {})
        path = ("rate", provider)
        concurrency, share = entries.get("concurrency"), entries.get("share", 1)
        if concurrency is not None and concurrency < share:
            message = f"{concurrency} attempts at once cannot be divided by {share} processes; each needs one at least"
            self._complain((*path, self._later(path, "concurrency", "share")), ids.OUT_OF_RANGE, message)
        known = self.operations.known(provider)
        operations: dict[str, Rate] = {}
        for key in sorted(written, key=lambda each: _narrowness(each, written[each])):
            self._check_operation(provider, key, known)
            operations.update(dict.fromkeys(names_of(known).meeting(key) if "*" in key else (key,), written[key]))
        return RateLimits(**entries, operations=operations)

    def _check_operation(self, provider: str, key: str, known: frozenset[str]) -> None:
        message = self.operations.unknown(key, provider)
        if "*" in key and not names_of(known).meeting(key):
            message = f"no operation of {provider} fits {quoted(key)}"
            if self.operations.is_open(provider):
                message = (
                    f"{quoted(key)} needs a list of operations; declare them in "
                    f"[operations.{provider}], or write a line for each"
                )
        if message is not None:
            self._complain(("rate", provider, "operations", key), ids.UNKNOWN_OPERATION, message, at_key=True)

    def budget(self, provider: str) -> BudgetLimits:
        entries: dict[str, Any] = dict(self.settings.budget.get(provider, {}))
        path = ("budget", provider)
        if "kind" not in entries and self.stack.setter((*path, "kind")) is not None:
            # The reader has reported the kind already, and the keys that fit depend on it.
            return BudgetLimits()
        kind = entries.pop("kind", "tokens")
        foreign = misplaced(entries, BUDGET, kind)
        for key in foreign:
            known = listed([each for each in keys_of(BUDGET, kind) if each != "kind"])
            message = f'{key} means nothing for a budget of kind "{kind}", which has {known}'
            self._complain((*path, key), ids.NOT_APPLICABLE, message, at_key=True)
        values = {key: value for key, value in entries.items() if key not in foreign}
        if kind == "ratio":
            values.setdefault("ratio", DEFAULT_RATIO)
        budget = BudgetLimits(**values)
        if kind == "tokens" and budget.cost > budget.capacity:
            message = (
                f"a retry costs {budget.cost:g} tokens, and the budget never holds more than {budget.capacity:g}: "
                "no retry is ever allowed"
            )
            self._complain((*path, self._later(path, "cost", "capacity")), ids.NO_RETRY_IN_BUDGET, message)
        if kind == "ratio" and not budget.ratio and not budget.floor:
            message = "a ratio of 0 and a floor of 0 never allow a retry; to retry nothing, write rules that fail"
            self._complain((*path, self._later(path, "ratio", "floor")), ids.NO_RETRY_IN_BUDGET, message)
        return budget

    def breaker(self, provider: str) -> BreakerLimits:
        entries: dict[str, Any] = dict(self.settings.breaker.get(provider, {}))
        if type(entries.get("window")) is int:
            calls = entries["window_calls"] = entries.pop("window")
            entries["window"] = None
            entries.setdefault("min_calls", min(_MIN_CALLS, calls))
            if entries["min_calls"] > calls:
                message = (
                    f"the window holds {calls} calls, and the breaker waits for {entries['min_calls']}: it never opens"
                )
                path = ("breaker", provider)
                self._complain((*path, self._later(path, "min_calls", "window")), ids.NEVER_ENOUGH_CALLS, message)
        return BreakerLimits(**entries)

    def _later(self, path: tuple[str, ...], *keys: str) -> str:
        """Return the key that was set last, the first among equals: the cause of two values that do not fit."""

        def rank(key: str) -> int:
            layer = self.stack.setter((*path, key))
            return -1 if layer is None else self.stack.layers.index(layer)

        return max(keys, key=rank)

    def _complain(self, path: tuple[str, ...], rule: str, message: str, *, at_key: bool = False) -> None:
        layer = self.stack.setter(path) or self.stack.root
        where = dotted((*layer.prefix, *path))
        self.report.add(layer, path, rule, f"{where}: {message}", at="key" if at_key else "value")
