"""Two names never become one: many calls of one executor, whatever the service answers, and in which order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from attrs import define, evolve, field
from engine_calls import ACCEPT, ACCEPT_ALWAYS, AT_ONCE, FAIL, INSTANCE, RENAME, executor, policy, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience import DONE, Executor, Ledger, Outcome, RemedyFailed
from resilience.core.policy import Action, PolicyValues
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio

OTHER_INSTANCE = "mqtt-cn-y"
LONG = "GID_site-hangzhou-line-07-controller-plc-"


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


@define
class Groups:
    """
    A service with groups, each of which remembers for which name it was asked.

    Attributes:
        foreign: The names that another account has.
        script: What the next requests meet, whatever they ask for: ``taken``, ``lost`` (made, and no answer),
            ``unmade`` (not made, and no answer either) or ``ok``; after it there are no faults.
        made: For whom each group was made.
        sent: Every name that was sent.
        pauses: How long the next requests take.
    """

    foreign: set[str] = field(factory=set)
    script: list[str] = field(factory=list)
    made: dict[tuple[str, str], str] = field(factory=dict)
    sent: list[str] = field(factory=list)
    pauses: list[float] = field(factory=list)

    async def request(self, instance: str, name: str, wanted: str) -> str:
        self.sent.append(name)
        await anyio.sleep(self.pauses.pop(0) if self.pauses else 0.01)
        met = self.script.pop(0) if self.script else "ok"
        if met == "taken" or name in self.foreign:
            raise refused("Taken")
        if met == "unmade":
            raise refused("Lost", effect="unknown")
        if (instance, name) in self.made:
            raise refused("Exists")
        self.made[instance, name] = wanted
        await anyio.sleep(0.01)
        if met == "lost":
            raise refused("Lost", effect="unknown")
        return name


def values(*, exists: Action = ACCEPT, rename: Action = RENAME) -> PolicyValues:
    return policy(
        {"Taken": rename, "Lost": AT_ONCE, "Exists": exists}, repeats={"CreateGroupId": "conflict"}, max_attempts=20
    )


EXISTS = pytest.mark.parametrize("exists", [ACCEPT, ACCEPT_ALWAYS], ids=["ours", "always"])


async def create(one: Executor, service: Groups, name: str, instance: str = INSTANCE) -> Outcome[Any]:
    async def create_group(instance_id: str, group_id: str) -> str | None:
        return await service.request(instance_id, group_id, name)

    return await one.outcome("CreateGroupId", create_group, instance, name)


def name_of(outcome: Outcome[Any]) -> str:
    return str(outcome.arguments["group_id"])


@EXISTS
@pytest.mark.parametrize(
    "answers", [["taken", "ok", "taken"], ["taken", "ok", "taken", "lost"], ["taken", "lost", "ok"] * 2]
)
async def test_names_that_differ_only_at_their_end_stay_two(exists: Action, answers: list[str]) -> None:
    """Shortened to one limit they keep a hash each, with and without lost answers."""
    service = Groups(script=list(answers))
    one = executor(values(exists=exists, rename=evolve(RENAME, key="short", max_length=40)))
    outcomes = [await create(one, service, f"{LONG}{number}") for number in ("0001", "0002")]
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert len({name_of(outcome) for outcome in outcomes}) == 2
    assert {len(name_of(outcome)) for outcome in outcomes} == {40}
    assert sorted(service.made.values()) == [f"{LONG}0001", f"{LONG}0002"]


@EXISTS
async def test_a_name_that_the_program_asks_for_itself_is_not_given(exists: Action) -> None:
    """Whether it was asked for before or is being made just now, the rename takes the next name."""
    service = Groups(foreign={"GID_a"}, pauses=[0.0, 5.0])
    one = executor(values(exists=exists))
    outcomes: dict[str, Outcome[Any]] = {}

    async def go(name: str) -> None:
        outcomes[name] = await create(one, service, name)

    await go("GID_a-2")
    async with anyio.create_task_group() as group:
        group.start_soon(go, "GID_a-3")
        group.start_soon(go, "GID_a")
    assert {name: name_of(outcome) for name, outcome in outcomes.items()} == {
        "GID_a": "GID_a-4",
        "GID_a-2": "GID_a-2",
        "GID_a-3": "GID_a-3",
    }
    assert outcomes["GID_a"].renamed == {"GroupId": ("GID_a", "GID_a-4")}
    assert all(outcome.error is None for outcome in outcomes.values())


@EXISTS
async def test_a_name_that_was_given_away_is_refused_loudly(exists: Action) -> None:
    """Nothing is sent for it, so that no answer can be taken for its own; the note names the collision."""
    service = Groups(foreign={"GID_a"})
    one = executor(values(exists=exists))
    assert name_of(await create(one, service, "GID_a")) == "GID_a-2"
    outcome = await create(one, service, "GID_a-2")
    assert (outcome.stop_reason, outcome.ended, outcome.attempts) == ("not_ours", "failed", ())
    assert isinstance(outcome.error, RemedyFailed)
    note = "\n".join(outcome.error.__notes__)
    assert "this GroupId is the new name of another resource" in note.splitlines()[1]
    assert "CreateGroupId" in note
    assert "GID_a" not in note + str(outcome.error)
    assert service.sent == ["GID_a", "GID_a-2"]


async def test_a_wrapped_function_on_its_quick_path_is_refused_too() -> None:
    """Calls that succeed at once leave no trace but this one."""
    service = Groups()
    one = executor(values())

    @one.wrap("CreateGroupId")
    async def create_group(instance_id: str, group_id: str) -> str | None:
        return await service.request(instance_id, group_id, group_id)

    assert await create_group(INSTANCE, "GID_first") == "GID_first"
    assert await create_group(INSTANCE, "GID_a-2") == "GID_a-2"
    service.foreign = {"GID_a"}
    assert await create_group(INSTANCE, "GID_a") == "GID_a-3"
    with pytest.raises(RemedyFailed, match="another resource"):
        await create_group(INSTANCE, "GID_a-3")
    assert await create_group(INSTANCE, "GID_a-4") == "GID_a-4"


async def test_the_same_name_in_another_instance_is_another_name() -> None:
    """A scope of its own has names of its own."""
    service = Groups(foreign={"GID_a"})
    one = executor(values())
    assert name_of(await create(one, service, "GID_a-2", OTHER_INSTANCE)) == "GID_a-2"
    assert name_of(await create(one, service, "GID_a")) == "GID_a-2"
    assert name_of(await create(one, service, "GID_a", OTHER_INSTANCE)) == "GID_a-3"


async def test_an_instance_that_is_a_default_counts() -> None:
    """A function may say the instance itself: it is the scope all the same."""
    service = Groups(foreign={"GID_a"})
    one = executor(values())

    async def create_group(group_id: str, instance_id: str = INSTANCE) -> str | None:
        return await service.request(instance_id, group_id, group_id)

    made = one.wrap("CreateGroupId", create_group)
    assert await made("GID_a-2", INSTANCE) == "GID_a-2"
    assert await made("GID_a") == "GID_a-3"
    assert await made("GID_a", OTHER_INSTANCE) == "GID_a-2"


async def test_two_calls_that_ask_for_one_name_share_it() -> None:
    """Whoever asks twice for one resource gets one: the second time it exists."""
    service = Groups(foreign={"GID_a"})
    one = executor(values(exists=ACCEPT_ALWAYS))
    outcomes = [await create(one, service, "GID_a") for _ in range(2)]
    assert [name_of(outcome) for outcome in outcomes] == ["GID_a-2", "GID_a-2"]
    assert [outcome.stop_reason for outcome in outcomes] == ["success", "accepted"]


async def test_a_name_that_the_service_refused_is_free_again() -> None:
    """What a rename has tried and left without a doubt is nobody's: a call that asks for it is told by the service."""
    service = Groups(foreign={"GID_a", "GID_a-2"})
    one = executor(values())
    assert name_of(await create(one, service, "GID_a")) == "GID_a-3"
    assert name_of(await create(one, service, "GID_a-2")) == "GID_a-2-2"


async def test_a_name_under_which_something_may_exist_is_not_free_again() -> None:
    """A lost answer leaves a doubt that another name does not end."""
    service = Groups(script=["taken", "lost", "taken", "ok"])
    one = executor(values(exists=ACCEPT_ALWAYS))
    assert name_of(await create(one, service, "GID_a")) == "GID_a-3"
    assert (await create(one, service, "GID_a-2")).stop_reason == "not_ours"


async def test_a_failed_call_gives_its_new_name_back() -> None:
    """Where nothing was made under it, others may ask for it."""
    service = Groups(foreign={"GID_a"}, made={(INSTANCE, "GID_a-2"): "an earlier run"})
    one = executor(values())
    failed = await create(one, service, "GID_a")
    assert (failed.stop_reason, name_of(failed)) == ("not_ours", "GID_a-2")
    assert "a then that is a rename tries the next name" in failed.error.__notes__[0]  # type: ignore[union-attr]
    assert (await create(one, service, "GID_a-2")).stop_reason == "not_ours"
    assert service.sent == ["GID_a", "GID_a-2", "GID_a-2"]


async def test_a_policy_may_go_on_where_a_new_name_is_there_already() -> None:
    """``then`` of the accept is a rename: it tries the next name, from what was there before on."""
    service = Groups(foreign={"GID_a"}, made={(INSTANCE, "GID_a-2"): "an earlier run"})
    one = executor(values(exists=evolve(ACCEPT, key="else-rename", then=RENAME)))
    assert name_of(await create(one, service, "GID_a")) == "GID_a-3"


@pytest.mark.parametrize("pattern", ["{name}{n}", "GID_same-{n}"])
async def test_names_that_are_passed_over_count_as_uses(pattern: str) -> None:
    """``max`` bounds the names that may be given, whether they were tried or passed over."""
    service = Groups(foreign={"GID_area"})
    one = executor(values(rename=evolve(RENAME, key="r", pattern=pattern, max=3)))
    names = [pattern.replace("{name}", "GID_area").replace("{n}", str(number)) for number in range(2, 6)]
    for name in names[:2]:
        assert (await create(one, service, name)).error is None
    service.foreign.add(names[2])
    tried = await create(one, service, "GID_area")
    assert (tried.stop_reason, service.sent[-1]) == ("max", names[2])
    await create(one, service, names[2])
    passed = await create(one, service, "GID_area")
    assert (passed.stop_reason, passed.renamed, service.sent[-1]) == ("remedy", {}, "GID_area")
    assert "belong to other resources of this run" in passed.error.__notes__[0]  # type: ignore[union-attr]


async def test_a_pattern_without_a_number_collides_once() -> None:
    """Where the only name that can be built is another resource's, ``then`` decides."""
    service = Groups(foreign={"GID_b"})
    by_hash = evolve(RENAME, key="r", pattern="GID_same{hash}", max=9, then=FAIL)
    one = executor(values(rename=by_hash), account="1")
    taken = name_of(await create(one, service, "GID_b"))
    again = executor(values(rename=by_hash), account="1")
    assert (await create(again, service, taken)).stop_reason == "not_ours"
    assert (await create(again, service, "GID_b")).stop_reason == "remedy"


async def test_too_little_room_for_a_hash_ends_in_then() -> None:
    """A name is rather not renamed than cut to what another may be cut to."""
    service = Groups(foreign={"GID_sensors"})
    outcome = await create(executor(values(rename=evolve(RENAME, key="r", max_length=12))), service, "GID_sensors")
    assert outcome.stop_reason == "remedy"
    assert "keeps a hash" in outcome.error.__notes__[0]  # type: ignore[union-attr]


async def test_a_verifier_is_not_believed_about_another_resource() -> None:
    """It would say of what a rename has made that it is there."""
    service = Groups(foreign={"GID_a"})
    one = executor(values(exists=ACCEPT_ALWAYS))
    one.verify("CreateGroupId")(lambda instance_id, group_id: DONE if (instance_id, group_id) in service.made else None)
    assert name_of(await create(one, service, "GID_a")) == "GID_a-2"
    service.script = ["unmade"]
    assert (await create(one, service, "GID_a-2")).stop_reason == "not_ours"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as one:
        yield one


@EXISTS
async def test_a_ledger_knows_the_names_of_earlier_runs(ledger: Ledger, exists: Action) -> None:
    """Another executor with the same ledger gives no name again, and refuses what was given."""
    service = Groups(foreign={"GID_a", "GID_b"})
    by_number = values(exists=exists, rename=evolve(RENAME, key="r", pattern="GID_{n}00"))
    runs = [executor(by_number, ledger=ledger) for _ in range(4)]
    assert name_of(await create(runs[0], service, "GID_a")) == "GID_200"
    assert name_of(await create(runs[1], service, "GID_b")) == "GID_300"
    assert (await create(runs[2], service, "GID_300")).stop_reason == "not_ours"
    assert name_of(await create(runs[2], service, "GID_400")) == "GID_400"
    service.foreign.add("GID_c")
    assert name_of(await create(runs[3], service, "GID_c")) == "GID_500"
    again = [await create(executor(by_number, ledger=ledger), service, name) for name in ("GID_a", "GID_b", "GID_c")]
    assert [name_of(outcome) for outcome in again] == ["GID_200", "GID_300", "GID_500"]


async def test_a_ledger_of_two_accounts_has_two_places(ledger: Ledger) -> None:
    """A name of one account says nothing of the other's."""
    for account in ("1", "2"):
        service = Groups(foreign={"GID_a"})
        one = executor(values(), account=account, ledger=ledger)
        assert name_of(await create(one, service, "GID_a")) == "GID_a-2"


async def test_two_runs_at_once_give_two_names(ledger: Ledger) -> None:
    """Neither run is done when the other asks: the key of a name is claimed like that of a resource."""
    service = Groups(foreign={"GID_a", "GID_b"}, pauses=[0.1] * 2 + [3.0] * 6)
    by_number = values(exists=ACCEPT_ALWAYS, rename=evolve(RENAME, key="r", pattern="GID_{n}00"))
    outcomes: list[Outcome[Any]] = []

    async def go(name: str) -> None:
        outcomes.append(await create(executor(by_number, ledger=ledger), service, name))

    async with anyio.create_task_group() as group:
        for name in ("GID_a", "GID_b", "GID_200"):
            group.start_soon(go, name)
    assert sorted(name_of(outcome) for outcome in outcomes) == ["GID_200", "GID_300", "GID_400"]
    assert sorted(service.made.values()) == ["GID_200", "GID_a", "GID_b"]


async def test_two_entries_of_an_earlier_version_with_one_name_are_not_both_successes(ledger: Ledger) -> None:
    """The first has the name; the other is refused, as long as nobody forgets its entry."""
    service = Groups(foreign={"GID_a", "GID_b"})
    one = executor(values(), ledger=ledger)
    for name in ("GID_a", "GID_b"):
        assert (await create(one, service, name)).error is None
    first, second = ledger.entries()
    ledger.start(evolve(second, renamed={"GroupId": ("GID_b", first.renamed["GroupId"][1])}))
    ledger.finish(evolve(second, renamed={"GroupId": ("GID_b", first.renamed["GroupId"][1])}))
    outcomes = [await create(executor(values(), ledger=ledger), service, name) for name in ("GID_a", "GID_b")]
    assert [outcome.stop_reason for outcome in outcomes] == ["accepted", "not_ours"]
    assert "ledger forget" in str(outcomes[1].error)
    assert ledger.forget(ledger.entries()[1].key)
    del service.made[INSTANCE, "GID_b-2"]
    assert (await create(executor(values(), ledger=ledger), service, "GID_b")).stop_reason == "success"


async def test_a_ledger_may_have_many_renamed_entries(ledger: Ledger) -> None:
    """The look for a name uses an index, and reads the entries of one kind that have it."""
    service = Groups(foreign={"GID_a"})
    await create(executor(values(), ledger=ledger), service, "GID_a")
    with closing(sqlite3.connect(ledger.path)) as connection:
        steps = connection.execute(
            "EXPLAIN QUERY PLAN SELECT * FROM entries WHERE renamed <> '{}' AND key >= 'a' AND key < 'b' "
            "AND instr(renamed, 'c') > 0 ORDER BY started_at"
        ).fetchall()
    assert any("renamed_entries" in row[-1] for row in steps)


ALIKE = [
    "GID_a",
    "GID_a-2",
    "GID_a-2-2",
    "GID_a-3",
    "GID_2-x",
    "GID_3-x",
    f"{LONG}1",
    f"{LONG}2",
    f"{LONG}1-2",
    "GID_é",
]
PATTERNS = ["{name}-{n}", "{name}{n}", "GID_{n}-x", "{name}-{hash}", "{name}-{hash}-{n}"]


@settings(max_examples=150, deadline=None)
@given(
    asked=st.lists(st.tuples(st.sampled_from(ALIKE), st.sampled_from([INSTANCE, OTHER_INSTANCE])), max_size=7),
    script=st.lists(st.sampled_from(["taken", "lost", "unmade", "ok"]), max_size=25),
    pauses=st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), max_size=25),
    pattern=st.sampled_from(PATTERNS),
    limit=st.sampled_from([None, 12, 40]),
    most=st.sampled_from([1, 5, None]),
    exists=st.sampled_from(["ours", "always", "else-rename"]),
    verifies=st.booleans(),
    has_ledger=st.booleans(),
    runs=st.integers(1, 2),
    at_once=st.booleans(),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_no_two_successes_share_a_name(  # noqa: C901  # a model in a few lines
    asked: Sequence[tuple[str, str]],
    script: list[str],
    pauses: list[float],
    pattern: str,
    limit: int | None,
    most: int | None,
    exists: str,
    verifies: bool,  # noqa: FBT001  # drawn
    has_ledger: bool,  # noqa: FBT001  # drawn
    runs: int,
    at_once: bool,  # noqa: FBT001  # drawn
    backend: Any,
) -> None:
    """
    Whatever is asked for, in which order, and what it meets: two successes with one name asked for one name.

    What a call reports was made for the name that it asked for, by it or by another call for the same one. With a
    ledger this holds between runs as well, at once or one after the other.
    """
    service = Groups(script=list(script), pauses=list(pauses))
    rename = evolve(RENAME, key="r", pattern=pattern, max_length=limit, max=most)
    accept = {"ours": ACCEPT, "always": ACCEPT_ALWAYS, "else-rename": evolve(ACCEPT, key="e", then=rename)}[exists]
    # Without a ledger, nobody can know what another run has made.
    count = runs if has_ledger else 1
    done: list[tuple[str, str, Outcome[Any]]] = []

    async def main(path: str) -> None:
        ledger = Ledger(path) if has_ledger else None
        ones = [executor(values(exists=accept, rename=rename), ledger=ledger) for _ in range(count)]
        for one in ones:
            if verifies:
                one.verify("CreateGroupId")(find)

        async def go(number: int, name: str, instance: str) -> None:
            done.append((name, instance, await create(ones[number % count], service, name, instance)))

        async with anyio.create_task_group() as group:
            for number, each in enumerate(asked):
                if at_once:
                    group.start_soon(go, number, *each)
                else:
                    await go(number, *each)
        if ledger is not None:
            ledger.close()

    async def find(instance_id: str, group_id: str) -> Any:
        return DONE if (instance_id, group_id) in service.made else None

    name, options = virtual_backend(backend)
    with TemporaryDirectory() as folder:
        anyio.run(main, f"{folder}/ledger.db", backend=name, backend_options=options)
    had: dict[tuple[str, str], str] = {}
    for name, instance, outcome in done:
        if outcome.error is None:
            now = name_of(outcome)
            assert service.made[instance, now] == name
            assert had.setdefault((instance, now), name) == name
            assert now == name or limit is None or len(now) <= limit
