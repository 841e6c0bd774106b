"""The ids of errors in policy files. An id never gets a second meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CAP_BELOW_BASE: Final = "RP005"
FACTOR_BELOW_ONE: Final = "RP006"
NEVER_ENOUGH_CALLS: Final = "RP011"
EQUAL_RULES: Final = "RP022"
UNKNOWN_KEY: Final = "RP024"
BAD_UNKNOWN: Final = "RP025"
NO_RETRY_IN_BUDGET: Final = "RP029"
CHAOS_IN_PRODUCTION: Final = "RP032"
SECRET: Final = "RP039"  # noqa: S105 - the id of a finding
UNKNOWN_ACTION: Final = "RP040"
UNKNOWN_BACKOFF: Final = "RP041"
WRONG_TYPE: Final = "RP042"
OUT_OF_RANGE: Final = "RP043"
MISSING: Final = "RP044"
SYNTAX: Final = "RP045"
UNREADABLE: Final = "RP046"
BAD_EXTENDS: Final = "RP047"
NOT_APPLICABLE: Final = "RP049"
BAD_CODE: Final = "RP050"
UNKNOWN_OPERATION: Final = "RP051"
ENDLESS_THEN: Final = "RP052"
READY_MADE: Final = "RP053"
UNKNOWN_ENVIRONMENT: Final = "RP054"
WRONG_PLACE: Final = "RP055"
BAD_PATTERN: Final = "RP056"
NEW_SYNTAX: Final = "RP057"
BAD_NAME: Final = "RP058"
CLASHING_BASES: Final = "RP059"

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        CAP_BELOW_BASE: "the cap of a backoff is below one of its waits",
        FACTOR_BELOW_ONE: "the factor of a backoff is below 1",
        NEVER_ENOUGH_CALLS: "a breaker that waits for more calls than its window holds",
        EQUAL_RULES: "two rules, or two templates of requests, are equal, so neither can be chosen",
        UNKNOWN_KEY: "unknown key, or a number without its unit",
        BAD_UNKNOWN: "`unknown` must stop a call, not go on with it",
        NO_RETRY_IN_BUDGET: "a budget that never allows a retry",
        CHAOS_IN_PRODUCTION: "seeded faults in a production environment",
        SECRET: "a secret in a policy file",
        UNKNOWN_ACTION: "unknown action",
        UNKNOWN_BACKOFF: "unknown backoff",
        WRONG_TYPE: "a value of the wrong type, or not among the choices",
        OUT_OF_RANGE: "a number or duration out of its range",
        MISSING: "a required value is missing",
        SYNTAX: "the file is not TOML",
        UNREADABLE: "a file cannot be read",
        BAD_EXTENDS: "`extends` names itself, or a file in a way that is not allowed",
        NOT_APPLICABLE: "a key that means nothing for this kind of action or backoff",
        BAD_CODE: "a rule's code is spelled in a way that no fault can match",
        UNKNOWN_OPERATION: "an operation that neither the catalogue nor the policy knows",
        ENDLESS_THEN: "a chain of `then` returns to itself",
        READY_MADE: "a ready-made action cannot be redefined",
        UNKNOWN_ENVIRONMENT: "the environment is not defined in any file",
        WRONG_PLACE: "a key that is not allowed here",
        BAD_PATTERN: "a rename pattern that cannot build another name",
        NEW_SYNTAX: "syntax that only TOML 1.1 knows",
        BAD_NAME: "a name that is spelled in a way that is not allowed",
        CLASHING_BASES: "two bases define one action or backoff differently",
    }
)
"""One line for each id, for lists and ``resilience rule``."""
