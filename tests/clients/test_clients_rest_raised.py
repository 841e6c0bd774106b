"""Statuses that functions of one's own raise, under a policy that describes the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from rest_service import Answer, RestService

from resilience.clients import classify
from resilience.core.operations.apis import AnswerPath, RestApi


@pytest.fixture
def service() -> Iterator[RestService]:
    """Serve answers on loopback."""
    with RestService() as running:
        yield running


class OwnError(Exception):
    """An error of a user's own, with a code and the answer of a client."""

    code = "OWN"

    def __init__(self, response: object) -> None:
        super().__init__()
        self.response = response


def raised(url: str, library: Any) -> Exception:
    """Return what ``raise_for_status`` raises for an answer."""
    try:
        library.post(url).raise_for_status()
    except (requests.HTTPError, httpx.HTTPStatusError) as error:
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize("library", [requests, httpx])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            Answer(404, {"error": "Object Not Found", "reason": "marker", "code": "OTHER"}),
            ("Object_Not_Found", 404, "REQ-1", "marker"),
            id="described",
        ),
        pytest.param(Answer(400, {"code": "PLAIN"}), ("PLAIN", 400, "REQ-1", '"PLAIN"'), id="other-place"),
        pytest.param(Answer(503), (None, 503, "REQ-1", "503"), id="no-body"),
    ],
)
def test_a_raised_status_has_the_code_that_the_policy_describes(
    service: RestService, library: Any, answer: Answer, expected: tuple[str | None, int, str, str]
) -> None:
    """A function of one's own that calls ``raise_for_status`` meets the same codes as a wrapped client."""
    service.scripted.append(answer)
    api = RestApi(code=AnswerPath("json", ("error",)), message=AnswerPath("json", ("reason",)))
    fault = classify(raised(service.url, library), provider="acme", api=api)
    assert fault is not None
    code, status, request_id, words = expected
    assert (fault.provider, fault.code, fault.status, fault.request_id) == ("acme", code, status, request_id)
    assert words in (fault.message or "")
    # The answer's message alone counts, where the policy says which one that is.
    assert ("for url" in (fault.message or "")) == (words != "marker")


def test_the_code_of_a_users_own_error_counts_more(service: RestService) -> None:
    """What a user has read from an answer stays as it is."""
    service.scripted.append(Answer(400, {"error": "THEIRS"}))
    fault = classify(
        OwnError(requests.post(service.url, timeout=5)),
        provider="acme",
        api=RestApi(code=AnswerPath("json", ("error",))),
    )
    assert fault is not None
    assert fault.code == "OWN"
