"""A handful of calls in real time: uvloop, and the event loops without a virtual clock."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import AT_ONCE, GROUP, INSTANCE, REFRESH, VERIFY, Service, executor, policy, refused

from resilience import Credentials, DeadlineExceeded
from resilience.core.backoff import Backoff

pytestmark = pytest.mark.anyio

SHORT = evolve(AT_ONCE, key="short", backoff=Backoff(kind="constant", base=0.01, jitter="none"))


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("trio", {}), id="trio"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    if request.param[1].get("use_uvloop"):
        pytest.importorskip("uvloop")
    return request.param


async def test_a_retried_call_really_waits() -> None:
    """The wait takes the time that the policy says, on each event loop."""
    service = Service(refused(), refused())
    create = executor(policy({"Busy": SHORT})).wrap("CreateGroupId", service.group_function())
    began = anyio.current_time()
    assert await create(INSTANCE, GROUP) == "created"
    assert anyio.current_time() - began >= 0.02


async def test_the_deadline_cuts_in_real_time() -> None:
    """A call that hangs ends at its deadline, on the quick path as well."""
    service = Service()
    create = executor(policy(deadline=0.3)).wrap("CreateGroupId", service.group_function())
    await create(INSTANCE, GROUP)
    service.script = ["hang"]
    with pytest.raises(DeadlineExceeded):
        await create(INSTANCE, GROUP)


async def test_a_cancelled_call_ends_in_real_time() -> None:
    """A cancellation during an attempt ends it, and nothing is called again."""
    service = Service("hang")
    create = executor(policy({"lost": SHORT})).wrap("CreateGroupId", service.group_function())
    with anyio.move_on_after(0.02) as scope:
        await create(INSTANCE, GROUP)
    assert scope.cancelled_caught
    assert len(service.calls) == 1


async def test_threads_and_credentials_work_in_real_time() -> None:
    """A plain function, a plain refresher and a plain verifier each run in a thread."""
    main = threading.current_thread()
    threads: list[threading.Thread] = []

    def assume_role() -> str:
        threads.append(threading.current_thread())
        return f"key-{len(threads)}"

    source = Credentials(assume_role)
    script = [refused("Expired"), ConnectionResetError()]

    def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        source.current()
        raise script.pop(0)

    values = policy({"Expired": REFRESH, "lost": VERIFY}, repeats={"CreateGroupId": "duplicate"})
    create = executor(evolve_backoff(values), credentials={"alibaba": source}).wrap("CreateGroupId", create_group)

    @create.verify
    def find_group(instance_id: str, group_id: str) -> str:
        threads.append(threading.current_thread())
        return f"{instance_id}/{group_id}"

    assert await create(INSTANCE, GROUP) == f"{INSTANCE}/{GROUP}"
    assert len(threads) == 3
    assert main not in threads


def evolve_backoff(values: Any) -> Any:
    """Return a policy whose every wait is a hundredth of a second."""
    rules = tuple(
        evolve(rule, action=evolve(rule.action, backoff=rule.action.backoff and SHORT.backoff)) for rule in values.rules
    )
    return evolve(values, rules=rules)
