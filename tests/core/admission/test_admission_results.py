"""What a fault says about the service: whether it is in trouble, has too much to do, or works and says no."""

from __future__ import annotations

import pytest

from resilience.core.admission.result import Result, result_of_fault, worst
from resilience.core.fault import CUT, Fault
from resilience.core.policy import Action
from resilience.engine.target.operations import result_of_code

FAIL = Action(key="fail", do="fail")
RETRY = Action(key="retry", do="retry", counts=True)
PATIENT = Action(key="patient", do="retry")


@pytest.mark.parametrize(
    ("provider", "code", "status", "result"),
    [
        ("alibaba", "ApplyTokenOverFlow", 400, "throttled"),
        ("alibaba", "SystemOverFlow", 503, "throttled"),
        ("alibaba", "Throttling.User", 429, "throttled"),
        ("alibaba", "InternalError", 500, "failed"),
        ("alibaba", "ServiceUnavailable", 503, "failed"),
        ("alibaba", "InvalidParameter.Actions", 400, "ignored"),
        ("alibaba", "GroupIdAlreadyExsited", 400, "ignored"),
        ("alibaba", "CheckAccountInfoFailed", 400, "ignored"),
        ("tencent", "InternalError.DbError", None, "failed"),
        ("tencent", "ServerNetworkError", None, "failed"),
        ("tencent", "LimitExceeded.RateLimitExceeded", None, "throttled"),
        ("tencent", "ResourceInsufficient", None, "ignored"),
        ("tencent", "ClientParamsError", None, "cancelled"),
    ],
)
def test_codes_that_the_catalogue_knows(provider: str, code: str, status: int | None, result: Result) -> None:
    """What the catalogue says of a code counts, whatever the policy does about it."""
    fault = Fault(provider=provider, code=code, status=status)
    for rule in (FAIL, RETRY, PATIENT):
        assert result_of_fault(fault, result_of_code(provider, code), rule) == result


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (Fault(transport="unsent"), "failed"),
        (Fault(transport="lost"), "failed"),
        (Fault(transport="garbled"), "failed"),
        (Fault(transport="garbled", status=502), "failed"),
        (Fault(transport="garbled", status=404), "ignored"),
        (CUT, "failed"),
        (Fault(status=503), "failed"),
        (Fault(status=429), "throttled"),
        (Fault(status=403), "ignored"),
    ],
)
def test_faults_without_a_code(fault: Fault, result: Result) -> None:
    """No answer and an unreadable one are failures, and otherwise the status tells; the rule does not matter."""
    for rule in (FAIL, RETRY, PATIENT):
        assert result_of_fault(fault, None, rule) == result


@pytest.mark.parametrize(
    ("status", "results"),
    [
        (None, ("ignored", "failed", "throttled")),
        (400, ("ignored", "ignored", "throttled")),
        (429, ("throttled", "throttled", "throttled")),
        (500, ("failed", "failed", "throttled")),
        (200, ("ignored", "failed", "throttled")),
    ],
)
def test_codes_of_a_service_of_our_own(status: int | None, results: tuple[Result, ...]) -> None:
    """What no catalogue knows, the status and the rule tell: fail, retry, and a retry that does not count."""
    fault = Fault(provider="acme", code="Busy", status=status)
    assert result_of_code("acme", "Busy") is None
    assert tuple(result_of_fault(fault, None, rule) for rule in (FAIL, RETRY, PATIENT)) == results


def test_the_worst_of_several_counts() -> None:
    """An attempt that met several faults has failed if one of them is a failure."""
    assert worst(["ignored", "failed", "throttled"]) == "failed"
    assert worst(["cancelled", "ignored"]) == "ignored"
