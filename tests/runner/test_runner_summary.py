"""The end of a run is told in a few lines."""

from __future__ import annotations

import pytest

from resilience.clients.common.renaming import Renaming
from resilience.core.policy import Action, Limits, PolicyValues
from resilience.runner.ending.summary import summary
from resilience.runner.totals.counters import Counts
from resilience.runner.totals.notes import Noted

POLICY = PolicyValues(name="mqtt", limits=Limits(deadline=None), unknown=Action(key="fail", do="fail"))


def old(name: str) -> Renaming:
    return Renaming("alibaba", "GroupId", "mqtt-1", name)


@pytest.mark.parametrize(
    ("counts", "renames", "first"),
    [
        pytest.param(Counts(), {}, "no management calls; policy mqtt", id="nothing"),
        pytest.param(Counts(calls=1), {}, "1 call; policy mqtt", id="one"),
        pytest.param(
            Counts(
                calls=1200,
                retries=3,
                refreshes=1,
                verifications=2,
                discards=1,
                accepted=2,
                failures=2,
                refused=1,
                waited=4240,
            ),
            {old("GID_a"): "GID_a-2"},
            "1,200 calls, 3 retries, 1 refresh, 1 rename (GID_a is now GID_a-2), 2 verifications, 1 discarded, "
            "2 accepted, 2 failures, 1 of them refused by us; waited 4.2 s; policy mqtt",
            id="everything",
        ),
        pytest.param(
            Counts(calls=9, waited=90_500),
            {old(f"GID_{letter}"): f"GID_{letter}-2" for letter in "abcde"},
            "9 calls, 5 renames (GID_a is now GID_a-2, GID_b is now GID_b-2, GID_c is now GID_c-2, and 2 more); "
            "waited 1 min 30 s; policy mqtt",
            id="many-renames",
        ),
    ],
)
def test_what_did_not_happen_is_not_mentioned(counts: Counts, renames: dict[Renaming, str], first: str) -> None:
    """One line has the sums, in words, and only those that are not zero."""
    assert summary(POLICY, counts, renames, Noted((), ()), {}) == [first]


def test_failures_and_remarks_have_lines_of_their_own() -> None:
    """The first failures are named, the others counted; each remark stands alone."""
    failures = tuple(f"CreateTopic: Code{number}" for number in range(5))
    lines = summary(POLICY, Counts(calls=5, failures=5), {}, Noted(failures, ("one", "two")), {})
    assert lines[1:] == [
        "failed: CreateTopic: Code0; CreateTopic: Code1; CreateTopic: Code2; and 2 more",
        "one",
        "two",
    ]


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        pytest.param(
            {("acme:PutThing", "urllib3"): 1},
            "1 call was not under the policy: 1 acme:PutThing by urllib3",
            id="one",
        ),
        pytest.param(
            {
                ("acme:PutThing", "requests with a body that can be read once"): 2000,
                ("alibaba:ListGroupId", "aiohttp"): 1,
            },
            "2,001 calls were not under the policy: 2,000 acme:PutThing by requests with a body that can be read once, "
            "1 alibaba:ListGroupId by aiohttp",
            id="two-ways",
        ),
        pytest.param(
            {("acme:PutThing", f"way {number}"): 1 for number in range(9)},
            "9 calls were not under the policy: 1 acme:PutThing by way 0, 1 acme:PutThing by way 1, "
            "1 acme:PutThing by way 2, 1 acme:PutThing by way 3, 1 acme:PutThing by way 4, 1 acme:PutThing by way 5, "
            "1 acme:PutThing by way 6, 1 acme:PutThing by way 7, and 1 more",
            id="many-ways",
        ),
    ],
)
def test_what_went_past_the_policy_is_counted_by_its_way(past: dict[tuple[str, str], int], expected: str) -> None:
    """One line says how many calls there were, and of which operation by which way; the first does not deny them."""
    assert summary(POLICY, Counts(), {}, Noted((), ("later",)), past) == [
        "no calls under the policy; policy mqtt",
        expected,
        "later",
    ]
