"""Credentials that calls share: one refresh for all who need it, and nobody who waits for ever."""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from engine_calls import GROUP, INSTANCE, REFRESH, RETRY, Log, Service, executor, policy, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience import Credentials, DeadlineExceeded, RemedyFailed
from resilience.core.events import RefreshEnded, RefreshStarted
from resilience.core.settings.credentials import CredentialLimits
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


VALUES = policy({"Expired": REFRESH, "Busy": RETRY})


class Sts:
    """A token service: each refresh takes a second; a script says what it meets instead."""

    def __init__(self, *script: Any) -> None:
        self.service = Service(*script)
        self.made = 0

    async def __call__(self) -> str:
        self.service.script = self.service.script or [1.0]
        await self.service()
        self.made += 1
        return f"key-{self.made}"


def caller(source: Credentials[str], good: str, **more: Any) -> Any:
    """Return a wrapped function that the service takes with one key only, for one second."""

    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        used = source.current()
        await anyio.sleep(1)
        if used != good:
            raise refused("Expired")
        return used

    return executor(VALUES, credentials={"alibaba": source}, **more).wrap("CreateGroupId", create_group)


async def test_a_thousand_calls_share_one_load_and_one_refresh() -> None:
    """However many calls meet an expired key at once, the token service is asked once for the first and once more."""
    sts = Sts()
    create = caller(Credentials(sts), "key-2")
    with anyio.fail_after(1000):
        async with anyio.create_task_group() as group:
            for _ in range(1000):
                group.start_soon(create, INSTANCE, GROUP)
    assert sts.made == 2


async def test_who_loses_the_race_takes_the_newer_generation() -> None:
    """A call whose key was rejected after somebody else had renewed it asks for no third one."""
    sts = Sts()
    source = Credentials(sts)
    await source.load()

    async def slow(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        used = source.current()
        await anyio.sleep(50)
        if used != "key-2":
            raise refused("Expired")
        return used

    one = executor(VALUES, credentials={"alibaba": source})
    async with anyio.create_task_group() as group:
        group.start_soon(one.call, "CreateGroupId", slow, INSTANCE, GROUP)
        group.start_soon(caller(source, "key-2"), INSTANCE, GROUP)
    assert sts.made == 2


async def test_when_the_leader_is_cancelled_a_follower_starts_again() -> None:
    """The one who runs the refresh may go; the next in line runs it, and everybody gets the key."""
    sts = Sts("hang", 1.0)
    source = Credentials(sts)
    got: list[str] = []

    async def load() -> None:
        got.append(await source.load())

    with anyio.fail_after(1000):
        async with anyio.create_task_group() as group:
            leader = anyio.CancelScope()

            async def lead() -> None:
                with leader:
                    await load()

            group.start_soon(lead)
            await anyio.sleep(1)
            for _ in range(3):
                group.start_soon(load)
            await anyio.sleep(1)
            leader.cancel()
    assert got == ["key-1"] * 3
    assert len(sts.service.calls) == 2


async def test_a_cancelled_waiter_leaves_and_harms_nobody() -> None:
    """Who no longer wants to wait goes at once; the refresh goes on for the others."""
    sts = Sts(10.0)
    source = Credentials(sts)
    with anyio.fail_after(1000):
        async with anyio.create_task_group() as group:
            group.start_soon(source.load)
            await anyio.sleep(1)
            with anyio.move_on_after(1) as scope:
                await source.load()
            assert scope.cancelled_caught
            assert source.generation == 0
    assert (source.current(), sts.made) == ("key-1", 1)


_PLANS = st.lists(
    st.tuples(
        st.floats(0, 5),  # when a caller comes
        st.one_of(st.none(), st.floats(0, 10)),  # how long it stays before it is cancelled
    ),
    min_size=1,
    max_size=12,
)
_FLIGHTS = st.lists(st.one_of(st.sampled_from([0.0, 0.5, 3.0]), st.just("fails"), st.just("hang")), max_size=6)


@pytest.mark.parametrize("name", ["asyncio", "trio"])
@settings(max_examples=60, deadline=None)
@given(plan=_PLANS, flights=_FLIGHTS)
def test_nobody_is_stranded(name: str, plan: list[tuple[float, float | None]], flights: list[Any]) -> None:
    """Whoever is cancelled, and whatever fails or hangs until then: each of the others gets a key or a failure."""
    stayed: list[str] = []

    async def main() -> None:
        script = [refused("Sts") if each == "fails" else each for each in flights]
        source: Credentials[str] = Credentials(Sts(*script), limits=CredentialLimits(cool_down=0.0))

        async def come(after: float, patience: float | None) -> None:
            await anyio.sleep(after)
            # 100 s are more than all flights together; a hanging one is left when its leader is.
            with anyio.move_on_after(100 if patience is None else patience):
                with contextlib.suppress(RemedyFailed):
                    await source.load()
                stayed.append("served")
                return
            stayed.append("left")

        with anyio.fail_after(100_000):
            async with anyio.create_task_group() as group:
                for after, patience in plan:
                    group.start_soon(come, after, patience)
            with anyio.move_on_after(1000) as scope:
                await source.ready()
            stayed.append("left" if scope.cancelled_caught else "served")

    backend, options = virtual_backend("trio" if name == "trio" else "asyncio")
    try:
        anyio.run(main, backend=backend, backend_options=options)
    except (RemedyFailed, ExceptionGroup):
        stayed.append("served")
    assert len(stayed) == len(plan) + 1
    if "hang" not in flights:
        patient = sum(1 for _, patience in plan if patience is None)
        assert stayed.count("served") >= patient + 1


async def test_a_failed_refresh_is_told_to_all_who_wait_each_with_a_fresh_exception() -> None:
    """Those who waited get the failure, with the same cause and an exception of their own."""
    no = OSError("sts is away")
    asked = 0

    async def assume_role() -> str:
        nonlocal asked
        asked += 1
        await anyio.sleep(1)
        raise no

    source = Credentials(assume_role)
    errors: list[RemedyFailed] = []

    async def load() -> None:
        with pytest.raises(RemedyFailed) as caught:
            await source.load()
        errors.append(caught.value)

    with anyio.fail_after(1000):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(load)
    assert [error.__cause__ for error in errors] == [no] * 3
    assert len({id(error) for error in errors}) == 3
    assert asked == 1


async def test_a_failed_refresh_is_not_asked_for_again_until_it_has_cooled_down() -> None:
    """For ``cool_down`` seconds everybody gets the known failure; then it is tried again."""
    service = Service(OSError(), value="key")
    source: Credentials[str] = Credentials(service, limits=CredentialLimits(cool_down=5.0))
    for _ in range(3):
        with pytest.raises(RemedyFailed):
            await source.load()
        await anyio.sleep(1)
    assert len(service.calls) == 1
    await anyio.sleep(2)
    assert await source.load() == "key"
    assert len(service.calls) == 2


async def test_a_failed_refresh_ends_the_call() -> None:
    """The call that needed the refresh fails with RemedyFailed; its cause is why, and the context what was rejected."""
    no = OSError("sts is away")
    source: Credentials[str] = Credentials(Sts(0.0, no))
    log = Log()
    outcome = await caller(source, "another", observers=[log]).outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason) == ("failed", "remedy")
    assert isinstance(outcome.error, RemedyFailed)
    assert outcome.error.__cause__ is no
    assert "stopped after 1 attempt" in outcome.error.__notes__[0]
    assert log.last(RefreshEnded).error == "OSError"


async def test_credentials_that_nobody_read_are_not_renewed() -> None:
    """Where the function never asked for the key, a new one would change nothing: the call says what to do."""
    sts = Sts()
    service = Service(refused("Expired"))
    one = executor(VALUES, credentials={"alibaba": Credentials(sts)})
    outcome = await one.outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert isinstance(outcome.error, RemedyFailed)
    assert str(outcome.error) == "refresh: credentials not read: call sts.current() inside the wrapped function"
    assert sts.made == 1


@pytest.mark.parametrize("as_datetime", [False, True])
async def test_credentials_that_expire_soon_are_renewed_ahead(as_datetime: bool) -> None:  # noqa: FBT001  # a test's parameter
    """Before an attempt, a key that ends within ``refresh_before`` is replaced; one that lasts is not."""
    lives = [60.0, 3600.0]

    def expires(_: str) -> float | datetime:
        left = lives.pop(0)
        return datetime.now(UTC) + timedelta(seconds=left) if as_datetime else time.time() + left

    sts = Sts()
    source = Credentials(sts, expires=expires, limits=CredentialLimits(refresh_before=300.0))
    assert [await source.load() for _ in range(3)] == ["key-1", "key-2", "key-2"]


async def test_a_failed_renewal_ahead_of_expiry_breaks_no_call() -> None:
    """While the old key still holds, calls go on with it."""
    source = Credentials(Sts(0.0, OSError(), OSError()), expires=lambda _: time.time() + 60)
    assert [await source.load(), await source.load()] == ["key-1", "key-1"]


async def test_an_expired_key_that_cannot_be_renewed_ends_the_call() -> None:
    """A key that has expired is no key."""
    source = Credentials(Sts(0.0, OSError()), expires=lambda _: time.time() - 1)
    await source.load()
    with pytest.raises(RemedyFailed):
        await source.load()


async def test_current_before_load_says_what_to_do() -> None:
    """Outside a wrapped function nothing is loaded yet."""
    with pytest.raises(RuntimeError, match=r"await load\(\)"):
        Credentials(Sts()).current()


async def test_secrets_are_not_in_the_repr() -> None:
    """Neither the source nor what goes wrong shows a key."""
    source = Credentials(Service(value="a very secret key"))
    await source.load()
    assert "secret" not in repr(source)
    assert "1" in repr(source)


async def test_a_refresh_that_really_runs_is_told_apart_from_one_that_is_waited_for() -> None:
    """Observers see one leader per refresh; those who wait hold the same flight."""
    log = Log()
    create = caller(Credentials(Sts()), "key-1", observers=[log])
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(create, INSTANCE, GROUP)
    seen = [event for event in log.events if isinstance(event, RefreshStarted)]
    assert sorted(event.leads for event in seen) == [False, False, True]
    assert len({id(event.flight) for event in seen}) == 1
    assert [event.number for event in seen] == [0, 0, 0]


async def test_a_refresh_that_hangs_in_a_thread_does_not_hold_up_the_next() -> None:
    """An abandoned thread that never ends keeps nobody from asking again."""
    release = threading.Event()
    asked: list[int] = []

    def assume_role() -> str:
        asked.append(len(asked))
        if len(asked) == 1:
            release.wait(20)
        return "key"

    source = Credentials(assume_role)
    try:
        with anyio.move_on_after(1):
            await source.load()
        real = time.monotonic()
        while time.monotonic() - real < 3:
            with anyio.move_on_after(1) as scope:
                await source.load()
            if not scope.cancelled_caught:
                break
        assert source.current() == "key"
    finally:
        release.set()


async def test_the_deadline_holds_for_those_who_wait_as_well() -> None:
    """A call that waits for somebody else's refresh is cut at its own deadline."""
    source = Credentials(Sts("hang"))
    one = executor(policy(deadline=10.0), credentials={"alibaba": source})
    errors: list[BaseException] = []

    async def call() -> None:
        with pytest.raises(DeadlineExceeded) as caught:
            await one.call("CreateGroupId", Service().group_function(), INSTANCE, GROUP)
        errors.append(caught.value)

    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)
    assert len(errors) == 3
    assert anyio.current_time() - began == pytest.approx(10.0)


async def test_credentials_are_never_pickled_and_never_shown() -> None:
    """Neither a file nor a log line gets to see what a source holds."""
    source = Credentials[str](lambda: "marker-secret")
    assert await source.load() == "marker-secret"
    assert "marker" not in f"{source!r} {source} {source.loaded!r}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(source)
