"""Every way in which a call through boto3 and aiobotocore can fail, with the real SDKs over loopback."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_clients import client, client_async
from botocore import exceptions
from botocore.config import Config
from botocore.stub import Stubber
from raw_peer import Peer, Script, deaf_address, refusing_address, self_signed
from servers.aws import KEYS, REGION, Step, refusal, serving

from resilience.catalog.facts import OperationFacts
from resilience.clients import classify
from resilience.clients.aws import answers
from resilience.core.fault import Fault

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")

Call = Callable[..., Any]


def _sync(url: str, service: str = "iot", **settings: Any) -> Any:
    made = client(url, service, **{"read_timeout": 0.3, "connect_timeout": 0.3, **settings})
    return made.get_caller_identity() if service == "sts" else made.create_thing(thingName="marker-thing")


def _async(url: str, service: str = "iot", **settings: Any) -> Any:
    async def call() -> Any:
        async with client_async(url, service, **{"read_timeout": 0.3, "connect_timeout": 0.3, **settings}) as made:
            if service == "sts":
                return await made.get_caller_identity()
            return await made.create_thing(thingName="marker-thing")

    return asyncio.run(call())


def _error(call: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which class it is, is the SDK's business
        call()
    return caught.value


def _fault(call: Callable[[], Any]) -> Fault:
    """Return the fault of a call that fails, sure that it shows nothing of the request or the message."""
    fault = classify(_error(call))
    assert fault is not None
    assert fault.provider == "aws-iot"
    assert "marker" not in repr(fault)
    return fault


_BOTH = pytest.mark.parametrize("call", [_sync, _async])


@_BOTH
@pytest.mark.parametrize(
    ("step", "code", "status", "effect"),
    [
        pytest.param(refusal("ThrottlingException", 400), "ThrottlingException", 400, "none", id="throttled"),
        pytest.param(refusal("LimitExceededException", 410), "LimitExceededException", 410, "none", id="quota"),
        pytest.param(refusal("UnheardOfException", 418), "UnheardOfException", 418, "none", id="not-in-the-model"),
        pytest.param(
            refusal("ServiceUnavailableException", 503), "ServiceUnavailableException", 503, "unknown", id="away"
        ),
        pytest.param(
            Step(status=400, body=b'{"__type":"com.amazon.coral#InvalidRequestException","message":"marker"}'),
            "InvalidRequestException",
            400,
            "none",
            id="type-in-the-body",
        ),
    ],
)
def test_a_refusal_has_its_code_status_and_request_id(
    call: Call, step: Step, code: str, status: int, effect: str
) -> None:
    """The code is what the service says; the message stays out of sight."""
    with serving(step) as server:
        fault = _fault(lambda: call(server.url))
    assert (fault.code, fault.status, fault.transport) == (code, status, None)
    assert fault.request_id == ("req-1" if "x-amzn-RequestId" in step.headers else None)
    assert fault.effect_or_default() == effect


@_BOTH
def test_a_refusal_with_members_of_its_own_keeps_them_out_of_the_fault(call: Call) -> None:
    """A modelled exception names what is there: that is the caller's to read, and of no span."""
    step = refusal("ResourceAlreadyExistsException", 409, resourceId="marker-id", resourceArn="marker-arn")
    with serving(step) as server:
        error: Any = _error(lambda: call(server.url))
    assert error.response["resourceId"] == "marker-id"
    fault = classify(error)
    assert fault is not None
    assert (fault.code, fault.status) == ("ResourceAlreadyExistsException", 409)
    assert "marker" not in repr(fault)


@_BOTH
def test_a_message_reaches_rules_that_look_for_it(call: Call) -> None:
    """AWS says "the role is not ready yet" with the code of a bad request."""
    with serving(refusal("InvalidRequestException", 400, "The role cannot be Assumed marker")) as server:
        fault = _fault(lambda: call(server.url))
    assert fault.message is not None
    assert "cannot be assumed" in fault.message


@_BOTH
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"<html>marker</html>", "text/html", id="html"),
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b'{"mess', "application/json", id="torn"),
        pytest.param(b"[1]", "application/json", id="no-object"),
        pytest.param(b'{"message":"marker"}', "application/json", id="no-code"),
    ],
)
@pytest.mark.parametrize(("status", "effect"), [(503, "unknown"), (502, "unknown"), (403, "none"), (429, "none")])
def test_a_code_that_is_only_a_status_is_that_status(
    call: Call, body: bytes, kind: str, status: int, effect: str
) -> None:
    """A proxy's page has no code, and botocore makes one up."""
    with serving(Step(status=status, body=body, headers={"Content-Type": kind})) as server:
        fault = _fault(lambda: call(server.url))
    assert fault.code is None
    assert fault.label == f"http-{status}"
    assert fault.effect_or_default() == effect


@_BOTH
def test_retry_after_is_the_servers_hint(call: Call) -> None:
    """A wait takes it into account."""
    throttled = refusal("ThrottlingException", 429)
    with serving(Step(status=429, body=throttled.body, headers={**throttled.headers, "Retry-After": "7"})) as server:
        assert _fault(lambda: call(server.url)).retry_after == 7


@_BOTH
def test_the_token_service_speaks_xml(call: Call) -> None:
    """Its refusals have code and request id in the body."""
    body = (
        b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        b"<Code>ExpiredToken</Code><Message>marker</Message></Error><RequestId>req-2</RequestId></ErrorResponse>"
    )
    with serving(Step(status=403, body=body, headers={"Content-Type": "text/xml"})) as server:
        fault = _fault(lambda: call(server.url, "sts"))
    assert (fault.code, fault.status, fault.request_id) == ("ExpiredToken", 403, "req-2")


@_BOTH
def test_an_answer_in_xml_that_cannot_be_read_is_garbled(call: Call) -> None:
    """Botocore raises an error for XML, where it ignores broken JSON."""
    with serving(Step(body=b"<GetCallerIdentityResponse><Get", headers={"Content-Type": "text/xml"})) as server:
        fault = _fault(lambda: call(server.url, "sts"))
    assert (fault.transport, fault.effect_or_default()) == ("garbled", "unknown")


@_BOTH
def test_a_refused_connection_is_unsent(call: Call) -> None:
    """Nothing listens there."""
    assert _fault(lambda: call(f"http://{refusing_address()}")).transport == "unsent"


@_BOTH
def test_a_host_without_an_address_is_unsent(call: Call) -> None:
    """The name is reserved for this."""
    assert _fault(lambda: call("http://marker.invalid")).transport == "unsent"


@_BOTH
def test_a_connection_that_takes_too_long_is_unsent(call: Call) -> None:
    """Its time-out is that of a connection, and not of an answer."""
    with deaf_address() as address:
        assert _fault(lambda: call(f"http://{address}")).transport == "unsent"


@_BOTH
def test_a_proxy_that_is_not_there_is_unsent(call: Call) -> None:
    """The request never left for the service."""
    proxy = f"http://{refusing_address()}"
    fault = _fault(lambda: call("http://marker.invalid", proxies={"http": proxy, "https": proxy}))
    assert fault.transport == "unsent"


@_BOTH
def test_a_proxy_that_refuses_a_tunnel_is_unsent(call: Call) -> None:
    """The answer to CONNECT is the proxy's."""
    with serving(rest=Step(status=403, body=b"marker")) as server:
        fault = _fault(lambda: call("https://marker.invalid", proxies={"https": server.url}))
    assert fault.transport == "unsent"


@_BOTH
def test_a_certificate_that_nobody_trusts_is_unsent(call: Call, tmp_path: Path) -> None:
    """The handshake ends before the request."""
    with Peer(Script(tls=self_signed(tmp_path))) as peer:
        assert _fault(lambda: call(f"https://{peer.address}")).transport == "unsent"


@_BOTH
def test_plain_http_where_tls_is_expected_is_unsent(call: Call) -> None:
    """The handshake fails at the first answer."""
    with Peer(Script()) as peer:
        assert _fault(lambda: call(f"https://{peer.address}")).transport == "unsent"


def test_a_handshake_that_stalls_is_unsent() -> None:
    """Botocore raises the class for an answer that does not come; aiobotocore likewise, and its origin is unknown."""
    with Peer(Script(manner="hang")) as peer:
        fault = _fault(lambda: _sync(f"https://{peer.address}"))
    assert fault.transport == "unsent"


@_BOTH
@pytest.mark.parametrize("manner", ["hang", "reset", "close"])
def test_a_request_without_an_answer_is_lost(call: Call, manner: Any) -> None:
    """It may have taken effect."""
    with Peer(Script(manner)) as peer:
        fault = _fault(lambda: call(f"http://{peer.address}"))
    assert (fault.transport, fault.effect_or_default()) == ("lost", "unknown")


@_BOTH
def test_an_answer_that_is_no_http_says_nothing_of_the_request(call: Call) -> None:
    """It may have taken effect."""
    with Peer(Script(status=0, body=b"")) as peer:
        fault = _fault(lambda: call(f"http://{peer.address}"))
    assert fault.transport in ("lost", "garbled")
    assert fault.effect_or_default() == "unknown"


def _no_keys(url: str) -> Any:
    return boto3.session.Session().client("iot", region_name=REGION, endpoint_url=url).list_things()


def _half_keys(url: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("iot", aws_access_key_id="marker-id", region_name=REGION, endpoint_url=url, config=config)


@pytest.mark.parametrize(("call", "code"), [(_no_keys, "NoCredentialsError"), (_half_keys, "PartialCredentialsError")])
def test_missing_keys_have_a_code_and_no_effect(call: Call, code: str) -> None:
    """A policy may name them; without a rule the call stops, for nothing would change."""
    with serving(rest=Step()) as server:
        fault = _fault(lambda: call(server.url))
        assert server.requests == []
    assert (fault.code, fault.effect) == (code, "none")


def test_a_missing_region_has_a_code_and_no_effect() -> None:
    """It is a part of the configuration."""
    fault = _fault(lambda: boto3.client("iot", **KEYS))
    assert (fault.code, fault.effect) == ("NoRegionError", "none")


@_BOTH
def test_a_wrong_argument_is_a_programming_error(call: Call) -> None:
    """No rule sees it; it leaves at once."""
    with serving() as server:
        assert classify(_error(lambda: client(server.url).create_thing(thingName=7))) is None
        assert classify(_error(lambda: client(server.url).create_thing(thing_name="x"))) is None
        assert classify(_error(lambda: client(server.url).create_thing())) is None
        assert server.requests == []
    assert call in (_sync, _async)


def test_a_waiter_that_gives_up_says_nothing_of_what_was_made() -> None:
    """A function may create, and then wait for it in vain."""
    fault = classify(exceptions.WaiterError(name="marker", reason="marker", last_response={}))
    assert fault is not None
    assert (fault.code, fault.effect_or_default()) == ("WaiterError", "unknown")


def test_a_request_that_no_stub_expects_is_a_mistake_of_the_test() -> None:
    """It leaves at once."""
    direct = client("http://127.0.0.1:9")
    with Stubber(direct) as stub:
        assert classify(_error(direct.list_things)) is None
        stub.add_response("list_things", {}, {"maxResults": 1})
        assert classify(_error(direct.list_things)) is None


def test_a_refusal_that_was_pickled_keeps_its_fault() -> None:
    """A worker of another process sends it so; botocore then forgets the class, and keeps the answer."""
    with serving(refusal("ResourceNotFoundException", 404)) as server:
        error = _error(lambda: _sync(server.url))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # made here
    assert type(again) is exceptions.ClientError
    assert classify(again) is not None
    assert classify(again).code == "ResourceNotFoundException"  # type: ignore[union-attr]  # see above


# Values


_FACTS = OperationFacts(operation="CreateThing", repeat="equal", answer=("thingArn", "thingName"), source="x")


@_BOTH
@pytest.mark.parametrize(
    "body",
    [b"", b'{"thingName":"a","thingA', b"<html>", b"{}"],
    ids=["empty", "torn", "html", "{}"],
)
def test_an_answer_without_its_fields_is_garbled(call: Call, body: bytes) -> None:
    """Botocore returns a mapping without fields, as if all were well."""
    with serving(Step(body=body, headers={"x-amzn-RequestId": "req-3"})) as server:
        value = call(server.url)
    fault = answers.checker(_FACTS)(value)
    assert fault == Fault(provider="aws-iot", transport="garbled", request_id="req-3")


@_BOTH
@pytest.mark.parametrize("body", [b"null", b"[1]", b'"text"', b'{"thingName": 7, "thingArn": []} x'])
def test_json_of_another_form_is_garbled(call: Call, body: bytes) -> None:
    """Botocore's parsers fail with a TypeError or an AttributeError, which is no mistake of the program here."""
    with serving(Step(body=body, headers={"x-amzn-RequestId": "req-3"})) as server:
        try:
            fault = answers.checker(_FACTS)(call(server.url))
        except Exception as error:  # noqa: BLE001  # what it is, is the question
            fault = classify(error)
    assert fault is not None
    assert (fault.transport, fault.effect_or_default(), fault.request_id) == ("garbled", "unknown", "req-3")


@_BOTH
def test_an_answer_with_one_of_its_fields_is_good(call: Call) -> None:
    """Which fields these are, the catalogue says."""
    with serving(Step(body=b'{"thingName":"a"}')) as server:
        assert answers.checker(_FACTS)(call(server.url)) is None


@_BOTH
def test_a_page_is_no_answer_of_any_operation(call: Call) -> None:
    """A proxy's page with status 200, for an operation of which no field is known."""
    with serving(Step(body=b"<html>", headers={"Content-Type": "text/HTML; charset=utf-8"})) as server:
        fault = answers.checker(None)(call(server.url))
    assert fault is not None
    assert fault.transport == "garbled"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"thingName":"a"}'])
def test_the_type_of_an_answer_alone_says_little(body: bytes) -> None:
    """Older versions of moto send everything as HTML, and a good answer may have no fields."""
    with serving(Step(body=body, headers={"Content-Type": "text/html; charset=utf-8"})) as server:
        assert answers.checker(None)(_sync(server.url)) is None


@pytest.mark.parametrize("value", [None, "text", {}, {"thingArn": None}, {"ResponseMetadata": {}}, [1]])
def test_a_value_that_is_no_answer_is_no_failure(value: object) -> None:
    """A user's function may return anything."""
    assert answers.checker(None)(value) is None
    if not (isinstance(value, dict) and "ResponseMetadata" in value):
        assert answers.checker(_FACTS)(value) is None
