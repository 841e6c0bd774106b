"""Calls of a real executor on a virtual clock, what they left behind, and what is read back of it."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Literal

import anyio
from attrs import evolve, frozen
from google.protobuf.json_format import MessageToDict
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import Credentials, Executor, Journal, Outcome, Policy, ServiceError
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy
from resilience.simulation import ScriptedResponse, meetings, read_script
from resilience.telemetry import Spans
from resilience.testing import virtual_backend

LATENCY, ASKING, RENEWING = 0.125, 0.375, 0.625
INSTANCE, GROUP = "mqtt-cn-x", "GID_sensors"

Reply = Literal["there", "missing", "busy", "broken"]
"""What a verifier does: it says one of both, it is throttled, or it breaks."""

WORDS = (
    "ok",
    "SystemOverFlow",
    "ApplyTokenOverFlow",
    "InternalError",
    "GroupIdAlreadyUsedByOtherUsers",
    "GroupIdAlreadyExsited",
    "InvalidSecurityToken.Expired",
    "NoSuchCode",
    "InvalidParameter",
    "lost",
    "unsent",
    "garbage",
    "503",
    "hang",
    "slow 3250ms",
)
OPERATIONS = (
    "CreateGroupId",
    "alibaba:RegisterDeviceCredential",
    "alibaba:ApplyToken",
    "tencent:CreateInstance",
    "tencent:CreateTopic",
)


@frozen
class Case:
    """
    One call.

    Attributes:
        operation: What is called.
        env: The environment.
        script: What the attempts meet, one word each; after that they succeed.
        replies: What the verifier says, the last one for ever; None if there is no verifier.
        refreshes: Whether new credentials can be had; None if there is no source of them.
        seed: Fixes the jitter.
        policy: The policy.
    """

    operation: str = "CreateGroupId"
    env: str | None = "staging"
    script: tuple[str, ...] = ()
    replies: tuple[Reply, ...] | None = None
    refreshes: bool | None = None
    seed: int = 0
    policy: str = "builtin:provisioning"


def cases() -> st.SearchStrategy[Case]:
    """Return calls as different as the shipped policy can treat them."""
    return st.builds(
        Case,
        operation=st.sampled_from(OPERATIONS),
        env=st.sampled_from(["dev", "staging", "prod"]),
        script=st.lists(st.sampled_from(WORDS), max_size=6).map(tuple),
        replies=st.none() | st.lists(st.sampled_from(["there", "missing", "busy", "broken"]), min_size=1).map(tuple),
        refreshes=st.sampled_from([None, True, False]),
        seed=st.integers(0, 1000),
    )


def scripted(script: Iterable[str]) -> Iterator[ScriptedResponse]:
    """Yield what attempt after attempt meets; a word may be a code of any provider."""
    return meetings(
        [each for word in script for each in read_script(word, provider=None, latency=LATENCY)], latency=LATENCY
    )


class World:
    """What a call talks to."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._met = scripted(case.script)
        self._replies = list(case.replies or ())
        self._tokens = 0

    async def create(self, keys: Credentials[str] | None) -> str:
        if keys is not None:
            keys.current()
        met = next(self._met)
        await (anyio.sleep_forever() if met.duration is None else anyio.sleep(met.duration))
        if met.fault is not None:
            raise ServiceError.of(evolve(met.fault, request_id="5F3A-77", retry_after=1.25), "S3CRET")
        return "made"

    async def find(self) -> str | None:
        await anyio.sleep(ASKING)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if reply == "busy":
            raise ServiceError("SystemOverFlow", "S3CRET")
        if reply == "broken":
            raise LookupError("S3CRET")
        return "found" if reply == "there" else None

    async def token(self) -> str:
        self._tokens += 1
        if self._tokens > 1:
            await anyio.sleep(RENEWING)
            if not self._case.refreshes:
                raise ConnectionRefusedError("S3CRET")
        return "token S3CRET"


@functools.cache
def loaded(name: str, env: str | None) -> Policy:
    """Return a shipped policy, read once."""
    return Policy.load(name, env=env)


async def execute(case: Case, journal: Path | None = None, spans: TracerProvider | None = None) -> Outcome[Any]:
    """Make one call, and leave behind what was asked for."""
    environment = World(case)
    keys = None if case.refreshes is None else Credentials(environment.token)
    if keys is not None:
        await keys.load()
    provider = case.operation.rpartition(":")[0] or "alibaba"
    told = [] if spans is None else [Spans(spans)]
    executor = Executor(
        loaded(case.policy, case.env),
        credentials={} if keys is None else {provider: keys},
        # Times of the virtual clock, so that what was recorded can be held against what was simulated.
        observers=[*told, *([] if journal is None else [Journal(journal, clock=anyio.current_time)])],
        draw=Random(case.seed).random,  # noqa: S311  # reproducible, not secret
    )

    @executor.wrap(case.operation)
    async def create(instance_id: str, group_id: str) -> str | None:
        del instance_id, group_id
        return await environment.create(keys)

    if case.replies is not None:

        @create.verify
        async def find(instance_id: str, group_id: str) -> str | None:
            del instance_id, group_id
            return await environment.find()

    return await create.outcome(INSTANCE, GROUP)


def run(case: Case, backend: str, journal: Path | None = None, spans: TracerProvider | None = None) -> Outcome[Any]:
    """Make one call on a virtual clock."""
    name, options = virtual_backend("trio" if backend == "trio" else "asyncio")
    return anyio.run(execute, case, journal, spans, backend=name, backend_options=options)


class Exported:
    """Spans in memory, and as the documents that exporters write."""

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that ended."""
        return list(self._exporter.get_finished_spans())

    def document(
        self, *, hex_ids: bool = True, only: Callable[[ReadableSpan], bool] = lambda _: True
    ) -> dict[str, Any]:
        """Return an export request: ids in hex digits, as OTLP has them, or in base64, as Protocol Buffers do."""
        request: dict[str, Any] = MessageToDict(encode_spans([span for span in self.spans() if only(span)]))
        if hex_ids:
            for resource in request["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        for name in ("traceId", "spanId", "parentSpanId"):
                            if name in span:
                                span[name] = _hex(span[name])
        return request

    def write(self, path: Path, **how: Any) -> Path:
        """Write one request as one line."""
        path.write_text(json.dumps(self.document(**how)) + "\n", encoding="utf-8")
        return path


def _hex(text: str) -> str:
    return base64.b64decode(text).hex()


def as_spans_tell(call: RecordedCall) -> RecordedCall:
    """Leave out of a call what spans do not tell, and the times, which are of another clock."""
    return evolve(
        call,
        id="",
        run="",
        started_at=0.0,
        duration=0.0 if call.duration is not None else None,
        attempts=tuple(_attempt(each) for each in call.attempts),
        # Where both began at the same moment, their order says nothing.
        remedies=tuple(_remedy(each) for each in call.remedies),
        renamed={name: (None, new) for name, (_, new) in call.renamed.items()},
        trace_id=None,
        span_id=None,
        waited=round(call.waited, 6),
        rate=None,
    )


def _attempt(each: RecordedAttempt) -> RecordedAttempt:
    fault = each.fault
    if fault is not None:
        hint = fault.retry_after if each.action == "retry" else None
        error = "" if fault.code is not None or each.action == "accept" else fault.error
        fault = evolve(fault, provider=None, effect=None, retry_after=hint, error=error)
    return evolve(
        each,
        started_at=0.0,
        duration=0.0 if each.duration is not None else None,
        fault=fault,
        action_name=None,
        backoff=None,
        delay=round(each.delay, 6),
    )


def _remedy(each: RecordedRemedy) -> RecordedRemedy:
    return evolve(
        each,
        started_at=0.0,
        duration=0.0 if each.duration is not None else None,
        error=None if each.error is None else "error",
        action_name=None,
        backoff=None,
        stop_reason=None,
        verified=None,
        dry_run=False,
        delay=round(each.delay, 6),
    )
