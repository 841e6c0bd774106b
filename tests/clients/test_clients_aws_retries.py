"""The retries of botocore itself: what they do alone, and that a call under a policy sends one request per attempt."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import boto3
import pytest
from aws_clients import POLICY, client, client_async, executor
from servers.aws import KEYS, LOSE, REGION, THROTTLED, Server, Step, refusal, serving

from resilience import Executor, Policy, wrap_client
from resilience.clients import retries_itself, verifiers_for
from resilience.clients.inspection import switch_off_retries

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")

MODES = ("standard", "legacy", "adaptive")
AWAY = refusal("ServiceUnavailableException", 503)


@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_retries_says_so(mode: str) -> None:
    """The sentence names the mode, and what to write instead."""
    found = retries_itself(client("http://127.0.0.1:9", retries={"mode": mode}))
    assert found is not None
    assert f"mode {mode}, up to {5 if mode == 'legacy' else 3} attempts" in found
    assert 'Config(retries={"total_max_attempts": 1})' in found


@pytest.mark.parametrize(
    "retries", [{"total_max_attempts": 1}, {"max_attempts": 0}, {"mode": "standard", "total_max_attempts": 1}]
)
def test_a_client_that_does_not_retry_says_nothing(retries: dict[str, Any]) -> None:
    """Each way to switch retries off counts."""
    direct = client("http://127.0.0.1:9", retries=retries)
    assert retries_itself(direct) is None
    assert switch_off_retries(direct) is None


@pytest.mark.parametrize(
    ("name", "value", "says"), [("AWS_MAX_ATTEMPTS", "1", False), ("AWS_RETRY_MODE", "adaptive", True)]
)
def test_the_environment_counts(monkeypatch: pytest.MonkeyPatch, name: str, value: str, *, says: bool) -> None:
    """A script may say nothing, and its environment something."""
    monkeypatch.setenv(name, value)
    direct = boto3.session.Session().client("iot", region_name=REGION, endpoint_url="http://127.0.0.1:9", **KEYS)
    found = retries_itself(direct)
    assert (found is not None) == says
    assert found is None or "adaptive" in found


def test_things_that_are_no_clients_do_not_retry() -> None:
    """Anything may be asked about."""
    assert retries_itself(boto3.session.Session()) is None
    assert retries_itself(boto3) is None


@pytest.mark.parametrize("mode", MODES)
def test_plain_boto3_makes_two_certificates_of_one_call(fresh_moto: int, mode: str) -> None:
    """This is what the adapter is for: the first certificate stays, and its private key is gone."""
    with serving(LOSE, moto=fresh_moto) as server:
        client(server.url, retries={"mode": mode}).create_keys_and_certificate(setAsActive=True)
        assert server.took("POST", "/keys-and-certificate") == 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("failure", [THROTTLED, AWAY, LOSE], ids=["throttled", "away", "lost"])
def test_each_attempt_is_one_request(
    fresh_moto: int, mode: str, failure: Step, caplog: pytest.LogCaptureFixture
) -> None:
    """The retries are switched off for the wrapped client, which says so once; the given client keeps its own."""
    with serving(failure, failure, moto=fresh_moto) as server, caplog.at_level(logging.WARNING, "resilience"):
        given = client(server.url, retries={"mode": mode})
        iot = wrap_client(given, executor())
        made = iot.create_thing(thingName="t")
        assert server.took("POST", "/things/t") == 3
        assert made["ResponseMetadata"]["RetryAttempts"] == 0
        assert iot.describe_thing(thingName="t")["thingName"] == "t"
        said = [each.getMessage() for each in caplog.records if "switched off" in each.getMessage()]
        assert len(said) == 1
        assert f"botocore's retries (mode {mode}" in said[0]
        assert iot.meta.config.retries["total_max_attempts"] == 1
        assert retries_itself(given) is not None
        server.script[:] = [AWAY]
        given.describe_thing(thingName="t")
        assert server.took("GET", "/things/t") == 3


@pytest.mark.parametrize("mode", MODES)
def test_each_attempt_of_an_asynchronous_client_is_one_request(fresh_moto: int, mode: str) -> None:
    """Aiobotocore has the same three modes."""

    async def use(url: str) -> Any:
        async with client_async(url, retries={"mode": mode}) as given:
            iot = wrap_client(given, Executor(Policy.loads(POLICY), provider="aws-iot"))
            return await iot.create_thing(thingName="t")

    with serving(THROTTLED, LOSE, moto=fresh_moto) as server:
        assert asyncio.run(use(server.url))["ResponseMetadata"]["RetryAttempts"] == 0
        assert server.took("POST", "/things/t") == 3


def test_other_settings_and_handlers_of_a_wrapped_client_stay(fresh_moto: int) -> None:
    """Handlers see every attempt, wherever they were registered."""
    seen: list[str] = []
    with serving(THROTTLED, moto=fresh_moto) as server:
        given = client(server.url, retries={"mode": "standard"}, user_agent_extra="marker/1")
        given.meta.events.register("before-send.iot", lambda **_: seen.append("before"))
        iot = wrap_client(given, executor())
        iot.create_thing(thingName="first")
        iot.meta.events.register("before-send.iot", lambda **_: seen.append("after"))
        iot.create_thing(thingName="t")
        assert iot.meta.region_name == REGION
        assert iot.meta.endpoint_url == server.url
        assert all("marker/1" in request.headers["User-Agent"] for request in server.requests)
    assert seen == ["before", "before", "before", "after"]


def test_a_function_around_a_client_that_retries_is_refused() -> None:
    """Its attempts would be hidden from the policy."""
    direct = client("http://127.0.0.1:9", retries={"mode": "standard"})
    with pytest.raises(ValueError, match="the client retries by itself"):
        executor().wrap("CreateThing")(direct.create_thing)
    with pytest.raises(ValueError, match="the client retries by itself"):
        verifiers_for(direct)


def _tokens(server: Server) -> list[bytes]:
    return [request.body for request in server.requests]


def test_a_token_for_one_call_is_the_same_in_each_attempt() -> None:
    """Botocore makes one for a request that has none; with another one in each attempt it would protect nothing."""
    with serving(AWAY, THROTTLED, Step(body=b'{"name":"d","arn":"a"}')) as server:
        iot = wrap_client(client(server.url), executor(POLICY + 'CreateDimension = { repeat = "safe" }\n'))
        iot.create_dimension(name="d", type="TOPIC_FILTER", stringValues=["x"])
        first, *others = _tokens(server)
    assert b"clientRequestToken" in first
    assert others == [first, first]
