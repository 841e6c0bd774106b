"""The executor without an event loop: the same contract as the other one's, in plain threads."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import (
    ACCEPT,
    GROUP,
    INSTANCE,
    RENAME,
    RETRY,
    VERIFY,
    Log,
    policy,
    refused,
)
from wrapped_clients import alibaba_at, group, peer, purchase, tencent_at

from resilience import DONE, DeadlineExceeded, Executor, Ledger, LedgerError, Policy, ServiceError, SyncExecutor
from resilience.core.events import CallEnded
from resilience.engine.runtime import attempt_alarm  # noqa: F401  # so that it is there before a loop is forbidden
from resilience.testing import VirtualTime, virtual_time

RULES = {"Busy": RETRY, "lost": RETRY, "Taken": RENAME}


@pytest.fixture
def clock() -> Iterator[VirtualTime]:
    with virtual_time() as virtual:
        yield virtual


def executor(values: Any = None, /, **more: Any) -> SyncExecutor:
    asked: dict[str, Any] = {"provider": "alibaba", "observers": (), "draw": lambda: 0.5} | more
    return SyncExecutor(values or policy(RULES), **asked)


class Service:
    """A scripted service: what each call meets, in order; a number is how long it takes on the clock."""

    def __init__(self, *script: Any, clock: VirtualTime | None = None) -> None:
        self.script = list(script)
        self.clock = clock
        self.names: list[str] = []

    def create(self, instance_id: str, group_id: str) -> str:
        assert instance_id
        self.names.append(group_id)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            assert self.clock is not None
            self.clock.sleep(step)
        return f"made {group_id}"


def test_every_public_method_of_one_executor_is_one_of_the_other() -> None:
    """They have the same names and the same parameters; only what comes back is awaited or not."""

    def parameters(cls: type, name: str) -> list[tuple[str, Any, Any]]:
        found = inspect.signature(getattr(cls, name)).parameters.values()
        return [(each.name, each.kind, each.default) for each in found]

    public = {name for name in dir(Executor) if not name.startswith("_")}
    assert public == {name for name in dir(SyncExecutor) if not name.startswith("_")}
    assert {"wrap", "call", "outcome", "verify", "verify_with"} <= public
    for name in ["__init__", *public]:
        if callable(getattr(Executor, name)):
            assert parameters(Executor, name) == parameters(SyncExecutor, name), name
    for made in ("__init__", "verify", "verify_with"):
        assert inspect.signature(getattr(Executor, made)) == inspect.signature(getattr(SyncExecutor, made))


def test_a_wrapped_function_returns_its_value_and_keeps_its_looks(clock: VirtualTime) -> None:
    """Name, docstring and signature stay; arguments go by position and by name; waits happen on the clock."""
    service = Service(refused(), refused())

    @executor().wrap("CreateGroupId")
    def create_group(instance_id: str, group_id: str) -> str:
        """Create a group."""
        return service.create(instance_id, group_id)

    assert create_group(INSTANCE, group_id=GROUP) == f"made {GROUP}"
    assert (clock.monotonic(), len(service.names)) == (2.0, 3)
    looks: Any = create_group
    assert (looks.__name__, looks.__doc__) == ("create_group", "Create a group.")
    assert str(inspect.signature(create_group)) == "(instance_id: 'str', group_id: 'str') -> 'str'"


def test_methods_are_wrapped_as_functions_are(clock: VirtualTime) -> None:
    """An instance binds the call, its outcome, and nothing is shared between instances."""
    tried: list[Any] = []

    class Console:
        @executor().wrap("CreateGroupId")
        def create(self, instance_id: str, group_id: str) -> str:
            tried.append(self)
            if len(tried) % 2:
                raise refused()
            return instance_id + group_id

    one, two = Console(), Console()
    assert one.create(INSTANCE, GROUP) == INSTANCE + GROUP
    outcome = two.create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.value, outcome.waited) == ("success_after_retry", INSTANCE + GROUP, 1.0)
    assert Console.create(one, INSTANCE, GROUP) == INSTANCE + GROUP
    assert tried == [one, one, two, two, one, one]
    assert clock.monotonic() == 3.0


@pytest.mark.usefixtures("clock")
def test_a_failed_call_raises_the_very_exception_with_a_note() -> None:
    """The last exception leaves, its traceback intact, and its note tells the attempts."""
    errors = [refused(), refused(), refused(), refused()]
    service = Service(*errors)
    create = executor().wrap("CreateGroupId", service.create)
    with pytest.raises(ServiceError) as caught:
        create(INSTANCE, GROUP)
    assert caught.value is errors[-1]
    assert caught.traceback[-1].frame.code.name == "create"
    [note] = caught.value.__notes__
    assert note.startswith("resilience: CreateGroupId stopped after 4 attempts (stop reason: attempts)")
    assert "waited 3.00 s in all" in note


def test_an_outcome_raises_nothing_and_says_how_it_ended(clock: VirtualTime) -> None:
    """Attempts, waits and the reason are there; ``unwrap`` raises what the call would have raised."""
    service = Service(refused("Nobody knows this"))
    create = executor().wrap("CreateGroupId", service.create)
    outcome = create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, len(outcome.attempts)) == ("failed", "unknown", 1)
    assert outcome.arguments == {"instance_id": INSTANCE, "group_id": GROUP}
    with pytest.raises(ServiceError) as caught:
        outcome.unwrap()
    assert caught.value is outcome.error
    assert clock.monotonic() == 0.0


def test_call_and_outcome_take_any_function(clock: VirtualTime) -> None:
    """The operation is named with the call."""
    service = Service(refused(), refused())
    used = executor()
    assert used.call("CreateGroupId", service.create, INSTANCE, group_id=GROUP) == f"made {GROUP}"
    assert used.outcome("alibaba:CreateGroupId", service.create, INSTANCE, GROUP).value == f"made {GROUP}"
    assert clock.monotonic() == 2.0


def test_a_verifier_is_asked_before_a_repeat(clock: VirtualTime) -> None:
    """What is there is the value; a registered one serves ``call``; ``DONE`` stands for a function without a value."""
    service = Service(ConnectionResetError(), ConnectionResetError())
    used = executor(policy({"lost": VERIFY}))
    create = used.wrap("CreateGroupId", service.create)
    asked: list[str] = []

    @create.verify
    def find(instance_id: str, group_id: str) -> str:
        assert instance_id
        asked.append(group_id)
        return f"found {group_id}"

    outcome = create.outcome(INSTANCE, GROUP)
    assert (outcome.value, outcome.verified, asked) == (f"found {GROUP}", True, [GROUP])

    used = executor(policy({"lost": VERIFY}))

    @used.verify("CreateGroupId")
    def is_there(instance_id: str, group_id: str) -> Any:
        return DONE if instance_id and group_id else None

    done = used.outcome("CreateGroupId", service.create, INSTANCE, GROUP)
    assert (done.stop_reason, done.value, done.verified) == ("accepted", None, True)
    assert clock.monotonic() == 2.0


def test_verify_with_reads_back_with_a_client() -> None:
    """The ready-made verifiers serve a client's own methods."""
    with peer(hangs_up=True) as address:
        client = alibaba_at(address)
        used = executor(policy({"lost": evolve(VERIFY, backoff=None)}))
        used.verify_with(client)
        outcome = used.outcome("CreateGroupId", client.create_group_id, group(GROUP))
    assert outcome.stop_reason == "remedy"
    assert "the verifier failed" in str(outcome.error)


@pytest.mark.usefixtures("clock")
def test_a_rename_is_told_and_sent() -> None:
    """The next attempt has another name, the outcome knows it, and ``on_rename`` hears it."""
    told: list[tuple[str, str]] = []
    service = Service(refused("Taken"), refused("Taken"))
    used = executor(on_rename=lambda event: told.append((event.old, event.new)))
    outcome = used.wrap("CreateGroupId", service.create).outcome(INSTANCE, GROUP)
    assert outcome.renamed == {"GroupId": (GROUP, f"{GROUP}-3")}
    assert service.names == [GROUP, f"{GROUP}-2", f"{GROUP}-3"]
    assert told == [(GROUP, f"{GROUP}-2"), (f"{GROUP}-2", f"{GROUP}-3")]


@pytest.mark.usefixtures("clock")
def test_chaos_comes_to_plain_threads_too() -> None:
    """Injected faults are met instead of the function, or after it, and are decided on as real ones."""
    rules = """
    schema = 1
    limits = { deadline = "10m", max_attempts = 30, settle = "1s" }
    backoff.default = { kind = "constant", base = "1s", jitter = "none" }
    [rules.alibaba]
    "InternalError" = "retry"
    [env.test.chaos.alibaba]
    "CreateGroupId/InternalError" = { rate = 0.5 }
    """
    service = Service()
    create = executor(Policy.loads(rules, env="test")).wrap("CreateGroupId", service.create)
    outcomes = [create.outcome(INSTANCE, GROUP) for _ in range(20)]
    assert {outcome.value for outcome in outcomes} == {f"made {GROUP}"}
    assert sum(len(outcome.attempts) for outcome in outcomes) > len(service.names) == 20


async def coroutine(instance_id: str, group_id: str) -> str:
    return instance_id + group_id


class Later:
    """An object whose call is a coroutine."""

    async def __call__(self, instance_id: str, group_id: str) -> str:
        return instance_id + group_id


@pytest.mark.parametrize("function", [coroutine, Later()])
def test_a_coroutine_function_is_refused_before_any_call(function: Any) -> None:
    """It would need an event loop, and the error says which executor has one."""
    for use in (executor().wrap, executor().call, executor().outcome):
        with pytest.raises(TypeError, match="is a coroutine function, which needs an event loop: use Executor"):
            use("CreateGroupId", function)


def test_a_function_that_returns_an_awaitable_is_refused() -> None:
    """An awaitable is never a value; nothing is left that was never awaited."""

    def later(instance_id: str, group_id: str) -> Any:
        return coroutine(instance_id, group_id)

    create = executor().wrap("CreateGroupId", later)
    for _ in range(2):
        with pytest.raises(TypeError, match="returned something to await, which needs an event loop: use Executor"):
            create(INSTANCE, GROUP)


def test_a_quick_function_that_returns_an_awaitable_later_is_refused_too() -> None:
    """Also where earlier calls returned values, and the fast path is open."""
    later: list[Any] = ["made", "made", None]

    def create(instance_id: str, group_id: str) -> Any:
        return later.pop(0) or coroutine(instance_id, group_id)

    wrapped = executor().wrap("CreateGroupId", create)
    assert [wrapped(INSTANCE, GROUP) for _ in range(2)] == ["made", "made"]
    with pytest.raises(TypeError, match="returned something to await"):
        wrapped(INSTANCE, GROUP)


def test_a_coroutine_verifier_is_refused_when_it_is_asked(clock: VirtualTime) -> None:
    """It cannot run here, and the call ends in doubt, as with any verifier that fails."""
    create = executor(policy({"lost": VERIFY})).wrap("CreateGroupId", Service(ConnectionResetError()).create)
    create.verify(coroutine)
    outcome = create.outcome(INSTANCE, GROUP)
    assert outcome.stop_reason == "remedy"
    assert isinstance(outcome.error, Exception)
    assert isinstance(outcome.error.__cause__, TypeError)
    assert clock.monotonic() == 1.0


def test_the_deadline_is_looked_at_between_attempts(clock: VirtualTime) -> None:
    """An attempt runs to its end, however late; no wait begins that would reach the deadline."""
    service = Service(4.0, clock=clock)
    used = executor(policy(RULES, deadline=2.0))
    assert used.call("CreateGroupId", service.create, INSTANCE, GROUP) == f"made {GROUP}", "a late value is taken"
    assert clock.monotonic() == 4.0
    service.script = [refused(), refused()]
    outcome = used.outcome("CreateGroupId", service.create, INSTANCE, GROUP)
    assert (outcome.stop_reason, len(outcome.attempts), outcome.waited) == ("deadline", 2, 1.0)
    assert outcome.error is not None
    assert not isinstance(outcome.error, DeadlineExceeded), "nothing was cut short"


@pytest.mark.parametrize("provider", ["alibaba", "tencent"])
def test_the_time_outs_of_an_sdk_are_lowered_to_what_is_left(provider: str) -> None:
    """A service that never answers holds a call no longer than its limit; the SDK's own exception leaves."""
    values = policy({"Busy": RETRY}, deadline=5.0, attempt_timeout=0.2)
    with peer(hangs_up=False) as address:
        began = time.monotonic()
        if provider == "alibaba":
            outcome = executor(values).outcome(
                "CreateGroupId", alibaba_at(address).create_group_id, group("GID_sensors")
            )
        else:
            create = tencent_at(address).CreateInstance
            outcome = executor(values, provider="tencent").outcome("CreateInstance", create, purchase())
        assert time.monotonic() - began < 2
    assert (outcome.stop_reason, len(outcome.attempts)) == ("unknown", 1)
    assert outcome.attempts[0].fault is not None
    assert outcome.attempts[0].fault.transport == "lost"
    assert "timed out" in str(outcome.error)


@pytest.mark.parametrize("where", ["attempt", "wait"])
def test_control_c_leaves_at_once_and_is_told_as_cancelled(
    where: str, clock: VirtualTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Observers hear of a cancelled call, and the ledger's key is free again."""
    log = Log()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    if where == "wait":
        monkeypatch.setattr(VirtualTime, "sleep", lambda _, __: interrupted(0))
    service = Service(refused() if where == "wait" else KeyboardInterrupt())
    with Ledger(tmp_path / "ledger.db") as ledger:
        create = executor(ledger=ledger, observers=(log,)).wrap("CreateGroupId", service.create, accepted=lambda *_: "")
        with pytest.raises(KeyboardInterrupt):
            create(INSTANCE, GROUP)
        ended = log.last(CallEnded)
        assert (ended.ended, ended.stop_reason) == ("cancelled", "cancelled")
        [entry] = ledger.entries()
        assert entry.state == "started"
        assert ledger.holder(entry.key) is None
    assert clock.monotonic() == 0.0


def around(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does nothing but call another one."""

    def outer(instance_id: str, group_id: str) -> Any:
        return function(instance_id, group_id)

    return outer


def test_a_call_within_a_call_is_decided_by_the_inner_policy(clock: VirtualTime) -> None:
    """What the inner call has decided is final for the outer one, whether it runs in a thread or in a loop."""
    service = Service(refused("Nobody knows this"))
    inner = executor().wrap("CreateGroupId", service.create)
    outer = executor(policy({"Nobody knows this": RETRY})).wrap("CreateGroupId", around(inner))
    outcome = outer.outcome(INSTANCE, GROUP)
    assert (outcome.stop_reason, len(service.names)) == ("inner", 1)
    assert clock.monotonic() == 0.0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_runs_in_a_worker_thread_of_an_event_loop(backend: str, clock: VirtualTime) -> None:
    """A plain function that uses a SyncExecutor may itself be wrapped by an Executor."""
    service = Service(refused(), refused())
    inner = executor().wrap("CreateGroupId", service.create)
    outer = Executor(policy(RULES), provider="alibaba", observers=()).wrap("CreateGroupId", around(inner))

    async def main() -> Any:
        return await outer(INSTANCE, GROUP)

    assert anyio.run(main, backend=backend) == f"made {GROUP}"
    assert (len(service.names), clock.monotonic()) == (3, 2.0)


def test_no_event_loop_is_ever_made(clock: VirtualTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Retries, remedies, credentials and the ledger do without one."""

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("an event loop")

    for name in ("new_event_loop", "run", "get_running_loop", "get_event_loop"):
        monkeypatch.setattr(asyncio, name, forbidden)
    monkeypatch.setattr(anyio, "run", forbidden)
    service = Service(refused(), ConnectionResetError(), refused("Taken"))
    with Ledger(tmp_path / "ledger.db") as ledger:
        create = executor(policy({**RULES, "lost": VERIFY}), ledger=ledger).wrap("CreateGroupId", service.create)
        create.verify(lambda instance_id, group_id: None if instance_id and group_id else "")
        outcome = create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, len(outcome.attempts)) == ("success_after_retry", 4)
    assert clock.monotonic() > 2.0


def test_mistakes_in_the_program_are_raised_at_once(clock: VirtualTime) -> None:
    """No rule sees them; unknown operations, impossible renames and accepts without a value are found early."""
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        executor(policy({"*": RETRY})).call("CreateGroupId", Service().create, INSTANCE)  # type: ignore[call-arg]  # that is the mistake
    with pytest.raises(ValueError, match="CreateGroupId"):
        executor().wrap("CreateGroupID", Service().create)

    def create(name: str) -> str:
        return name

    with pytest.raises(TypeError, match="no parameter holds it"):
        executor().wrap("CreateGroupId", create)
    with pytest.raises(TypeError, match="register a verifier"):
        executor(policy({"Exists": ACCEPT})).call("CreateGroupId", Service().create, INSTANCE, GROUP)
    assert clock.monotonic() == 0.0


# The ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


LEDGERED = policy({**RULES, "lost": evolve(VERIFY, backoff=None)}, settle=0.0)


def found(instance_id: str, group_id: str) -> str:
    assert instance_id
    return f"found {group_id}"


def test_what_an_earlier_run_has_done_is_not_done_again(ledger: Ledger, clock: VirtualTime) -> None:
    """The second run's call is accepted, and the service is not asked."""
    service = Service()
    for run in range(2):
        create = executor(LEDGERED, ledger=ledger).wrap("CreateGroupId", service.create, accepted=lambda *_: "known")
        outcome = create.outcome(INSTANCE, GROUP)
        assert outcome.ended == ("accepted" if run else "success")
    assert (service.names, clock.monotonic()) == ([GROUP], 0.0)


def test_what_an_earlier_run_left_unfinished_is_looked_for(ledger: Ledger, clock: VirtualTime) -> None:
    """After a crash the next run verifies before it does anything."""
    service = Service(KeyboardInterrupt())
    first = executor(LEDGERED, ledger=ledger).wrap("CreateGroupId", service.create)
    first.verify(found)
    with pytest.raises(KeyboardInterrupt):
        first(INSTANCE, GROUP)
    second = executor(LEDGERED, ledger=ledger).wrap("CreateGroupId", service.create)
    second.verify(found)
    outcome = second.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.value, outcome.verified) == ("accepted", f"found {GROUP}", True)
    assert (service.names, clock.monotonic()) == ([GROUP], 0.0)


def test_a_call_on_the_resource_of_the_call_around_it_is_an_error(ledger: Ledger, clock: VirtualTime) -> None:
    """It would wait for itself; it says so at once instead."""
    used = executor(LEDGERED, ledger=ledger)
    inner: Callable[..., Any] = used.wrap("CreateGroupId", Service().create, accepted=lambda *_: "")
    outer = used.wrap("CreateGroupId", around(inner))
    with pytest.raises(LedgerError, match="called inside of a call for the same resource"):
        outer(INSTANCE, GROUP)
    assert clock.monotonic() == 0.0


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([2.0], id="success"),
        pytest.param([refused(), 2.0], id="retry"),
        pytest.param([refused("Other")], id="no-rule"),
        pytest.param([TypeError("a programming error")], id="programming-error"),
        pytest.param([KeyboardInterrupt()], id="interrupted"),
    ],
)
@pytest.mark.parametrize("deadline", [None, 60.0], ids=["unlimited", "limited"])
def test_what_is_told_of_a_first_call_is_told_of_every_call(
    clock: VirtualTime, script: list[Any], deadline: float | None
) -> None:
    """As on an event loop: a call that begins without a run is told by the same events."""
    told = []
    for calls_before in range(2):
        log, service = Log(), Service(clock=clock)
        create = executor(policy(RULES, deadline=deadline), observers=[log]).wrap("CreateGroupId", service.create)
        for _ in range(calls_before):
            create(INSTANCE, GROUP)
        log.events.clear()
        service.script = list(script)
        with contextlib.suppress(Exception, KeyboardInterrupt):
            create(INSTANCE, GROUP)
        told.append(log.events)
    first, later = told
    assert isinstance(first[-1], CallEnded)
    assert later == first
