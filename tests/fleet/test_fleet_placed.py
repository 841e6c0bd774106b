"""What a fleet does with the chunks that its engine loses, without any process or machine."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve
from fleet_calls import policy

from resilience import Executor
from resilience.core.admission.rate import Rate
from resilience.core.policy import LedgerSettings
from resilience.fleet.calls import Fleet
from resilience.fleet.distribution.chunking import Chunk, RowOutcome, divided, outcomes_of, run_chunk
from resilience.fleet.distribution.engine import ChunkReport, LostChunk
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.distribution.kept import KeptFunction
from resilience.fleet.distribution.placed import PlacedFleet, size_of
from resilience.fleet.function import FleetFunction, FunctionError, under_policy
from resilience.fleet.progress import FleetProgress
from resilience.fleet.rows.check import NumberedRow, rows_for
from resilience.fleet.rows.source import rows_of


async def make(name: str, region: str = "") -> str:
    """Make nothing."""
    return name + region


@Executor(policy(), provider="tencent").wrap(
    "CreateTopic", key={"InstanceId": "region", "Topic": "name"}, accepted=lambda name, _: name
)
async def make_topic(name: str, region: str) -> str:
    """Make nothing, as a call that a ledger remembers."""
    return name + region


class ScriptedEngine:
    """Answers each chunk with what a function says."""

    lost_error: type[OSError] = ConnectionError
    workers = 1

    def __init__(self, answer: Callable[[Chunk], list[ChunkReport]], *, repeats_chunks: bool = False) -> None:
        self.repeats_chunks = repeats_chunks
        self.given: list[Chunk] = []
        self.has_ended = False
        self._answer = answer
        self._said: deque[ChunkReport] = deque()

    @property
    def room(self) -> int:
        return 2 - len(self._said)

    @property
    def is_busy(self) -> bool:
        return bool(self._said)

    def begin(self, job: FleetJob) -> None:
        assert job.function.startswith(f"{__name__}:make")

    def submit(self, chunk: Chunk) -> None:
        self.given.append(chunk)
        self._said += self._answer(chunk)

    def no_more(self) -> None:
        pass

    def wait(self) -> Iterator[ChunkReport]:
        yield self._said.popleft()

    def wake(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def cancel(self) -> None:
        self._said.clear()

    def end(self) -> None:
        self.has_ended = True


def done(chunk: Chunk) -> list[ChunkReport]:
    return [RowOutcome(number, line) for number, line, _ in chunk.rows]


def function(*, forgets: bool = False) -> FleetFunction:
    return under_policy(make, policy(), "tencent:CreateTopic" if forgets else "alibaba:QueryToken")


def fleet(engine: ScriptedEngine, rows: int, *, forgets: bool = False) -> tuple[PlacedFleet, FleetProgress]:
    called = function(forgets=forgets)
    checked = rows_for(called.target, called.key_of, rows_of([{"name": f"n{number}"} for number in range(rows)]))
    progress = FleetProgress(called, rows)
    return PlacedFleet(called, checked, progress, engine), progress


def test_rows_of_a_lost_chunk_that_have_no_outcome_are_given_again() -> None:
    """They come as the second delivery of a chunk with the same key."""

    def answer(chunk: Chunk) -> list[ChunkReport]:
        return [*done(chunk)[:1], LostChunk(chunk, "it died")] if chunk.delivery == 1 else done(chunk)

    engine = ScriptedEngine(answer)
    placed, progress = fleet(engine, 12)
    placed.run()
    assert progress.done == 12
    assert engine.has_ended
    again = [each for each in engine.given if each.delivery == 2]
    assert {each.key for each in again} == {each.key for each in engine.given if each.delivery == 1}
    assert sum(len(each.rows) for each in again) == 12 - len(again)


def test_rows_that_are_missing_are_told_in_any_case() -> None:
    """An engine that has ended and has not told all rows does not pass for one that has done them."""
    engine = ScriptedEngine(lambda chunk: done(chunk)[1:])
    placed, progress = fleet(engine, 12)
    with pytest.raises(ConnectionError, match="rows have no outcome"):
        placed.run()
    assert 0 < progress.done < 12


def test_a_chunk_that_no_worker_survives_ends_the_fleet(caplog: pytest.LogCaptureFixture) -> None:
    """It is placed ten times; a sentence says it after three, and the error what became of the workers."""
    engine = ScriptedEngine(lambda chunk: [LostChunk(chunk, "they died of it")])
    placed, progress = fleet(engine, 1)
    with pytest.raises(ConnectionError, match=r"10 times with the same rows \(they died of it\)"):
        placed.run()
    assert [each.delivery for each in engine.given] == list(range(1, 11))
    (told,) = caplog.messages
    assert told.startswith("workers were lost 3 times with the same rows (they died of it); other workers get these")
    assert progress.done == 0


def test_a_chunk_that_was_not_begun_is_innocent_for_longer() -> None:
    """A worker that dies loses the chunks that wait for it too; they come again as at first."""
    lost = {"left": 10}

    def answer(chunk: Chunk) -> list[ChunkReport]:
        lost["left"] -= 1
        return [LostChunk(chunk, "it died", is_begun=False)] if lost["left"] >= 0 else done(chunk)

    engine = ScriptedEngine(answer)
    placed, progress = fleet(engine, 1, forgets=True)
    placed.run()
    assert progress.done == 1
    assert {each.delivery for each in engine.given} == {1}
    endless = ScriptedEngine(lambda chunk: [LostChunk(chunk, "it died", is_begun=False)])
    with pytest.raises(ConnectionError, match="lost 20 times"):
        fleet(endless, 1)[0].run()


def test_many_workers_may_die_while_rows_are_done() -> None:
    """Losses count from the last outcome on, so a chunk without luck does not end a fleet that goes on."""
    lost = {"left": 4}

    def answer(chunk: Chunk) -> list[ChunkReport]:
        if chunk.rows[0][0] == 0 and lost["left"]:
            lost["left"] -= 1
            return [LostChunk(chunk, "it died")]
        return done(chunk)

    placed, progress = fleet(ScriptedEngine(answer), 100)
    placed.run()
    assert progress.done == 100


def test_a_chunk_of_which_more_and_more_is_done_is_placed_again(tmp_path: Path) -> None:
    """The ledger knows what its dead workers did, which a cluster does not tell; only the rest comes again."""
    settings = LedgerSettings(path=str(tmp_path / "ledger.db"))
    called = under_policy(make_topic, evolve(policy(), ledger=settings))
    checked = rows_for(
        called.target, called.key_of, rows_of([{"name": f"n{each}", "region": "a"} for each in range(7)])
    )

    def answer(chunk: Chunk) -> list[ChunkReport]:
        outcomes_of(KeptFunction(called), evolve(chunk, rows=chunk.rows[:1]), concurrency=1)
        return [LostChunk(chunk, "it died")]

    engine = ScriptedEngine(answer)
    progress = FleetProgress(called, 7)
    placed = PlacedFleet(called, checked, progress, engine)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("resilience.fleet.distribution.placed._TURNS", 1)
        placed.run()
    assert (progress.done, progress.known) == (7, 0)
    assert [len(each.rows) for each in engine.given] == [7, 6, 5, 4, 3, 2, 1]


def test_without_a_ledger_lost_rows_are_left() -> None:
    """A second call might make a thing twice; the others are made."""
    engine = ScriptedEngine(lambda chunk: [LostChunk(chunk, "it died")] if chunk.rows[0][0] == 0 else done(chunk))
    placed, progress = fleet(engine, 8, forgets=True)
    with pytest.raises(ConnectionError, match="without a ledger nothing knows which of its 2 rows are done"):
        placed.run()
    assert progress.done == 6
    assert all(each.delivery == 1 for each in engine.given)


def test_an_engine_that_repeats_chunks_needs_a_ledger() -> None:
    """Before anything is given to it; calls that change nothing need none."""
    with pytest.raises(FunctionError, match=r"put a \[ledger\] into the policy"):
        fleet(ScriptedEngine(done, repeats_chunks=True), 1, forgets=True)
    placed, progress = fleet(ScriptedEngine(done, repeats_chunks=True), 1)
    placed.run()
    assert progress.done == 1


def test_an_error_of_a_worker_ends_the_fleet() -> None:
    """No further chunk is given, and the engine gives everything back."""
    engine = ScriptedEngine(lambda _: [TypeError("a mistake")])
    placed, _ = fleet(engine, 100)
    with pytest.raises(TypeError, match="a mistake"):
        placed.run()
    assert len(engine.given) == 2
    assert engine.has_ended


def rows(*regions: str) -> Iterator[NumberedRow]:
    return ((number, number + 2, {"name": f"n{number}", "region": each}) for number, each in enumerate(regions))


def test_a_chunk_has_rows_of_one_region() -> None:
    """Rows of regions that are mixed are put together, and each row is in one chunk."""
    found = list(divided(rows(*("ab" * 5), "c"), 3, key_of=lambda _: None))
    assert all(len({row[2]["region"] for row in each.rows}) == 1 for each in found)
    assert [len(each.rows) for each in found] == [3, 3, 2, 2, 1]
    assert sorted(row[0] for each in found for row in each.rows) == list(range(11))


def test_a_key_is_a_hash_of_the_names_in_the_rows() -> None:
    """What the rows say beside the names does not count, and what they name does."""
    one, other, third = (
        next(divided(rows(region), 1, key_of=key_of))
        for region, key_of in (
            ("a", lambda arguments: {"Name": arguments["name"]}),
            ("b", lambda arguments: {"Name": arguments["name"]}),
            ("a", lambda _: {"Name": "another"}),
        )
    )
    assert one.key == other.key != third.key


@pytest.mark.parametrize(
    ("rate", "rows", "workers", "size"),
    [
        pytest.param("10/s", 100_000, 4, 13, id="five-seconds-of-a-quarter"),
        pytest.param("10/s", 100_000, 1, 50, id="five-seconds"),
        pytest.param("5000/s", 100_000, 1, 1000, id="at-most-a-thousand"),
        pytest.param(None, 100_000, 4, 100, id="no-limit"),
        pytest.param("500/s", 80, 4, 5, id="all-have-work-until-the-end"),
        pytest.param("500/s", 3, 4, 1, id="at-least-one"),
    ],
)
def test_the_size_of_a_chunk(rate: str | None, rows: int, workers: int, size: int) -> None:
    """The limit lets a worker be busy with it for five seconds."""
    assert size_of(None if rate is None else Rate.of(rate), rows, workers) == size


def test_what_an_earlier_delivery_did_is_done_by_this_run(tmp_path: Path) -> None:
    """The ledger tells it from what an earlier run did, which counts as known."""
    settings = LedgerSettings(path=str(tmp_path / "ledger.db"))
    called = under_policy(make_topic, evolve(policy(), ledger=settings))
    kept = KeptFunction(called)
    (chunk,) = divided(rows("a", "a"), 2, key_of=called.key_of)

    def known(chunk: Chunk) -> list[bool]:
        return [each.is_known for each in outcomes_of(kept, chunk, concurrency=1).outcomes]

    assert known(chunk) == [False, False]
    assert known(evolve(chunk, delivery=2)) == [False, False]
    assert known(evolve(chunk, delivery=2, began=chunk.began + 3600)) == [True, True]
    assert known(chunk) == [True, True]


def test_a_chunk_can_be_written_as_json() -> None:
    """It is the same again; a result has no value of a row."""
    (chunk,) = divided(rows("a", "a"), 2, key_of=lambda _: None)
    chunk = evolve(chunk, traceparent="00-1", delivery=2, earlier=("00-2",))
    assert Chunk.of_json(json.loads(json.dumps(chunk.as_json()))) == chunk
    result = run_chunk(make, chunk, policy=policy(), operation="alibaba:QueryToken", delivery=3)
    assert [each["number"] for each in result.as_json()["outcomes"]] == [0, 1]
    assert "n0" not in json.dumps(result.as_json())


def test_chunks_of_a_process_share_an_event_loop() -> None:
    """Connections of clients that a module has made belong to it, whatever the policy of a chunk is."""
    loops = set()

    async def call(name: str) -> str:
        loops.add(asyncio.get_running_loop())
        return name

    (chunk,) = divided([(0, 2, {"name": "n"})], 1, key_of=lambda _: None)
    for share in (1, 2, 3):
        run_chunk(call, chunk, policy=policy(), operation="alibaba:QueryToken", share=share)
    assert len(loops) == 1


def test_a_chunk_that_is_stopped_before_it_begins_makes_no_call() -> None:
    """It has no outcomes."""
    kept = KeptFunction(function())
    (chunk,) = divided(rows("a", "a"), 2, key_of=lambda _: None)
    assert outcomes_of(kept, chunk, concurrency=1, begun=Fleet.stop).outcomes == ()
