"""How many calls are under way where the program does not say."""

from __future__ import annotations

import pytest
from attrs import evolve
from fleet_calls import policy

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.fleet.concurrency import concurrency_of

RATES = {
    "alibaba": RateLimits(per_host=Rate(280.0, 1.0), default=Rate(100.0, 1.0), concurrency=40, share=4),
    "tencent": RateLimits(default=Rate(6000.0, 60.0), operations={"CreateTopic": Rate(10.0, 1.0)}),
    "acme": RateLimits(operations={"CreateUser": Rate(500.0, 1.0), "GetUser": Rate(20.0, 1.0)}),
    "shared": RateLimits(operations={"CreateUser": Rate(500.0, 1.0)}, share=2),
    "slow": RateLimits(default=Rate(5.0, 1.0)),
}


@pytest.mark.parametrize(
    ("asked", "provider", "expected"),
    [
        pytest.param(3, "alibaba", 3, id="the-program-says"),
        pytest.param(None, "alibaba", 10, id="the-part-of-one-process"),
        pytest.param(None, "tencent", 25, id="as-the-rate-of-all-operations-needs"),
        pytest.param(None, "acme", 125, id="as-the-fastest-operation-needs"),
        pytest.param(None, "shared", 63, id="as-the-part-of-a-rate-needs"),
        pytest.param(None, "slow", 16, id="no-fewer-for-a-slow-rate"),
        pytest.param(None, "other", 16, id="without-a-limit"),
        pytest.param(None, None, 125, id="of-any-provider-the-most"),
    ],
)
def test_the_policy_says_how_many_calls_are_under_way(asked: int | None, provider: str | None, expected: int) -> None:
    """Unless the program does."""
    assert concurrency_of(asked, evolve(policy(), rates=RATES), provider) == expected


def test_a_policy_without_limits_has_a_default() -> None:
    """Also for an executor without a provider."""
    assert concurrency_of(None, policy(), None) == 16


def test_less_than_one_call_cannot_be_under_way() -> None:
    """It is said at once."""
    with pytest.raises(ValueError, match="concurrency: expected a number from 1, got 0"):
        concurrency_of(0, policy(), None)


@pytest.mark.parametrize(
    ("provider", "operation", "expected"),
    [
        pytest.param("tencent", "CreateTopic", 16, id="as-a-slow-operation-needs"),
        pytest.param("tencent", "CreateInstance", 25, id="as-the-rate-of-all-operations-needs"),
        pytest.param("acme", "CreateUser", 125, id="as-a-fast-operation-needs"),
        pytest.param("acme", "DeleteUser", 16, id="an-operation-without-a-rate"),
        pytest.param("shared", "CreateUser", 63, id="the-part-of-one-process"),
        pytest.param("alibaba", "CreateGroupId", 10, id="what-the-policy-says"),
    ],
)
def test_calls_of_one_operation_are_as_many_as_its_rate_needs(provider: str, operation: str, expected: int) -> None:
    """The others would wait for their turn, and keep a fleet from stopping soon."""
    assert concurrency_of(None, evolve(policy(), rates=RATES), provider, operation) == expected
