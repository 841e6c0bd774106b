"""Fleets on a Dask cluster in processes of its own: nothing twice, nothing lost, no secret on the way, one trace."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import frozen
from dask_cluster import DaskCluster, dask_cluster, tapped
from fleet_runs import LEDGER, PROGRAMS, Place, placed, until
from otlp_receiver import Receiver, receiving

from resilience import Policy
from resilience.fleet import FleetReport, provision
from resilience.fleet.planning import workers_of

FUNCTION = "fleet_devices:create_group"
SECRET = "a-folder-that-nobody-may-know"

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")


@frozen
class Ground:
    """A cluster, the service that its workers call, and where their spans go."""

    place: Place
    cluster: DaskCluster
    receiver: Receiver

    def rows(self, test: str, count: int) -> list[dict[str, str]]:
        """Return rows that no other test has."""
        return [{"group_id": f"GID_{test}_{number:04}"} for number in range(count)]

    def made(self, rows: list[dict[str, str]]) -> list[str]:
        """Return which of the groups of these rows the service has."""
        names = {row["group_id"] for row in rows}
        return sorted(name for name in self.place.groups() if name in names)

    def asked(self, rows: list[dict[str, str]]) -> int:
        """Return how many creations of them the service has seen; their names are unlike those of other tests."""
        return self.place.sandbox.applied("CreateGroupId") - self._before(rows)

    def _before(self, rows: list[dict[str, str]]) -> int:
        names = {row["group_id"] for row in rows}
        return sum(name not in names for name in self.place.groups())

    def provision(self, rows: list[dict[str, str]], **words: Any) -> FleetReport:
        """Run a fleet on the cluster."""
        with self.cluster.client() as client:
            return provision(FUNCTION, rows, policy=self.place.folder / "fleet.toml", on=client, **words)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("dask")
    with pytest.MonkeyPatch.context() as patched, receiving() as receiver, placed(folder) as place:
        patched.syspath_prepend(PROGRAMS)
        # Another test may have imported it for a service of its own.
        patched.delitem(sys.modules, "fleet_devices", raising=False)
        for name, value in {**place.environment, "LEDGER_FOLDER": str(folder / SECRET)}.items():
            patched.setenv(name, value)
        place.policy(rate="200/s", ledger=False, more=LEDGER.replace("ledger.db", "${LEDGER_FOLDER}/ledger.db"))
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        with dask_cluster(folder, environment, deaths=0) as cluster:
            yield Ground(place, cluster, receiver)


def test_the_command_stops_cleanly_and_no_secret_travels(ground: Ground) -> None:
    """
    After Ctrl-C workers begin no further call, and those under way are counted; the next run makes the rest.

    The bytes that pass the scheduler have rows and policy in them, and neither a key nor what a variable holds.
    """
    rows = ground.rows("command", 300)
    text = "\n".join(["group_id", *(row["group_id"] for row in rows)])
    (ground.place.folder / "fleet.csv").write_text(text, encoding="utf-8")
    words = (FUNCTION, "fleet.csv", "--policy", "fleet.toml", "--dask")
    with (
        tapped(ground.cluster.address) as (address, seen),
        ground.place.started(*words, address) as running,
    ):
        until(lambda: len(ground.made(rows)) >= 30)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    made = len(ground.made(rows))
    assert 30 <= made < 300
    assert f"{made} of 300 rows have an outcome" in errors
    keys = ground.place.sandbox.alibaba.keys
    assert rows[0]["group_id"].encode() in seen
    assert b"${LEDGER_FOLDER}" in seen
    for secret in (keys.secret, keys.key_id, SECRET):
        assert secret.encode() not in seen
        assert secret not in ground.cluster.logs
    assert rows[0]["group_id"] not in ground.cluster.logs
    again = ground.provision(rows)
    assert (again.done, again.known) == (300, made)
    assert len(ground.made(rows)) == ground.asked(rows) == 300


def test_the_journals_of_all_workers_are_one_report(ground: Ground) -> None:
    """They are one run; on several machines each has a file, and a report takes all of them."""
    rows = ground.rows("journal", 40)
    text = "\n".join(["group_id", *(row["group_id"] for row in rows)])
    (ground.place.folder / "journal.csv").write_text(text, encoding="utf-8")
    words = (FUNCTION, "journal.csv", "--policy", "fleet.toml", "--dask", ground.cluster.address)
    run = ground.place.run(*words, "--journal", "calls.jsonl")
    assert run.returncode == 0, run.stderr
    told = json.loads(ground.place.run("calls.jsonl", "--format", "json", command="report").stdout)
    assert (told["calls"], told["runs"]) == (40, 1)
    written = (ground.place.folder / "calls.jsonl").read_text(encoding="utf-8")
    # Two workers, and the command.
    assert len(set(re.findall(r'"pid":(\d+)', written))) == 3


def test_workers_that_are_killed_lose_nothing(ground: Ground) -> None:
    """
    Their chunks go to other workers; what they had made is not made again, and counts as made by this run.

    All spans are in one trace, and a chunk that came twice has a second span, with a link to the first one.
    """
    trace_id = f"{os.getpid():032x}"
    rows = ground.rows("killed", 200)

    def kill() -> None:
        until(lambda: len(ground.made(rows)) >= 20)
        for each in ground.cluster.workers():
            os.kill(each, signal.SIGKILL)

    killing = threading.Thread(target=kill)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRACEPARENT", f"00-{trace_id}-00f067aa0ba902b7-01")
        killing.start()
        report = ground.provision(rows)
    killing.join()
    assert (report.done, report.known, report.failed) == (200, 0, 0)
    assert len(ground.made(rows)) == ground.asked(rows) == 200
    chunks = [span for span in ground.receiver.named("chunk CreateGroupId") if span.trace_id.hex() == trace_id]
    twice = [span for span in chunks if span.links]
    assert twice
    for span in twice:
        assert {each.key: each.value.int_value for each in span.attributes}["resilience.fleet.delivery"] == 2
        assert {each.trace_id.hex() for each in span.links} == {trace_id}
    inside = {span.span_id for span in chunks}
    calls = [span for span in ground.receiver.named("CreateGroupId") if span.trace_id.hex() == trace_id]
    # The killed workers could not send all spans of their calls, nor those of their chunks.
    assert any(span.parent_span_id in inside for span in calls)


def test_a_second_run_sends_nothing(ground: Ground) -> None:
    """It comes from trio, in a thread; the rows count as made by an earlier run."""
    rows = ground.rows("again", 20)

    async def main() -> tuple[FleetReport, FleetReport]:
        run = partial(anyio.to_thread.run_sync, partial(ground.provision, rows))
        return await run(), await run()

    first, second = anyio.run(main, backend="trio")
    assert (first.done, first.known) == (20, 0)
    assert (second.done, second.known) == (20, 20)
    assert ground.asked(rows) == 20


def test_workers_without_a_part_of_a_small_limit_get_no_chunks(ground: Ground) -> None:
    """Of one call in a second there is no part for each of two workers, so one of them makes all calls."""
    rows = ground.rows("slow", 3)
    text = (ground.place.folder / "fleet.toml").read_text(encoding="utf-8").replace("200/s", "1/s")
    policy = ground.place.folder / "slow.toml"
    policy.write_text(text, encoding="utf-8")
    with ground.cluster.client() as client:
        report = provision(FUNCTION, rows, policy=policy, on=client)
    assert report.done == 3
    times = [each.at for each in ground.place.sandbox.calls if each.operation == "CreateGroupId"][-3:]
    assert all(later - earlier > 0.9 for earlier, later in pairwise(times))


def test_workers_divide_a_limit_exactly(ground: Ground) -> None:
    """Of five calls in a second one worker sends two and the other three, and not two as well."""
    rows = ground.rows("exact", 30)
    text = (ground.place.folder / "fleet.toml").read_text(encoding="utf-8").replace("200/s", "5/s")
    policy = ground.place.folder / "exact.toml"
    policy.write_text(text, encoding="utf-8")
    with ground.cluster.client() as client:
        report = provision(FUNCTION, rows, policy=policy, on=client)
    assert report.done == 30
    times = [each.at for each in ground.place.sandbox.calls if each.operation == "CreateGroupId"][-30:]
    most = max(sum(begin <= each < begin + 1 for each in times) for begin in times)
    # The service may see one of them a little late.
    assert 5 <= most <= 6


def test_a_plan_is_for_the_workers_of_the_cluster(ground: Ground) -> None:
    """Each of two workers has calls of its own under way, so slow answers hold up a plan for one process sooner."""
    rows = ground.rows("planned", 40)
    text = "\n".join(["group_id", *(row["group_id"] for row in rows)])
    (ground.place.folder / "planned.csv").write_text(text, encoding="utf-8")
    slow = (ground.place.folder / "fleet.toml").read_text(encoding="utf-8").replace("concurrency = 8", "")
    (ground.place.folder / "planned.toml").write_text(slow, encoding="utf-8")
    words = (FUNCTION, "planned.csv", "--policy", "planned.toml")
    here = ground.place.run(*words, command="plan")
    there = ground.place.run(*words, "--dask", ground.cluster.address, command="plan")
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    assert "40 to make; 40 calls" in there.stdout
    nowhere = ground.place.run(*words, "--dask", "tcp://127.0.0.1:9", command="plan")
    assert nowhere.returncode == 2
    assert "no Dask scheduler answers there" in nowhere.stderr
    with ground.cluster.client() as client:
        assert workers_of(client) == 2
    assert ground.made(rows) == []


def test_a_file_that_a_worker_does_not_see_is_no_ledger(ground: Ground) -> None:
    """The workers have another folder in their variable, and no call is made."""
    rows = ground.rows("elsewhere", 4)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LEDGER_FOLDER", str(ground.place.folder / "another"))
        with pytest.raises(ValueError, match=r"does not see the file of \[ledger\] or \[state\]"):
            ground.provision(rows)
    assert ground.made(rows) == []


def test_a_mistake_of_the_function_leaves(ground: Ground) -> None:
    """The error of the function is raised here, and no worker's log has it."""
    with ground.cluster.client() as client, pytest.raises(TypeError, match=r"^9 13"):
        provision(
            "fleet_devices:create_wrongly",
            [{"group_id": "GID_wrong"}],
            policy=ground.place.folder / "fleet.toml",
            on=client,
        )
    assert "TypeError" not in ground.cluster.logs


def test_without_a_ledger_nothing_is_sent(ground: Ground) -> None:
    """Dask repeats the chunks of dead workers, and nothing would know what they had made."""
    rows = ground.rows("forgotten", 2)
    policy = Policy.loads(
        'schema = 1\nname = "forgetful"\nextends = ["builtin:alibaba-mqtt"]\n[limits]\ndeadline = "60s"'
    )
    with ground.cluster.client() as client, pytest.raises(ValueError, match=r"put a \[ledger\] into the policy"):
        provision(FUNCTION, rows, policy=policy, on=client)
    assert ground.made(rows) == []


def test_a_scheduler_that_dies_ends_the_run(ground: Ground) -> None:
    """The run says how to go on; the next one, here without a cluster, makes the rest and nothing twice."""
    rows = ground.rows("headless", 240)

    def kill() -> None:
        until(lambda: len(ground.made(rows)) >= 20)
        ground.cluster.scheduler.kill()

    killing = threading.Thread(target=kill)
    killing.start()
    with pytest.raises(ConnectionError, match=r"the scheduler of the Dask cluster is gone.*the ledger knows"):
        ground.provision(rows)
    killing.join()
    again = provision(FUNCTION, rows, policy=ground.place.folder / "fleet.toml")
    assert (again.done, again.failed) == (240, 0)
    assert again.known >= 20
    assert len(ground.made(rows)) == ground.asked(rows) == 240
