"""The keys of ``[rate]``, ``[budget]`` and ``[breaker]``: limits that the calls of one executor share."""

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
    "default": Key(kind="rate", meaning="calls of all operations together, of the account"),
    "adaptive": Key(
        kind="flag",
        meaning="slow down when the service refuses calls all the same, and recover afterwards",
        default=False,
    ),
    "concurrency": Key(kind="count", meaning="attempts under way at once", least=1),
    "share": Key(kind="count", meaning="how many equal processes divide these limits", default=1, least=1),
}
"""The keys of ``[rate.PROVIDER]`` beside its table of operations."""

OPERATION_RATE: Final = Key(kind="rate", meaning="calls of this operation; a * stands for each operation that fits")
"""The value of any key of ``[rate.PROVIDER.operations]``."""

BUDGET: Final[Mapping[str, Key]] = {
    "kind": Key(
        kind="choice",
        meaning="tokens: a retry costs some, a success gives some back; ratio: so many retries for each call",
        default="tokens",
        choices=("tokens", "ratio"),
    ),
    "capacity": Key(
        kind="amount", meaning="the most tokens; it starts full", default=_BUDGET.capacity, above=0, only=_TOKENS
    ),
    "cost": Key(kind="amount", meaning="tokens that a retry takes", default=_BUDGET.cost, above=0, only=_TOKENS),
    "deposit": Key(
        kind="amount", meaning="tokens that a success gives back", default=_BUDGET.deposit, least=0, only=_TOKENS
    ),
    "ratio": Key(
        kind="share", meaning="retries for each call of the window, from 0 to 1", default=DEFAULT_RATIO, only=_RATIO
    ),
    "floor": Key(
        kind="count",
        meaning="retries that a window allows however few its calls are",
        default=_BUDGET.floor,
        least=0,
        only=_RATIO,
    ),
    "window": Key(
        kind="duration", meaning="how long a ratio looks back", default=written(_BUDGET.window), above=0, only=_RATIO
    ),
}
"""The keys of ``[budget.PROVIDER]``; those of one kind mean nothing for the other."""

BREAKER: Final[Mapping[str, Key]] = {
    "failure_rate": Key(
        kind="share",
        meaning="the part of the results in the window that must be failures for the breaker to open",
        default=_BREAKER.failure_rate,
        above=0,
    ),
    "window": Key(
        kind="window",
        meaning="how long it looks back, or at how many of the last calls",
        default="30s",
        above=0,
    ),
    "min_calls": Key(
        kind="count",
        meaning="results that the window must hold before the breaker can open",
        default=_BREAKER.min_calls,
        least=1,
    ),
    "open_for": Key(
        kind="duration",
        meaning="how long it refuses calls before it tries some",
        default=written(_BREAKER.open_for),
        above=0,
    ),
    "probes": Key(
        kind="count", meaning="calls that it tries, all of which must succeed", default=_BREAKER.probes, least=1
    ),
    "mode": Key(
        kind="choice",
        meaning="shadow decides and tells, and refuses nothing",
        default=_BREAKER.mode,
        choices=get_args(BreakerMode),
    ),
    "per": Key(
        kind="choice",
        meaning="which calls share one breaker",
        default=_BREAKER.per,
        choices=get_args(BreakerScope),
    ),
}
"""The keys of ``[breaker.PROVIDER]``."""
