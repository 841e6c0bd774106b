"""What the engine makes of a Dask client whose scheduler dies at an awkward moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from distributed import KilledWorker
from distributed.comm.core import CommClosedError
from fleet_calls import policy

from resilience import Executor, Policy
from resilience.fleet.distribution import dask_engine
from resilience.fleet.distribution.chunking import Chunk, ChunkResult, RowOutcome
from resilience.fleet.distribution.dask_engine import DaskEngine
from resilience.fleet.distribution.dask_worker import Shares
from resilience.fleet.distribution.engine import LostChunk
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.function import under_policy

CHUNK = Chunk("0-1", ((0, 2, {"name": "a"}), (1, 3, {"name": "b"})))
POLICY = Policy.loads('schema = 1\nname = "x"\n[limits]\ndeadline = "60s"')


@Executor(policy(), provider="alibaba").wrap("QueryToken")
async def ask(name: str) -> str:
    """Ask nothing."""
    return name


@define
class ScriptedFuture:
    """A future that has ended."""

    status: str
    value: object = None
    is_released: bool = False

    def add_done_callback(self, tell: Callable[[object], object]) -> None:
        if self.status != "pending":
            tell(self)

    def result(self) -> object:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    def exception(self) -> object:
        return self.value

    def release(self) -> None:
        self.is_released = True


@define
class ScriptedClient:
    """A client whose tasks end as they are told to."""

    future: ScriptedFuture
    status: str = "running"
    asynchronous: bool = False
    marks: list[str] | None = None
    keys: list[str] = field(factory=list)
    addresses: list[str] = field(factory=lambda: ["tcp://1"])
    shares: list[Shares] = field(factory=list)

    def nthreads(self) -> dict[str, int]:
        if self.status != "running":
            raise CommClosedError
        return dict.fromkeys(self.addresses, 1)

    def submit(self, *given: Any, key: str, **words: object) -> ScriptedFuture:
        self.shares.append(given[3])
        assert (words["pure"], words["retries"]) == (False, 0)
        self.keys.append(key)
        return self.future

    def get_metadata(self, keys: list[str], default: object) -> object:
        if self.status != "running":
            raise CommClosedError
        return self.marks if keys == self.keys[-1:] else default

    def run(self, *_: object, **__: object) -> None:
        """Tell workers nothing."""


def told(client: ScriptedClient) -> list[Any]:
    """Return what the engine tells of one chunk."""
    engine = DaskEngine(client)  # type: ignore[arg-type]  # as far as it is used
    engine.begin(FleetJob(under_policy(ask, POLICY)))
    engine.submit(CHUNK)
    said = list(engine.wait())
    engine.end()
    assert client.future.is_released
    assert not engine.is_busy
    return said


@pytest.mark.parametrize(
    ("future", "status"),
    [
        pytest.param(ScriptedFuture("finished", CommClosedError()), "running", id="while-its-result-is-fetched"),
        pytest.param(ScriptedFuture("finished", RuntimeError()), "closed", id="when-the-client-is-closed"),
        pytest.param(ScriptedFuture("cancelled"), "connecting", id="before-the-end-of-a-task"),
        pytest.param(ScriptedFuture("pending"), "connecting", id="without-a-word"),
    ],
)
def test_a_lost_scheduler_is_told_in_one_way(
    future: ScriptedFuture, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Dask says of it."""
    monkeypatch.setattr(dask_engine, "_EVERY", 0.01)
    (error,) = told(ScriptedClient(future, status))
    assert type(error) is ConnectionError
    assert "the scheduler of the Dask cluster is gone" in str(error)


def test_outcomes_and_mistakes_are_told() -> None:
    """A result that lacks rows is of a chunk that was stopped, which comes again."""
    outcome = RowOutcome(0, 2)
    first, lost = told(ScriptedClient(ScriptedFuture("finished", ChunkResult("0-1", (outcome,)))))
    assert first == outcome
    assert isinstance(lost, LostChunk)
    (error,) = told(ScriptedClient(ScriptedFuture("finished", TypeError("a mistake"))))
    assert isinstance(error, TypeError)


@pytest.mark.parametrize(
    ("marks", "delivery", "is_begun"), [(None, 1, False), (["00-1"], 1, True), (["", ""], 2, True)]
)
def test_a_killed_worker_is_lost_with_its_marks(marks: list[str] | None, delivery: int, *, is_begun: bool) -> None:
    """They say how often workers had begun with the chunk."""
    worker: Any = None
    killed = KilledWorker("a task", worker, 3)
    (lost,) = told(ScriptedClient(ScriptedFuture("error", killed), marks=marks))
    assert (lost.is_begun, lost.chunk.delivery, lost.chunk.earlier) == (is_begun, delivery, tuple(marks or ()))


def test_a_lost_chunk_comes_under_another_key() -> None:
    """Dask keeps to what it knows of a key."""
    client = ScriptedClient(ScriptedFuture("cancelled"))
    engine = DaskEngine(client)  # type: ignore[arg-type]  # as far as it is used
    engine.begin(FleetJob(under_policy(ask, POLICY)))
    for _ in range(2):
        engine.submit(CHUNK)
        assert [type(each) for each in engine.wait()] == [LostChunk]
    assert [key.rpartition("-")[2] for key in client.keys] == ["1", "2"]
    again = DaskEngine(ScriptedClient(ScriptedFuture("pending")))  # type: ignore[arg-type]  # likewise
    again.begin(FleetJob(under_policy(ask, POLICY)))
    again.submit(CHUNK)
    assert again._client.keys == client.keys[:1]  # type: ignore[attr-defined]  # the scripted one


def test_each_worker_has_a_part_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker keeps its part, and one that comes gets the part of one that is gone; none is more than there are."""
    monkeypatch.setattr(dask_engine, "_EVERY", 0.0)
    client = ScriptedClient(ScriptedFuture("pending"), addresses=["a", "b", "c"])
    engine = DaskEngine(client)  # type: ignore[arg-type]  # as far as it is used
    engine.begin(FleetJob(under_policy(ask, POLICY)))
    for addresses in (["a", "b", "c"], ["a", "c", "d"], ["c", "d"], ["c", "d", "e", "f"]):
        client.addresses = addresses
        assert engine.room
        engine.submit(CHUNK)
    assert [(each.workers, each.parts) for each in client.shares] == [
        (3, {"a": 0, "b": 1, "c": 2}),
        (3, {"a": 0, "c": 2, "d": 1}),
        (3, {"c": 2, "d": 1}),
        (4, {"c": 2, "d": 1, "e": 0, "f": 3}),
    ]


def test_a_cluster_without_workers_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fleet that waits for workers says so, and says it again when they have come and gone."""
    monkeypatch.setattr(dask_engine, "_EVERY", 0.01)
    client = ScriptedClient(ScriptedFuture("pending"))
    engine = DaskEngine(client)  # type: ignore[arg-type]  # as far as it is used
    engine.begin(FleetJob(under_policy(ask, POLICY)))
    engine.submit(CHUNK)
    for addresses in ([], [], ["a"], []):
        client.addresses = addresses
        assert list(engine.wait()) == []
    assert caplog.messages == ["the Dask cluster has no worker now, and the fleet waits for one"] * 2
