from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import DONE, Executor, Policy, ServiceError, Spans
from resilience.core.events import CallStarted, Event, FaultInjected
from resilience.core.observer import Sink
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio

RULES = """\
schema = 1
limits = { deadline = "10m", max_attempts = 3, settle = "10s" }
backoff.default = { kind = "constant", base = "1s", jitter = "none" }
[rules.alibaba]
"SystemOverFlow" = { do = "retry", effect = "none" }
"InternalError" = "verify"
[rules.transport]
lost = "verify"
unsent = { do = "retry", counts = false, max = 2 }
"http-503" = { do = "retry", effect = "none" }
"""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return virtual_backend(request.param)


class Service:
    """Creates groups, and remembers which."""

    def __init__(self, *script: Exception) -> None:
        self.created: list[str] = []
        self.script = list(script)

    async def create(self, instance_id: str, group_id: str) -> str:
        """Create a group, unless the script says how that fails."""
        assert instance_id
        if self.script:
            raise self.script.pop(0)
        self.created.append(group_id)
        return group_id

    async def find(self, instance_id: str, group_id: str) -> str | None:
        """Return a group that is there."""
        assert instance_id
        return group_id if group_id in self.created else None


class Log:
    """Keeps every event."""

    idle_slot = None

    def __init__(self) -> None:
        self.events: list[Event] = []

    def watch(self, _: CallStarted) -> Sink:
        """Watch every call."""
        return self.events.append

    @property
    def injected(self) -> list[FaultInjected]:
        """What was injected."""
        return [event for event in self.events if isinstance(event, FaultInjected)]


def executor(chaos: str, *, observers: Sequence[Any] = ()) -> Executor:
    policy = Policy.loads(f"{RULES}[chaos.alibaba]\n{chaos}\n", name="mqtt.toml")
    return Executor(policy, provider="alibaba", observers=observers)


async def test_a_fault_comes_instead_of_the_call() -> None:
    """A rate of 1 fails every attempt before the service is asked, as a fault that says where it comes from."""
    service, log = Service(), Log()
    calls = executor('"SystemOverFlow" = { rate = 1 }', observers=[log])
    outcome = await calls.outcome("CreateGroupId", service.create, "mqtt-cn-x", "GID_a")
    assert (outcome.ended, outcome.stop_reason, len(outcome.attempts)) == ("exhausted", "attempts", 3)
    assert service.created == []
    assert isinstance(outcome.error, ServiceError)
    assert str(outcome.error) == ('SystemOverFlow: injected by chaos.alibaba."SystemOverFlow" at mqtt.toml:12:20')
    assert [event.number for event in log.injected] == [1, 2, 3]


async def test_an_applied_fault_comes_after_the_call() -> None:
    """The real call is made and its answer thrown away: the doubt is real, and so is what the verifier finds."""
    service, log = Service(), Log()
    calls = executor('"CreateGroupId/InternalError" = { rate = 1, applied = true }', observers=[log])
    create = calls.wrap("CreateGroupId", service.create)
    create.verify(service.find)
    outcome = await create.outcome("mqtt-cn-x", "GID_a")
    assert (outcome.ended, outcome.verified, outcome.value) == ("accepted", True, "GID_a")
    assert service.created == ["GID_a"]
    assert [event.injection.applied for event in log.injected] == [True]


async def test_a_duplicate_is_not_made_under_chaos() -> None:
    """After a lost answer that did take effect an unverified creation stops, as it would with the real fault."""
    service = Service()
    calls = Executor(
        Policy.loads(
            RULES + '[operations.alibaba]\nMakeOne = "duplicate"\n'
            '[chaos.alibaba]\n"MakeOne/lost" = { rate = 1, applied = true }\n'
        ),
        provider="alibaba",
        observers=(),
    )
    outcome = await calls.outcome("MakeOne", service.create, "mqtt-cn-x", "GID_a")
    assert (outcome.stop_reason, outcome.may_exist) == ("unverified", True)
    assert service.created == ["GID_a"]


async def test_what_the_service_really_says_wins() -> None:
    """Where the real call fails before an applied fault, its own exception is the fault."""
    refusal = ServiceError("PermissionDenied", effect="none")
    service, log = Service(refusal), Log()
    calls = executor('"lost" = { rate = 1, applied = true }', observers=[log])
    outcome = await calls.outcome("CreateGroupId", service.create, "mqtt-cn-x", "GID_a")
    assert outcome.error is refusal
    assert log.injected == []


async def test_an_answer_that_is_a_failure_is_not_applied() -> None:
    """Where the SDK returns a refusal as a value, nothing was applied, and that refusal is the fault."""
    log = Log()
    calls = executor('"lost" = { rate = 1, applied = true }', observers=[log])

    async def create(instance_id: str, group_id: str) -> Any:
        assert instance_id, group_id
        return _answer("alibabacloud_onsmqtt20200420.models", {"Success": False, "Code": "PermissionDenied"})

    outcome = await calls.outcome("CreateGroupId", create, "mqtt-cn-x", "GID_a")
    assert [attempt.fault and attempt.fault.code for attempt in outcome.attempts] == ["PermissionDenied"]
    assert log.injected == []


def _answer(module: str, body: dict[str, Any]) -> Any:
    """Return an answer as the SDK's generated models are: a status and a body with attributes."""
    inner = type("Body", (), {"__module__": module, "success": body["Success"], "code": body["Code"]})()
    return type("Response", (), {"__module__": module, "status_code": 200, "headers": {}, "body": inner})()


async def test_transport_words_and_statuses_are_classified_as_such() -> None:
    """Faults without a code meet the rules of ``[rules.transport]``."""
    for entry, rule in (("unsent", 'transport."unsent"'), ("http-503", 'transport."http-503"')):
        calls = executor(f'"{entry}" = {{ rate = 1 }}')
        outcome = await calls.outcome("CreateGroupId", Service().create, "mqtt-cn-x", "GID_a")
        assert {attempt.rule and attempt.rule.id for attempt in outcome.attempts} == {rule}


async def test_a_delay_passes_before_the_fault_and_is_cut_by_the_attempt_timeout() -> None:
    """A fault that takes long takes that long, unless our own limit comes first."""
    slow = executor('"SystemOverFlow" = { rate = 1, delay = "5s" }')
    outcome = await slow.outcome("CreateGroupId", Service().create, "mqtt-cn-x", "GID_a")
    assert [round(attempt.duration, 3) for attempt in outcome.attempts] == [5.0, 5.0, 5.0]
    policy = Policy.loads(
        RULES.replace("max_attempts = 3", 'max_attempts = 1, attempt_timeout = "2s"')
        + '[chaos.alibaba]\n"SystemOverFlow" = { rate = 1, delay = "5s" }\n'
    )
    cut = await Executor(policy, provider="alibaba", observers=()).outcome(
        "CreateGroupId", Service().create, "mqtt-cn-x", "GID_a"
    )
    assert [(attempt.fault and attempt.fault.transport, round(attempt.duration, 3)) for attempt in cut.attempts] == [
        ("lost", 2.0)
    ]


async def _failures(chaos: str, calls: int = 60) -> list[str]:
    """Return how each of many calls ended, made one after another."""
    service = Service()
    create = executor(chaos).wrap("CreateGroupId", service.create)
    create.verify(service.find)
    return [
        " ".join(
            "ok" if attempt.fault is None else attempt.fault.label
            for attempt in (await create.outcome("mqtt-cn-x", f"GID_{number}")).attempts
        )
        for number in range(calls)
    ]


async def test_the_same_seed_brings_the_same_faults() -> None:
    """Two runs of a script meet the same faults in the same places, and another seed brings others."""
    entries = '"SystemOverFlow" = { rate = 0.3 }\n"unsent" = { rate = 0.2 }'
    first = await _failures(entries)
    assert first == await _failures(entries)
    assert {"ok", "SystemOverFlow ok", "unsent ok"} <= set(first)
    assert first != await _failures(f"{entries}\n[chaos]\nseed = 1")


async def test_concurrent_calls_share_one_count() -> None:
    """Of calls that run at the same time as many attempts fail as of calls one after another."""
    entries = '"SystemOverFlow" = { rate = 0.3 }'
    log = Log()
    create = executor(entries, observers=[log]).wrap("CreateGroupId", Service().create)
    alone = " ".join(await _failures(entries, 40)).split()
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(create.outcome, "mqtt-cn-x", f"GID_{number}")
    assert len(log.injected) == alone.count("SystemOverFlow")


async def test_the_quick_path_leaves_no_call_out() -> None:
    """Calls of a wrapped function meet faults also after the first success, when nobody watches."""
    service = Service()
    create = executor('"SystemOverFlow" = { rate = 0.15 }').wrap("CreateGroupId", service.create)
    before = anyio.current_time()
    for number in range(30):
        assert await create("mqtt-cn-x", f"GID_{number}") == f"GID_{number}"
    assert anyio.current_time() - before >= 3, "each fault costs a wait of a second"


async def test_other_operations_are_left_alone() -> None:
    """An entry for one operation meets no other."""
    calls = executor('"CreateGroupId/SystemOverFlow" = { rate = 1 }')

    async def delete(instance_id: str, group_id: str) -> object:
        assert instance_id, group_id
        return DONE

    assert await calls.call("DeleteGroupId", delete, "mqtt-cn-x", "GID_a") is DONE


async def test_plain_functions_meet_faults_too() -> None:
    """A plain function is not run where a fault comes instead of it."""
    ran: list[str] = []
    calls = executor('"SystemOverFlow" = { rate = 1 }')
    outcome = await calls.outcome("DeleteGroupId", ran.append, "GID_a")
    assert (outcome.stop_reason, ran) == ("attempts", [])


async def test_spans_say_which_faults_are_injected() -> None:
    """The span of an attempt names the entry that made its fault; the error counts like any other."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    service = Service()
    create = executor('"lost" = { rate = 1, applied = true }', observers=[Spans(provider)]).wrap(
        "CreateGroupId", service.create
    )
    create.verify(service.find)
    await create.outcome("mqtt-cn-x", "GID_a")
    attempt = next(span for span in exporter.get_finished_spans() if span.name == "attempt CreateGroupId")
    said = dict(attempt.attributes or {})
    assert said["resilience.chaos.id"] == 'alibaba."lost"'
    assert said["resilience.chaos.applied"] is True
    assert said["resilience.effect"] == "unknown"
    assert said["error.type"] == "resilience.ServiceError"
