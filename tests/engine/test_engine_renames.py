"""Another name for a resource: where it is found in the arguments, and what is sent instead."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, NamedTuple

import anyio
import attrs
import pytest
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest
from attrs import evolve
from engine_calls import ACCEPT, FAIL, GROUP, INSTANCE, RENAME, RETRY, Service, executor, policy, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from tencentcloud.mqtt.v20240516.models import CreateTopicRequest

from resilience.catalog import catalogue
from resilience.core.events import ResourceRenamed
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


VALUES = policy({"Taken": RENAME})


@dataclasses.dataclass(frozen=True)
class Data:
    """A request as a dataclass, in wire case."""

    InstanceId: str
    GroupId: str


@attrs.frozen
class Frozen:
    """A request as an attrs class."""

    instance_id: str
    group_id: str


class Named(NamedTuple):
    """A request as a named tuple."""

    instance_id: str
    group_id: str


def tencent(topic: str) -> CreateTopicRequest:
    request = CreateTopicRequest()
    request.InstanceId, request.Topic = INSTANCE, topic
    return request


REQUESTS = pytest.mark.parametrize(
    ("request_object", "read"),
    [
        pytest.param(CreateGroupIdRequest(group_id=GROUP, instance_id=INSTANCE), lambda r: r.group_id, id="tea"),
        pytest.param(Data(INSTANCE, GROUP), lambda r: r.GroupId, id="dataclass"),
        pytest.param(Frozen(INSTANCE, GROUP), lambda r: r.group_id, id="attrs"),
        pytest.param(Named(INSTANCE, GROUP), lambda r: r.group_id, id="named-tuple"),
        pytest.param({"InstanceId": INSTANCE, "GroupId": GROUP}, lambda r: r["GroupId"], id="dict"),
    ],
)


@REQUESTS
async def test_a_field_of_a_request_object_is_renamed_on_a_copy(request_object: Any, read: Any) -> None:
    """The next attempt gets a request of the same kind with the new name; the caller's object stays as it was."""
    before = copy.deepcopy(read(request_object))
    service = Service(refused("Taken"))

    async def create_group(request: Any) -> Any:
        return await service(request)

    outcome = await executor(VALUES).wrap("CreateGroupId", create_group).outcome(request_object)
    first, second = (args[0] for args, _ in service.calls)
    assert first is request_object
    assert read(request_object) == before
    assert type(second) is type(request_object)
    assert read(second) == "GID_sensors-2"
    assert outcome.renamed == {"GroupId": (GROUP, "GID_sensors-2")}
    assert read(outcome.arguments["request"]) == "GID_sensors-2"


async def test_a_tencent_request_is_renamed_on_a_copy() -> None:
    """Tencent's models keep their fields behind properties; a copy of one takes the new name."""
    service = Service(refused("Taken", provider="alibaba"))
    request = tencent("sensors")

    async def create_topic(request: CreateTopicRequest) -> Any:
        return await service(request)

    create = executor(VALUES, provider="tencent").wrap("CreateTopic", create_topic)
    outcome = await create.outcome(request)
    assert request.Topic == "sensors"
    assert service.calls[1][0][0].Topic == "sensors-2"
    assert outcome.renamed == {"Topic": ("sensors", "sensors-2")}


@pytest.mark.parametrize("by", ["position", "keyword", "wire-case", "key", "keywords-of-any-name"])
async def test_a_parameter_is_renamed_however_it_is_given(by: str) -> None:
    """By position or by keyword, in snake or in wire case, or under the name that ``key`` says."""
    service = Service(refused("Taken"))

    async def create_group(instance_id: str, group_id: str) -> Any:
        return await service(instance_id, group_id)

    async def wire_case(InstanceId: str, GroupId: str) -> Any:  # noqa: N803  # as on the wire
        return await service(InstanceId, GroupId)

    async def oddly(instance_id: str, gid: str) -> Any:
        return await service(instance_id, gid)

    async def any_name(**fields: str) -> Any:
        return await service(*fields.values())

    one = executor(VALUES)
    if by == "position":
        outcome = await one.wrap("CreateGroupId", create_group).outcome(INSTANCE, GROUP)
    elif by == "keyword":
        outcome = await one.wrap("CreateGroupId", create_group).outcome(INSTANCE, group_id=GROUP)
    elif by == "wire-case":
        outcome = await one.wrap("CreateGroupId", wire_case).outcome(InstanceId=INSTANCE, GroupId=GROUP)
    elif by == "key":
        outcome = await one.wrap("CreateGroupId", oddly, key={"GroupId": "gid"}).outcome(INSTANCE, GROUP)
    else:
        outcome = await one.wrap("CreateGroupId", any_name).outcome(instance_id=INSTANCE, group_id=GROUP)
    assert [args[1] for args, _ in service.calls] == [GROUP, "GID_sensors-2"]
    assert outcome.renamed == {"GroupId": (GROUP, "GID_sensors-2")}


async def test_a_method_is_renamed_without_a_look_at_its_instance() -> None:
    """An attribute of the instance is no request field."""
    service = Service(refused("Taken"))
    one = executor(VALUES)

    class Console:
        group_id = "GID_mine"

        @one.wrap("CreateGroupId")
        async def create(self, instance_id: str, group_id: str) -> Any:
            return await service(instance_id, group_id)

    console: Any = Console()
    assert await console.create(INSTANCE, GROUP) == "created"
    assert service.calls[1][0] == (INSTANCE, "GID_sensors-2")


def test_a_rename_that_no_parameter_can_hold_is_an_error_at_once() -> None:
    """Where the policy can rename and the function has no such parameter, wrapping it fails and says what to do."""

    async def nothing() -> None: ...

    async def numbers(count: int, name: str) -> None: ...

    for function in (nothing, numbers):
        with pytest.raises(TypeError, match=r"can rename GroupId of CreateGroupId \(rule alibaba.\"Taken\"") as caught:
            executor(VALUES).wrap("CreateGroupId", function)
        assert 'key={"GroupId": "..."}' in str(caught.value)
        executor(policy({"Busy": RETRY})).wrap("CreateGroupId", function)


@pytest.mark.parametrize("function", [lambda request: request, lambda *args: args, lambda **fields: fields])
def test_a_parameter_of_unknown_type_may_hold_the_name(function: Any) -> None:
    """What has no annotation may be a request object."""
    executor(VALUES).wrap("CreateGroupId", function)


async def test_renames_end_where_no_legal_name_is_left() -> None:
    """A pattern that leads to no legal name is not sent: the action's ``then`` decides."""
    illegal = evolve(RENAME, key="illegal", pattern="{name} {n}")
    service = Service(refused("Taken"))
    outcome = await executor(policy({"Taken": illegal})).outcome(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert (outcome.stop_reason, outcome.renamed, len(service.calls)) == ("remedy", {}, 1)


class ReadOnly:
    """A request object whose copies cannot be changed."""

    @property
    def group_id(self) -> str:
        return GROUP


@pytest.mark.parametrize("given_object", [{"Name": "x"}, ReadOnly()], ids=["no-such-field", "read-only"])
async def test_a_call_whose_arguments_take_no_name_is_not_renamed(given_object: Any) -> None:
    """Where the object that was given has no such field to change, the call ends with the service's own exception."""
    taken = refused("Taken")
    service = Service(taken)

    async def create_group(request: Any) -> Any:
        return await service(request)

    outcome = await executor(VALUES).wrap("CreateGroupId", create_group).outcome(given_object)
    assert (outcome.stop_reason, outcome.error) == ("remedy", taken)


@settings(max_examples=60, deadline=None)
@given(
    tail=st.text("abcXYZ019_-", min_size=3, max_size=60),
    pattern=st.sampled_from(["{name}-{n}", "{name}_{hash}", "{name}.{n}", "{n}-{name}", "{name}{name}{n}", "fixed"]),
    longest=st.one_of(st.none(), st.integers(1, 80)),
)
def test_no_illegal_name_is_ever_sent(tail: str, pattern: str, longest: int | None) -> None:
    """Whatever the pattern and the length, each name that is sent is legal, new, and no longer than allowed."""
    service = Service(*[refused("Taken") for _ in range(5)])
    values = policy({"Taken": evolve(RENAME, key="r", pattern=pattern, max_length=longest)})
    one = executor(values)

    async def main() -> Any:
        return await one.outcome("CreateGroupId", service.group_function(), INSTANCE, f"GID_{tail}")

    backend, options = virtual_backend("asyncio")
    anyio.run(main, backend=backend, backend_options=options)
    rule = catalogue("alibaba").names["group-id"]
    sent = [args[1] for args, _ in service.calls]
    assert sent[0] == f"GID_{tail}"
    for each in sent[1:]:
        assert rule.is_legal(each)
        assert each != sent[0]
        assert longest is None or len(each) <= longest


async def test_a_rename_is_told_to_on_rename_before_the_next_attempt() -> None:
    """The callback gets operation, field, old and new name, once for every rename."""
    told: list[ResourceRenamed] = []
    service = Service(refused("Taken"), refused("Taken"))
    one = executor(VALUES, on_rename=told.append)
    await one.call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert [(event.operation, event.field, event.old, event.new) for event in told] == [
        ("CreateGroupId", "GroupId", GROUP, "GID_sensors-2"),
        ("CreateGroupId", "GroupId", "GID_sensors-2", "GID_sensors-3"),
    ]


async def test_names_are_the_same_in_every_run_and_differ_between_accounts() -> None:
    """A re-run meets the names of the run before; two accounts do not meet each other's."""
    hashed = evolve(RENAME, key="hashed", pattern="{name}-{hash}")
    sent = []
    for account in ("1", "1", "2"):
        service = Service(refused("Taken"))
        one = executor(policy({"Taken": hashed}), account=account)
        await one.call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
        sent.append(service.calls[1][0][1])
    assert sent[0] == sent[1] != sent[2]


async def test_a_rename_clears_what_was_in_doubt() -> None:
    """A new name is a new resource: what exists under it is not ours."""
    values = policy({"Lost": RETRY, "Taken": RENAME, "Exists": ACCEPT}, repeats={"CreateGroupId": "conflict"})
    service = Service(refused("Lost", effect="unknown"), refused("Taken"), refused("Exists"))
    outcome = await executor(values).outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (outcome.stop_reason, outcome.may_exist) == ("not_ours", False)


async def test_the_renames_then_decides_when_they_are_used_up() -> None:
    """After ``max`` renames the call ends."""
    values = policy({"Taken": evolve(RENAME, key="two", max=2, then=FAIL)})
    service = Service(*[refused("Taken") for _ in range(9)])
    outcome = await executor(values).outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, len(service.calls)) == ("exhausted", "max", 3)
