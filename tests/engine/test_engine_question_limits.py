"""Rate limits and what verifiers ask a service for: counted by the service, or by functions that stand for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve
from engine_calls import GROUP, INSTANCE, REFRESH, RETRY, VERIFY, Log, executor, policy, refused
from wrapped_clients import alibaba_client, group, let_go, quick

from resilience import DONE, Credentials, Executor, Policy, ServiceError, SyncExecutor, wrap_client
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.events import Waited
from resilience.core.policy import PolicyValues
from resilience.core.settings.credentials import CredentialLimits
from resilience.sandbox import Sandbox

pytestmark = pytest.mark.anyio

CALLS = 9
LIMIT = 3


def peak(instants: Sequence[float]) -> int:
    """Return the most of these in any second."""
    times = sorted(instants)
    return max(bisect_left(times, each + 1.0) - number for number, each in enumerate(times))


def limited(**more: Any) -> PolicyValues:
    """Return a policy that asks the verifier after a lost answer, with a limit of the operation that it asks for."""
    values = policy({"lost": VERIFY, "Busy": RETRY}, repeats={"CreateGroupId": "duplicate"}, deadline=600.0)
    return evolve(values, rates={"alibaba": RateLimits(operations={"ListGroupId": Rate(LIMIT, 1.0)}, **more)})


class Service:
    """Makes groups whose answers are lost, and knows when it was asked whether one is there."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def create(self, instance_id: str, group_id: str) -> None:  # noqa: ARG002  # names that the catalogue knows
        await anyio.sleep(0.01)
        raise ConnectionResetError

    async def find(self, instance_id: str, group_id: str) -> object:  # noqa: ARG002  # likewise
        self.asked.append(anyio.current_time())
        await anyio.sleep(0.01)
        return DONE


async def all_at_once(calls: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    outcomes: list[Any] = []

    async def one(call: Callable[[], Awaitable[Any]]) -> None:
        outcomes.append(await call())

    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(one, call)
    return outcomes


class TestOnAVirtualClock:
    """Functions of the program."""

    @pytest.fixture
    def anyio_backend(self, virtual_loop: Any) -> Any:
        return virtual_loop

    async def test_a_wrapped_verifier_keeps_the_limit_of_its_operation(self) -> None:
        """It is a call like any other, and waits for its turn by itself."""
        service = Service()
        calls = executor(limited())
        create = calls.wrap("CreateGroupId")(service.create)
        create.verify(calls.wrap("ListGroupId")(service.find))
        outcomes = await all_at_once([partial(create.outcome, INSTANCE, f"{GROUP}{n}") for n in range(CALLS)])
        assert [each.ended for each in outcomes] == ["accepted"] * CALLS
        assert len(service.asked) == CALLS
        assert peak(service.asked) == LIMIT

    async def test_of_a_plain_verifier_nothing_is_known(self) -> None:
        """What the user's own function sends is counted by nobody: wrap it, if the service limits it."""
        service = Service()
        create = executor(limited()).wrap("CreateGroupId")(service.create)
        create.verify(service.find)
        await all_at_once([partial(create.outcome, INSTANCE, f"{GROUP}{n}") for n in range(CALLS)])
        assert peak(service.asked) == CALLS

    @pytest.mark.parametrize("adaptive", [False, True])
    async def test_a_read_back_keeps_the_limit_of_its_operation(self, *, adaptive: bool) -> None:
        """The policy names the operation, so it is known what is asked for; and a refusal is waited out."""
        log, asked = Log(), list[float]()
        values = Policy.loads(
            f"""
            schema = 1
            limits = {{ deadline = "10m", settle = "1s" }}
            rules.transport = {{ lost = "verify" }}
            rules.acme = {{ Busy = "retry" }}
            rate.acme = {{ adaptive = {str(adaptive).lower()}, operations = {{ GetUser = "{LIMIT}/s" }} }}
            [operations.acme]
            CreateUser = {{ repeat = "duplicate", key = ["user_id"], read_back = "GetUser" }}
            GetUser = "safe"
            """
        )
        observers: Any = [log]
        calls = Executor(values, provider="acme", observers=observers)

        @calls.wrap("CreateUser")
        async def create_user(user_id: str) -> str | None:  # noqa: ARG001  # the key
            await anyio.sleep(0.01)
            raise ConnectionResetError

        @calls.wrap("GetUser")
        async def get_user(user_id: str) -> str:
            asked.append(anyio.current_time())
            await anyio.sleep(0.01)
            if adaptive and len(asked) == 1:
                raise ServiceError("TooMany", "a message", status=429, effect="none")
            return user_id

        outcomes = await all_at_once([partial(create_user.outcome, f"user-{n}") for n in range(CALLS)])
        assert sum(each.ended == "accepted" for each in outcomes) >= CALLS - 1
        assert len(asked) >= CALLS
        assert peak(asked) == LIMIT
        waits = [event.duration for event in log.events if isinstance(event, Waited) and event.gate == "rate"]
        assert len(waits) >= CALLS - LIMIT
        admission = calls.target_factory.setting.admissions.of("acme")
        assert admission is not None
        assert admission.under_way == 0

    async def test_a_question_that_gets_no_turn_is_cut_short_with_its_call(self) -> None:
        """It waits until the deadline and gives its place in the queue back; the call says what may exist."""
        asked: list[float] = []
        values = Policy.loads(
            """
            schema = 1
            limits = { deadline = "5s", settle = "1s" }
            rules.transport = { lost = "verify" }
            rate.acme = { operations = { GetUser = "1/h" } }
            [operations.acme]
            CreateUser = { repeat = "duplicate", key = ["user_id"], read_back = "GetUser" }
            GetUser = "safe"
            """
        )
        calls = Executor(values, provider="acme", observers=())

        @calls.wrap("CreateUser")
        async def create_user(user_id: str) -> str | None:  # noqa: ARG001  # the key
            raise ConnectionResetError

        @calls.wrap("GetUser")
        async def get_user(user_id: str) -> str:
            asked.append(anyio.current_time())
            return user_id

        first = await create_user.outcome("user-1")
        began = anyio.current_time()
        second = await create_user.outcome("user-2")
        assert (first.ended, len(asked)) == ("accepted", 1)
        assert (second.stop_reason, anyio.current_time() - began) == ("deadline", 5.0)
        assert second.attempts[-1].number == 1
        admission = calls.target_factory.setting.admissions.of("acme")
        assert admission is not None
        assert admission.under_way == 0
        assert not any(admission.levels().waiting.values())

    async def test_a_wrapped_refresher_keeps_the_limit_of_its_operation(self) -> None:
        """Each of three tokens is rejected, and the token service may be asked once in a second."""
        asked: list[float] = []
        values = evolve(
            policy({"Expired": REFRESH}, deadline=600.0),
            rates={"alibaba": RateLimits(operations={"AssumeRole": Rate(1, 1.0)})},
            credentials={"alibaba": CredentialLimits(max_refreshes=3)},
        )

        async def assume_role() -> int:
            asked.append(anyio.current_time())
            return len(asked)

        source = Credentials(executor(values).wrap("AssumeRole")(assume_role))
        calls = executor(values, credentials={"alibaba": source})

        @calls.wrap("QueryToken")
        async def query(token: str) -> str:
            if source.current() < len(token):
                raise refused("Expired")
            return token

        assert await query("abcd") == "abcd"
        assert len(asked) == 4
        assert peak(asked) == 1


def script(cloud: Sandbox) -> Policy:
    """Let each create be lost and be there, so that it is looked for; return a policy that limits the looking."""
    cloud.script("CreateGroupId", ", ".join(["applied lost"] * CALLS))
    rates = RateLimits(operations={"ListGroupId": Rate(LIMIT, 1.0)})
    return evolve(quick('[rules.transport.alibaba]\n"lost" = "verify"'), rates={"alibaba": rates})


def check(cloud: Sandbox) -> None:
    """See to it that the service was asked no more often than the policy says."""
    asked = [call.at for call in cloud.calls if call.operation == "ListGroupId"]
    assert len(asked) >= CALLS
    # The sandbox shares this process, and may note a request a moment late.
    assert peak(asked) <= LIMIT + 1
    assert max(asked) - min(asked) >= (CALLS - LIMIT) / LIMIT * 0.9


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_a_wrapped_client_asks_for_is_counted() -> None:
    """Its verifiers are ready-made, and the service counts what they list."""
    with Sandbox() as cloud:
        calls = Executor(script(cloud), provider="alibaba", observers=())
        client: Any = wrap_client(alibaba_client(cloud), calls)
        await all_at_once(
            [partial(client.create_group_id_async, group(f"GID_group{number}")) for number in range(CALLS)]
        )
        check(cloud)
        await anyio.lowlevel.checkpoint()
    del client
    let_go()


def test_what_verify_with_asks_for_is_counted() -> None:
    """The same for calls with methods of a client that is not wrapped, in a plain thread."""
    with Sandbox() as cloud:
        calls = SyncExecutor(script(cloud), provider="alibaba", observers=())
        client: Any = alibaba_client(cloud)
        calls.verify_with(client)
        for number in range(CALLS):
            calls.call("CreateGroupId", client.create_group_id, group(f"GID_group{number}"))
        check(cloud)
    del client
    let_go()
