"""Deadline and attempt timeout: what they cut, and what then leaves."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from engine_calls import GROUP, INSTANCE, RETRY, VERIFY, Service, executor, policy, refused

from resilience import Credentials, DeadlineExceeded, ServiceError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


LIMITS = {"lost": RETRY, "Busy": RETRY}
WARM = pytest.mark.parametrize("warm", [False, True], ids=["first-call", "later-call"])


async def warmed(values: Any, service: Service, *, warm: bool) -> Any:
    """Return a wrapped function, after a successful first call if asked for: later calls take the fast path."""
    script, service.script = service.script, []
    create = executor(values).wrap("CreateGroupId", service.group_function())
    if warm:
        await create(INSTANCE, GROUP)
    service.script = script
    service.instants.clear()
    return create


@WARM
async def test_the_deadline_cuts_an_attempt_short(warm: bool) -> None:  # noqa: FBT001  # a test's parameter
    """An attempt that never ends is cut at the deadline, and our exception says what and by which limit."""
    create = await warmed(policy(deadline=10.0), Service("hang"), warm=warm)
    began = anyio.current_time()
    with pytest.raises(DeadlineExceeded) as caught:
        await create(INSTANCE, GROUP)
    assert anyio.current_time() - began == pytest.approx(10.0)
    assert (caught.value.limit, caught.value.seconds, caught.value.what) == ("deadline", 10.0, "attempt 1")
    assert caught.value.__cause__ is None


@WARM
@pytest.mark.parametrize("lead", [0.0, 0.1, 12.3456789])
async def test_an_attempt_timeout_is_a_lost_request(warm: bool, lead: float) -> None:  # noqa: FBT001  # a test's parameter
    """An attempt that takes too long is cut, counts as lost, and is tried again if the policy says so."""
    service = Service("hang", "hang")
    values = policy(LIMITS, deadline=100.0, attempt_timeout=5.3, repeats={"CreateGroupId": "safe"})
    create = await warmed(values, service, warm=warm)
    await anyio.sleep(lead)
    assert await create(INSTANCE, GROUP) == "created"
    assert service.waits == [6.3, 6.3]


@pytest.mark.parametrize("lead", [0.0, 0.1, 0.7, 12.3456789, 1e5 / 3])
async def test_the_exception_names_the_limit_that_cut(lead: float) -> None:
    """It is the attempt's timeout that cut the last attempt, wherever the clock stands."""
    service = Service("hang", "hang", "hang", "hang")
    values = policy(LIMITS, deadline=100.0, attempt_timeout=5.3, repeats={"CreateGroupId": "safe"})
    await anyio.sleep(lead)
    with pytest.raises(DeadlineExceeded) as caught:
        await executor(values).call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (caught.value.limit, caught.value.seconds, caught.value.what) == ("attempt_timeout", 5.3, "attempt 4")
    assert caught.value.__cause__ is None


async def test_the_cause_of_a_cut_is_the_last_exception_of_the_service() -> None:
    """Whoever sees our exception also sees what the service said last."""
    busy = refused()
    create = executor(policy(LIMITS, deadline=10.0)).wrap("CreateGroupId", Service(busy, "hang").group_function())
    with pytest.raises(DeadlineExceeded) as caught:
        await create(INSTANCE, GROUP)
    assert caught.value.__cause__ is busy
    assert caught.value.what == "attempt 2"


async def test_a_cut_after_a_cut_still_names_the_service_as_its_cause() -> None:
    """Our own exceptions are no cause: behind two cuts stands what the service said before them."""
    busy = refused()
    values = policy(LIMITS, attempt_timeout=5.0, max_attempts=3, repeats={"CreateGroupId": "safe"})
    with pytest.raises(DeadlineExceeded) as caught:
        await executor(values).call("CreateGroupId", Service(busy, "hang", "hang").group_function(), INSTANCE, GROUP)
    assert caught.value.__cause__ is busy
    assert caught.value.what == "attempt 3"


async def test_a_wait_that_would_reach_the_deadline_is_never_begun() -> None:
    """The call ends with the service's own exception as soon as the next wait does not fit."""
    service = Service(*[refused() for _ in range(9)])
    began = anyio.current_time()
    outcome = await executor(policy(LIMITS, deadline=3.0, max_attempts=9)).outcome(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert (outcome.ended, outcome.stop_reason, len(service.calls)) == ("exhausted", "deadline", 3)
    assert isinstance(outcome.error, ServiceError)
    assert anyio.current_time() - began == pytest.approx(2.0)


async def test_without_limits_a_call_may_take_for_ever() -> None:
    """Where the policy sets no limit, none is applied."""
    service = Service(refused(), 86_400.0)
    create = executor(policy(LIMITS, deadline=None)).wrap("CreateGroupId", service.group_function())
    assert await create(INSTANCE, GROUP) == "created"
    service.script = [refused(), 86_400.0]
    assert await create(INSTANCE, GROUP) == "created"


async def test_a_refresh_is_cut_at_the_deadline() -> None:
    """A refresh that never ends is cut short as an attempt is, and the exception says so."""
    source = Credentials(Service("hang"))
    call = executor(policy(deadline=10.0), credentials={"alibaba": source})
    with pytest.raises(DeadlineExceeded) as caught:
        await call.call("CreateGroupId", Service().group_function(), INSTANCE, GROUP)
    assert (caught.value.what, caught.value.limit) == ("refresh", "deadline")


async def test_a_verification_is_cut_at_the_deadline() -> None:
    """A verifier that never ends is cut short by the deadline, and the doubt stays."""
    values = policy({"lost": VERIFY}, deadline=10.0, repeats={"CreateGroupId": "duplicate"})
    service = Service(ConnectionResetError())
    create = executor(values).wrap("CreateGroupId", service.group_function())
    create.verify(Service("hang"))
    began = anyio.current_time()
    outcome = await create.outcome(INSTANCE, GROUP)
    assert anyio.current_time() - began == pytest.approx(10.0)
    assert (outcome.ended, outcome.stop_reason, outcome.may_exist) == ("exhausted", "deadline", True)
    assert len(service.calls) == 1


async def test_a_timeout_of_the_users_own_is_a_fault_and_no_cut() -> None:
    """A TimeoutError from inside the function is classified as any other exception."""

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        with anyio.fail_after(1):
            await anyio.sleep_forever()

    outcome = await executor(policy(deadline=100.0)).outcome("CreateGroupId", create_group, INSTANCE, GROUP)
    assert isinstance(outcome.error, TimeoutError)
    assert outcome.attempts[0].fault is not None
    assert outcome.attempts[0].fault.transport == "lost"


async def test_an_attempt_that_does_not_heed_its_limit_keeps_its_value() -> None:
    """What cannot be cut returns late, and its value is taken: it would be lost otherwise."""

    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        with anyio.CancelScope(shield=True):
            await anyio.sleep(20)
        return "late"

    create = executor(policy(deadline=10.0)).wrap("CreateGroupId", create_group)
    assert [await create(INSTANCE, GROUP), await create(INSTANCE, GROUP)] == ["late", "late"]
