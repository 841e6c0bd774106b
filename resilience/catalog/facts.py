"""What a catalogue is made of: facts about codes and operations, and rules for names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from attrs import field, frozen

from resilience.core.fault import Effect, Repeat

CodeClass = Literal[
    "throttle",  # too many calls; the same call may pass later
    "transient",  # the service is away for a moment
    "internal",  # a fault of the service, which may or may not have done its work
    "exists",  # what the call creates is there already, and this account's
    "taken",  # the name belongs to another resource; another name would pass
    "missing",  # what the call names is not there
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
"""What kind of thing a code says: the word that lint rules and reports go by."""

CLASSES: Final[tuple[CodeClass, ...]] = get_args(CodeClass)

_LASTING: Final = frozenset(
    {"signature", "permission", "parameter", "quota", "denied", "billing", "configuration", "local"}
)


@frozen(kw_only=True)
class CodeFacts:
    """
    One error code of a service.

    Attributes:
        code: As the service spells it.
        meaning: What it says, in one line.
        class_: The kind of thing that it says; ``class`` in the file.
        effect: Whether the refused request may have changed anything.
        status: The documented HTTP status, or None. It may vary: the code decides.
        operations: The operations that it is documented for; empty for every operation.
        family: Whether the service documents a template, of which this is the fixed part.
        source: The id of its source in :attr:`Catalogue.sources`.
    """

    code: str
    meaning: str
    class_: CodeClass
    effect: Effect
    status: int | None = None
    operations: tuple[str, ...] = ()
    family: bool = False
    source: str

    @property
    def is_lasting(self) -> bool:
        """Whether the same call gets the same answer until a person changes something."""
        return self.class_ in _LASTING


@frozen(kw_only=True)
class OperationFacts:
    """
    One operation of a service; fields are spelled as on the wire.

    Attributes:
        operation: Its own name.
        repeat: What doing it again does.
        key: The request fields that together name the resource that it creates;
            empty where it creates none, or nothing in the request names it.
        rename: The request field that a rename changes, or None where a rename makes no sense.
        name: The rule for names in that field: a key of :attr:`Catalogue.names`.
        read_back: The operation that tells whether it has happened, or None.
        distinct: Fields of which a user may say that they tell one purchase from all others, where the key does not.
        limit: The documented number of calls, such as ``"10/s"``, or None.
        codes: The error codes documented for it; any common code may come as well.
        answer: Fields that a good answer always has.
        verdict: The boolean field of an answer with HTTP 200 that says whether it worked, or None.
        source: The id of its source in :attr:`Catalogue.sources`.
    """

    operation: str
    repeat: Repeat
    key: tuple[str, ...] = ()
    rename: str | None = None
    name: str | None = None
    read_back: str | None = None
    distinct: tuple[str, ...] = ()
    limit: str | None = None
    codes: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    verdict: str | None = None
    source: str


@frozen(kw_only=True)
class NameRule:
    """
    What the service takes for a name.

    Attributes:
        pattern: A regular expression that the whole name matches.
        min_length: Fewest characters.
        max_length: Most characters, or None where no limit is documented.
        keep_prefix: The characters at the beginning that a rename never touches.
        suffix: A regular expression for what a rename may append.
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
        """Tell whether the service takes this name."""
        too_long = self.max_length is not None and len(name) > self.max_length
        return not too_long and len(name) >= self.min_length and re.fullmatch(self.pattern, name) is not None


@frozen(kw_only=True)
class Catalogue:
    """
    All that is known about one service.

    Attributes:
        provider: Its short name in policies, such as ``"alibaba"``.
        service: Its name in prose.
        product: Its name in the API.
        version: The version of the API.
        vendor: Whose service it is, in prose; empty where it is not said.
        cloud: What OpenTelemetry calls the vendor (``cloud.provider``); empty where it has no name for it.
        early_code: A code that a script meets early, as an example; empty where it is not said.
        sources: Title and read date of each source, by id.
        names: The rules for names, by id.
        codes: The error codes, by code.
        operations: The operations, by name.
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

    def code(self, code: str) -> CodeFacts | None:
        """Return what is known about a code: the exact one, else its parent, else the parent's parent, else None."""
        while code:
            facts = self.codes.get(code)
            if facts is not None:
                return facts
            code = code.rpartition(".")[0]
        return None

    def operation(self, name: str) -> OperationFacts | None:
        """Return what is known about an operation, by its own name; None if it is not known."""
        return self.operations.get(name)
