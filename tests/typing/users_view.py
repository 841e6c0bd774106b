"""
Types as users see them: checked with mypy and pyright by ``test_typing_users_view.py``, and never run.

Each ``assert_type`` says what a checker must infer. Each ignored error must be one:
both checkers complain about an ignore that they do not need.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, assert_type

import httpx
import requests

from resilience import (
    BoundCall,
    Credentials,
    Executor,
    MappedOutcome,
    Outcome,
    Policy,
    SyncBoundCall,
    SyncExecutor,
    SyncMappedOutcome,
    limited,
    wrap_client,
)

policy = Policy.load("builtin:alibaba-mqtt")
executor = Executor(policy, provider="alibaba")
threads = SyncExecutor(policy, provider="alibaba")


class Sts:
    """Credentials."""

    key = ""


async def assume_role() -> Sts:
    return Sts()


def assume_role_in_a_thread() -> Sts:
    return Sts()


@executor.wrap("CreateGroupId")
async def create_group(instance_id: str, group_id: str, *, remark: str = "") -> int:
    """Return a number."""
    return len(instance_id + group_id + remark)


@create_group.verify
async def find_group(instance_id: str, group_id: str, *, remark: str = "") -> int | None:
    """Return a number or None."""
    return len(instance_id + group_id + remark) or None


@executor.wrap("ListGroupId", accepted=lambda *_: [])
def list_groups(instance_id: str) -> list[str]:
    """Return names, from a thread."""
    return [instance_id]


@executor.wrap("ListGroupId")
def list_later(instance_id: str) -> Awaitable[list[str]]:
    """Return something to wait for."""
    raise NotImplementedError(instance_id)


class Console:
    """A class with a wrapped method."""

    @executor.wrap("CreateGroupId")
    async def create(self, instance_id: str, group_id: str) -> bool:
        """Return a truth."""
        return bool(instance_id + group_id)


@executor.verify("DeleteGroupId")
async def is_deleted(instance_id: str, group_id: str) -> bool | None:
    """Return a truth or None."""
    return bool(instance_id + group_id)


async def unwrapped(group_id: str) -> bytes:
    """Return bytes."""
    return group_id.encode()


def returns_an_awaitable(group_id: str) -> Awaitable[bytes]:
    """Return something to wait for."""
    raise NotImplementedError(group_id)


async def use() -> None:
    """Use all of it."""
    assert_type(await create_group("i", "g"), int)
    assert_type(await create_group("i", group_id="g", remark="r"), int)
    assert_type(await create_group.outcome("i", "g"), Outcome[int])
    assert_type((await create_group.outcome("i", "g")).unwrap(), int)
    assert_type((await create_group.outcome("i", "g")).value, int | None)
    assert_type(await create_group.limited(deadline="5s", max_attempts=1)("i", group_id="g"), int)
    assert_type(await create_group.limited(attempt_timeout=0.5).outcome("i", "g"), Outcome[int])
    assert_type(await create_group.limited(deadline=5).limited(deadline="none")("i", "g"), int)
    assert_type(await Console().create.limited(max_attempts=1)("i", "g"), bool)
    assert_type(await find_group("i", "g"), int | None)
    assert_type(await list_groups("i"), list[str])
    assert_type(await list_later("i"), list[str])
    assert_type(await is_deleted("i", "g"), bool | None)

    assert_type(await Console().create("i", "g"), bool)
    assert_type(await Console().create.outcome("i", "g"), Outcome[bool])
    assert_type(await Console.create(Console(), "i", "g"), bool)

    assert_type(await executor.call("CreateGroupId", unwrapped, "g"), bytes)
    assert_type(await executor.call("CreateGroupId", returns_an_awaitable, "g"), bytes)
    assert_type(await executor.call("CreateGroupId", create_group, "i", "g"), int)
    assert_type(await executor.outcome("CreateGroupId", unwrapped, "g"), Outcome[bytes])
    assert_type(await executor.wrap("CreateGroupId", unwrapped)("g"), bytes)
    assert_type(await executor.wrap("CreateGroupId", len)("g"), int)

    async with executor.map(create_group.bind("i", name) for name in "ab") as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, MappedOutcome[int])
            assert_type(outcome.call, BoundCall[int])
    async with executor.map([Console().create.bind("i", "g")], concurrency=2, ordered=True) as others:
        assert_type(await anext(others), MappedOutcome[bool])
    async with executor.map([executor.bind("CreateGroupId", unwrapped, "g")]) as unwrapped_outcomes:
        assert_type(await anext(unwrapped_outcomes), MappedOutcome[bytes])
    assert_type(await create_group.limited(max_attempts=1).bind("i", "g").outcome(), Outcome[int])
    executor.map([create_here.bind("i", "g")])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the other executor's
    create_group.bind("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # an argument is missing

    assert_type(Credentials(assume_role).current(), Sts)
    assert_type(Credentials(assume_role_in_a_thread).current(), Sts)
    assert_type(await Credentials(assume_role, expires=lambda sts: len(sts.key)).load(), Sts)

    await create_group("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # an argument is missing
    await create_group("i", 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no string
    await create_group.outcome("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
    await create_group.limited(max_attempts=1)("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
    create_group.limited(max_attempts="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no number
    await Console().create("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
    await executor.call("CreateGroupId", create_group, "i")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]  # likewise


@threads.wrap("CreateGroupId")
def create_here(instance_id: str, group_id: str, *, remark: str = "") -> int:
    """Return a number."""
    return len(instance_id + group_id + remark)


@create_here.verify
def find_here(instance_id: str, group_id: str, *, remark: str = "") -> int | None:
    """Return a number or None."""
    return len(instance_id + group_id + remark) or None


@threads.verify("DeleteGroupId")
def is_deleted_here(instance_id: str, group_id: str) -> bool | None:
    """Return a truth or None."""
    return bool(instance_id + group_id)


@threads.wrap("ListGroupId")
def list_anything(instance_id: str) -> Any:
    """Return what an SDK without types returns."""
    return instance_id


class Desk:
    """A class with a wrapped method."""

    @threads.wrap("CreateGroupId")
    def create(self, instance_id: str, group_id: str) -> bool:
        """Return a truth."""
        return bool(instance_id + group_id)


def use_here() -> None:
    """Use what needs no event loop."""
    assert_type(create_here("i", "g"), int)
    assert_type(create_here("i", group_id="g", remark="r"), int)
    assert_type(create_here.outcome("i", "g"), Outcome[int])
    assert_type(create_here.outcome("i", "g").unwrap(), int)
    assert_type(create_here.outcome("i", "g").value, int | None)
    assert_type(create_here.limited(deadline="5s", max_attempts=1)("i", "g"), int)
    assert_type(create_here.limited(attempt_timeout=0.5).outcome("i", "g"), Outcome[int])
    assert_type(Desk().create.limited(max_attempts=1)("i", "g"), bool)
    assert_type(find_here("i", "g"), int | None)
    assert_type(list_anything("i"), Any)
    assert_type(list_anything.outcome("i"), Outcome[Any])
    assert_type(is_deleted_here("i", "g"), bool | None)

    assert_type(Desk().create("i", "g"), bool)
    assert_type(Desk().create.outcome("i", "g"), Outcome[bool])
    assert_type(Desk.create(Desk(), "i", "g"), bool)

    assert_type(threads.call("CreateGroupId", create_here, "i", "g"), int)
    assert_type(threads.outcome("CreateGroupId", create_here, "i", "g"), Outcome[int])
    assert_type(threads.wrap("CreateGroupId", len)("g"), int)
    assert_type(Credentials(assume_role_in_a_thread).load_blocking(), Sts)

    for outcome in threads.map(create_here.bind("i", name) for name in "ab"):
        assert_type(outcome, SyncMappedOutcome[int])
        assert_type(outcome.call, SyncBoundCall[int])
    bound = threads.bind(wrap_client(requests.Session(), threads).get, "u")
    assert_type(bound, SyncBoundCall[requests.Response])
    threads.map([create_group.bind("i", "g")])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the other executor's

    assert_type(wrap_client(requests.Session(), threads), requests.Session)
    assert_type(wrap_client(requests.Session(), executor).get("u"), requests.Response)
    assert_type(wrap_client(httpx.AsyncClient(), executor), httpx.AsyncClient)
    assert_type(limited(wrap_client(requests.Session(), threads).request, deadline="5s")("GET", "u"), requests.Response)

    create_here("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # an argument is missing
    create_here("i", 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no string
    create_here.outcome("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
    Desk().create("i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
    threads.call("CreateGroupId", create_here, "i")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # likewise
