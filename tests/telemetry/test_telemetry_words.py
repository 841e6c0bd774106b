from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from scripted_calls import OVERFLOW, POLICY, Recorded, attributes_of, ended, gave_up, started

from resilience.core.fault import Fault
from resilience.core.words.labels import call_error_type, cleaned, error_type, listed_codes

_LISTED = listed_codes(POLICY)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        pytest.param(Fault(code="SystemOverFlow", error="sdk.ServerError"), "SystemOverFlow", id="listed"),
        pytest.param(Fault(code="InvalidParameter.Actions", error="sdk.E"), "InvalidParameter", id="parent-listed"),
        pytest.param(Fault(code="Unheard.Of", error="sdk.ServerError"), "sdk.ServerError", id="unlisted-is-its-class"),
        pytest.param(Fault(code="lost", error="sdk.ServerError"), "sdk.ServerError", id="transport-words-are-no-codes"),
        pytest.param(Fault(transport="lost", error="ConnectionResetError"), "ConnectionResetError", id="no-code"),
        pytest.param(Fault(error="made.<locals>.Error"), "made.<locals>.Error", id="local-class"),
        pytest.param(Fault(code="Unheard.Of"), "_OTHER", id="nothing-known"),
        pytest.param(Fault(error="not a class, says token=SECRET"), "_OTHER", id="no-class-name"),
        pytest.param(Fault(transport="lost", error="resilience.DeadlineExceeded"), "timeout", id="our-own-limit"),
    ],
)
def test_error_type_is_one_of_few(fault: Fault, wanted: str) -> None:
    """A code counts only if the policy lists it or its parent; else the exception's class, else ``_OTHER``."""
    assert error_type(fault, None, _LISTED) == wanted


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        pytest.param("sdk.ServerError", "SystemOverFlow", id="the-service's-own"),
        pytest.param("resilience.engine.errors.ServiceError", "SystemOverFlow", id="service-error"),
        pytest.param("resilience.BreakerOpen", "resilience.BreakerOpen", id="our-refusal"),
        pytest.param("resilience.engine.errors.DeadlineExceeded", "timeout", id="our-limit"),
    ],
)
def test_our_own_exception_counts_before_the_fault(error: str, wanted: str) -> None:
    """What we did ourselves is the error of the call; what only stands for the service is not."""
    assert call_error_type(ended("failed", "rule", fault=OVERFLOW, error=error), _LISTED) == wanted


@given(st.text())
def test_cleaned_text_is_a_short_safe_prefix(text: str) -> None:
    """What is left of a code begins it, is at most 128 characters long, and holds safe characters only."""
    safe = cleaned(text)
    if safe is None:
        assert not text or not (text[0].isascii() and (text[0].isalnum() or text[0] in "._-"))
    else:
        assert text.startswith(safe)
        assert 0 < len(safe) <= 128
        assert all(each.isascii() and (each.isalnum() or each in "._-") for each in safe)


def test_each_policy_lists_its_own_codes() -> None:
    """Calls of several policies may share an observer: what one lists is no ``error.type`` under the other."""
    trace_ = Recorded()
    for policy in (POLICY, evolve(POLICY, rules=()), POLICY):
        trace_.play(*gave_up(), call=evolve(started(), policy=policy))
    kinds = [attributes_of(trace_.span("CreateGroupId", index))["error.type"] for index in range(3)]
    assert kinds == ["SystemOverFlow", "sdk.ServerError", "SystemOverFlow"]


def test_no_secret_reaches_a_span() -> None:
    """Codes and ids are cut at the first odd character, and nothing else of what a service says is kept."""
    secret = "S3CRET"
    fault = Fault(
        provider="alibaba",
        code=f"SystemOverFlow token={secret}",
        request_id=f"5F3A?Signature={secret}",
        error=f"sdk.Error({secret})",
    )
    trace_ = Recorded(show_names=False)
    trace_.play(*gave_up(fault=fault, renamed={"GroupId": (secret, f"{secret}-2")}))
    assert trace_.spans()
    for span in trace_.spans():
        assert secret not in span.to_json()
    attributes = attributes_of(trace_.span("attempt CreateGroupId"))
    assert attributes["resilience.error.code"] == "SystemOverFlow"
    assert attributes["resilience.request.id"] == "5F3A"
    assert attributes["error.type"] == "_OTHER"
