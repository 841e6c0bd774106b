"""Switches: a policy that is off, one call with limits of its own, and answers that depend on the message."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import anyio
import pytest
from engine_calls import GROUP, INSTANCE, RETRY, VERIFY, Log, Service, executor, policy, refused

from resilience import Credentials, DeadlineExceeded, Executor, Fault, Ledger, Policy, ServiceError, SyncExecutor
from resilience.core.events import CallEnded
from resilience.testing import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


RULES = {"Busy": RETRY, "lost": VERIFY, "garbled": RETRY}


@pytest.mark.parametrize("warm", [False, True], ids=["first-call", "later-call"])
@pytest.mark.parametrize("error", [refused(), refused("Lost", effect="unknown"), ConnectionResetError()], ids=repr)
async def test_a_policy_that_is_off_makes_one_attempt(error: Exception, warm: bool) -> None:  # noqa: FBT001  # a test's parameter
    """``enabled=False``: whatever the rules say, one attempt, no wait, no remedy; the service's own error leaves."""
    service, log = Service(), Log()
    off = executor(policy(RULES, repeats={"CreateGroupId": "duplicate"}), enabled=False, observers=[log])
    create = off.wrap("CreateGroupId", service.group_function())
    looked: list[str] = []

    @create.verify
    async def find(instance_id: str, group_id: str) -> str:
        looked.append(instance_id + group_id)
        return group_id

    if warm:
        await create(INSTANCE, GROUP)
    service.script = [error]
    began = anyio.current_time()
    with pytest.raises(type(error)) as caught:
        await create(INSTANCE, GROUP)
    assert caught.value is error
    assert (anyio.current_time(), looked, service.script) == (began, [], [])
    ended = log.last(CallEnded)
    assert (ended.stop_reason, ended.attempts, ended.rule) == ("attempts", 1, None)
    assert "switched off" in "".join(error.__notes__)
    assert "switched off" in repr(off)


async def test_a_policy_that_is_off_cuts_nothing_short() -> None:
    """A call under a debugger may take as long as it takes: neither limit counts."""
    off = executor(policy(RULES, deadline=5.0, attempt_timeout=1.0), enabled=False)
    create = off.wrap("CreateGroupId", Service(3600.0, 3600.0).group_function())
    for _ in range(2):
        assert await create(INSTANCE, GROUP) == "created"


async def test_credentials_are_loaded_all_the_same_and_the_ledger_is_left_alone(tmp_path: Path) -> None:
    """Calls need credentials, so they are loaded; what is tried out leaves no entry in the ledger."""
    loads: list[int] = []

    async def load() -> int:
        loads.append(1)
        return len(loads)

    path = tmp_path / "ledger.db"
    off = executor(
        policy({"Expired": RETRY}), enabled=False, credentials={"alibaba": Credentials(load)}, ledger=Ledger(path)
    )
    await off.wrap("CreateGroupId", Service().group_function())(INSTANCE, GROUP)
    assert loads == [1]
    assert not path.exists()


@pytest.mark.parametrize("word", ["off", "OFF", " Off ", "0", "false", "no"])
async def test_the_environment_switches_policies_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``RESILIENCE=off`` counts when the executor is made, unless the program itself says what it wants."""
    monkeypatch.setenv("RESILIENCE", word)
    off = executor()
    assert not off.enabled
    assert executor(enabled=True).enabled
    monkeypatch.delenv("RESILIENCE")
    assert executor().enabled
    service = Service(refused(), refused())
    with pytest.raises(ServiceError):
        await off.call("CreateGroupId", service, INSTANCE, GROUP)
    assert len(service.calls) == 1


@pytest.mark.parametrize("word", ["on", "1", "true", "yes", ""])
async def test_any_word_for_on_is_on(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What switches nothing off is not warned of."""
    monkeypatch.setenv("RESILIENCE", word)
    assert executor().enabled


async def test_another_word_is_warned_of_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the fingers must not leave a script without its policy, nor go by unseen."""
    monkeypatch.setenv("RESILIENCE", "of")
    with pytest.warns(RuntimeWarning, match="RESILIENCE: expected off or on, got 'of'") as warned:
        assert Executor(policy(), provider="alibaba", observers=()).enabled
    # It points at the line that makes the executor.
    assert warned[0].filename == __file__


def test_the_executor_without_a_loop_has_the_same_switch() -> None:
    """One attempt there too, and limits of one call."""
    met: list[int] = []

    def create_group(instance_id: str, group_id: str) -> str:
        met.append(len(instance_id + group_id))
        raise refused()

    with virtual_time() as clock:
        began = clock.monotonic()
        asked: dict[str, Any] = {"provider": "alibaba", "observers": (), "draw": lambda: 0.5}
        off = SyncExecutor(policy(RULES), enabled=False, **asked).wrap("CreateGroupId", create_group)
        on = SyncExecutor(policy(RULES), **asked).wrap("CreateGroupId", create_group)
        for call in (off, on.limited(max_attempts=1)):
            met.clear()
            for _ in range(2):
                with pytest.raises(ServiceError):
                    call(INSTANCE, GROUP)
            assert len(met) == 2
        assert clock.monotonic() == began
        assert len(on.limited(max_attempts=2).outcome(INSTANCE, GROUP).attempts) == 2
        assert len(on.outcome(INSTANCE, GROUP).attempts) == 4


async def test_one_call_may_have_other_limits() -> None:
    """``.limited`` makes a call under other limits, and leaves the function as it is."""
    service = Service()
    create = executor(policy(RULES, deadline=60.0)).wrap("CreateGroupId", service.group_function())
    await create(INSTANCE, GROUP)
    once = create.limited(max_attempts=1)
    for _ in range(2):
        service.script = [refused(), refused()]
        assert len((await once.outcome(INSTANCE, GROUP)).attempts) == 1
        with pytest.raises(ServiceError):
            await once(INSTANCE, GROUP)
    service.script = [refused(), refused()]
    assert await create(INSTANCE, GROUP) == "created"
    service.script = ["hang"]
    began = anyio.current_time()
    with pytest.raises(DeadlineExceeded) as caught:
        await create.limited(deadline="1m30s")(INSTANCE, GROUP)
    assert (caught.value.limit, caught.value.seconds) == ("deadline", 90.0)
    assert anyio.current_time() - began == pytest.approx(90.0)
    service.script = [300.0]
    assert await create.limited(deadline="none")(INSTANCE, GROUP) == "created"
    service.script = ["hang", "hang", "hang"]
    nothing = await create.limited(deadline=4, attempt_timeout=0.5).limited(max_attempts=2).outcome(INSTANCE, GROUP)
    assert [round(each.duration, 3) for each in nothing.attempts] == [0.5, 0.5]
    assert nothing.stop_reason == "attempts"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"deadline": "5 sec"}, 'deadline: expected a duration above 0 such as "5s".*did you mean "5s"'),
        ({"deadline": 0}, "deadline: expected a duration above 0"),
        ({"deadline": True}, "deadline: expected a duration above 0"),
        ({"attempt_timeout": -1.0}, "attempt_timeout: expected"),
        ({"attempt_timeout": float("nan")}, "attempt_timeout: expected"),
        ({"max_attempts": 0}, "max_attempts: expected 1 or more, got 0; the first attempt counts, so 1 means no retry"),
        ({"max_attempts": 2.0}, "max_attempts: expected 1 or more"),
    ],
)
async def test_a_limit_that_is_none_is_refused_at_once(limits: Any, message: str) -> None:
    """What is no limit is said where it is written, before any call."""
    create = executor().wrap("CreateGroupId", Service().group_function())
    with pytest.raises(ValueError, match=message):
        create.limited(**limits)


async def test_limits_of_one_call_keep_the_rest() -> None:
    """Verifiers, also one that is registered later, names and signatures stay; a method stays bound."""
    service = Service(ConnectionResetError(), ConnectionResetError())
    under = executor(policy(RULES, settle=0.0, repeats={"CreateGroupId": "duplicate"}))
    create = under.wrap("CreateGroupId", service.group_function())
    short: Any = create.limited(deadline="30s")

    @create.verify
    async def find(instance_id: str, group_id: str) -> str:
        return f"found {group_id} in {instance_id}"

    assert await short(INSTANCE, GROUP) == f"found {GROUP} in {INSTANCE}"
    assert inspect.signature(short) == inspect.signature(create)
    assert short.__name__ == "create_group"
    assert inspect.iscoroutinefunction(short)

    class Console:
        service = Service(refused(), refused(), refused())

        @under.wrap("CreateGroupId")
        async def create(self, instance_id: str, group_id: str) -> Any:
            return await self.service(instance_id, group_id)

    console: Any = Console()
    once = console.create.limited(max_attempts=1)
    assert len((await once.outcome(INSTANCE, GROUP)).attempts) == 1
    assert len((await once.limited(max_attempts=2).outcome(INSTANCE, GROUP)).attempts) == 2
    assert list(inspect.signature(once).parameters) == ["instance_id", "group_id"]
    assert await Console.create.limited(max_attempts=1)(console, INSTANCE, GROUP) == "created"


BY_MESSAGE = """
schema = 1
limits.deadline = "10m"
limits.max_attempts = 4
backoff.default = { kind = "constant", base = "1s", jitter = "none" }
[rules.alibaba]
"Denied" = [{ message = "role cannot be assumed", do = "retry", counts = false, for = "10s" }, "fail"]
[rules.transport]
"lost" = { do = "retry", message = "reset by peer" }
"""


def said(message: str) -> ServiceError:
    return ServiceError("Denied", message, status=400)


async def test_the_message_of_a_fault_chooses_its_answer() -> None:
    """The same code is tried again for as long as its message says so, and fails at once where it does not."""
    service = Service(*[said("The ROLE cannot be assumed yet")] * 3)
    under = Executor(Policy.loads(BY_MESSAGE), provider="alibaba", observers=())
    create = under.wrap("CreateGroupId", service.group_function())
    assert await create(INSTANCE, GROUP) == "created"
    assert service.waits == [1.0, 1.0, 1.0]
    service.script = [said("role cannot be assumed"), said("no permission")]
    outcome = await create.outcome(INSTANCE, GROUP)
    rules = [each.rule.id for each in outcome.attempts if each.rule is not None]
    assert rules == ['alibaba."Denied"[0]', 'alibaba."Denied"[1]']
    service.script = [said("role cannot be assumed")] * 20
    outcome = await create.outcome(INSTANCE, GROUP)
    assert (len(outcome.attempts), outcome.stop_reason, outcome.waited) == (11, "max", 10.0)


async def test_exceptions_of_any_kind_have_a_message() -> None:
    """What an exception says counts, and so does what ``classify`` makes of it."""

    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("broken")

    def read(error: Exception) -> Fault | None:
        return Fault(code="Denied", effect="none") if isinstance(error, ValueError | OddError) else None

    under = Executor(Policy.loads(BY_MESSAGE), provider="alibaba", observers=(), classify=read)
    service = Service(ValueError("role cannot be assumed"), ConnectionResetError(104, "Connection reset by peer"))
    assert await under.call("ListGroupId", service) == "created"
    assert len(service.calls) == 3
    for error in (ValueError("no"), ConnectionResetError(), OddError()):
        service.script = [error]
        with pytest.raises(type(error)):
            await under.call("ListGroupId", service)
        assert service.script == []


async def test_no_warning_where_nothing_is_switched() -> None:
    """A program that says nothing is told nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert executor().enabled
