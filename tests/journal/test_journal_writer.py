"""The journal: what it says, what it never says, and that it is whole whatever happens to the program."""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from scripted_calls import (
    FAIL,
    INJECTION,
    OVERFLOW,
    POLICY,
    RETRY,
    THROTTLED,
    Flight,
    Recorded,
    ended,
    failed,
    gave_up,
    span_id_of,
    started,
    succeeded,
)

import resilience.journal.format
from resilience import Executor, Journal, JournalError, ServiceError
from resilience.core.admission.levels import RateChange
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Fail, Refresh, Rename, Verify
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    BreakerChanged,
    Event,
    FaultInjected,
    RateAdapted,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    RetryPaid,
    StateChanged,
    VerifyEnded,
    VerifyStarted,
    Waited,
)
from resilience.core.fault import Fault

ADAPTED = RateAdapted(
    provider="alibaba",
    change=RateChange(operation="CreateGroupId", old=10.0, new=6.0, declared=10.0, refused=4, answered=11),
)
_LISTED_WAITS = Backoff(kind="list", delays=(1.0, 5.0))


def records(path: Path) -> list[dict[str, Any]]:
    """Return every line; a line that is no JSON fails the test."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def play(journal: Journal, *events: Event) -> None:
    sink = journal.watch(started())
    for event in events:
        sink(event)


def everything(journal: Journal) -> None:
    """Play calls in which everything happens that the format has a word for."""
    flight, verify = Flight(), Verify(rule=THROTTLED, action=RETRY, delay=0.5)
    listed = evolve(RETRY, backoff=_LISTED_WAITS)
    waited = Waited(gate="ledger", duration=0.25)
    play(journal, waited, Recalled(answer="unfinished", waited=0.25), *succeeded(1), ended())
    play(
        journal,
        AttemptStarted(number=1),
        FaultInjected(number=1, injection=INJECTION),
        *failed(1, Refresh(rule=THROTTLED, action=listed, delay=0.5, provider="alibaba"), cut=True)[1:],
        RefreshStarted(provider="alibaba", flight=flight, leads=True, number=1),
        RefreshEnded(flight=flight, duration=0.25, error="ConnectionError"),
        RefreshStarted(provider="alibaba", flight=flight, leads=False, number=1),
        RefreshEnded(flight=flight, duration=0.25, cancelled=True),
        *failed(2, verify, fault=evolve(OVERFLOW, transport="lost", effect="unknown")),
        VerifyStarted(number=2),
        VerifyEnded(there=None, decision=verify, duration=0.125, error="LookupError"),
        VerifyStarted(number=2),
        VerifyEnded(there=False, decision=Rename(number=2), duration=0.125),
        ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="GID_a", new="GID_a-2"),
        *failed(3, Accept(rule=THROTTLED, action=RETRY, dry_run=True), condition="0123456789ab"),
        ended("accepted", "dry_run", verified=False),
    )
    changed = BreakerChanged(
        provider="alibaba",
        operation="CreateGroupId",
        old="closed",
        new="open",
        by_hand=True,
        is_shadow=True,
        failures=6,
        results=10,
    )
    away = StateChanged(is_away=True, on_unavailable="local")
    play(journal, ADAPTED, changed, away, RetryPaid(provider="alibaba", retries_left=3), *succeeded(1), ended())
    play(journal, *gave_up())
    for error, how in (("TypeError", None), (None, "cancelled")):
        aborted = AttemptAborted(number=1, duration=0.5, error=error)
        play(journal, AttemptStarted(number=1), aborted, ended(how, how, error=error))


def documented() -> dict[str, set[str]]:
    """Return the fields of each record, as the module's docstring lists them."""
    text = resilience.journal.format.__doc__ or ""
    table = text[text.index("| record | when") :]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:] if line.startswith("|")]
    return {re.findall(r"`(\w+)`", name)[0]: set(re.findall(r"`(\w+)`", fields)) for name, _, fields in rows}


def test_the_table_of_records_is_what_is_written(tmp_path: Path) -> None:
    """Every record and every field of the docstring's table occurs, and nothing else does."""
    path, recorded = tmp_path / "j", Recorded()
    journal = Journal(path)
    with recorded.user.start_as_current_span("theirs"):
        everything(journal)
    limits = RateLimits(operations={"CreateGroupId": Rate(60.0, 60.0)}, default=Rate(5.0, 1.0))
    journal.watch(evolve(started(), policy=evolve(POLICY, rates={"alibaba": limits})))(ended())
    assert records(path)[-2]["rate"] == 1.0
    seen: dict[str, set[str]] = defaultdict(set)
    for record in records(path):
        seen[record.pop("record")] |= record.keys() - {"at", "offset", "call"}
    assert seen == documented()


def test_the_fields_of_a_fault_and_a_decision_are_documented(tmp_path: Path) -> None:
    """What stands inside of ``fault`` and ``decision`` is named in the docstring."""
    everything(Journal(tmp_path / "j"))
    text = resilience.journal.format.__doc__ or ""
    for record in records(tmp_path / "j"):
        for inside in (record.get("fault", {}), record.get("decision", {})):
            assert {name for name in inside if f"`{name}`" not in text} == set()


def test_the_first_record_says_who_writes(tmp_path: Path) -> None:
    """Format, version, run and process stand first, and nothing of the command line or the environment."""
    Journal(tmp_path / "j", run="pipeline-7")
    (first,) = records(tmp_path / "j")
    assert (first["record"], first["format"], first["run"], first["pid"]) == ("process", 1, "pipeline-7", os.getpid())
    assert first["version"] == resilience.__version__
    assert first.keys() == {"record", "at", "offset", "format", "version", "run", "process", "pid"}


def test_journals_of_one_program_belong_to_one_run(tmp_path: Path) -> None:
    """Two executors may write into one file: their calls have ids of their own, and the run is the same."""
    for journal in [Journal(tmp_path / "j") for _ in range(2)]:
        play(journal, *succeeded(1), ended())
    told = records(tmp_path / "j")
    assert len({each["run"] for each in told if each["record"] == "process"}) == 1
    assert len({each["call"] for each in told if each["record"] != "process"}) == 2


def test_nothing_that_could_be_a_secret_is_written(tmp_path: Path) -> None:
    """Codes and ids are cut at odd characters, and what is no name of a class is left out."""
    words = "it said S3CRET"
    hostile = Fault(code="Busy token=S3CRET", request_id="R-1?sig=S3CRET", error=words, retry_after=float("inf"))
    play(
        Journal(tmp_path / "j"),
        *failed(1, Fail(reason="unknown"), fault=hostile),
        VerifyStarted(number=1),
        VerifyEnded(there=None, decision=None, duration=0.0, error="no class: S3CRET"),
        ended("failed", "unknown", fault=hostile, error="S3CRET it is"),
    )
    text = (tmp_path / "j").read_text(encoding="utf-8")
    assert "S3CRET" not in text
    assert "Infinity" not in text
    (fault,) = [each["fault"] for each in records(tmp_path / "j") if "fault" in each]
    assert fault == {"code": "Busy", "request_id": "R-1"}


@pytest.mark.parametrize(("show", "names"), [(True, ("GID_a", "GID_a-2")), (False, (None, None))])
def test_names_are_told_unless_they_must_not_be(tmp_path: Path, *, show: bool, names: tuple[str | None, ...]) -> None:
    """A rename tells its field always, and its names only if they may be shown."""
    everything(Journal(tmp_path / "j", show_names=show))
    (renamed,) = [each for each in records(tmp_path / "j") if each["record"] == "renamed"]
    assert (renamed["field"], renamed.get("old"), renamed.get("new")) == ("GroupId", *names)


def test_a_call_can_be_found_in_the_backend(tmp_path: Path) -> None:
    """With spans before it, the journal tells the trace and the span of the call itself."""
    recorded, journal = Recorded(), Journal(tmp_path / "j")
    spans = recorded.watch()
    play(journal, *succeeded(1), ended())
    spans(ended())
    (begun,) = [each for each in records(tmp_path / "j") if each["record"] == "call_started"]
    operation = recorded.operation()
    assert operation.context is not None
    assert begun["span_id"] == f"{span_id_of(operation):016x}"
    assert begun["trace_id"] == f"{operation.context.trace_id:032x}"


def test_two_policies_do_not_mix(tmp_path: Path) -> None:
    """One journal for calls under two policies tells each call its own."""
    journal = Journal(tmp_path / "j")
    for env in ("staging", "prod", "staging"):
        call = started()
        journal.watch(evolve(call, policy=evolve(call.policy, env=env)))
    assert [each["env"] for each in records(tmp_path / "j")[1:]] == ["staging", "prod", "staging"]


def test_an_event_without_a_word_is_passed_over(tmp_path: Path) -> None:
    """What the format does not know is not written, and breaks nothing."""
    sink: Callable[[Any], None] = Journal(tmp_path / "j").watch(started())
    sink(object())
    assert len(records(tmp_path / "j")) == 2


def test_threads_do_not_tear_lines(tmp_path: Path) -> None:
    """Calls of many threads are all there, each line whole and each call's lines in order."""
    journal = Journal(tmp_path / "j")

    def work() -> None:
        for _ in range(40):
            play(journal, *gave_up())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls: dict[str, list[str]] = defaultdict(list)
    for record in records(tmp_path / "j")[1:]:
        calls[record["call"]].append(record["record"])
    assert len(calls) == 320
    assert set(map(tuple, calls.values())) == {("call_started", "attempt_started", "attempt_failed", "call_ended")}


@pytest.mark.parametrize("opens", [False, True], ids=["inherited", "opened-anew"])
def test_forked_processes_share_the_file(tmp_path: Path, *, opens: bool) -> None:
    """Each child begins with a record of its own, of the same run, and no line is torn or lost."""
    journal = Journal(tmp_path / "j")
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            # Nothing of the test may go on in the child.
            try:
                own = Journal(tmp_path / "j") if opens else journal
                for _ in range(100):
                    play(own, *gave_up())
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    told = records(tmp_path / "j")
    processes = [each for each in told if each["record"] == "process"]
    assert {each["pid"] for each in processes} == {os.getpid(), *children}
    assert len({each["run"] for each in processes}) == 1
    assert len({each["process"] for each in processes}) == 5
    assert len({each["call"] for each in told if each["record"] == "call_ended"}) == 400


_HANGING = """
import sys, time
from resilience import Executor, Policy
from resilience import Journal
import anyio

async def create(instance_id: str, group_id: str) -> str | None:
    print("sent", flush=True)
    time.sleep(60)

policy = Policy.load("builtin:provisioning", env="dev")
executor = Executor(policy, provider="alibaba", observers=[Journal(sys.argv[1])])
anyio.run(executor.wrap("CreateGroupId", create), "mqtt-cn-x", "GID_a")
"""


def test_a_killed_program_leaves_what_was_under_way(tmp_path: Path) -> None:
    """After ``kill -9`` in the middle of an attempt, the journal shows that attempt."""
    script = tmp_path / "provision.py"
    script.write_text(_HANGING, encoding="utf-8")
    with subprocess.Popen([sys.executable, script, tmp_path / "j"], stdout=subprocess.PIPE) as running:  # noqa: S603  # ours
        assert running.stdout is not None
        assert running.stdout.readline() == b"sent\n"
        running.send_signal(signal.SIGKILL)
    # On a busy machine the call waits for its turn for longer than a millisecond, which has a record too.
    kinds = [each["record"] for each in records(tmp_path / "j") if each["record"] != "waited"]
    assert kinds == ["process", "call_started", "attempt_started"]


def test_the_file_is_private_and_its_folder_is_made(tmp_path: Path) -> None:
    """Only its owner can read a new journal, and the folders above it need not be there."""
    path = tmp_path / "new" / "folder" / "journal.jsonl"
    Journal(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_a_power_failure_tore_is_left_alone(tmp_path: Path) -> None:
    """A journal whose last line is half written goes on in a new line."""
    path = tmp_path / "j"
    path.write_text('{"record":"proc', encoding="utf-8")
    play(Journal(path), *succeeded(1), ended())
    torn, *rest = path.read_text(encoding="utf-8").splitlines()
    assert torn == '{"record":"proc'
    assert json.loads(rest[0])["record"] == "process"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("folder", "Is a directory", id="folder"),
        pytest.param("file/journal", "exists|Not a directory", id="below-a-file"),
        pytest.param("pipe", "no regular file", id="pipe"),
    ],
)
def test_a_journal_that_cannot_be_written_is_an_error_at_once(name: str, why: str, tmp_path: Path) -> None:
    """The error comes when the journal is made, names the file, and says what to do; a pipe does not block."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(JournalError, match=rf"(?s)cannot be written \(.*({why}).*\); name a file that") as caught:
        Journal(tmp_path / name)
    assert caught.value.path == str(tmp_path / name)


@contextmanager
def limited(path: Path, more: int) -> Iterator[None]:
    """Let files grow no further than ``more`` bytes beyond this one, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.anyio
async def test_a_disk_that_fills_up_is_said_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls go on without their records, and when there is room again, with them; lines stay whole but for one."""
    path = tmp_path / "j"

    async def create(instance_id: str, group_id: str) -> str:
        del instance_id
        return group_id

    executor = Executor(started().policy, provider="alibaba", observers=[Journal(path)])
    wrapped = executor.wrap("CreateGroupId", create)
    assert await wrapped("mqtt-cn-x", "GID_a") == "GID_a"
    with caplog.at_level(logging.ERROR, logger="resilience"), limited(path, 25):
        for _ in range(3):
            assert await wrapped("mqtt-cn-x", "GID_a") == "GID_a"
    assert [each.getMessage() for each in caplog.records if str(path) in each.getMessage()] == [caplog.messages[0]]
    assert len(caplog.records) == 1
    assert await wrapped("mqtt-cn-x", "GID_a") == "GID_a"
    lines = path.read_text(encoding="utf-8").splitlines()
    broken = [line for line in lines if not line.endswith("}")]
    assert [len(line) for line in broken] == [25]
    assert [json.loads(line)["record"] for line in lines if line not in broken].count("call_ended") == 2


@pytest.mark.anyio
async def test_a_failure_of_the_service_is_told_without_its_words(tmp_path: Path) -> None:
    """Of a real call nothing but codes, ids and decisions gets into the journal."""

    async def create(instance_id: str, group_id: str, secret: str) -> str:
        del instance_id, group_id, secret
        raise ServiceError("NoSuchCode", "the message says S3CRET", request_id="5F3A-77", provider="alibaba")

    executor = Executor(evolve(started().policy, unknown=FAIL), provider="alibaba", observers=[Journal(tmp_path / "j")])
    with pytest.raises(ServiceError):
        await executor.wrap("CreateGroupId", create)("mqtt-cn-x", "GID_S3CRET", "S3CRET")
    text = (tmp_path / "j").read_text(encoding="utf-8")
    assert "S3CRET" not in text
    assert "mqtt-cn-x" not in text
    assert '"request_id":"5F3A-77"' in text
