"""Retry budgets and breakers around real calls: what is refused, with what, and that nothing sticks."""

from __future__ import annotations

import pickle
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import (
    ACCEPT_ALWAYS,
    AT_ONCE,
    FAIL,
    GROUP,
    INSTANCE,
    REFRESH,
    RENAME,
    RETRY,
    VERIFY,
    Log,
    Service,
    executor,
    policy,
    refused,
)

from resilience import BreakerOpen, BudgetExhausted, Credentials, Executor, RateExceeded, Refused, ServiceError
from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.events import BreakerChanged, CallEnded, CallStarted, Event, RetryPaid
from resilience.core.observer import Sink
from resilience.core.policy import Action, PolicyValues

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


RULES: dict[str, Action] = {
    "Busy": RETRY,
    "Down": AT_ONCE,
    "lost": RETRY,
    "Bad": FAIL,
    "There": ACCEPT_ALWAYS,
    "Expired": REFRESH,
    "Taken": RENAME,
}
SAFE = {"CreateGroupId": "safe", "ListGroupId": "safe"}


def limited(budget: BudgetLimits | None = None, breaker: BreakerLimits | None = None, **more: Any) -> PolicyValues:
    """Return a policy with a budget and a breaker for Alibaba."""
    asked: dict[str, Any] = {"repeats": SAFE, "max_attempts": 4} | more
    values = policy(RULES, **asked)
    return evolve(
        values,
        budgets={} if budget is None else {"alibaba": budget},
        breakers={} if breaker is None else {"alibaba": breaker},
    )


def tokens(retries: int, **more: Any) -> BudgetLimits:
    """Return a budget that pays for so many retries."""
    return BudgetLimits(**{"capacity": retries, "cost": 1, "deposit": 0.5} | more)


def breaking(**more: Any) -> BreakerLimits:
    """Return a breaker that opens after two failures of two, for 20 seconds."""
    return BreakerLimits(**{"min_calls": 2, "open_for": 20.0, "probes": 1} | more)


def down() -> ServiceError:
    """Return an error of the service itself, which is not tried again."""
    return refused("Broken", status=500)


async def opened(running: Executor, name: str = "CreateGroupId") -> None:
    """Let two calls fail, so that the breaker opens."""
    for _ in range(2):
        with pytest.raises(ServiceError):
            await running.call(name, Service(down()))


async def test_a_budget_stops_retries_and_no_first_attempt() -> None:
    """Two retries are paid for, whoever makes them; after that a failed attempt is not made again."""
    running = executor(limited(tokens(2, deposit=0)))
    service = Service(*[refused("Down") for _ in range(20)])
    with pytest.raises(BudgetExhausted) as caught:
        await running.call("CreateGroupId", service)
    assert len(service.calls) == 3
    error = caught.value
    assert isinstance(error, Refused)
    assert (error.operation, error.retry_after) == ("CreateGroupId", None)
    assert isinstance(error.__cause__, ServiceError)
    outcome = await running.outcome("ListGroupId", service)
    assert (outcome.ended, outcome.stop_reason, len(outcome.attempts)) == ("refused", "budget", 1)
    assert len(service.calls) == 4


async def test_what_a_refused_call_tells() -> None:
    """The exception says what was refused and what to do; its note says what was tried, and by which rule."""
    running = executor(limited(tokens(1)))
    with pytest.raises(BudgetExhausted) as caught:
        await running.call("CreateGroupId", Service(refused("Down"), refused("Down")))
    assert str(caught.value) == (
        "CreateGroupId: the retry budget of its provider is used up, so the failed attempt is not made again; "
        "ask again when other calls have succeeded"
    )
    note = "\n".join(caught.value.__notes__)
    assert "CreateGroupId stopped after 2 attempts (stop reason: budget)" in note
    assert "[budget] in the policy" in note
    assert 'rule alibaba."Down" at policies/mqtt.toml:2:1' in note


OPEN = "CreateGroupId: its breaker is open: calls before it failed, or a person opened it"
FULL = "CreateGroupId: the rate limits have no place for it before its deadline"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (BreakerOpen("CreateGroupId", 12.345), f"{OPEN}; ask again in 12.3 s"),
        (BreakerOpen("CreateGroupId"), f"{OPEN}; it is unknown for how long"),
        (RateExceeded("CreateGroupId", 0.5), f"{FULL}; ask again in 0.5 s"),
        (RateExceeded("CreateGroupId"), FULL),
    ],
)
def test_a_refusal_can_be_read_and_sent(error: Refused, text: str) -> None:
    """Its text says what was refused and when to ask again, and another process gets the same."""
    assert str(error) == text
    sent = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(sent), str(sent), sent.retry_after) == (type(error), text, error.retry_after)


async def test_successes_give_retries_back() -> None:
    """Two successes pay for a retry, also those of functions that need none."""
    running = executor(limited(tokens(1)))
    function = Service(*[refused("Down")] * 2)
    with pytest.raises(BudgetExhausted):
        await running.call("CreateGroupId", function)
    for _ in range(2):
        assert await running.call("CreateGroupId", function) == "created"
    function.script = [refused("Down")]
    assert await running.call("CreateGroupId", function) == "created"


async def test_a_refusal_by_the_budget_waits_for_nothing() -> None:
    """A retry that is not paid for is refused before its wait."""
    running = executor(limited(tokens(1, capacity=0.5, cost=1)))
    began = anyio.current_time()
    with pytest.raises(BudgetExhausted):
        await running.call("CreateGroupId", Service(refused("Busy")))
    assert anyio.current_time() == began


async def test_a_window_says_when_to_ask_again() -> None:
    """A budget of a ratio knows when it forgets a retry."""
    running = executor(limited(BudgetLimits(ratio=0.0, floor=1, window=10.0)))
    with pytest.raises(BudgetExhausted) as caught:
        await running.call("CreateGroupId", Service(refused("Down"), refused("Down")))
    assert caught.value.retry_after is not None
    assert "ask again in 10" in str(caught.value)
    await anyio.sleep(caught.value.retry_after + 0.01)
    assert await running.call("CreateGroupId", Service(refused("Down"))) == "created"


async def test_remedies_of_a_call_need_no_budget() -> None:
    """A refresh and a rename follow an answer of the service and have limits of their own: they cost nothing."""
    source = Credentials(Service(value="key"))
    running = executor(limited(tokens(1, capacity=0.5, cost=1)), credentials={"alibaba": source})
    service = Service(refused("Expired"), refused("Taken"))

    @running.wrap("CreateGroupId")
    async def create(instance_id: str, group_id: str) -> Any:
        source.current()
        return await service(instance_id, group_id)

    assert await create(INSTANCE, GROUP) == "created"
    assert len(service.calls) == 3


async def test_a_question_to_the_verifier_needs_no_budget() -> None:
    """What is there is a success without a retry; only the attempt after "not there" is paid for."""
    values = limited(tokens(1, capacity=0.5, cost=1), repeats={"CreateInstance": "duplicate"}, settle=0.0)
    running = executor(values)
    there: list[Any] = ["found", None]

    @running.wrap("CreateInstance")
    async def create(service: Service) -> Any:
        return await service()

    @create.verify
    async def find(service: Service) -> Any:
        assert service.script == []
        return there.pop(0)

    assert await create(Service(refused("Busy", effect="unknown"))) == "found"
    with pytest.raises(BudgetExhausted):
        await create(Service(refused("Busy", effect="unknown")))


async def test_a_breaker_opens_and_closes_again() -> None:
    """After failures nothing is sent; after its time a call is tried, and one that succeeds closes it."""
    running = executor(limited(breaker=breaking()))
    await opened(running)
    service = Service()
    with pytest.raises(BreakerOpen) as caught:
        await running.call("ListGroupId", service)
    assert service.calls == []
    assert caught.value.retry_after == pytest.approx(20.0)
    assert caught.value.__cause__ is None
    assert "ask again in 20 s" in str(caught.value)
    await anyio.sleep(20.0)
    assert await running.call("ListGroupId", service) == "created"
    assert running.breaker("alibaba").state == "closed"


async def test_a_call_between_two_attempts_is_refused_as_well() -> None:
    """A call that waits for its retry while the breaker opens makes no further attempt; the service's error is kept."""
    running = executor(limited(breaker=breaking()))
    slow = Service(refused("Busy", status=500))
    async with anyio.create_task_group() as tasks:

        async def call() -> None:
            with pytest.raises(BreakerOpen) as caught:
                await running.call("CreateGroupId", slow)
            assert isinstance(caught.value.__cause__, ServiceError)
            assert caught.value.retry_after == pytest.approx(19.5)

        tasks.start_soon(call)
        await anyio.sleep(0.5)
        with pytest.raises(ServiceError):
            await running.call("CreateGroupId", Service(down()))
    assert len(slow.calls) == 1


@pytest.mark.parametrize(("open_for", "waits"), [(1.5, False), (0.5, True)])
async def test_no_call_waits_in_vain(open_for: float, waits: bool) -> None:  # noqa: FBT001  # a test's parameter
    """A retry after whose wait the breaker is still open is refused before it; after a longer wait it is tried."""
    running = executor(limited(breaker=breaking(min_calls=1, open_for=open_for)))
    service = Service(refused("Busy", status=500))
    began = anyio.current_time()
    outcome = await running.outcome("CreateGroupId", service)
    assert anyio.current_time() - began == pytest.approx(1.0 if waits else 0.0)
    assert (outcome.ended, len(service.calls)) == (("success_after_retry", 2) if waits else ("refused", 1))
    if not waits:
        assert isinstance(outcome.error, BreakerOpen)
        assert outcome.error.retry_after == pytest.approx(1.5)
        assert isinstance(outcome.error.__cause__, ServiceError)


@pytest.mark.parametrize(
    "error",
    [
        refused("Bad", status=400),
        refused("InvalidParameter", status=400),
        refused("There", status=409),
        refused("Unheard", status=403),
        refused("Throttling.User", status=400),
    ],
    ids=["fail", "parameter", "exists", "unknown", "throttled"],
)
async def test_what_the_caller_did_wrong_opens_nothing(error: ServiceError) -> None:
    """Permanent errors, refused requests and throttled ones never open a breaker, however many there are."""
    running = executor(limited(breaker=breaking(min_calls=1, failure_rate=0.01)))
    for _ in range(50):
        await running.outcome("CreateGroupId", Service(error))
    assert running.breaker("alibaba").state == "closed"


@pytest.mark.parametrize("step", ["hang", ConnectionRefusedError(), refused("InternalError", status=500)])
async def test_what_the_service_did_wrong_opens_it(step: Any) -> None:
    """No answer in time, no connection, and an error of the service are failures."""
    running = executor(limited(breaker=breaking(), attempt_timeout=5.0, max_attempts=1))
    for _ in range(2):
        await running.outcome("CreateGroupId", Service(step))
    assert running.breaker("alibaba").state == "open"


async def test_a_programming_error_opens_nothing() -> None:
    """A TypeError in the program says nothing about the service, and gives the place of its probe back."""
    running = executor(limited(breaker=breaking(min_calls=1)))

    async def broken() -> None:
        raise TypeError("a mistake")

    for _ in range(5):
        with pytest.raises(TypeError):
            await running.call("ListGroupId", broken)
    assert running.breaker().state == "closed"
    with pytest.raises(ServiceError):
        await running.call("CreateGroupId", Service(down()))
    await anyio.sleep(20.0)
    with pytest.raises(TypeError):
        await running.call("ListGroupId", broken)
    assert running.breaker().state == "half_open"
    assert await running.call("ListGroupId", Service()) == "created"


async def test_only_so_many_probes_are_sent() -> None:
    """Of many calls at once one is tried; the others are refused, and do not know for how long."""
    running = executor(limited(breaker=breaking()))
    await opened(running)
    await anyio.sleep(20.0)
    service = Service(*[1.0] * 10)
    outcomes = []
    async with anyio.create_task_group() as tasks:

        async def call() -> None:
            outcomes.append(await running.outcome("ListGroupId", service))

        for _ in range(10):
            tasks.start_soon(call)
    assert len(service.calls) == 1
    assert [each.stop_reason for each in outcomes].count("breaker") == 9
    assert {each.error.retry_after for each in outcomes if isinstance(each.error, BreakerOpen)} == {None}


async def test_retries_that_the_rate_limits_pace_need_no_budget() -> None:
    """Where rates adapt, a throttled request waits for its turn among all calls, which bounds what is sent."""
    log = Log()
    values = evolve(
        limited(tokens(1, capacity=0.5, cost=1)), rates={"alibaba": RateLimits(default=Rate.of("100/s"), adaptive=True)}
    )
    running = executor(values, observers=(log,))
    assert await running.call("CreateGroupId", Service(refused("Busy", status=429))) == "created"
    assert "RetryPaid" not in log.names
    with pytest.raises(BudgetExhausted):
        await running.call("CreateGroupId", Service(refused("Busy", status=503)))


async def test_a_cancelled_probe_gives_its_place_back() -> None:
    """Whenever a probe is cancelled, the next call is tried."""
    running = executor(limited(breaker=breaking(), max_attempts=2))
    await opened(running)
    await anyio.sleep(20.0)
    for after in (0.0, 0.1, 0.5, 1.0, 1.5, 2.0):
        with anyio.move_on_after(after):
            await running.call("CreateGroupId", Service(0.5, refused("Busy", status=400)))
        with anyio.move_on_after(after):
            await running.call("CreateGroupId", Service("hang"))
    service = Service()
    assert await running.call("CreateGroupId", service) == "created"
    assert running.breaker().state == "closed"


class CancelledAt:
    """An observer that cancels a call when so many things have happened to it."""

    idle_slot = None

    def __init__(self) -> None:
        self.left = 0
        self.scope: anyio.CancelScope | None = None

    def watch(self, started: CallStarted) -> Sink:
        assert started.operation
        return self.see

    def see(self, _: Event) -> None:
        self.left -= 1
        if self.left == 0 and self.scope is not None:
            self.scope.cancel()


async def test_a_call_that_is_cancelled_anywhere_holds_no_place() -> None:
    """Whatever has just happened to it when it is cancelled, the next call is tried, and closes the breaker."""
    canceller = CancelledAt()
    source = Credentials(Service(value="key"))
    running = executor(
        limited(tokens(1000), breaking(probes=1), max_attempts=5),
        observers=(canceller,),
        credentials={"alibaba": source},
    )
    cancelled = 0
    for events in range(1, 40):
        await opened(running)
        await anyio.sleep(20.0)
        canceller.left = events

        async def function(service: Service) -> Any:
            source.current()
            await anyio.sleep(0.1)
            return await service(INSTANCE, GROUP)

        service = Service(refused("Busy", status=429), refused("Busy", status=429), refused("Expired"), value="made")
        with anyio.CancelScope() as canceller.scope:
            await running.call("CreateGroupId", function, service)
        cancelled += canceller.scope.cancelled_caught
        canceller.scope, canceller.left = None, 0
        again = Service()
        assert await running.call("ListGroupId", again) == "created"
        assert running.breaker().state == "closed"
        running.breaker().reset()
    assert cancelled > 5


async def test_cancelled_calls_open_nothing() -> None:
    """A cancellation is the caller's wish and no failure."""
    running = executor(limited(breaker=breaking(min_calls=1)))
    for _ in range(10):
        with anyio.move_on_after(1.0):
            await running.call("CreateGroupId", Service("hang"))
    assert running.breaker().state == "closed"


async def test_each_operation_may_have_a_breaker_of_its_own() -> None:
    """One operation in trouble does not stop the others."""
    running = executor(limited(breaker=breaking(per="operation")))
    await opened(running, "CreateGroupId")
    with pytest.raises(BreakerOpen):
        await running.call("CreateGroupId", Service())
    assert await running.call("ListGroupId", Service()) == "created"
    assert running.breaker("alibaba", "CreateGroupId").state == "open"
    assert running.breaker("alibaba", "ListGroupId").state == "closed"


async def test_a_shadow_refuses_nothing_and_tells() -> None:
    """It has the states that it would have, tells their changes, and counts what it would have refused."""
    log = Log()
    running = executor(limited(breaker=breaking(mode="shadow")), observers=(log,))
    await opened(running)
    assert await running.call("ListGroupId", Service()) == "created"
    control = running.breaker("alibaba")
    assert (control.state, control.refused) == ("open", 1)
    changed = log.last(BreakerChanged)
    assert (changed.old, changed.new, changed.is_shadow) == ("closed", "open", True)


async def test_changes_and_payments_are_told() -> None:
    """Observers learn of each change in the call that caused it, before that call ends, and what a retry leaves."""
    log = Log()
    running = executor(limited(tokens(5), breaking(), max_attempts=2), observers=(log,))
    assert (await running.outcome("CreateGroupId", Service(refused("Down", status=500), down()))).error is not None
    assert log.last(RetryPaid) == RetryPaid(provider="alibaba", retries_left=4)
    assert log.last(BreakerChanged) == BreakerChanged(
        provider="alibaba",
        operation=None,
        old="closed",
        new="open",
        by_hand=False,
        is_shadow=False,
        failures=2,
        results=2,
    )
    assert log.names.index("BreakerChanged") < log.names.index("CallEnded")
    log.events.clear()
    assert (await running.outcome("CreateGroupId", Service())).stop_reason == "breaker"
    ended = log.last(CallEnded)
    assert (ended.ended, ended.stop_reason, ended.error, ended.attempts) == (
        "refused",
        "breaker",
        "resilience.BreakerOpen",
        0,
    )
    await anyio.sleep(20.0)
    log.events.clear()
    assert await running.call("CreateGroupId", Service()) == "created"
    assert [event.new for event in log.events if isinstance(event, BreakerChanged)] == ["half_open", "closed"]


async def test_by_hand() -> None:
    """A program opens a breaker, closes it, and leaves it to itself again; the next call tells."""
    log = Log()
    running = executor(limited(breaker=breaking()), observers=(log,))
    control = running.breaker("alibaba")
    control.open()
    assert (control.state, control.is_held, repr(control)) == ("open", True, "<BreakerControl open by hand>")
    with pytest.raises(BreakerOpen) as caught:
        await running.call("CreateGroupId", Service())
    assert caught.value.retry_after is None
    assert log.last(BreakerChanged).by_hand
    control.close()
    for _ in range(3):
        await opened(running)
    assert control.state == "closed"
    control.reset()
    await opened(running)
    assert (control.state, control.is_held, control.refused) == ("open", False, 1)


async def test_a_breaker_that_is_not_there() -> None:
    """To ask for a breaker that the policy does not have is a mistake that is told at once."""
    with pytest.raises(ValueError, match=r"no \[breaker.alibaba\]; it has breakers of no provider"):
        executor(limited()).breaker("alibaba")
    with pytest.raises(ValueError, match="share one breaker; leave out"):
        executor(limited(breaker=breaking())).breaker("alibaba", "CreateGroupId")
    with pytest.raises(ValueError, match="a breaker of its own; name the operation"):
        executor(limited(breaker=breaking(per="operation"))).breaker("alibaba")


async def test_a_policy_that_is_switched_off_refuses_nothing() -> None:
    """Without the policy there is no budget and no breaker."""
    running = executor(limited(tokens(1), breaking()), enabled=False)
    await opened(running)
    running.breaker("alibaba").open()
    assert await running.call("CreateGroupId", Service()) == "created"


async def test_executors_share_nothing() -> None:
    """Each executor has budgets and breakers of its own."""
    values = limited(breaker=breaking())
    await opened(executor(values))
    assert await executor(values).call("CreateGroupId", Service()) == "created"


async def test_an_inner_call_counts_once() -> None:
    """A call inside of another is decided by its own policy: the outer one tells its breaker nothing of it."""
    inner = executor(limited(breaker=breaking()))
    outer = executor(limited(breaker=breaking()))

    async def function() -> Any:
        return await inner.call("CreateGroupId", Service(down()))

    for _ in range(2):
        assert (await outer.outcome("ListGroupId", function)).stop_reason == "inner"
    assert (inner.breaker().state, outer.breaker().state) == ("open", "closed")
    assert (await outer.outcome("ListGroupId", function)).stop_reason == "inner"


async def test_an_unwatched_verifier_is_asked_while_the_breaker_is_open() -> None:
    """A question to the verifier is no attempt: what may exist is looked for, whatever the breaker says."""
    values = limited(breaker=breaking(min_calls=1), repeats={"CreateInstance": "duplicate"}, settle=0.0)
    running = executor(evolve(values, rules=policy({"Broken": VERIFY}).rules))

    @running.wrap("CreateInstance")
    async def create(service: Service) -> Any:
        return await service()

    @create.verify
    async def find(service: Service) -> Any:
        return "found" if service.calls else None

    assert await create(Service(refused("Broken", status=500, effect="unknown"))) == "found"
    assert running.breaker().state == "open"
