"""Chunks whose calls share a source of credentials: in one process, on one event loop and on several, and in two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fleet_runs import PROGRAMS

from resilience import Policy
from resilience.fleet import chunks, provision, run_chunk

POLICY = """\
schema = 1
extends = ["builtin:alibaba-mqtt"]
[limits]
deadline = "60s"
[credentials.alibaba]
max_refreshes = 8
"""
ROWS = [{"token": f"token-{number}"} for number in range(24)]


@pytest.fixture
def words(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY, encoding="utf-8")
    return {"policy": path}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of the functions, which no test before has used."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    monkeypatch.delitem(__import__("sys").modules, "fleet_tokens", raising=False)
    import fleet_tokens  # noqa: PLC0415  # it is made anew

    return fleet_tokens


def failures(function: Any, found: Any, **words: Any) -> list[str]:
    return [
        each.failure for each in run_chunk(function, found, concurrency=2, **words).outcomes if each.failure is not None
    ]


Given = Callable[[ModuleType, dict[str, Any]], tuple[Any, dict[str, Any]]]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda _, words: ("fleet_tokens:query", words), id="by-name"),
        pytest.param(lambda module, words: (module.query, words), id="the-function-itself"),
        pytest.param(
            lambda module, words: (module.query, {"policy": Policy.load(words["policy"])}), id="a-policy-as-values"
        ),
    ],
)
def test_chunks_one_after_the_other_share_a_source(given: Given, program: ModuleType, words: dict[str, Any]) -> None:
    """Each chunk may have an event loop of its own: tokens are renewed on any of them, and used on the next."""
    function, asked = given(program, words)
    for each in list(chunks(ROWS, "fleet_tokens:query", **words, size=8)):
        assert failures(function, each, **asked) == []
    assert program.tokens.most_at_once == 1
    # All that a token is for, and no token in vain.
    assert len(program.tokens.used) == len(ROWS) // program.CALLS_OF_A_TOKEN


def test_functions_with_event_loops_of_their_own_share_a_source(program: ModuleType, words: dict[str, Any]) -> None:
    """Two functions of one module, chunk by chunk in turn."""
    for each in chunks(ROWS, "fleet_tokens:query", **words, size=4):
        assert failures("fleet_tokens:query", each, **words) == []
        assert failures("fleet_tokens:other", each, **words) == []
    assert program.tokens.most_at_once == 1
    assert len(program.tokens.used) == 2 * len(ROWS) // program.CALLS_OF_A_TOKEN


def test_event_loops_in_several_threads_share_a_source(
    program: ModuleType, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh that one event loop makes is waited for on the others, and what it brings is used there."""
    # The second token is enough for the rest, also for calls that notice it a moment later.
    monkeypatch.setattr(program, "CALLS_OF_A_TOKEN", 30)
    found = list(chunks(ROWS, "fleet_tokens:query", **words, size=12))
    failed: list[str] = []

    def run(function: str, each: Any) -> None:
        failed.extend(failures(function, each, **words))

    threads = [
        threading.Thread(target=run, args=(f"fleet_tokens:{name}", each))
        for each in found
        for name in ("query", "other")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert program.tokens.most_at_once == 1
    assert len(program.tokens.used) == 2


@pytest.mark.usefixtures("program")
def test_processes_have_a_source_each(words: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a source travels: each process makes its own from the module."""
    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.setenv("TOKENS", str(made))
    report = provision("fleet_tokens:query", ROWS, **words, on=2)
    assert report.failed == 0, str(report)
    names = sorted(file.name.partition("-")[2] for file in made.iterdir())
    assert names == sorted(row["token"] for row in ROWS)
