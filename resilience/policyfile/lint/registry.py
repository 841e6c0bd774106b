"""The lint rules: id, title, and the function that looks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

from attrs import frozen

from resilience.policyfile.lint import (
    apis,
    codes,
    declared,
    effects,
    environments,
    ids,
    limits,
    names,
    overlays,
    permanent,
    reach,
    shadows,
    waits,
)
from resilience.policyfile.lint.repair import EVERYTHING
from resilience.policyfile.lint.view import View
from resilience.policyfile.problems import Problem


@frozen
class Lint:
    """
    One look at a policy.

    Attributes:
        find: Yields what it finds in one environment.
        needs: The tables that it draws conclusions from as a whole. In a policy with errors
            it is asked only if none of them has one; what it says of a single rule stands.
        depends_on: ``environment``: it may find something else in each environment. ``rules``: it finds the same
            in each that leaves rules, and what they name, as they are. ``files``: it finds the same in each.
    """

    find: Callable[[View], Iterator[Problem]]
    needs: frozenset[str] = frozenset()
    depends_on: Literal["environment", "rules", "files"] = "environment"


_NUMBERS: Final = frozenset({"limits", "backoff", "actions", "credentials"})

LINTS: Final = (
    Lint(limits.endless, _NUMBERS),
    Lint(limits.undated, _NUMBERS),
    Lint(waits.restless, _NUMBERS),
    Lint(waits.in_step, _NUMBERS),
    Lint(waits.sleepy, _NUMBERS),
    Lint(limits.too_short, _NUMBERS),
    Lint(limits.no_second, _NUMBERS),
    Lint(waits.hasty, _NUMBERS),
    Lint(limits.hurried, _NUMBERS),
    Lint(reach.unreached_max, _NUMBERS),
    Lint(reach.unreached_for, _NUMBERS),
    Lint(reach.no_retry, _NUMBERS),
    Lint(waits.unreachable_hint, _NUMBERS),
    Lint(limits.unsettled, _NUMBERS),
    Lint(effects.repeated),
    Lint(effects.believed),
    Lint(effects.uncounted),
    Lint(effects.careless),
    Lint(effects.misspelled, frozenset({"sources"}), "rules"),
    Lint(permanent.permanent),
    Lint(codes.passing),
    Lint(codes.unrefreshed),
    Lint(codes.unknown_code, depends_on="rules"),
    Lint(codes.programming_error, depends_on="rules"),
    Lint(codes.unknown_provider),
    Lint(apis.ruleless, frozenset({"sources", "rules"}), "rules"),
    Lint(apis.unmade, frozenset({"sources", "operations"}), "rules"),
    Lint(declared.forgotten, frozenset({"ledger", "operations", "sources"})),
    Lint(declared.misspelled_field, frozenset({"operations"})),
    Lint(declared.inert, frozenset({"operations", "sources", "credentials"})),
    Lint(names.nothing_to_rename, depends_on="rules"),
    Lint(names.bad_names, _NUMBERS, "rules"),
    Lint(names.unused, EVERYTHING, "rules"),
    Lint(shadows.shadowed, frozenset({"operations"}), "rules"),
    Lint(overlays.hidden),
    Lint(overlays.dead),
    Lint(overlays.loosened),
    Lint(environments.alike, depends_on="files"),
)

LINT_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ids.ENDLESS: "a retry with neither a limit of its own nor a deadline",
        ids.UNDATED: "attempts are limited, and the time is not",
        ids.RESTLESS: "a retry that does not wait",
        ids.IN_STEP: "exponential backoff without jitter",
        ids.SLEEPY: "a single wait of more than five minutes",
        ids.TOO_SHORT: "the deadline comes before the last attempts",
        ids.NO_SECOND: "the timeout of an attempt is not below the deadline",
        ids.REPEATED: "an unknown effect declared to be none, where a repeat does it twice",
        ids.BELIEVED: "a failure taken for a success that nobody has looked at",
        ids.PERMANENT: "a retry of what does not pass by itself",
        ids.PASSING: "no retry of what passes by itself",
        ids.HASTY: "after throttling, the first wait is too short",
        ids.UNREFRESHED: "refused credentials, sent again",
        ids.UNBOUNDED_REMEDY: "a remedy that is tried again and again",
        ids.BAD_NAMES: "a rename that builds no other legal name",
        ids.SHADOWED: "a rule that no fault reaches",
        ids.UNKNOWN_CODE: "a code that the catalogue does not know",
        ids.UNREACHABLE_HINT: "a server's hint may be obeyed past the deadline",
        ids.LOOSENED: "an environment loosens a limit",
        ids.DEAD_OVERRIDE: "an environment repeats the plain value",
        ids.PROGRAMMING_ERROR: "a rule for a cancellation or a programming error",
        ids.HIDDEN_VALUE: "an environment of a parent hides a plain value",
        ids.UNCOUNTED_DOUBT: "attempts with an unknown effect that nothing counts",
        ids.UNKNOWN_PROVIDER: "a table for a provider that nobody knows",
        ids.UNUSED: "an action or a backoff that nothing uses",
        ids.CARELESS_OPERATION: "an operation declared less careful than it is",
        ids.NOTHING_TO_RENAME: "a rename for an operation without a name",
        ids.UNSETTLED: "a doubt never settles before the deadline",
        ids.PARTLY_HIDDEN: "narrower rules of a parent answer in part",
        ids.NOTHING_IGNORED: "an exception in [lint] for nothing",
        ids.UNREACHED_MAX: "a max that is never used up",
        ids.NO_RETRY: "a wait as long as the whole call",
        ids.LIKE_ANOTHER: "two environments whose names differ by a slip",
        ids.RULELESS_API: "an API that no rule answers",
        ids.UNMADE_OPERATION: "a rule for an operation that no request is",
        ids.LIKE_A_FIELD: "a field that is spelled almost like one of the service",
        ids.INERT: "a rule that asks for what never happens",
        ids.UNREMEMBERED: "an operation that the ledger cannot remember",
        ids.UNREACHED_FOR: "a for that is never over",
        ids.LIKE_AN_OPERATION: "a declared operation that is spelled almost like a known one",
    }
)
"""One line for each id that a file which loads can earn, apart from RP057."""
