"""A policy as values: limits, actions, rules and what they say, after all files were merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from attrs import field, frozen

from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.backoff import Backoff
from resilience.core.fault import Effect, Fault, Origin, Repeat
from resilience.core.operations.declared import Declaration
from resilience.core.values import fixed, reduced

Verb = Literal["retry", "refresh", "rename", "verify", "accept", "fail"]
"""What an action does; each verb is also the name of a ready-made action."""

Condition = Literal["ours", "always"]
"""When an accept applies: if an earlier attempt may have done it, or whenever the code is met."""

OnUnfinished = Literal["verify", "retry", "fail"]
"""What to do with a resource that an earlier run started and never finished."""

PlaceKind = Literal["json", "header"]
"""In which part of an HTTP answer a value stands."""

METHODS: Final[Mapping[str, Repeat]] = MappingProxyType(
    {
        **dict.fromkeys(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"), "safe"),
        **dict.fromkeys(("POST", "PATCH"), "duplicate"),
    }
)
"""
What a repeat of an HTTP request does where a policy is silent; any other method is done twice.

Source: RFC 9110, 9.2.2, "Idempotent Methods".
"""

VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
DEFAULT_RENAMES: Final = 5


@frozen(kw_only=True)
class Action:
    """
    What a rule asks for, with every default filled in.

    Attributes:
        key: Its counter: the name of a named action, or the place of an inline one.
        do: The verb.
        backoff: How to wait before the next attempt or verification; None for no wait.
        counts: Whether the attempt that failed uses up one of ``max_attempts``.
        max: Uses of this action in one call; None for no limit of its own. A refresh
            takes the credentials' ``max_refreshes`` where this is None.
        lasts: ``for``: how long after its first use in a call it may be used again, in seconds; None for no limit of
            its own. A wait that begins in time is not shortened.
        then: What follows when ``max`` or ``for`` is used up, the condition is false or the remedy is impossible.
            None means ``fail``.
        condition: The ``if`` of an accept.
        dry_run: An accept that created nothing (``as = "dry_run"``).
        pattern: How a rename builds the next name, from ``{name}``, ``{n}`` and ``{hash}``.
        max_length: The longest name that a rename may build; None for the service's own limit.
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


@frozen(kw_only=True)
class Rule:
    """
    One entry that matches faults, and the action it asks for.

    Several answers to one code are a rule each; they follow one another, in the order of their array.

    Attributes:
        id: As written, with its table: ``alibaba."CreateGroupId/InternalError"``, and with its index if it stands in
            an array: ``tencent."OperationDenied"[0]``.
        scope: The provider; or ``transport``, or ``transport.<provider>``.
        operation: The operation's name or a glob with ``*``; None for every operation.
        code: The code, ``unsent``, ``lost``, ``garbled``, or ``http-...``.
        action: What to do.
        effect: What the rule knows about the effect, or None.
        message: The rule answers only faults whose message has this text in it, in whatever case; None for every fault.
        entry: Its index in an array of answers; None where the code has one answer.
        locate: Finds where the rule stands, when it is asked for; None for a policy built in Python.
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
        """Its path in the merged tables, such as ``("rules", "alibaba", "InternalError")``."""
        return self.key_path if self.entry is None else (*self.key_path, self.entry)

    @property
    def key_path(self) -> tuple[str, ...]:
        """The path of its key, which the answers of one array have in common."""
        key = self.id[len(self.scope) + 2 : self.id.rindex('"')]
        return ("rules", *self.scope.split(".", 1), key)

    @property
    def origin(self) -> Origin | None:
        """Where the rule stands; the file is scanned for positions when the first of them is asked for."""
        return None if self.locate is None else self.locate()


@frozen(kw_only=True)
class Limits:
    """
    The limits of one call; durations in seconds.

    Attributes:
        deadline: For attempts, waits and remedies together; None for no limit.
        attempt_timeout: For one attempt; None for no limit.
        max_attempts: Includes the first; see :attr:`Action.counts`. 1 means one attempt, also where nothing counts.
        settle: How long after a doubtful attempt "it is not there" is not yet believed.
    """

    deadline: float | None
    attempt_timeout: float | None = None
    max_attempts: int = 6
    settle: float = 30.0


SourceKind = Literal["assume_role", "command", "file"]
"""Where new credentials come from: a role of the token service, what a command prints, or what a file holds."""


@frozen(kw_only=True)
class CredentialSource:
    """
    Where new credentials of one provider come from, for clients that were made with temporary keys.

    Attributes:
        kind: Which kind of source it is; only what belongs to it is set.
        role: The role, as the service names it.
        endpoint: The host of the token service, with ``http://`` before it only for a sandbox; None for the provider's.
        session_name: What the service's audit log calls the session; None for a name of ours.
        duration: How long the keys shall live, in seconds; None for the service's own default.
        region: The region that signs; None for any.
        key_variables: The environment variables that hold the id and the secret of the long-lived keys; empty for
            those that the vendor's tools read.
        command: The program and its arguments.
        file: The file.
        written: The command and the file as the policy has them, so that its digest is the same on every machine.
    """

    kind: SourceKind
    role: str | None = None
    endpoint: str | None = None
    session_name: str | None = None
    duration: float | None = None
    region: str | None = None
    key_variables: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    file: str | None = None
    written: tuple[str, ...] = field(default=(), eq=False)


@frozen(kw_only=True)
class CredentialLimits:
    """
    How the credentials of one provider are renewed; durations in seconds.

    Attributes:
        refresh_before: How long before their expiry they are renewed.
        max_refreshes: Refreshes in one call.
        cool_down: How long others get the failure of a refresh instead of asking again.
        source: Where new ones come from, for programs that have no other source; None where the policy says nothing.
    """

    refresh_before: float = 300.0
    max_refreshes: int = 1
    cool_down: float = 5.0
    source: CredentialSource | None = None


@frozen(kw_only=True)
class LedgerSettings:
    """
    Where it is kept what was started and done, for the next run.

    Attributes:
        path: The file.
        on_unfinished: What to do with a resource that an earlier run started and never finished.
        written: The path as the policy has it, so that its digest is the same on every machine.
    """

    path: str = ".resilience/ledger.db"
    on_unfinished: OnUnfinished = "verify"
    written: str | None = field(default=None, eq=False)


@frozen(kw_only=True)
class TelemetrySettings:
    """
    What calls leave behind for people to read.

    Attributes:
        journal: The file that every decision is written to, a line each. None for no journal.
        written: The path as the policy has it.
    """

    journal: str | None = None
    written: str | None = field(default=None, eq=False)


@frozen
class AnswerPath:
    """
    Where a value stands in an HTTP answer.

    Attributes:
        kind: In its JSON body, or in a header.
        path: The keys, and the indexes of arrays, that lead to it in the body; the one name of a header.
    """

    kind: PlaceKind
    path: tuple[str, ...]

    def __str__(self) -> str:
        """Return the place as policies write it: ``json:errors.0.title``, ``header:x-request-id``."""
        return f"{self.kind}:{'.'.join(self.path)}"


def is_placeholder(segment: str) -> bool:
    """Tell whether a segment of a template stands for any one part of a path."""
    return segment.startswith("{")


@frozen
class RequestTemplate:
    """
    How the requests of one operation look.

    Attributes:
        operation: The name of the operation.
        method: The HTTP method, in capitals.
        segments: The parts of the path between its slashes; one in braces stands for any one part.
    """

    operation: str
    method: str
    segments: tuple[str, ...]

    @property
    def literals(self) -> int:
        """How many segments are words and no placeholders: of two templates that fit, the one with more wins."""
        return sum(not is_placeholder(each) for each in self.segments)

    def __str__(self) -> str:
        """Return the template as policies write it: ``POST /users/{user}``."""
        return f"{self.method} /{'/'.join(self.segments)}"


# The hash is kept, because what is made of a source is looked up by it at each call.
@frozen(kw_only=True, cache_hash=True)
class RestApi:
    """
    A REST API that a policy describes: where its answers say what, and how its operations are named.

    Attributes:
        code: Where the error code stands in an answer with an error status; None for an API without codes.
        message: Where it stands what went wrong, for rules with ``message``; None for anywhere in the body.
        request_id: Where the request's id stands; None for the usual headers.
        retry_after: Where it stands how long to wait; None, or nothing there, for ``Retry-After``.
        success: Where a boolean stands that says in an answer of status 2xx whether it worked; None if every one did.
        hosts: Only requests to these hosts are calls of this API: ``host``, on any port, or ``host:port``, in lower
            case. Empty for any host.
        operations: How requests are named. What none of them fits is called by its method.
    """

    code: AnswerPath | None = None
    message: AnswerPath | None = None
    request_id: AnswerPath | None = None
    retry_after: AnswerPath | None = None
    success: AnswerPath | None = None
    hosts: tuple[str, ...] = ()
    operations: tuple[RequestTemplate, ...] = ()

    def template(self, operation: str) -> RequestTemplate | None:
        """Return how the requests of an operation look; None where the policy does not say."""
        return next((each for each in self.operations if each.operation == operation), None)


@frozen(kw_only=True)
class Injection:
    """
    One entry of ``[chaos]``: a fault that is made on purpose.

    Attributes:
        id: As written, with its table: ``alibaba."CreateGroupId/InternalError"``.
        provider: The provider of the calls that it meets.
        operation: The operation's name or a glob with ``*``; None for every operation.
        code: The service's code; or ``unsent``, ``lost``, ``garbled``, or ``http-...``.
        fault: What the attempt fails with.
        rate: Which part of the attempts fails, from 0 to 1.
        applied: Whether the real call is made first, and its answer thrown away.
        delay: How long the fault takes to come, in seconds.
        message: What the service says in words, for rules with ``message``; it is part of ``fault``.
        locate: Finds where the entry stands, when it is asked for; None for a policy built in Python.
    """

    id: str
    provider: str
    operation: str | None
    code: str
    fault: Fault
    rate: float
    applied: bool = False
    delay: float = 0.0
    message: str | None = field(default=None, repr=False)
    locate: Callable[[], Origin] | None = field(default=None, eq=False, repr=False)

    @property
    def origin(self) -> Origin | None:
        """Where the entry stands; the file is scanned for positions when this is first asked."""
        return None if self.locate is None else self.locate()


@frozen(kw_only=True)
class Chaos:
    """
    Faults for rehearsals; which attempts get them is decided in :mod:`resilience.core.chaos`.

    Attributes:
        seed: Another number gives other faults; the same one the same.
        injections: The entries, in the order of the files.
    """

    seed: int = 0
    injections: tuple[Injection, ...] = ()


@frozen(kw_only=True)
class PolicyValues:
    """
    One policy for one environment: what the decision core works with.

    Attributes:
        name: Its name, for traces.
        digest: The first 12 hex digits of a hash of its effective content.
        env: The chosen environment, or None.
        production: Whether that environment is a production environment.
        limits: The limits of a call.
        rules: All rules, in the order of the files.
        unknown: The action for a fault that no rule matches.
        operations: What the policy says of operations, by provider and name: in ``[operations]``, or by the method
            of a request of ``[sources]``.
        credentials: How credentials are renewed, by provider.
        backoffs: The named backoffs.
        actions: The named actions, the ready-made ones included.
        chaos: Faults for rehearsals; never in a production environment.
        ledger: The ledger that calls use; None for no ledger.
        apis: The REST APIs that ``[sources]`` describes, by provider.
        telemetry: What calls leave behind; None where the policy does not say.
        rates: How many calls may be sent, by provider.
        budgets: How many retries calls may make together, by provider.
        breakers: When calls are refused because they fail, by provider.
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
    chaos: Chaos = Chaos()
    ledger: LedgerSettings | None = None
    apis: Mapping[str, RestApi] = field(factory=dict, converter=fixed)
    telemetry: TelemetrySettings | None = None
    rates: Mapping[str, RateLimits] = field(factory=dict, converter=fixed)
    budgets: Mapping[str, BudgetLimits] = field(factory=dict, converter=fixed)
    breakers: Mapping[str, BreakerLimits] = field(factory=dict, converter=fixed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a copy or a pickle from the values."""
        return reduced(self)


def ready_made(default: Backoff) -> dict[str, Action]:
    """Return the six ready-made actions, by name, where ``default`` is the default backoff."""
    return {
        "retry": Action(key="retry", do="retry", backoff=default, counts=True),
        "refresh": Action(key="refresh", do="refresh"),
        "rename": Action(key="rename", do="rename", max=DEFAULT_RENAMES),
        "verify": Action(key="verify", do="verify", backoff=default, counts=True),
        "accept": Action(key="accept", do="accept"),
        "fail": Action(key="fail", do="fail"),
    }
