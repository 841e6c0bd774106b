"""The limits that calls share, as values with their places: ``[rate]``, ``[budget]``, ``[breaker]`` and ``[state]``."""

from __future__ import annotations

from collections.abc import Iterator

from resilience.cli.values import Value, duration, value_at, written
from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.settings.state import StateSettings
from resilience.policyfile import Policy

KeyTexts = Iterator[tuple[str, str]]
"""The keys of a table, each with its value as policies write it."""


def shared_limits_of(policy: Policy, provider: str | None, operation: str) -> tuple[Value, ...]:
    """
    Return every shared limit of a call.

    Args:
        policy: The policy.
        provider: The provider of the call; None for an unknown provider, which has no limits.
        operation: The operation; empty for the limits of every operation.
    """
    if provider is None:
        return ()
    return tuple(_values(policy, provider, operation))


def _values(policy: Policy, provider: str, operation: str) -> Iterator[Value]:
    rates = policy.rates.get(provider, RateLimits())
    if operation in rates.operations:
        path = policy.rate_path(provider, operation)
        yield value_at(policy, f"rate.{operation}", str(rates.operations[operation]), path)
    found = {
        "rate": rate_keys(rates) if provider in policy.rates else (),
        "budget": budget_keys(policy.budgets[provider]) if provider in policy.budgets else (),
        "breaker": breaker_keys(policy.breakers[provider]) if provider in policy.breakers else (),
    }
    for table, keys in found.items():
        for key, text in keys:
            yield value_at(policy, f"{table}.{key}", text, (table, provider, key))
    if policy.state is not None and any(found.values()):
        for key, text in state_keys(policy.state):
            yield value_at(policy, f"state.{key}", text, ("state", key))


def rate_keys(limits: RateLimits) -> KeyTexts:
    """Yield the keys of ``[rate.PROVIDER]`` without its operations and without absent limits."""
    for key, rate in (("default", limits.default), ("per_host", limits.per_host)):
        if rate is not None:
            yield key, str(rate)
    yield "adaptive", written(limits.adaptive)
    if limits.concurrency is not None:
        yield "concurrency", str(limits.concurrency)
    yield "share", str(limits.share)


def budget_keys(limits: BudgetLimits) -> KeyTexts:
    """Yield the keys of ``[budget.PROVIDER]`` that its kind has."""
    if limits.ratio is None:
        yield "kind", "tokens"
        for key in ("capacity", "cost", "deposit"):
            yield key, written(getattr(limits, key))
    else:
        yield from (("kind", "ratio"), ("ratio", written(limits.ratio)), ("floor", str(limits.floor)))
        yield "window", duration(limits.window)


def state_keys(settings: StateSettings) -> KeyTexts:
    """Yield the keys of ``[state]``; the store as the policy has it, since a variable may hold a password."""
    yield "store", settings.written or "set in Python"
    yield "on_unavailable", settings.on_unavailable


def breaker_keys(limits: BreakerLimits) -> KeyTexts:
    """Yield the keys of ``[breaker.PROVIDER]``."""
    yield "failure_rate", written(limits.failure_rate)
    yield "window", duration(limits.window) if limits.window_calls is None else f"{limits.window_calls} calls"
    yield "min_calls", str(limits.min_calls)
    yield "open_for", duration(limits.open_for)
    yield from (("probes", str(limits.probes)), ("mode", limits.mode), ("per", limits.per))
