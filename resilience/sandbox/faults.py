"""One scripted fault: what a service shall do instead of its usual answer. Pure: no sockets, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_args

from attrs import field, frozen

from resilience.sandbox.operations import check_code, resolve

Kind: TypeAlias = Literal["ok", "code", "status", "reset", "hangup", "hang", "garbage", "truncated", "slow", "fields"]
Applied: TypeAlias = bool | Literal["late"]

KINDS: frozenset[str] = frozenset(get_args(Kind))
ANSWERING: frozenset[str] = frozenset({"ok", "truncated", "slow", "fields"})
"""Kinds whose answer is the usual one, so that the operation must have been carried out."""

_PARTS = {
    "code": ("code",),
    "message": ("code",),
    "status": ("code", "status", "garbage"),
    "body": ("status", "garbage"),
    "fields": ("fields",),
}
"""The kinds that each part of a fault goes with; a kind that is named like a part needs it."""


@frozen
class ScriptedFault:
    """
    One fault for the calls that it matches.

    Attributes:
        operation: A name or a glob.
        kind: One of ``KINDS``.
        provider: ``alibaba``, ``tencent``, or None for both.
        code: The code of kind ``code``.
        message: Sent with the code; empty for the service's own.
        status: The HTTP status of kinds ``code`` (None: the one the service uses), ``status`` and ``garbage``.
        body: Sent with kinds ``status`` and ``garbage``.
        content_type: Instead of the usual one. Tencent's SDK overlooks errors unless it is ``application/json``.
        headers: Sent with the answer.
        fields: Kind ``fields``: put into the usual answer; a value of None takes the field away.
        delay: Seconds before the answer; with ``applied="late"`` before the effect, and the answer comes at once.
        applied: Whether the operation is carried out. None: as the kind has it.
        times: How many calls it is for; None for ever.
        after: How many matching calls pass by first.
    """

    operation: str
    kind: Kind
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
        """Whether the operation is carried out: ``applied``, or what the kind has by itself."""
        return self.kind in ANSWERING if self.applied is None else self.applied

    @property
    def answer(self) -> str:
        """What the call log says."""
        if self.kind == "code":
            return self.code or ""
        return f"http-{self.status}" if self.kind == "status" else self.kind

    def meets(self, provider: str, operation: str) -> bool:
        """Tell whether this fault is for that operation; spent or not."""
        return self.provider in (None, provider) and fnmatchcase(operation, self.operation)


class Options(TypedDict, total=False):
    """What can be said of a fault besides its operation and code; see ``ScriptedFault`` and ``make_fault``."""

    kind: Kind
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
    Build a fault from what a user says; ``kind`` follows from code, ``fields`` or ``status`` where it is not given.

    Args:
        operation: ``CreateTopic``, ``tencent:CreateTopic`` or a glob.
        code: A code of the service.
        **options: The attributes of a fault, and ``retry_after_ms``: sent as ``x-acs-retry-after``, the header that
            Alibaba's SDK reads. A ``body`` may be text, which is sent as UTF-8.

    Raises:
        ValueError: The operation is unknown, the code looks misspelled, or the parts contradict each other.
        TypeError: There is no such option.
    """
    known = Options.__optional_keys__
    if unknown := sorted(options.keys() - known):
        raise TypeError(f"unknown option {unknown[0]!r}; expected one of {', '.join(sorted(known))}")
    said: dict[str, Any] = dict(options)
    said["provider"], operation = resolve(operation, said.get("provider"))
    if "kind" not in said:
        if code is not None:
            check_code(code, said["provider"])
        implied = {"code": code, "fields": said.get("fields"), "status": said.get("status")}
        said["kind"] = next((kind for kind, value in implied.items() if value), None)
        if said["kind"] is None:
            raise ValueError("expected a code, a status, fields or a kind")
    hint = said.pop("retry_after_ms", None)
    if hint is not None:
        said["headers"] = {**said.get("headers", {}), "x-acs-retry-after": str(hint)}
    if isinstance(said.get("body"), str):
        said["body"] = said["body"].encode()
    return ScriptedFault(operation, code=code, **said)
