# ruff: noqa: ARG001  # wrapped functions have the parameters of their operation

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import StatusCode
from scripted_calls import FAIL, POLICY, RETRY, Recorded, attributes_of, parent_id_of, rule, span_id_of

import resilience
from resilience import DONE, Credentials, Executor, Ledger, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.policy import Action, Limits, PolicyValues

pytestmark = pytest.mark.anyio

_EVEN = Action(key="even", do="retry", backoff=Backoff(kind="constant", base=2.0, jitter="none"), counts=True)
_RULES = evolve(
    POLICY,
    limits=Limits(deadline=60.0, attempt_timeout=20.0, max_attempts=3, settle=5.0),
    rules=(
        rule("SystemOverFlow", _EVEN),
        rule("InternalError", Action(key="ask", do="verify", backoff=_EVEN.backoff, counts=True)),
        rule("CheckAccountInfoFailed", Action(key="refresh", do="refresh")),
        rule("GroupIdAlreadyUsedByOtherUsers", Action(key="rename", do="rename", max=3)),
        rule("QuotaExceeded", FAIL),
        rule("lost", RETRY, scope="transport"),
    ),
)


@pytest.fixture
def anyio_backend(virtual_loop: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Nothing waits for real."""
    return virtual_loop


def _executor(trace_: Recorded, policy: PolicyValues = _RULES, **more: Any) -> Executor:
    return Executor(policy, provider="alibaba", observers=[trace_.observer], draw=lambda: 0.5, **more)


def _refusal(code: str, status: int = 400) -> ServiceError:
    return ServiceError(code, "the message says S3CRET", status=status, request_id="5F3A-77", provider="alibaba")


def _every_span_has_ended(trace_: Recorded) -> bool:
    return trace_.counted.begun == trace_.counted.ended and not trace.get_current_span().get_span_context().is_valid


async def test_a_retried_call_shows_every_attempt_and_what_ran_inside() -> None:
    """A throttled call has two attempts, each around the spans of the user, and the wait between them."""
    trace_ = Recorded()
    answers = [_refusal("SystemOverFlow", 503), None]

    async def create(instance_id: str, group_id: str) -> str:
        trace_.user.start_span(f"POST {instance_id}").end()
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return group_id

    assert await _executor(trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a") == "GID_a"
    operation, first, post, second, _ = trace_.spans()
    assert [parent_id_of(span) for span in (first, second)] == [span_id_of(operation)] * 2
    assert parent_id_of(post) == span_id_of(first)
    assert attributes_of(operation)["resilience.outcome"] == "success_after_retry"
    assert attributes_of(operation)["resilience.retry.delay.total"] == 2.0
    (event,) = trace_.events("resilience.retry.scheduled")
    assert event["resilience.retry.delay"] == 2.0
    assert event["resilience.retry.jittered"] is False
    assert _every_span_has_ended(trace_)


async def test_an_exhausted_call_is_an_error_without_the_services_words() -> None:
    """After the last attempt the operation says how many there were; no span repeats the service's message."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> str:
        raise _refusal("SystemOverFlow", 503)

    with pytest.raises(ServiceError):
        await _executor(trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    operation = trace_.operation()
    assert operation.status.status_code is StatusCode.ERROR
    assert operation.status.description == "retries exhausted after 3 attempts"
    assert attributes_of(operation)["error.type"] == "SystemOverFlow"
    assert [event["resilience.retry.limit"] for event in trace_.events("resilience.retry.exhausted")] == ["attempts"]
    assert not any("S3CRET" in span.to_json() or "GID_a" in span.to_json() for span in trace_.spans())
    assert _every_span_has_ended(trace_)


async def test_calls_that_share_a_refresh_show_it_once() -> None:
    """Of two calls with rejected credentials one runs the refresh; the other links to its span."""
    trace_ = Recorded()

    async def assume_role() -> str:
        await anyio.sleep(1)
        trace_.user.start_span("AssumeRole").end()
        return "token"

    sts = Credentials[str](assume_role)
    await sts.load()
    assert trace_.names() == ["AssumeRole"]

    async def create(instance_id: str, group_id: str) -> str:
        sts.current()
        await anyio.sleep(0.1)
        if sts.generation == 1:
            raise _refusal("CheckAccountInfoFailed")
        return group_id

    wrapped = _executor(trace_, credentials={"alibaba": sts}).wrap("CreateGroupId", create)
    async with anyio.create_task_group() as group:
        group.start_soon(wrapped, "mqtt-cn-x", "GID_a")
        group.start_soon(wrapped, "mqtt-cn-x", "GID_b")
    refresh = trace_.span("refresh_credentials alibaba")
    assert trace_.names().count("refresh_credentials alibaba") == 1
    assert parent_id_of(trace_.span("AssumeRole", 1)) == span_id_of(refresh)
    operations = [span for span in trace_.spans() if span.name == "CreateGroupId"]
    (waiter,) = [span for span in operations if span_id_of(span) != parent_id_of(refresh)]
    assert [link.context for link in waiter.links] == [refresh.context]
    assert all(span.status.status_code is StatusCode.UNSET for span in operations)
    assert _every_span_has_ended(trace_)


async def test_a_verified_call_shows_the_question_and_the_answer() -> None:
    """After a doubtful attempt the verifier's work is a span of its own, and the accepted call is no error."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> None:
        raise _refusal("InternalError", 500)

    wrapped = _executor(trace_).wrap("CreateGroupId", create)

    @wrapped.verify
    async def find(instance_id: str, group_id: str) -> object:
        trace_.user.start_span("ListGroupId").end()
        return DONE

    await wrapped("mqtt-cn-x", "GID_a")
    verify = trace_.span("verify CreateGroupId")
    assert parent_id_of(trace_.span("ListGroupId")) == span_id_of(verify)
    assert attributes_of(verify)["resilience.verify.answer"] == "there"
    assert attributes_of(trace_.operation())["resilience.verified"] is True
    assert trace_.operation().status.status_code is StatusCode.UNSET
    assert _every_span_has_ended(trace_)


async def test_what_an_earlier_run_did_is_told(tmp_path: Path) -> None:
    """With a ledger, the second run of a script says what it found there, and makes no attempt."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> str:
        return group_id

    for _ in range(2):
        with Ledger(tmp_path / "ledger.db") as ledger:
            executor = _executor(trace_, account="1", ledger=ledger)
            await executor.wrap("CreateGroupId", create, accepted=lambda _, name: name)("mqtt-cn-x", "GID_a")
    first, _, second = trace_.spans()
    assert [attributes_of(span)["resilience.ledger.answer"] for span in (first, second)] == ["new", "done"]
    assert [event.name for event in first.events] == ["resilience.ledger.answered"]
    assert attributes_of(second)["resilience.attempt.count"] == 0
    assert _every_span_has_ended(trace_)


async def test_a_renamed_call_tells_the_final_name() -> None:
    """A rename is an event of the operation, with the name that the call goes on with."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> str:
        if group_id == "GID_a":
            raise _refusal("GroupIdAlreadyUsedByOtherUsers")
        return group_id

    assert await _executor(trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a") == "GID_a-2"
    told = {"resilience.input.field": "GroupId", "resilience.input.name": "GID_a-2"}
    assert trace_.events("resilience.input.renamed") == [told]
    assert attributes_of(trace_.span("attempt CreateGroupId"))["resilience.decision.action"] == "rename"
    assert told.items() <= attributes_of(trace_.span("CreateGroupId")).items()


@pytest.mark.parametrize("moment", [0.5, 2.0], ids=["attempt", "wait"])
async def test_a_cancelled_call_leaves_nothing_open_and_no_error(moment: float) -> None:
    """Whether an attempt or a wait is cancelled: every span has ended, and the operation's status is unset."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> str:
        await anyio.sleep(1)
        raise _refusal("SystemOverFlow", 503)

    with anyio.move_on_after(moment) as scope:
        await _executor(trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    assert scope.cancelled_caught
    operation = trace_.operation()
    assert operation.status.status_code is StatusCode.UNSET
    assert attributes_of(operation)["resilience.outcome"] == "cancelled"
    assert "error.type" not in attributes_of(operation)
    assert _every_span_has_ended(trace_)


async def test_a_call_that_we_cut_short_is_a_timeout() -> None:
    """Attempts that never end are cut, and say so; the operation ends as a timeout."""
    trace_ = Recorded()

    async def hang(instance_id: str, group_id: str) -> str:
        await anyio.sleep_forever()
        raise AssertionError("it sleeps forever")

    with pytest.raises(resilience.DeadlineExceeded):
        await _executor(trace_).wrap("CreateGroupId", hang)("mqtt-cn-x", "GID_a")
    attempt = attributes_of(trace_.span("attempt CreateGroupId"))
    assert attempt["resilience.attempt.cut"] is True
    assert attempt["error.type"] == "timeout"
    assert attributes_of(trace_.operation())["error.type"] == "timeout"
    assert _every_span_has_ended(trace_)


async def test_a_programming_error_leaves_and_its_spans_end() -> None:
    """A TypeError is no fault; it marks attempt and operation, and is not decided."""
    trace_ = Recorded()

    async def create(instance_id: str, group_id: str) -> str:
        raise TypeError("S3CRET")

    with pytest.raises(TypeError):
        await _executor(trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    assert [attributes_of(span)["error.type"] for span in trace_.spans()] == ["TypeError", "TypeError"]
    assert not any("S3CRET" in span.to_json() for span in trace_.spans())
    assert _every_span_has_ended(trace_)


async def test_a_plain_function_works_inside_its_attempt() -> None:
    """What a plain function does in its worker thread belongs to the attempt."""
    trace_ = Recorded()
    threads: list[int] = []

    def create(instance_id: str, group_id: str) -> str:
        threads.append(threading.get_ident())
        trace_.user.start_span("POST").end()
        return group_id

    unlimited = evolve(_RULES, limits=Limits(deadline=None))
    await _executor(trace_, unlimited).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    assert threads != [threading.get_ident()]
    assert parent_id_of(trace_.span("POST")) == span_id_of(trace_.span("attempt CreateGroupId"))


async def test_a_nested_call_is_decided_inside_and_its_spans_stand_there() -> None:
    """The inner operation is a child of the outer attempt; the outer one says that the inner one decided."""
    trace_ = Recorded()
    executor = _executor(trace_)

    async def delete(instance_id: str, group_id: str) -> str:
        raise _refusal("QuotaExceeded")

    inner = executor.wrap("DeleteGroupId", delete)

    async def create(instance_id: str, group_id: str) -> str:
        return await inner(instance_id, group_id)

    with pytest.raises(ServiceError):
        await executor.wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    assert parent_id_of(trace_.span("DeleteGroupId")) == span_id_of(trace_.span("attempt CreateGroupId"))
    assert attributes_of(trace_.span("CreateGroupId"))["resilience.stop_reason"] == "inner"


async def test_a_sampled_out_call_works_and_exports_nothing() -> None:
    """Sampling changes nothing for the call, and what runs inside is sampled out as well."""
    trace_ = Recorded(ParentBased(ALWAYS_OFF))

    async def create(instance_id: str, group_id: str) -> str:
        trace_.user.start_span("POST").end()
        return group_id

    assert await _executor(trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a") == "GID_a"
    assert trace_.spans() == []
    assert _every_span_has_ended(trace_)


async def test_calls_without_a_provider_are_not_watched() -> None:
    """A program without an SDK gets its values, and the context stays without a span."""
    seen = []

    async def create(instance_id: str, group_id: str) -> str:
        seen.append(trace.get_current_span().get_span_context().is_valid)
        return group_id

    wrapped = Executor(_RULES, provider="alibaba").wrap("CreateGroupId", create)
    for _ in range(2):
        assert await wrapped("mqtt-cn-x", "GID_a") == "GID_a"
    assert seen == [False, False]
