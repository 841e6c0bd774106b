"""One scripted fault, in place of a service's usual answer; a value without sockets and clock."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_args

from attrs import field, frozen

from resilience.sandbox.operations import check_code, resolve

FaultKind: TypeAlias = Literal[
    "ok", "code", "status", "reset", "hangup", "hang", "garbage", "truncated", "slow", "fields"
]
Applied: TypeAlias = bool | Literal["late"]

KINDS: frozenset[str] = frozenset(get_args(FaultKind))
ANSWERING: frozenset[str] = frozenset({"ok", "truncated", "slow", "fields"})
"""Kinds with the usual answer, for which the service carries out the operation."""

_PARTS = {
    "code": ("code",),
    "message": ("code",),
    "status": ("code", "status", "garbage"),
    "body": ("status", "garbage"),
    "fields": ("fields",),
}
"""The kinds that may have each part; a kind with the name of a part needs that part."""


@frozen
class ScriptedFault:
    """
    One fault for the calls that it matches.

    Attributes:
        operation: A name or a glob.
        kind: One of ``KINDS``.
        provider: ``alibaba``, ``tencent``, or None for both.
        code: The code of kind ``code``.
        message: The message with the code; empty for the service's own.
        status: The HTTP status of kinds ``code`` (None: the service's usual one), ``status`` and ``garbage``.
        body: The body of kinds ``status`` and ``garbage``.
        content_type: The content type; None for the usual one. Tencent's SDK overlooks errors with another one than
            ``application/json``.
        headers: More headers of the answer.
        fields: The changed fields of kind ``fields``; the value None removes a field.
        delay: Seconds before the answer; with ``applied="late"`` before the effect, and the answer comes at once.
        applied: Whether the operation is carried out; None for the kind's default.
        times: The number of calls that meet it; None for all.
        after: The number of matching calls before the first that meets it.
    """

    operation: str
    kind: FaultKind
    provider: str | None = None
    code: str | None = None
    message: str = ""
    status: int | None = None
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(factory=dict)
    fields: Mapping[str, Any] = field(factory=dict)
    delay: float | None = None
    applied: Applied | None = None
    times: int | None = 1
    after: int = 0

    def __attrs_post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; expected one of {', '.join(sorted(KINDS))}")
        for name, kinds in _PARTS.items():
            if getattr(self, name) and self.kind not in kinds:
                raise ValueError(f"{name} does not go with kind {self.kind!r}, only with {', '.join(kinds)}")
            if self.kind == name and not getattr(self, name):
                raise ValueError(f"kind {self.kind!r} needs {name}")
        if self.status is not None and self.status not in range(200, 600):
            raise ValueError(f"status: expected a number from 200 to 599, got {self.status!r}")
        if self.kind in ANSWERING and self.applied not in (None, True):
            raise ValueError(
                f"kind {self.kind!r} gives the usual answer, so it is applied; for a later effect use 'hang'"
            )
        if self.kind == "slow" and self.delay is None:
            raise ValueError("kind 'slow' needs a delay in seconds")
        if self.applied not in (None, True, False, "late"):
            raise ValueError(f"applied: expected True, False or 'late', got {self.applied!r}")
        if (self.delay is not None and self.delay < 0) or self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("expected delay >= 0, after >= 0 and times >= 1 (or None)")

    @property
    def effect(self) -> Applied:
        """Whether the operation is carried out: ``applied``, or the kind's default."""
        return self.kind in ANSWERING if self.applied is None else self.applied

    @property
    def answer(self) -> str:
        """The answer in the call log."""
        if self.kind == "code":
            return self.code or ""
        return f"http-{self.status}" if self.kind == "status" else self.kind

    def meets(self, provider: str, operation: str) -> bool:
        """Tell whether this fault is for an operation, also after its last use."""
        return self.provider in (None, provider) and fnmatchcase(operation, self.operation)


class Options(TypedDict, total=False):
    """The options of a fault besides operation and code; see ``ScriptedFault`` and ``make_fault``."""

    kind: FaultKind
    provider: str | None
    message: str
    status: int
    body: bytes | str
    content_type: str
    headers: Mapping[str, str]
    retry_after_ms: int
    fields: Mapping[str, Any]
    delay: float
    applied: Applied
    times: int | None
    after: int


def make_fault(operation: str, code: str | None = None, **options: Unpack[Options]) -> ScriptedFault:
    """
    Build a fault from a user's options; without ``kind``, code, ``fields`` or ``status`` imply it.

    Args:
        operation: ``CreateTopic``, ``tencent:CreateTopic`` or a glob.
        code: A code of the service.
        **options: The attributes of a fault, and ``retry_after_ms`` for ``x-acs-retry-after``, the header that
            Alibaba's SDK reads. A ``body`` may be text, which becomes UTF-8.

    Raises:
        ValueError: The operation is unknown, the code looks misspelled, or the parts contradict each other.
        TypeError: There is no such option.
    """
    known = Options.__optional_keys__
    if unknown := sorted(options.keys() - known):
        raise TypeError(f"unknown option {unknown[0]!r}; expected one of {', '.join(sorted(known))}")
    given: dict[str, Any] = dict(options)
    given["provider"], operation = resolve(operation, given.get("provider"))
    if "kind" not in given:
        if code is not None:
            check_code(code, given["provider"])
        implied = {"code": code, "fields": given.get("fields"), "status": given.get("status")}
        given["kind"] = next((kind for kind, value in implied.items() if value), None)
        if given["kind"] is None:
            raise ValueError("expected a code, a status, fields or a kind")
    hint = given.pop("retry_after_ms", None)
    if hint is not None:
        given["headers"] = {**given.get("headers", {}), "x-acs-retry-after": str(hint)}
    if isinstance(given.get("body"), str):
        given["body"] = given["body"].encode()
    return ScriptedFault(operation, code=code, **given)
