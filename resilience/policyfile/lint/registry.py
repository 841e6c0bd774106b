"""The lint rules with their functions, and the titles of their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

from attrs import frozen

from resilience.policyfile.format.shared_limits import SHARED
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.difference import ENDLESS, SPOKEN
from resilience.policyfile.lint.repair import EVERYTHING
from resilience.policyfile.lint.rules import (
    apis,
    codes,
    declared,
    effects,
    environments,
    ledger,
    limits,
    names,
    overlays,
    permanent,
    reach,
    shadows,
    shared_limits,
    waits,
)
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem


@frozen(eq=False)
class Lint:
    """
    A lint rule.

    Attributes:
        find: Yields the findings in one environment.
        needs: The tables that the rule needs as a whole. It does not run if one of them has an error.
        about: The subject of a finding: ``rules`` or ``actions``, one at a time; ``policy`` as a whole; or ``files``,
            for a finding that is the same in each environment.
        reads: The tables on which all findings depend; None for all tables. An environment that changes none of them
            shares the findings of the plain values, apart from those about changed rules and actions.
    """

    find: Callable[[View], Iterator[Problem]]
    needs: frozenset[str] = frozenset()
    about: Literal["rules", "actions", "policy", "files"] = "policy"
    reads: frozenset[str] | None = frozenset()


_NUMBERS: Final = frozenset({"limits", "backoff", "actions", "credentials"})
_ANSWERS: Final = frozenset({"rules", "actions", "backoff", "unknown"})
_LIMITED: Final = _ANSWERS | {"limits", "credentials"}
_DECLARED: Final = frozenset({"operations", "sources"})

_RATED: Final = _DECLARED | {"rate"}

LINTS: Final = (
    Lint(limits.endless, _NUMBERS, "actions", frozenset({"limits", "credentials"})),
    Lint(limits.undated, _NUMBERS, reads=_LIMITED),
    Lint(waits.retry_without_wait, _NUMBERS, reads=_LIMITED),
    Lint(waits.in_step, _NUMBERS, reads=frozenset({"backoff"})),
    Lint(waits.very_long_wait, _NUMBERS, reads=_LIMITED),
    Lint(limits.too_short, _NUMBERS, reads=_LIMITED),
    Lint(limits.no_second, _NUMBERS, reads=frozenset({"limits"})),
    Lint(waits.throttle_base_too_short, _NUMBERS, reads=_ANSWERS),
    Lint(limits.hurried, _NUMBERS, "actions"),
    Lint(limits.always_refreshing, _NUMBERS, reads=frozenset({"credentials"})),
    Lint(reach.unreached_max, _NUMBERS, "actions", frozenset({"limits"})),
    Lint(reach.unreached_for, _NUMBERS, "actions", frozenset({"limits"})),
    Lint(reach.no_retry, _NUMBERS, reads=_LIMITED),
    Lint(waits.unreachable_hint, _NUMBERS, reads=frozenset({"limits", "backoff"})),
    Lint(limits.unsettled, _NUMBERS, reads=frozenset({"limits"})),
    Lint(effects.repeated, about="rules"),
    Lint(effects.unverified_success, about="rules"),
    Lint(effects.uncounted, about="rules", reads=frozenset({ENDLESS})),
    Lint(effects.uncounted_unknown, reads=_ANSWERS),
    Lint(effects.careless, reads=_DECLARED),
    Lint(effects.misspelled, frozenset({"sources"}), reads=_DECLARED),
    Lint(permanent.permanent, about="rules"),
    Lint(codes.passing, about="rules"),
    Lint(codes.unrefreshed, about="rules"),
    Lint(codes.unknown_code, about="rules"),
    Lint(codes.unknown_injection, reads=frozenset({"chaos"})),
    Lint(codes.programming_error, about="rules"),
    Lint(codes.unknown_provider, reads=_DECLARED | SHARED | {"rules", "credentials", "chaos"}),
    Lint(apis.ruleless, frozenset({"sources", "rules"}), reads=_DECLARED | {"rules"}),
    Lint(apis.unmade, frozenset({"sources", "operations"}), "rules"),
    Lint(declared.forgotten, frozenset({"ledger", "operations", "sources"}), reads=_DECLARED | {"ledger"}),
    Lint(declared.misspelled_field, frozenset({"operations"}), reads=_DECLARED),
    Lint(declared.inert, frozenset({"operations", "sources", "credentials"}), "rules"),
    Lint(
        declared.nothing_ours,
        frozenset({"operations", "sources", "credentials"}),
        reads=_LIMITED | _DECLARED | {"ledger"},
    ),
    Lint(names.nothing_to_rename, about="rules"),
    Lint(names.bad_names, _NUMBERS, reads=_ANSWERS | _DECLARED),
    Lint(names.unused, EVERYTHING, reads=_ANSWERS),
    Lint(shadows.shadowed, frozenset({"operations"}), "rules", frozenset({SPOKEN})),
    Lint(overlays.hidden, reads=None),
    Lint(overlays.dead, reads=None),
    Lint(overlays.loosened, reads=None),
    Lint(shared_limits.short_window, SHARED, reads=frozenset({"breaker", "limits"})),
    Lint(shared_limits.many_probes, SHARED, reads=frozenset({"breaker"})),
    Lint(shared_limits.unrelated, SHARED | {"sources"}, reads=frozenset({"breaker", "sources"})),
    Lint(shared_limits.unbounded_retries, SHARED, reads=_ANSWERS | {"breaker", "budget"}),
    Lint(shared_limits.retried_refusal, about="rules"),
    Lint(shared_limits.above_documented, frozenset({"rate"}), reads=_RATED),
    Lint(shared_limits.unreached_rate, frozenset({"rate"}), reads=_RATED),
    Lint(shared_limits.limitless, frozenset({"rate"}), reads=frozenset({"rate"})),
    Lint(shared_limits.idle_breaker, SHARED, reads=_RATED | {"breaker"}),
    Lint(shared_limits.idle_store, SHARED | {"state", "credentials"}, reads=SHARED | {"state", "credentials"}),
    Lint(shared_limits.undivided, frozenset({"state", "rate"}), reads=frozenset({"state", "rate"})),
    Lint(ledger.short_lease, frozenset({"ledger", "limits"}), reads=frozenset({"ledger", "limits"})),
    Lint(ledger.idle_lease, frozenset({"ledger"}), reads=frozenset({"ledger"})),
    Lint(environments.alike, about="files"),
)

LINT_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ids.ENDLESS: "a retry with neither a limit of its own nor a deadline",
        ids.UNDATED: "attempts are limited, but the time is not",
        ids.RETRY_WITHOUT_WAIT: "a retry that does not wait",
        ids.IN_STEP: "exponential backoff without jitter",
        ids.VERY_LONG_WAIT: "a single wait of more than five minutes",
        ids.TOO_SHORT: "the deadline comes before the last attempts",
        ids.NO_SECOND: "the timeout of an attempt is not below the deadline",
        ids.SHORT_WINDOW: "a breaker looks back for less than two attempts",
        ids.REPEATED: "an unknown effect declared to be none, where a repeat does it twice",
        ids.UNVERIFIED_SUCCESS: "a failure taken for a success without a check",
        ids.PERMANENT: "a retry of a fault that does not pass by itself",
        ids.PASSING: "no retry of a fault that passes by itself",
        ids.THROTTLE_BASE_TOO_SHORT: "after throttling, the first wait is too short",
        ids.UNREFRESHED: "refused credentials, sent again",
        ids.UNBOUNDED_REMEDY: "a remedy that is tried again and again",
        ids.BAD_NAMES: "a rename that builds no other legal name",
        ids.SHADOWED: "a rule that no fault reaches",
        ids.UNKNOWN_CODE: "a code that the catalogue does not know",
        ids.UNBOUNDED_RETRIES: "retries that nothing bounds, or hardly",
        ids.RETRIED_REFUSAL: "a rule for a refusal of the executor",
        ids.MANY_PROBES: "a half-open breaker tries too many calls",
        ids.UNRELATED: "unrelated hosts share one breaker",
        ids.ABOVE_DOCUMENTED: "a rate above the documented one",
        ids.UNREACHED_RATE: "the rate of an operation that another limit never lets it reach",
        ids.LIMITLESS: "a table of rates that limits nothing",
        ids.IDLE_BREAKER: "a breaker that never sees enough calls",
        ids.UNREACHABLE_HINT: "a server's hint may be obeyed past the deadline",
        ids.LOOSENED: "an environment loosens a limit",
        ids.DEAD_OVERRIDE: "an environment repeats the plain value",
        ids.PROGRAMMING_ERROR: "a rule for a cancellation or a programming error",
        ids.HIDDEN_VALUE: "an environment of a parent hides a plain value",
        ids.UNCOUNTED_DOUBT: "attempts with an unknown effect that do not count",
        ids.UNKNOWN_PROVIDER: "a table for an unknown provider",
        ids.UNUSED: "an action or a backoff that nothing uses",
        ids.CARELESS_OPERATION: "an operation declared less careful than it is",
        ids.NOTHING_TO_RENAME: "a rename for an operation without a name",
        ids.UNSETTLED: "a doubt never settles before the deadline",
        ids.PARTLY_HIDDEN: "narrower rules of a parent answer in part",
        ids.NOTHING_IGNORED: "an exception in [lint] without a finding",
        ids.UNREACHED_MAX: "a max that is never used up",
        ids.NO_RETRY: "a wait as long as the whole call",
        ids.LIKE_ANOTHER: "two environments whose names differ by a slip",
        ids.RULELESS_API: "an API that no rule answers",
        ids.UNMADE_OPERATION: "a rule for an operation that no request is",
        ids.LIKE_A_FIELD: "a field that is spelled almost like one of the service",
        ids.INERT: "a rule whose action can never happen",
        ids.UNREMEMBERED: "an operation that the ledger cannot remember",
        ids.UNREACHED_FOR: "a for that is never over",
        ids.SHORT_LEASE: "an attempt may take longer than the lease of its key",
        ids.IDLE_LEASE: "a lease of a ledger in a file",
        ids.IDLE_STORE: "a store of nothing that processes share",
        ids.UNDIVIDED: "without its store each process takes the whole limits",
        ids.LIKE_AN_OPERATION: "a declared operation that is spelled almost like a known one",
    }
)
"""One line for each id of a lint finding, apart from RP057."""
