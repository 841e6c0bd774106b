"""The keys of ``[rate]``, ``[budget]`` and ``[breaker]``: limits that the calls of an executor share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from resilience.core.admission.limits import DEFAULT_RATIO, BreakerLimits, BreakerMode, BreakerScope, BudgetLimits
from resilience.core.grammar.durations import written
from resilience.policyfile.format.rows import Key

SHARED: Final = frozenset({"rate", "budget", "breaker"})
"""The tables of this module, each with an inner table for each provider."""

_TOKENS: Final = ("tokens",)
_RATIO: Final = ("ratio",)
_BUDGET: Final = BudgetLimits()
_BREAKER: Final = BreakerLimits()

RATE: Final[Mapping[str, Key]] = {
    "per_host": Key(kind="rate", meaning="calls to one host"),
    "default": Key(kind="rate", meaning="calls of the account, all operations together"),
    "adaptive": Key(
        kind="flag",
        meaning="whether calls slow down when the service throttles them, and recover later",
        default=False,
    ),
    "concurrency": Key(kind="count", meaning="attempts under way at once", least=1),
    "share": Key(
        kind="count", meaning="the number of equal processes that divide these limits, rounded down", default=1, least=1
    ),
}
"""The keys of ``[rate.PROVIDER]`` beside its table of operations."""

OPERATION_RATE: Final = Key(
    kind="rate", meaning="calls of this operation; a name with * stands for each operation that fits"
)
"""The value of any key of ``[rate.PROVIDER.operations]``."""

BUDGET: Final[Mapping[str, Key]] = {
    "kind": Key(
        kind="choice",
        meaning="tokens: a retry takes tokens, and a success returns some; ratio: a share of the calls may be retries",
        default="tokens",
        choices=("tokens", "ratio"),
    ),
    "capacity": Key(
        kind="amount",
        meaning="the most tokens; the budget starts full",
        default=_BUDGET.capacity,
        above=0,
        only=_TOKENS,
    ),
    "cost": Key(kind="amount", meaning="the tokens of one retry", default=_BUDGET.cost, above=0, only=_TOKENS),
    "deposit": Key(
        kind="amount", meaning="the tokens that one success returns", default=_BUDGET.deposit, least=0, only=_TOKENS
    ),
    "ratio": Key(
        kind="share", meaning="the retries for each call in the window, from 0 to 1", default=DEFAULT_RATIO, only=_RATIO
    ),
    "floor": Key(
        kind="count",
        meaning="the retries that any window allows, also one with few calls",
        default=_BUDGET.floor,
        least=0,
        only=_RATIO,
    ),
    "window": Key(
        kind="duration",
        meaning="the time over which calls and retries are counted",
        default=written(_BUDGET.window),
        above=0,
        only=_RATIO,
    ),
}
"""The keys of ``[budget.PROVIDER]``; those of one kind mean nothing for the other."""

BREAKER: Final[Mapping[str, Key]] = {
    "failure_rate": Key(
        kind="share",
        meaning="the part of failures in the window at which the breaker opens, above 0",
        default=_BREAKER.failure_rate,
        above=0,
    ),
    "window": Key(
        kind="window",
        meaning="the results that count: those of a time, or a number of the last ones",
        default="30s",
        above=0,
    ),
    "min_calls": Key(
        kind="count",
        meaning="the fewest results in the window with which the breaker can open",
        default=_BREAKER.min_calls,
        least=1,
    ),
    "open_for": Key(
        kind="duration",
        meaning="how long an open breaker refuses calls",
        default=written(_BREAKER.open_for),
        above=0,
    ),
    "probes": Key(
        kind="count",
        meaning="the calls that a half-open breaker lets through; it closes if all succeed",
        default=_BREAKER.probes,
        least=1,
    ),
    "mode": Key(
        kind="choice",
        meaning="on: an open breaker refuses calls; shadow: it only reports",
        default=_BREAKER.mode,
        choices=get_args(BreakerMode),
    ),
    "per": Key(
        kind="choice",
        meaning="whether all calls of the provider share one breaker, or those of each operation",
        default=_BREAKER.per,
        choices=get_args(BreakerScope),
    ),
}
"""The keys of ``[breaker.PROVIDER]``."""
