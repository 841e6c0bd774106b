"""The parts of a catalogue: facts about codes and operations, and rules for names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from attrs import field, frozen

from resilience.core.admission.rate import Rate
from resilience.core.fault import Effect, Repeat

CodeClass = Literal[
    "throttle",  # too many calls; the same call may pass later
    "transient",  # the service is away for a moment
    "internal",  # a fault of the service, which may or may not have done its work
    "exists",  # what the call creates is there already, and this account's
    "taken",  # the name belongs to another resource; another name would pass
    "missing",  # the resource of the call does not exist
    "credential",  # wrong or expired credentials that a new set may cure
    "signature",  # a wrong key, secret or clock, which only a person puts right
    "permission",  # the caller may not do this
    "parameter",  # the request itself is wrong
    "quota",  # an allowance is used up, and no rate: waiting does not help
    "capacity",  # the region has no room; waiting may help
    "state",  # the resource is in a state that may pass
    "denied",  # the resource is in a state that a person has to change
    "billing",  # the account cannot pay
    "dry_run",  # the request would have succeeded, and nothing was done
    "configuration",  # wrong endpoint, region, edition or version
    "client",  # the SDK's own name for a broken connection or an unreadable answer
    "local",  # the SDK was used wrongly; nothing was sent
]
"""The class of a code, by which lint rules and reports judge it."""

CLASSES: Final[tuple[CodeClass, ...]] = get_args(CodeClass)

_LASTING: Final = frozenset(
    {"signature", "permission", "parameter", "quota", "denied", "billing", "configuration", "local"}
)


@frozen(kw_only=True)
class CodeFacts:
    """
    One error code of a service.

    Attributes:
        code: The code, in the service's spelling.
        meaning: Its meaning, in one line.
        class_: Its class; ``class`` in the file.
        effect: Whether the refused request may have changed anything.
        status: The documented HTTP status, or None. The service may send another status.
        number: The number that the service sends beside the code, or in its place; None if it sends none.
        operations: The operations with this code in their documentation; empty for every operation.
        family: Whether this is the fixed part of a documented template.
        source: The id of its source in :attr:`Catalogue.sources`.
    """

    code: str
    meaning: str
    class_: CodeClass
    effect: Effect
    status: int | None = None
    number: int | None = None
    operations: tuple[str, ...] = ()
    family: bool = False
    source: str

    @property
    def is_lasting(self) -> bool:
        """Whether the service gives the same answer until a person changes something."""
        return self.class_ in _LASTING


@frozen(kw_only=True)
class OperationFacts:
    """
    One operation of a service; fields have the spelling of requests.

    Attributes:
        operation: Its name.
        repeat: What it does the second time.
        key: The request fields that together name the resource that it creates; empty if it creates none, or if no
            field names the resource.
        rename: The request field that a rename changes; None if a rename makes no sense.
        name: The rule for names in that field: a key of :attr:`Catalogue.names`.
        read_back: The operation that tells whether this one has happened, or None.
        distinct: Fields that a user may declare as different for any two purchases, if the key is not unique.
        limit: The documented rate of the calls of one account, or None.
        limit_source: The id of the source of the limit; None if that is ``source``.
        settle: How long the service may not yet show a change that this operation made or relies on, in seconds; None
            if nothing is known.
        settle_source: The id of the source of ``settle``; None if that is ``source``.
        codes: Its documented error codes, without the common ones.
        answer: The fields of every good answer.
        shown_once: The fields of its answer that hold a secret, and that no other answer ever has: what is lost with
            the answer is lost for good.
        verdict: The boolean field of an answer with HTTP 200 that is false after a failure, or None.
        request: The method and the path of its requests, as in a policy's ``[sources]``, if the API has paths and no
            names of operations; else None.
        source: The id of its source in :attr:`Catalogue.sources`.
    """

    operation: str
    repeat: Repeat
    key: tuple[str, ...] = ()
    rename: str | None = None
    name: str | None = None
    read_back: str | None = None
    distinct: tuple[str, ...] = ()
    limit: Rate | None = None
    limit_source: str | None = None
    settle: float | None = None
    settle_source: str | None = None
    codes: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    shown_once: tuple[str, ...] = ()
    verdict: str | None = None
    request: str | None = None
    source: str


LimitScope = Literal["host", "account"]
"""What a limit counts the calls of, whatever their operation: one IP address, or one account."""


@frozen(kw_only=True)
class ServiceLimit:
    """
    A limit on the calls of all operations together.

    Attributes:
        rate: The documented rate.
        meaning: What happens above it, in one line.
        source: The id of its source in :attr:`Catalogue.sources`.
    """

    rate: Rate
    meaning: str
    source: str


@frozen(kw_only=True)
class NameRule:
    """
    The service's rule for names.

    Attributes:
        pattern: The regular expression of a whole name.
        min_length: The fewest characters.
        max_length: The most characters; None without a documented limit.
        keep_prefix: The number of first characters that a rename never changes.
        suffix: The regular expression of a suffix that a rename may append.
        meaning: The rule in words.
        source: The id of its source in :attr:`Catalogue.sources`.
    """

    pattern: str
    min_length: int
    max_length: int | None = None
    keep_prefix: int = 0
    suffix: str
    meaning: str
    source: str

    def is_legal(self, name: str) -> bool:
        """Tell whether the service accepts a name."""
        too_long = self.max_length is not None and len(name) > self.max_length
        return not too_long and len(name) >= self.min_length and re.fullmatch(self.pattern, name) is not None


@frozen(kw_only=True)
class Catalogue:
    """
    The facts about one service.

    Attributes:
        provider: Its short name in policies, such as ``"alibaba"``.
        service: Its name in sentences.
        product: Its name in the API.
        version: The version of the API.
        vendor: The vendor's name in sentences, or an empty text.
        cloud: OpenTelemetry's name of the vendor (``cloud.provider``), or an empty text.
        early_code: A code that scripts often meet first, as an example, or an empty text.
        sources: Title and read date of each source, by id.
        names: The rules for names, by id.
        codes: The error codes, by code.
        operations: The operations, by name.
        limits: The documented limits on the calls of all operations together, by their :data:`LimitScope`.
    """

    provider: str
    service: str
    product: str
    version: str
    vendor: str = ""
    cloud: str = ""
    early_code: str = ""
    sources: Mapping[str, str] = field(repr=False)
    names: Mapping[str, NameRule] = field(repr=False)
    codes: Mapping[str, CodeFacts] = field(repr=False)
    operations: Mapping[str, OperationFacts] = field(repr=False)
    limits: Mapping[str, ServiceLimit] = field(factory=dict, repr=False)

    def code(self, code: str) -> CodeFacts | None:
        """Return the facts about a code, or else about the nearest code above it; None if there are none."""
        while code:
            facts = self.codes.get(code)
            if facts is not None:
                return facts
            code = code.rpartition(".")[0]
        return None

    def operation(self, name: str) -> OperationFacts | None:
        """Return the facts about an operation; None for an unknown operation."""
        return self.operations.get(name)

    def source_of_limit(self, facts: OperationFacts) -> str:
        """Return the title of the source of an operation's limit."""
        return self.sources[facts.limit_source or facts.source]

    def source_of_settle(self, facts: OperationFacts) -> str:
        """Return the title of the source of an operation's time to settle."""
        return self.sources[facts.settle_source or facts.source]
