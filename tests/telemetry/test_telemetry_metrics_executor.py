# ruff: noqa: ARG001  # wrapped functions have the parameters of their operation

from __future__ import annotations

from typing import Any

import anyio
import pytest
from attrs import evolve
from measured_calls import ALONE, Measured, key
from scripted_calls import FAIL, POLICY, Recorded, attributes_of, rule, span_id_of

from resilience import DONE, Credentials, Executor, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.observer import Observer
from resilience.core.policy import Action, Limits, PolicyValues
from resilience.telemetry import Metrics

pytestmark = pytest.mark.anyio

_EVEN = Action(key="even", do="retry", backoff=Backoff(kind="constant", base=2.0, jitter="none"), counts=True)
_RULES = evolve(
    POLICY,
    limits=Limits(deadline=60.0, attempt_timeout=20.0, max_attempts=3, settle=5.0),
    rules=(
        rule("SystemOverFlow", _EVEN),
        rule("InternalError", Action(key="ask", do="verify", backoff=_EVEN.backoff, counts=True)),
        rule("CheckAccountInfoFailed", Action(key="refresh", do="refresh")),
        rule("InvalidParameter", FAIL),
    ),
)


@pytest.fixture
def anyio_backend(virtual_loop: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Nothing waits for real."""
    return virtual_loop


def _executor(
    measured: Measured, trace_: Recorded | None = None, policy: PolicyValues = _RULES, **more: Any
) -> Executor:
    observers: list[Observer] = [measured.observer] if trace_ is None else [measured.observer, trace_.observer]
    return Executor(policy, provider="alibaba", observers=observers, draw=lambda: 0.5, **more)


def _refusal(code: str, status: int = 400) -> ServiceError:
    return ServiceError(code, "the message says S3CRET", status=status, request_id="5F3A-77", provider="alibaba")


async def test_durations_are_those_of_the_clock() -> None:
    """Attempts of a second each and a wait of two: that is what the histograms say, to the second."""
    measured = Measured()
    answers = [_refusal("SystemOverFlow", 503), None]

    async def create(instance_id: str, group_id: str) -> None:
        await anyio.sleep(1)
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    await _executor(measured).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    assert measured.values("attempt.duration") == {
        key(kind="original", failure="SystemOverFlow"): pytest.approx(1.0),
        key(kind="retry"): pytest.approx(1.0),
    }
    assert measured.values("retry.delay") == {key(action="retry"): 2.0}
    assert measured.values("operation.duration") == {key(outcome="success_after_retry"): pytest.approx(4.0)}


@pytest.mark.parametrize("moment", [0.5, 2.0, 3.5], ids=["attempt", "wait", "remedy"])
async def test_a_cancelled_call_is_no_longer_under_way(moment: float) -> None:
    """Whether an attempt, a wait or a verification is cancelled: nothing stays under way, and nothing has failed."""
    measured = Measured()

    async def create(instance_id: str, group_id: str) -> object:
        await anyio.sleep(1)
        raise _refusal("InternalError", 500)

    wrapped = _executor(measured).wrap("CreateGroupId", create)

    @wrapped.verify
    async def find(instance_id: str, group_id: str) -> object:
        await anyio.sleep(1)
        return DONE

    with anyio.move_on_after(moment) as scope:
        await wrapped("mqtt-cn-x", "GID_a")
    assert scope.cancelled_caught
    assert measured.values("operation.active") == {ALONE: 0}
    assert measured.values("operation.failures") == {ALONE: 0}
    assert measured.values("operation.duration") == {key(outcome="cancelled"): pytest.approx(moment)}


async def test_a_programming_error_is_no_longer_under_way() -> None:
    """A TypeError leaves at once; it is a failure with a type, and without an outcome."""
    measured = Measured()

    async def create(instance_id: str, group_id: str) -> None:
        raise TypeError("S3CRET")

    with pytest.raises(TypeError):
        await _executor(measured).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    assert measured.values("operation.active") == {ALONE: 0}
    assert measured.values("operation.failures") == {ALONE: 1}
    assert set(measured.series("operation.duration")) == {key(failure="TypeError")}


async def test_codes_without_end_make_few_series() -> None:
    """Ten thousand codes that the policy does not list are one type, and so are those below a listed one."""
    measured = Measured()
    unlimited = evolve(_RULES, limits=Limits(deadline=None))

    async def create(instance_id: str, group_id: str) -> None:
        raise _refusal(group_id)

    wrapped = _executor(measured, policy=unlimited).wrap("CreateGroupId", create)
    for number in range(5_000):
        await wrapped.outcome("mqtt-cn-x", f"MadeUp{number}")
        await wrapped.outcome("mqtt-cn-x", f"MadeUp.As{number}")
    for number in range(100):
        await wrapped.outcome("mqtt-cn-x", f"InvalidParameter.As{number}")
    assert measured.values("faults.unmatched") == {ALONE: 10_000}
    assert {dict(attributes)["error.type"] for attributes in measured.series("operation.duration")} == {
        "resilience.ServiceError",
        "InvalidParameter",
    }
    assert sum(len(measured.series(name.removeprefix("resilience."))) for name in measured.metrics()) == 9


async def test_exemplars_lead_to_the_span_that_was_measured() -> None:
    """An attempt's duration leads to that attempt, a decision and its wait too, and a call's duration to the call."""
    measured, trace_ = Measured(), Recorded()
    answers = [_refusal("SystemOverFlow", 503), None]

    async def create(instance_id: str, group_id: str) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    await _executor(measured, trace_).wrap("CreateGroupId", create)("mqtt-cn-x", "GID_a")
    operation = span_id_of(trace_.operation())
    first, second = (span_id_of(trace_.span("attempt CreateGroupId", index)) for index in (0, 1))
    series = measured.read()
    attempts = series["attempt.duration"]
    assert attempts[key(kind="original", failure="SystemOverFlow")].spans == {first}
    assert attempts[key(kind="retry")].spans == {second}
    assert series["decisions"][key(action="retry", failure="SystemOverFlow")].spans == {first}
    assert series["retry.delay"][key(action="retry")].spans == {first}
    assert series["operation.duration"][key(outcome="success_after_retry")].spans == {operation}


async def test_exemplars_of_remedies_lead_to_their_spans() -> None:
    """A refresh's duration leads to its span, and so does a verification's."""
    measured, trace_ = Measured(), Recorded()
    answers = [_refusal("CheckAccountInfoFailed"), _refusal("InternalError", 500)]

    async def assume_role() -> str:
        return "token"

    sts = Credentials[str](assume_role)

    async def create(instance_id: str, group_id: str) -> object:
        sts.current()
        raise answers.pop(0)

    wrapped = _executor(measured, trace_, credentials={"alibaba": sts}).wrap("CreateGroupId", create)

    @wrapped.verify
    async def find(instance_id: str, group_id: str) -> object:
        return DONE

    await wrapped("mqtt-cn-x", "GID_a")
    series = measured.read()
    (refreshes,) = series["credential.refresh.duration"].values()
    assert refreshes.count == 2
    assert refreshes.spans <= {span_id_of(trace_.span("refresh_credentials alibaba", index)) for index in (0, 1)}
    assert refreshes.spans
    assert series["verify.duration"][key(answer="there")].spans == {span_id_of(trace_.span("verify CreateGroupId"))}


async def test_a_failure_has_one_type_on_span_and_metric() -> None:
    """Whoever finds a type in a chart can look for it among the traces."""
    measured, trace_ = Measured(), Recorded()

    async def create(instance_id: str, group_id: str) -> None:
        raise _refusal("InvalidParameter.Actions")

    await _executor(measured, trace_).wrap("CreateGroupId", create).outcome("mqtt-cn-x", "GID_a")
    assert attributes_of(trace_.operation())["error.type"] == "InvalidParameter"
    assert set(measured.series("operation.duration")) == {key(outcome="failed", failure="InvalidParameter")}


async def test_nothing_of_a_call_that_could_be_secret_is_in_a_series() -> None:
    """No message, no parameter, no request id and no new name becomes an attribute."""
    measured = Measured()

    async def create(instance_id: str, group_id: str) -> None:
        raise _refusal("SystemOverFlow", 503)

    await _executor(measured).wrap("CreateGroupId", create).outcome("mqtt-cn-x", "GID_a")
    shown = "".join(metric.to_json() for metric in measured.metrics().values())
    assert not any(word in shown for word in ("S3CRET", "GID_a", "mqtt-cn-x", "5F3A-77"))


async def test_a_call_without_a_meter_provider_is_not_measured() -> None:
    """A program without an SDK gets its values, also from calls that fail at first."""
    observer = Metrics()
    answers = [None, _refusal("SystemOverFlow", 503), None]

    async def create(instance_id: str, group_id: str) -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return group_id

    wrapped = Executor(_RULES, provider="alibaba", observers=[observer]).wrap("CreateGroupId", create)
    assert [await wrapped("mqtt-cn-x", "GID_a") for _ in range(2)] == ["GID_a", "GID_a"]
    assert answers == []
