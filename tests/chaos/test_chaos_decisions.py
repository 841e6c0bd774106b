from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.chaos import draw, injection_for, met_by
from resilience.core.fault import Fault
from resilience.core.settings.chaos import Chaos, Injection

NAMES = st.text(min_size=1, max_size=20)


def injection(entry: str, rate: float = 0.1, *, provider: str = "alibaba") -> Injection:
    operation, _, code = entry.rpartition("/")
    return Injection(
        id=f'{provider}."{entry}"',
        provider=provider,
        operation=operation or None,
        code=code,
        fault=Fault(provider=provider, code=code),
        rate=rate,
    )


def ids(*entries: str, operation: str = "CreateGroupId", provider: str = "alibaba") -> list[str]:
    met = met_by([injection(entry) for entry in entries], provider, operation)
    return [each.id.removeprefix('alibaba."').removesuffix('"') for each in met]


@given(st.integers(), st.none() | NAMES, NAMES, st.integers(1))
def test_a_draw_is_in_range_and_the_same_again(seed: int, provider: str | None, operation: str, number: int) -> None:
    """Whatever is drawn is at least 0 and less than 1, and drawing it again gives the same."""
    drawn = draw(seed, provider, operation, number)
    assert 0 <= drawn < 1
    assert draw(seed, provider, operation, number) == drawn


def test_draws_are_spread_evenly() -> None:
    """Of ten thousand draws each tenth of [0, 1) gets a thousand, give or take five standard deviations."""
    tenths = [math.floor(draw(7, "alibaba", "CreateGroupId", number) * 10) for number in range(1, 10_001)]
    assert all(abs(tenths.count(tenth) - 1000) < 150 for tenth in range(10))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((8, "alibaba", "CreateGroupId"), id="seed"),
        pytest.param((7, "tencent", "CreateGroupId"), id="provider"),
        pytest.param((7, "alibaba", "DeleteGroupId"), id="operation"),
    ],
)
def test_seed_provider_and_operation_each_give_other_draws(other: tuple[int, str, str]) -> None:
    """Two sequences that differ in one of the three have no draw in common."""
    ours = {draw(7, "alibaba", "CreateGroupId", number) for number in range(1, 100)}
    assert ours.isdisjoint({draw(*other, number) for number in range(1, 100)})


def test_what_is_drawn_never_changes() -> None:
    """A seed that somebody has written down brings the same faults in the next version."""
    assert [round(draw(0, "alibaba", "CreateGroupId", number), 6) for number in (1, 2, 3)] == [
        0.024375,
        0.327663,
        0.889848,
    ]


def test_entries_divide_the_attempts_by_their_rates() -> None:
    """Of ten thousand attempts each entry gets its part, and the rest is left alone."""
    chaos = Chaos(seed=3, injections=(injection("A", 0.05), injection("CreateGroupId/B", 0.2)))
    met = [injection_for(chaos, "alibaba", "CreateGroupId", number) for number in range(1, 10_001)]
    assert abs(met.count(chaos.injections[0]) - 500) < 110
    assert abs(met.count(chaos.injections[1]) - 2000) < 200
    assert abs(met.count(None) - 7500) < 220


@pytest.mark.parametrize(("rate", "faults"), [pytest.param(0.0, 0, id="never"), pytest.param(1.0, 50, id="always")])
def test_the_ends_of_the_scale_are_sure(rate: float, faults: int) -> None:
    """A rate of 0 meets no attempt, and a rate of 1 meets all of them."""
    chaos = Chaos(injections=(injection("A", rate),))
    met = [injection_for(chaos, "alibaba", "CreateGroupId", number) for number in range(1, 51)]
    assert sum(each is not None for each in met) == faults


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(["A", "B"], ["A", "B"], id="all-codes"),
        pytest.param(["CreateGroupId/A", "A"], ["CreateGroupId/A"], id="a-name-beats-none"),
        pytest.param(["Create*/A", "C*/A", "A"], ["Create*/A"], id="a-longer-glob-beats-a-shorter"),
        pytest.param(["Create*/A", "CreateGroupId/A"], ["CreateGroupId/A"], id="a-name-beats-a-glob"),
        pytest.param(["Create*/A", "*roupId/A"], ["*roupId/A"], id="the-last-of-equals"),
        pytest.param(["DeleteGroupId/A", "Delete*/B"], [], id="other-operations"),
    ],
)
def test_the_narrowest_entry_of_each_code_counts(entries: list[str], expected: list[str]) -> None:
    """An entry for an operation stands instead of a wider one for the same code, and never beside it."""
    assert ids(*entries) == expected


def test_entries_of_another_provider_are_not_met() -> None:
    """A call meets the entries of its own provider alone."""
    assert ids("A", provider="tencent") == []
