"""
Every key of a policy: one table here for each table of the file.

A row has a key's kind of value, its default and its meaning. The loader, the JSON Schema and the hints read these rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from resilience.core.backoff import BACKOFF_KINDS, JITTERS
from resilience.core.decision import LEADS_ON
from resilience.core.fault import Effect, Repeat
from resilience.core.operations.declared import OnLost
from resilience.core.policy import VERBS, OnUnfinished
from resilience.core.settings.credentials import SourceKind
from resilience.core.settings.state import STORE_SCHEMES, OnUnavailable
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.shared_limits import BREAKER, BUDGET, RATE, SHARED

SCHEMA: Final = 1
"""The version of the policy format that this package reads."""

TOP: Final[Mapping[str, Key]] = {
    "schema": Key(kind="count", meaning="version of this format", least=1),
    "name": Key(kind="text", meaning="name of the policy, in traces; by default that of its file"),
    "unknown": Key(kind="action", meaning="action for a fault that no rule matches", default="fail"),
    "production": Key(kind="flag", meaning="whether an environment is a production environment", default=False),
}

LIMITS: Final[Mapping[str, Key]] = {
    "deadline": Key(kind="duration", meaning="attempts, waits and remedies of a call together", above=0, none=True),
    "attempt_timeout": Key(kind="duration", meaning="one attempt", default="none", above=0, none=True),
    "max_attempts": Key(kind="count", meaning="attempts of a call, the first included", default=6, least=1),
    "settle": Key(
        kind="duration",
        meaning='how long after a doubtful attempt a "not found" of the service proves nothing',
        default="30s",
        least=0,
    ),
}

_GROWING = ("constant", "linear", "exponential", "fibonacci")

BACKOFF: Final[Mapping[str, Key]] = {
    "kind": Key(kind="choice", meaning="how waits grow", default="exponential", choices=BACKOFF_KINDS),
    "base": Key(kind="duration", meaning="the first wait", default="500ms", least=0, only=_GROWING),
    "factor": Key(
        kind="number", meaning="each wait is the last one times this", default=2.0, least=1, only=("exponential",)
    ),
    "cap": Key(kind="duration", meaning="the longest wait, after jitter and hint", default="20s", least=0),
    "jitter": Key(kind="choice", meaning="the random part of a wait", default="full", choices=JITTERS),
    "server_hint": Key(kind="flag", meaning="wait longer where the server asks for it, up to the cap", default=True),
    "delays": Key(kind="durations", meaning="the waits; the last one repeats", least=0, only=("list",)),
}

_WAITING = tuple(verb for verb in VERBS if verb in LEADS_ON)

STOPPING: Final = frozenset({"fail", "verify"})
"""The verbs of ``unknown``: a call stops at a fault that no rule describes, since going on may do harm."""

ACTION: Final[Mapping[str, Key]] = {
    "do": Key(kind="verb", meaning="what the action does", choices=VERBS),
    "backoff": Key(kind="backoff", meaning="how to wait before the next attempt", only=_WAITING),
    "counts": Key(kind="flag", meaning="whether the failed attempt uses up one of max_attempts", only=_WAITING),
    "max": Key(kind="count", meaning="uses of this action in one call", least=1, only=_WAITING),
    "for": Key(
        kind="duration",
        meaning="how long after its first use in a call the action may be repeated",
        above=0,
        only=_WAITING,
    ),
    "then": Key(
        kind="action",
        meaning="the next action when max or for is used up, the condition is false, or the remedy is impossible",
        default="fail",
        only=(*_WAITING, "accept"),
    ),
    "if": Key(
        kind="choice",
        meaning="ours: only if an earlier attempt of this call may have done it; always: at every such fault, except "
        "with a new name without {hash}, which another resource may have",
        default="ours",
        choices=("ours", "always"),
        only=("accept",),
    ),
    "as": Key(kind="choice", meaning="a success that created nothing", choices=("dry_run",), only=("accept",)),
    "pattern": Key(kind="pattern", meaning="how the next name is built", default="{name}-{n}", only=("rename",)),
    "max_length": Key(
        kind="count",
        meaning="the most characters of a new name; a shortened name keeps a hash of the whole",
        least=1,
        only=("rename",),
    ),
}

RULE: Final[Mapping[str, Key]] = {
    **ACTION,
    "effect": Key(kind="choice", meaning="whether the failed attempt changed anything", choices=get_args(Effect)),
    "message": Key(kind="literal", meaning="answer only faults with this text in their message, in any case"),
}
"""The keys of a rule that is an inline table: those of an action, and two of its own."""

OF_RULE: Final = tuple(key for key in RULE if key not in ACTION)
"""The keys that a rule may have beside the name of an action."""

_ROLE: Final = ("assume_role",)

CREDENTIALS: Final[Mapping[str, Key]] = {
    "refresh_before": Key(kind="duration", meaning="time before expiry to renew the keys", default="5m", least=0),
    "max_refreshes": Key(kind="count", meaning="refreshes in one call", default=1, least=0),
    "cool_down": Key(
        kind="duration",
        meaning="how long after a failed refresh other calls get its error, without asking again",
        default="5s",
        least=0,
    ),
    "source": Key(
        kind="choice",
        meaning="the source of new keys, for clients with temporary ones",
        choices=get_args(SourceKind),
    ),
    "role": Key(kind="text", meaning="the role to assume, as the service names it", only=_ROLE),
    "endpoint": Key(kind="text", meaning="the host of the token service; by default the provider's", only=_ROLE),
    "session_name": Key(kind="text", meaning="the name of the session in the audit log", only=_ROLE),
    "duration": Key(kind="duration", meaning="how long the keys are valid", above=0, only=_ROLE),
    "region": Key(kind="text", meaning="the region of the token service", only=_ROLE),
    "key_variables": Key(
        kind="variables",
        meaning="the environment variables with id and secret of the long-lived keys; by default the vendor's",
        only=_ROLE,
    ),
    "command": Key(
        kind="words",
        meaning="a program and its arguments, run without a shell; it prints the JSON of a credential process",
        only=("command",),
    ),
    "file": Key(kind="file", meaning="a file with the JSON of a credential process", only=("file",)),
}

SOURCE_KEYS: Final = frozenset(name for name, key in CREDENTIALS.items() if key.only)
"""The keys of ``[credentials.PROVIDER]`` that describe its ``source``."""

LEDGER: Final[Mapping[str, Key]] = {
    "path": Key(
        kind="file",
        meaning="the ledger's file; a relative path starts at the policy file's folder",
        default=".resilience/ledger.db",
    ),
    "url": Key(
        kind="server",
        meaning="the server of a ledger for many machines, instead of path; ${VARIABLE} stands for a password",
        choices=("postgresql", "postgres", *STORE_SCHEMES),
    ),
    "lease": Key(
        kind="duration",
        meaning="with url: how long a call keeps its key without a sign of life of its process",
        default="30s",
        least=1,
    ),
    "on_unfinished": Key(
        kind="choice",
        meaning="what to do with an operation that an earlier run started and did not finish",
        default="verify",
        choices=get_args(OnUnfinished),
    ),
}

STATE: Final[Mapping[str, Key]] = {
    "store": Key(
        kind="store",
        meaning="redis://..., or a file for the processes of one machine; a relative path starts at the policy file's "
        "folder",
    ),
    "on_unavailable": Key(
        kind="choice",
        meaning="while the store is away, local: each process keeps its part of the limits (share); fail: calls end "
        "before they send anything",
        default="local",
        choices=get_args(OnUnavailable),
    ),
}

TELEMETRY: Final[Mapping[str, Key]] = {
    "journal": Key(
        kind="file",
        meaning="the file for every decision; a relative path starts at the policy file's folder",
    ),
}

SOURCE: Final[Mapping[str, Key]] = {
    "code": Key(
        kind="place", meaning="the place of the error code in a failed answer; gaps between its words become _"
    ),
    "message": Key(
        kind="place",
        meaning="the place of the error message in a failed answer, for rules with message; by default anywhere",
    ),
    "request_id": Key(kind="place", meaning="the place of the request's id; by default the usual headers"),
    "retry_after": Key(
        kind="place", meaning="the place of the time to wait: seconds or an HTTP date", default="header:retry-after"
    ),
    "success": Key(kind="place", meaning="the place of a boolean in a 2xx answer that is false after a failure"),
    "hosts": Key(kind="hosts", meaning="the hosts of this API; by default any"),
}
"""The keys of ``[sources.PROVIDER]`` beside its table of operations."""

TEMPLATE: Final = Key(kind="template", meaning="the method and the path of the operation's requests")
"""The value of any key of ``[sources.PROVIDER.operations]``."""

OPERATION: Final[Mapping[str, Key]] = {
    "repeat": Key(kind="choice", meaning="what the operation does the second time", choices=get_args(Repeat)),
    "key": Key(
        kind="fields",
        meaning="the request fields that together name the new resource; [] if each call makes another one, which a "
        "ledger cannot remember",
        least=0,
    ),
    "rename": Key(kind="text", meaning="the field of key that a rename changes"),
    "read_back": Key(kind="text", meaning="the operation that tells whether the resource exists"),
    "requires": Key(kind="fields", meaning="the fields without which a success is garbled", least=1),
    "settle": Key(
        kind="duration",
        meaning='how long after a doubtful attempt a "not found" proves nothing; by default as in [limits]',
        least=0,
    ),
    "unique": Key(kind="fields", meaning="the request fields that differ between any two purchases", least=1),
    "on_lost": Key(
        kind="choice",
        meaning="what follows a lost answer that alone has a secret: stop the call, or let a verifier discard what was "
        "made, so that another attempt makes a new one",
        choices=get_args(OnLost),
        default="stop",
    ),
}
"""
The keys of each entry of ``[operations.PROVIDER]`` beside its table ``name``.

``repeat`` alone may stand as a string.
"""

NAME: Final[Mapping[str, Key]] = {
    "pattern": Key(kind="expression", meaning="the regular expression of a whole name"),
    "max_length": Key(kind="count", meaning="the most characters of a name", least=1),
}
"""The keys of ``name`` in an entry of ``[operations.PROVIDER]``: the rule for the name that a rename changes."""

CHAOS: Final[Mapping[str, Key]] = {
    "seed": Key(kind="count", meaning="the same number gives the same faults", default=0, least=0),
}
"""The keys of ``[chaos]`` beside its tables of providers."""

INJECTION: Final[Mapping[str, Key]] = {
    "rate": Key(kind="share", meaning="the part of the attempts that fails, from 0 to 1"),
    "applied": Key(
        kind="flag", meaning="whether the real call is made first, without returning its answer", default=False
    ),
    "delay": Key(kind="duration", meaning="how long an attempt lasts before the fault", default="0s", least=0),
    "message": Key(kind="literal", meaning="the message of the fault, for rules with message"),
}
"""The keys of each entry of ``[chaos.PROVIDER]``."""

NAMED: Final[Mapping[str, Mapping[str, Key]]] = {
    "backoff": BACKOFF,
    "actions": ACTION,
    "credentials": CREDENTIALS,
    "rate": RATE,
    "budget": BUDGET,
    "breaker": BREAKER,
}
"""Tables with one inner table for each name."""

OF_PROVIDERS: Final = SHARED | {"credentials"}
"""Those of them whose names are providers."""

TABLES: Final = (
    "limits",
    "backoff",
    "actions",
    "rules",
    "operations",
    "sources",
    "credentials",
    "rate",
    "budget",
    "breaker",
    "state",
    "ledger",
    "telemetry",
    "chaos",
)

FILE_ONLY: Final = ("schema", "name", "extends", "env", "lint")
"""Keys of a file that an environment may not have."""
