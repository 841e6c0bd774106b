"""Limits: a sandbox refuses what comes faster, with the service's own code."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_clients import ALIBABA_INSTANCE
from Tea.exceptions import TeaException

from resilience.core.admission.rate import Rate
from resilience.sandbox.limits import ServiceLimits, throttle_code

pytest_plugins = ("sandbox_fixtures",)


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(limits: ServiceLimits, operation: str, times: int, provider: str = "alibaba") -> int:
    return sum(limits.refusal(provider, operation) is None for _ in range(times))


def test_no_window_holds_more_than_the_limit(clock: Clock) -> None:
    """A window slides; what was refused does not count."""
    limits = ServiceLimits(clock)
    limits.add("CreateGroupId", Rate.of("3/s"))
    assert taken(limits, "CreateGroupId", 2) == 2
    clock.now = 0.875
    assert taken(limits, "CreateGroupId", 5) == 1
    clock.now = 1.0
    assert taken(limits, "CreateGroupId", 5) == 2
    clock.now = 1.8125
    assert taken(limits, "CreateGroupId", 5) == 0
    clock.now = 1.875
    assert taken(limits, "CreateGroupId", 5) == 1
    assert limits.refused == 4 + 3 + 5 + 4


def test_each_operation_of_a_glob_has_its_own_count(clock: Clock) -> None:
    """A provider's prefix narrows it, and what is added last counts."""
    limits = ServiceLimits(clock)
    limits.add("tencent:Create*", Rate.of("2/s"))
    limits.add("CreateUser", Rate.of("1/m"))
    assert [taken(limits, name, 5, "tencent") for name in ("CreateTopic", "CreateInstance", "CreateUser")] == [2, 2, 1]
    assert taken(limits, "CreateGroupId", 50) == 50
    limits.clear()
    assert taken(limits, "CreateUser", 50, "tencent") == 50


def test_documented_limits_are_those_of_the_catalogue(clock: Clock) -> None:
    """An operation without one is not limited, and another limit goes before."""
    limits = ServiceLimits(clock)
    assert taken(limits, "CreateGroupId", 50) == 50
    limits.add_documented()
    assert taken(limits, "CreateGroupId", 50) == 10
    assert taken(limits, "RevokeToken", 50) == 5
    assert taken(limits, "CreateTopic", 50, "tencent") == 20
    limits.add("ApplyToken", Rate.of("7/s"))
    assert taken(limits, "ApplyToken", 200) == 7


@pytest.mark.parametrize(
    ("provider", "operation", "code"),
    [
        ("alibaba", "ApplyToken", "ApplyTokenOverFlow"),
        ("alibaba", "RevokeToken", "RevokeTokenOverFlow"),
        ("alibaba", "CreateGroupId", "Throttling"),
        ("tencent", "CreateTopic", "RequestLimitExceeded"),
    ],
)
def test_the_code_is_the_services_own(provider: str, operation: str, code: str) -> None:
    """The operation's own where it has one."""
    assert throttle_code(provider, operation) == code


@pytest.mark.parametrize(
    ("operation", "rate", "message"),
    [
        ("CreateGroupID", "10/s", "did you mean 'CreateGroupId'"),
        ("CreateGroupId", "10", 'expected a rate such as "10/s"'),
    ],
)
def test_a_limit_that_cannot_be_meant_is_an_error(sandbox: Any, operation: str, rate: str, message: str) -> None:
    """With what was probably meant."""
    with pytest.raises(ValueError, match=message):
        sandbox.limit(operation, rate)


def test_a_real_client_is_refused_as_by_the_service(sandbox: Any, alibaba: Any) -> None:
    """With the vendor's own exception; nothing is made, and the log has the call."""
    sandbox.limit("CreateGroupId", "2/h")
    for name in ("GID_first", "GID_second"):
        alibaba("create_group_id", instance_id=ALIBABA_INSTANCE, group_id=name)
    with pytest.raises(TeaException) as caught:
        alibaba("create_group_id", instance_id=ALIBABA_INSTANCE, group_id="GID_third")
    assert caught.value.code == "Throttling"
    assert sandbox.refused == 1
    assert (sandbox.asked("CreateGroupId"), sandbox.applied("CreateGroupId")) == (3, 2)
    sandbox.clear_limits()
    alibaba("create_group_id", instance_id=ALIBABA_INSTANCE, group_id="GID_third")
    assert sandbox.applied("CreateGroupId") == 3
