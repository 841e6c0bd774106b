"""The values of a policy, after all files were merged: limits, actions and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, get_args

from attrs import evolve, field, frozen

from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.backoff import Backoff
from resilience.core.fault import Effect, Origin
from resilience.core.operations.apis import RestApi
from resilience.core.operations.declared import Declaration
from resilience.core.settings.chaos import Chaos
from resilience.core.settings.credentials import CredentialLimits
from resilience.core.settings.state import StateSettings
from resilience.core.values import fixed, reduced

Verb = Literal["retry", "refresh", "rename", "verify", "accept", "fail"]
"""The verb of an action; each verb is also the name of a ready-made action."""

Condition = Literal["ours", "always"]
"""When an accept applies: if an earlier attempt may have done it, or always."""

OnUnfinished = Literal["verify", "retry", "fail"]
"""What to do with a resource that an earlier run started and never finished."""

VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
DEFAULT_RENAMES: Final = 5


@frozen(kw_only=True)
class Action:
    """
    The action of a rule, with all defaults.

    Attributes:
        key: Identifies the counter of uses: the name of a named action, or the position of an inline one.
        do: The verb.
        backoff: The backoff before the next attempt or verification; None for no wait.
        counts: Whether the failed attempt uses up one of ``max_attempts``.
        max: The most uses of this action in one call; None for no limit of its own. For a refresh
            None means the credentials' ``max_refreshes``.
        lasts: ``for``: the seconds after its first use in a call during which it may be used again; None for no limit
            of its own. A wait that begins in time is not shortened.
        then: The action that follows when ``max`` or ``for`` is used up, the condition is false or the remedy is
            impossible. None means ``fail``.
        condition: The ``if`` of an accept.
        dry_run: Whether an accept is of a dry run, which created nothing (``as = "dry_run"``).
        pattern: The pattern of a rename's next name, with ``{name}``, ``{n}`` and ``{hash}``.
        max_length: The longest name of a rename, in characters; None for the service's own limit.
    """

    key: str
    do: Verb
    backoff: Backoff | None = None
    counts: bool = False
    max: int | None = None
    lasts: float | None = None
    then: Action | None = None
    condition: Condition = "ours"
    dry_run: bool = False
    pattern: str = "{name}-{n}"
    max_length: int | None = None

    @property
    def chain(self) -> Iterator[Action]:
        """This action, and those that its ``then`` leads to, one after the other."""
        action: Action | None = self
        while action is not None:
            yield action
            action = action.then


@frozen(kw_only=True)
class Rule:
    """
    A rule: it matches faults, and has an action for them.

    Each answer of an array is a rule; the rules have the order of the array.

    Attributes:
        id: The rule's table and key: ``alibaba."CreateGroupId/InternalError"``, with an index if it is in an array:
            ``tencent."OperationDenied"[0]``.
        scope: The provider; or ``transport``, or ``transport.<provider>``.
        operation: The operation's name or a glob with ``*``; None for every operation.
        code: The code, ``unsent``, ``lost``, ``garbled``, or ``http-...``.
        action: The action.
        effect: The effect of the fault, if the rule gives it; or None.
        message: The text that a fault's message must contain, in any case; None for every fault.
        entry: The index in an array of answers; None if the code has one answer.
        locate: Returns the rule's position in its file; None for a policy that was built in Python.
    """

    id: str
    scope: str
    operation: str | None
    code: str
    action: Action
    effect: Effect | None = None
    message: str | None = field(default=None, repr=False)
    entry: int | None = None
    locate: Callable[[], Origin] | None = field(default=None, eq=False, repr=False)

    @property
    def path(self) -> tuple[str | int, ...]:
        """The path in the merged tables, such as ``("rules", "alibaba", "InternalError")``."""
        return self.key_path if self.entry is None else (*self.key_path, self.entry)

    @property
    def key_path(self) -> tuple[str, ...]:
        """The path of the key, the same for all answers of one array."""
        key = self.id[len(self.scope) + 2 : self.id.rindex('"')]
        return ("rules", *self.scope.split(".", 1), key)

    @property
    def origin(self) -> Origin | None:
        """The rule's position in its file; the first use scans the file for positions."""
        return None if self.locate is None else self.locate()


@frozen(kw_only=True)
class Limits:
    """
    The limits of one call; durations in seconds.

    Attributes:
        deadline: The limit of attempts, waits and remedies together; None for no limit.
        attempt_timeout: The limit of one attempt; None for no limit.
        max_attempts: The most attempts, the first included; see :attr:`Action.counts`. 1 always means one attempt.
        settle: The time after a doubtful attempt during which "it is not there" is not believed.
    """

    deadline: float | None
    attempt_timeout: float | None = None
    max_attempts: int = 6
    settle: float = 30.0


@frozen(kw_only=True)
class LedgerSettings:
    """
    The ledger of a policy.

    Attributes:
        path: The file, for one machine.
        url: The address of a server, for many machines, perhaps with a password; None for the file.
        lease: How long a call keeps a key on a server without a sign of life of its process, in seconds.
        on_unfinished: What to do with a resource that an earlier run started and never finished.
        written: The path or address as in the policy, so that its digest is the same on every machine.
    """

    path: str = ".resilience/ledger.db"
    url: str | None = field(default=None, repr=False)
    lease: float = 30.0
    on_unfinished: OnUnfinished = "verify"
    written: str | None = field(default=None, eq=False, repr=False)

    def kept_at(self, where: str) -> LedgerSettings:
        """Return the settings for a ledger elsewhere: in a file, by its absolute path, or on a server, by its url."""
        is_url = "://" in where
        path = LedgerSettings().path if is_url else where
        return evolve(self, path=path, url=where if is_url else None, written=None)


@frozen(kw_only=True)
class TelemetrySettings:
    """
    The telemetry of a policy.

    Attributes:
        journal: The file of the journal, with a line for each decision; None for no journal.
        written: The path as in the policy.
    """

    journal: str | None = None
    written: str | None = field(default=None, eq=False)


@frozen(kw_only=True)
class PolicyValues:
    """
    One policy for one environment.

    Attributes:
        name: The name of the policy.
        digest: The first 12 hex digits of a hash of the policy's effective content.
        env: The chosen environment, or None.
        production: Whether that environment is a production environment.
        limits: The limits of a call.
        rules: All rules, in the order of the files.
        unknown: The action for a fault that no rule matches.
        operations: The declarations of operations, by provider and name: from ``[operations]``, or from the method of a
            request in ``[sources]``.
        credentials: The limits of refreshes, by provider.
        backoffs: The named backoffs.
        actions: The named actions, the ready-made ones included.
        chaos: The faults for rehearsals; never in a production environment.
        ledger: The ledger; None for no ledger.
        apis: The REST APIs that ``[sources]`` describes, by provider.
        telemetry: The telemetry; None if the policy has no such table.
        rates: How many calls may be sent, by provider.
        budgets: How many retries calls may make together, by provider.
        breakers: When calls are refused because they fail, by provider.
        state: What executors of several processes share; None if each executor has its own.
    """

    name: str
    digest: str = ""
    env: str | None = None
    production: bool = False
    limits: Limits
    rules: tuple[Rule, ...] = ()
    unknown: Action
    operations: Mapping[str, Mapping[str, Declaration]] = field(factory=dict, converter=fixed)
    credentials: Mapping[str, CredentialLimits] = field(factory=dict, converter=fixed)
    backoffs: Mapping[str, Backoff] = field(factory=dict, converter=fixed)
    actions: Mapping[str, Action] = field(factory=dict, converter=fixed)
    chaos: Chaos = field(factory=Chaos)
    ledger: LedgerSettings | None = None
    apis: Mapping[str, RestApi] = field(factory=dict, converter=fixed)
    telemetry: TelemetrySettings | None = None
    rates: Mapping[str, RateLimits] = field(factory=dict, converter=fixed)
    budgets: Mapping[str, BudgetLimits] = field(factory=dict, converter=fixed)
    breakers: Mapping[str, BreakerLimits] = field(factory=dict, converter=fixed)
    state: StateSettings | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the values for a copy or a pickle."""
        return reduced(self)


def ready_made(default: Backoff) -> dict[str, Action]:
    """Return the six ready-made actions by name, with a default backoff."""
    return {
        "retry": Action(key="retry", do="retry", backoff=default, counts=True),
        "refresh": Action(key="refresh", do="refresh"),
        "rename": Action(key="rename", do="rename", max=DEFAULT_RENAMES),
        "verify": Action(key="verify", do="verify", backoff=default, counts=True),
        "accept": Action(key="accept", do="accept"),
        "fail": Action(key="fail", do="fail"),
    }
