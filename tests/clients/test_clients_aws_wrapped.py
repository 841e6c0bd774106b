"""Wrapped clients of boto3, and functions around them, before a moto that throttles and loses answers on demand."""

from __future__ import annotations

import asyncio
import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from aws_clients import POLICY, client, client_async, executor, wrapped
from botocore import exceptions
from botocore.stub import Stubber
from moto import mock_aws
from servers.aws import HANG, LOSE, PASS, REGION, TEAR, THROTTLED, Step, refusal, serving

from resilience import Executor, Ledger, Policy, SyncExecutor, wrap_client
from resilience.core.events import AttemptFailed, CallStarted
from resilience.core.observer import Slot
from resilience.engine.errors import DeadlineExceeded, ServiceError

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")


def test_a_throttled_creation_is_repeated(fresh_moto: int) -> None:
    """The answer is boto3's own."""
    with serving(THROTTLED, THROTTLED, moto=fresh_moto) as server:
        made = wrapped(server.url).create_thing(thingName="sensor")
        assert made["thingName"] == "sensor"
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert server.took("POST", "/things/sensor") == 3


def test_the_services_own_exception_leaves(fresh_moto: int) -> None:
    """It is of the class that client.exceptions has, with the members that the service gave."""
    with serving(moto=fresh_moto) as server:
        iot = wrapped(server.url)
        iot.create_policy(policyName="p", policyDocument="{}")
        with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
            iot.create_policy(policyName="p", policyDocument="{}")
    assert caught.value.response["Error"]["Code"] == "ResourceAlreadyExistsException"
    assert "stop reason: not_ours" in caught.value.__notes__[0]
    assert "resilience" not in str(caught.value)


def test_a_page_of_a_list_is_a_call_of_its_own(fresh_moto: int) -> None:
    """Paginators use the methods of the client that made them."""
    with serving(moto=fresh_moto) as server:
        plain = client(server.url)
        for number in range(3):
            plain.create_thing(thingName=f"t{number}")
        server.script[:] = [PASS, THROTTLED, PASS]
        pages = wrapped(server.url).get_paginator("list_things").paginate(PaginationConfig={"PageSize": 2})
        assert [thing["thingName"] for page in pages for thing in page["things"]] == ["t0", "t1", "t2"]
        assert server.took("GET", "/things") == 3


def test_a_call_by_operation_is_the_same_call(fresh_moto: int) -> None:
    """All methods go through this one, and so do programs that build on botocore."""
    with serving(THROTTLED, moto=fresh_moto) as server:
        iot = wrapped(server.url)
        assert iot._make_api_call("CreateThing", {"thingName": "t"})["thingName"] == "t"
        assert server.took("POST", "/things/t") == 2


def test_what_is_no_call_stays(fresh_moto: int) -> None:
    """A wrapped client is a client of the same class, with all that boto3's have."""
    with serving(moto=fresh_moto) as server:
        given = client(server.url)
        iot = wrap_client(given, executor())
        assert isinstance(iot, type(given))
        assert type(iot).__name__ == type(given).__name__
        assert iot.meta.service_model.service_name == "iot"
        assert iot.can_paginate("list_things")
        assert iot.exceptions.ThrottlingException is given.exceptions.ThrottlingException
        assert str(iot.create_thing.__doc__) == str(given.create_thing.__doc__)
        with pytest.raises(AttributeError):
            _ = iot.no_such_method
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(iot)
        iot.close()


def test_a_client_of_another_service_is_refused_and_the_known_ones_are_named() -> None:
    """No policy applies to it."""
    with pytest.raises(TypeError, match="boto3 or aiobotocore for iot, iot-data or sts"):
        wrap_client(client("http://127.0.0.1:9", "s3"), executor())


class _Seen:
    """An observer that keeps everything."""

    idle_slot: Slot | None = None

    def __init__(self) -> None:
        self.events: list[object] = []

    def watch(self, started: CallStarted) -> Callable[[object], None]:
        self.events.append(started)
        return self.events.append


def test_one_call_is_one_span_with_its_attempts(fresh_moto: int) -> None:
    """The method for one operation calls the generic one: that is one call."""
    seen = _Seen()
    with serving(THROTTLED, moto=fresh_moto) as server:
        made = SyncExecutor(Policy.loads(POLICY), provider="aws-iot", observers=[seen])
        wrap_client(client(server.url), made).create_thing(thingName="t")
    assert sum(isinstance(event, CallStarted) for event in seen.events) == 1
    assert sum(isinstance(event, AttemptFailed) for event in seen.events) == 1


def test_two_threads_use_one_wrapped_client(fresh_moto: int) -> None:
    """boto3's clients may be shared by threads, and so may wrapped ones."""
    with serving(*[THROTTLED] * 8, moto=fresh_moto) as server:
        iot = wrapped(server.url)
        threads = [
            threading.Thread(target=lambda name=f"t{number}": iot.create_thing(thingName=name)) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(client(server.url).list_things()["things"]) == 8


def test_a_wrong_argument_leaves_at_once(fresh_moto: int) -> None:
    """It is a mistake in the program; no rule sees it, and it has no note."""
    with serving(moto=fresh_moto) as server:
        with pytest.raises(exceptions.ParamValidationError) as caught:
            wrapped(server.url).create_thing(thing_name="t")
        assert not hasattr(caught.value, "__notes__")
        assert server.requests == []


def test_missing_keys_end_a_call() -> None:
    """Another attempt would not find any."""
    with serving(rest=Step()) as server:
        session = boto3.session.Session(region_name=REGION)
        iot = wrap_client(session.client("iot", endpoint_url=server.url), executor())
        with pytest.raises(exceptions.NoCredentialsError) as caught:
            iot.list_things()
    assert "after 1 attempt" in caught.value.__notes__[0]


@pytest.mark.parametrize("torn", [TEAR, Step(body=b"<html>", headers={"Content-Type": "text/html"}), Step(body=b"[1]")])
def test_an_answer_that_cannot_be_read_is_a_fault(torn: Step) -> None:
    """Alone, boto3 returns an empty mapping for it. What leaves is ours, and boto3's."""
    policy = POLICY.replace('garbled = "verify"', 'garbled = "fail"')
    whole = Step(body=b'{"thingName":"t","thingArn":"a","thingId":"i"}')
    with serving(rest=Step(body=whole.body[:20]) if torn is TEAR else torn) as server:
        iot = wrapped(server.url, policy=policy)
        with pytest.raises(Exception) as caught:  # noqa: PT011  # see below
            iot.create_thing(thingName="t")
    error = caught.value
    if isinstance(error, ServiceError):
        assert isinstance(error, exceptions.BotoCoreError)
        assert error.fault.transport == "garbled"
    assert "garbled" in error.__notes__[0]


def test_a_deadline_is_boto3s_error_too() -> None:
    """A script catches BotoCoreError for the network, and ClientError for what the service said."""
    policy = POLICY.replace('deadline = "20s"', 'deadline = "300ms"')
    with serving(rest=HANG) as server:
        iot = wrapped(server.url, policy=policy, read_timeout=30)
        with pytest.raises(exceptions.BotoCoreError) as caught:
            iot.describe_thing(thingName="t")
    assert isinstance(caught.value, DeadlineExceeded | exceptions.ReadTimeoutError)
    assert pickle.loads(pickle.dumps(caught.value)) is not None  # noqa: S301  # made here


def test_our_own_errors_have_the_class_of_the_last_code() -> None:
    """The budget for retries is used up: a script that catches throttling catches that, too."""
    policy = POLICY + "[budget.aws-iot]\ncapacity = 5\n"
    with serving(rest=THROTTLED) as server:
        iot = wrapped(server.url, policy=policy)
        with pytest.raises(iot.exceptions.ThrottlingException) as caught:
            iot.create_thing(thingName="t")
        with pytest.raises(exceptions.ClientError):
            iot.create_thing(thingName="u")
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"


def test_an_accepted_creation_has_boto3s_answer(fresh_moto: int) -> None:
    """The service was not asked: the answer has the fields that it shares with the request."""
    policy = POLICY.replace(
        '"ResourceAlreadyExistsException" = "accept"',
        '"ResourceAlreadyExistsException" = { do = "accept", if = "always" }',
    )
    with serving(refusal("ResourceAlreadyExistsException", 409), moto=fresh_moto) as server:
        iot = wrapped(server.url, policy=policy + 'CreatePackageVersion = { repeat = "conflict" }\n')
        found = iot.create_package_version(packageName="p", versionName="v", description="d")
    assert {name: found[name] for name in ("packageName", "versionName", "description")} == {
        "packageName": "p",
        "versionName": "v",
        "description": "d",
    }
    assert found["ResponseMetadata"]["RequestId"] == "req-1"


def test_a_name_is_taken_and_another_one_is_used(fresh_moto: int) -> None:
    """Later calls of the client have the new name where the script gives the old one, if the catalogue knows them."""
    policy = POLICY.replace(
        '"CreateThing/ResourceAlreadyExistsException" = "fail"',
        '"CreateThing/ResourceAlreadyExistsException" = "rename"',
    )
    policy = policy.replace(
        'CreateThing = { repeat = "equal", key = ["thingName"]',
        'CreateThing = { repeat = "equal", key = ["thingName"], rename = "thingName"',
    )
    taken = refusal("ResourceAlreadyExistsException", 409, resourceId="t")
    with serving(taken, moto=fresh_moto) as server:
        iot = wrapped(server.url, policy=policy)
        made = iot.create_thing(thingName="t", attributePayload={"attributes": {"a": "1"}})
        assert made["thingName"] == "t-2"
        assert client(server.url).describe_thing(thingName="t-2")["attributes"] == {"a": "1"}
        iot.create_thing_group(thingGroupName="g")
        iot.add_thing_to_thing_group(thingGroupName="g", thingName="t")
        assert iot.describe_thing(thingName="t")["thingName"] == "t-2"
        assert iot.list_thing_groups_for_thing(thingName="t")["thingGroups"][0]["groupName"] == "g"


def test_a_payload_that_can_be_read_once_is_refused() -> None:
    """A second attempt would send nothing of it."""
    with serving(rest=Step(body=b"")) as server:
        data = wrapped(server.url, "iot-data")
        with pytest.raises(ValueError, match="give it as bytes"):
            data.publish(topic="t", payload=io.BytesIO(b"x"))
        data.publish(topic="t", payload=b"x")
        assert [request.body for request in server.requests] == [b"x"]


def test_a_publication_that_may_have_been_sent_is_not_repeated() -> None:
    """A message would be there twice."""
    from raw_peer import Peer, Script  # noqa: PLC0415  # next to its only use

    with Peer(Script("close")) as peer:
        with pytest.raises(exceptions.ConnectionClosedError):
            wrapped(f"http://{peer.address}", "iot-data").publish(topic="t", payload=b"x")
        assert peer.requests == 1


def test_a_function_around_boto3_follows_the_policy(fresh_moto: int) -> None:
    """Its parameter in snake case is the field of the request."""
    with serving(THROTTLED, LOSE, moto=fresh_moto) as server:
        iot = client(server.url)

        @executor().wrap("CreateThing")
        def create_thing(thing_name: str) -> str:
            return str(iot.create_thing(thingName=thing_name)["thingArn"])

        outcome = create_thing.outcome("t")
        assert str(outcome.value).endswith(":thing/t")
        assert [attempt.fault.label for attempt in outcome.attempts if attempt.fault] == ["ThrottlingException", "lost"]
        assert server.took("POST", "/things/t") == 3


def test_a_method_of_a_client_follows_the_policy(fresh_moto: int) -> None:
    """``executor.call`` takes it with its arguments."""
    with serving(THROTTLED, moto=fresh_moto) as server:
        made = executor().call("CreateThing", client(server.url).create_thing, thingName="t")
        assert made["thingName"] == "t"
        assert server.took("POST", "/things/t") == 2


def test_a_function_on_an_event_loop_uses_a_worker_thread(fresh_moto: int) -> None:
    """boto3 blocks; on trio and asyncio alike a plain function runs in a thread."""

    async def use(url: str) -> Any:
        made = Executor(Policy.loads(POLICY), provider="aws-iot")
        return await made.call("CreateThing", client(url).create_thing, thingName="t")

    with serving(THROTTLED, moto=fresh_moto) as server:
        import trio  # noqa: PLC0415  # next to its only use

        assert trio.run(use, server.url)["thingName"] == "t"
        assert asyncio.run(use(server.url))["thingName"] == "t"


def test_a_ledger_knows_what_was_made(fresh_moto: int, tmp_path: Any) -> None:
    """A second run asks nothing for it."""
    with serving(moto=fresh_moto) as server:
        for _ in range(2):
            with Ledger(tmp_path / "ledger.db") as ledger:
                iot = wrap_client(client(server.url), executor(ledger=ledger))
                assert iot.create_policy(policyName="p", policyDocument="{}")["policyName"] == "p"
        assert server.took("POST", "/policies/p") == 1


def test_an_asynchronous_client_follows_the_policy(fresh_moto: int) -> None:
    """The method for one operation returns what the generic one returns; it is one call."""

    async def use(url: str) -> tuple[Any, list[str]]:
        async with client_async(url) as given:
            iot = wrap_client(given, Executor(Policy.loads(POLICY), provider="aws-iot"))
            made = await iot.create_policy(policyName="p", policyDocument="{}")
            pages = iot.get_paginator("list_policies").paginate()
            return made, [each["policyName"] async for page in pages for each in page["policies"]]

    with serving(THROTTLED, LOSE, moto=fresh_moto) as server:
        made, names = asyncio.run(use(server.url))
        assert made["policyName"] == "p"
        assert names == ["p"]
        # Throttled, lost, and then found.
        assert server.took("POST", "/policies/p") == 2


def test_a_client_of_aiobotocore_needs_asyncio() -> None:
    """On trio a sentence says what works instead."""
    import trio  # noqa: PLC0415  # next to its only use

    async def use() -> None:
        made = Executor(Policy.loads(POLICY), provider="aws-iot")

        async def create() -> Any:
            async with client_async("http://127.0.0.1:9") as iot:
                return await iot.create_thing(thingName="t")

        await made.call("CreateThing", create)

    with pytest.raises(exceptions.HTTPClientError) as caught:
        trio.run(use)
    assert any("boto3 in a plain function" in note for note in caught.value.__notes__)


def test_a_stubbed_client_stays_stubbed() -> None:
    """Botocore's own tool for tests answers in place of the service, and counts each attempt."""
    given = client("http://127.0.0.1:9")
    with Stubber(given) as stub:
        stub.add_client_error("create_thing", "ThrottlingException", http_status_code=400)
        stub.add_response("create_thing", {"thingName": "t", "thingArn": "a"}, {"thingName": "t"})
        assert wrap_client(given, executor()).create_thing(thingName="t")["thingArn"] == "a"
        stub.assert_no_pending_responses()


def test_a_client_under_motos_decorator_follows_the_policy() -> None:
    """Moto answers inside the process; users test their scripts so."""
    with mock_aws():
        given = boto3.client("iot", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
        iot = wrap_client(given, executor())
        assert iot.create_policy(policyName="p", policyDocument="{}")["policyName"] == "p"
        with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
            iot.create_policy(policyName="p", policyDocument="{}")


def test_parameters_by_name_are_those_of_the_same_call(fresh_moto: int) -> None:
    """A program that calls the generic method may name its parameters."""
    with serving(LOSE, moto=fresh_moto) as server:
        iot = wrapped(server.url)
        made = iot._make_api_call(operation_name="CreatePolicy", api_params={"policyName": "p", "policyDocument": "{}"})
        assert made["policyName"] == "p"
        assert server.took("POST", "/policies/p") == 1


def test_a_users_verifier_gets_the_fields_by_name(fresh_moto: int) -> None:
    """It has the parameters of the client's method, and its word counts before the ready-made one's."""
    asked: list[dict[str, Any]] = []
    made = executor()

    @made.verify("CreatePolicy")
    def find(**fields: Any) -> dict[str, Any]:
        asked.append(fields)
        return {"policyName": fields["policyName"], "policyArn": "mine"}

    with serving(LOSE, moto=fresh_moto) as server:
        iot = wrap_client(client(server.url), made)
        assert iot.create_policy(policyName="p", policyDocument="{}")["policyArn"] == "mine"
    assert asked == [{"policyName": "p", "policyDocument": "{}"}]


def test_a_wrapped_client_of_aiobotocore_says_so_before_it_sends() -> None:
    """Nothing is sent from another event loop than its own."""
    import trio  # noqa: PLC0415  # next to its only use

    async def use(url: str) -> None:
        async with client_async(url) as given:
            iot = wrap_client(given, Executor(Policy.loads(POLICY), provider="aws-iot"))
            await iot.create_thing(thingName="t")

    with serving(rest=Step()) as server:
        with pytest.raises(RuntimeError, match="CreateThing"):
            trio.run(use, server.url)
        assert server.requests == []
