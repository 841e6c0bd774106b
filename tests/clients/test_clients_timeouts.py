"""Calls that give up by themselves: the real SDKs and HTTP clients against a peer that never answers."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
import requests
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.client import AcsClient
from aliyunsdkonsmqtt.request.v20200420.ListGroupIdRequest import ListGroupIdRequest
from attrs import frozen
from raw_peer import Peer, Script, deaf_address
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import mqtt_client, mqtt_client_async
from tencentcloud.mqtt.v20240516.models import CreateTopicRequest
from urllib3.util import Timeout

from resilience.clients.timeouts import lower, within

_ALIBABA_GROUP = CreateGroupIdRequest(group_id="GID_x", instance_id="i")


@frozen
class _Kind:
    """One kind of client: how it is made with a time-out in seconds, and what a call of it is."""

    make: Callable[[str, float], Any]
    method: str
    arguments: Callable[[str], tuple[Any, ...]]

    def bound(self, client: Any) -> Any:
        return getattr(client, self.method)


def _old_request(address: str) -> ListGroupIdRequest:
    request = ListGroupIdRequest()
    request.set_endpoint(address)
    request.set_protocol_type("http")
    return request


def _alibaba(address: str, seconds: float) -> Client:
    waits = {"connect_timeout": int(seconds * 1000), "read_timeout": int(seconds * 1000)}
    return Client(Config(access_key_id="a", access_key_secret="b", endpoint=address, protocol="HTTP", **waits))


def _tencent(address: str, seconds: float) -> mqtt_client.MqttClient:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=address, reqTimeout=seconds))
    return mqtt_client.MqttClient(Credential("a", "b"), "r", profile)


def _old(_: str, seconds: float) -> AcsClient:
    return AcsClient("a", "b", "cn-hangzhou", timeout=seconds, connect_timeout=seconds)


_ALIBABA = _Kind(_alibaba, "create_group_id", lambda _: (_ALIBABA_GROUP,))
_OPTIONS = _Kind(
    _alibaba,
    "create_group_id_with_options",
    lambda _: (_ALIBABA_GROUP, RuntimeOptions(read_timeout=20_000, connect_timeout=20_000)),
)
_TENCENT = _Kind(_tencent, "CreateTopic", lambda _: (CreateTopicRequest(),))
_OLD = _Kind(_old, "do_action_with_exception", lambda address: (_old_request(address),))
_HTTPX = _Kind(lambda _, seconds: httpx.Client(timeout=seconds, trust_env=False), "post", lambda a: (f"http://{a}/",))
_REQUESTS = _Kind(lambda _address, _seconds: requests.Session(), "post", lambda address: (f"http://{address}/",))

_WITH_A_TIMEOUT = [
    pytest.param(_ALIBABA, id="alibaba"),
    pytest.param(_TENCENT, id="tencent"),
    pytest.param(_OLD, id="old-alibaba"),
    pytest.param(_HTTPX, id="httpx"),
]
_ALL = [*_WITH_A_TIMEOUT, pytest.param(_OPTIONS, id="alibaba-options"), pytest.param(_REQUESTS, id="requests")]


@pytest.fixture
def silent() -> Iterator[str]:
    """Yield the address of a peer that reads requests and never answers one."""
    with Peer(Script("hang")) as peer:
        yield peer.address


def _seconds_until_it_fails(call: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    started = time.monotonic()
    with pytest.raises(Exception, match="timed out"):
        call(*args, **kwargs)
    return time.monotonic() - started


@pytest.mark.parametrize("kind", _ALL)
def test_a_call_that_is_not_answered_ends(kind: _Kind, silent: str) -> None:
    """Whatever the client itself would wait, the call ends in about the time that it is given."""
    client = kind.make(silent, 30)
    bounded = within(kind.bound(client), 0.3)
    assert bounded is not None
    assert 0.25 < _seconds_until_it_fails(bounded, *kind.arguments(silent)) < 2


@pytest.mark.parametrize("kind", _ALL)
def test_a_connection_that_never_stands_is_given_up(kind: _Kind) -> None:
    """The time for connecting is bounded too."""
    with deaf_address() as address:
        bounded = within(kind.bound(kind.make(address, 30)), 0.3)
        assert bounded is not None
        assert _seconds_until_it_fails(bounded, *kind.arguments(address)) < 2


@pytest.mark.parametrize("kind", _WITH_A_TIMEOUT)
def test_another_thread_on_the_same_client_waits_as_before(kind: _Kind, silent: str) -> None:
    """A call that begins while a shorter one is under way keeps the time-out of the client."""
    client = kind.make(silent, 1.5)
    bounded = within(kind.bound(client), 0.5)
    assert bounded is not None
    waited: list[float] = []
    shorter = threading.Thread(
        target=lambda: waited.append(_seconds_until_it_fails(bounded, *kind.arguments(silent))), daemon=True
    )
    shorter.start()
    time.sleep(0.1)
    assert _seconds_until_it_fails(kind.bound(client), *kind.arguments(silent)) > 1.4
    shorter.join(10)
    assert waited[0] < 1.2


@pytest.mark.parametrize("kind", _WITH_A_TIMEOUT)
def test_a_client_that_is_less_patient_stays_so(kind: _Kind, silent: str) -> None:
    """A shorter time-out of the client is not made longer."""
    bounded = within(kind.bound(kind.make(silent, 0.3)), 30)
    assert bounded is not None
    assert _seconds_until_it_fails(bounded, *kind.arguments(silent)) < 2


def test_what_the_sdk_waits_by_default_is_not_made_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any setting Alibaba's SDK waits 10 s for an answer; a limit above that changes nothing."""
    client = Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9"))
    seen: list[tuple[int, int]] = []

    def spy(self: Any, *_: Any) -> dict[str, Any]:
        seen.append((self._connect_timeout, self._read_timeout))
        return {"statusCode": 200, "headers": {}, "body": {}}

    monkeypatch.setattr(Client, "call_api", spy)
    for seconds in (60, 7, 0):
        bounded = within(client.create_group_id, seconds)
        assert bounded is not None
        bounded(_ALIBABA_GROUP)
    assert seen == [(5_000, 10_000), (5_000, 7_000), (1, 1)]
    assert (client._connect_timeout, client._read_timeout) == (None, None)


@pytest.mark.parametrize("given", [{"read_timeout": 300}, {"read_timeout": 20_000, "connect_timeout": 20_000}])
@pytest.mark.parametrize("by_name", [False, True])
def test_the_options_of_one_call_are_bounded_on_a_copy(given: dict[str, int], by_name: bool, silent: str) -> None:  # noqa: FBT001
    """A shorter time-out in the options of a call stays, a longer one is cut, and the user's object is left alone."""
    options = RuntimeOptions(**given)
    before = options.to_map()
    limit = 30 if given == {"read_timeout": 300} else 0.3
    bounded = within(_alibaba(silent, 20).create_group_id_with_options, limit)
    assert bounded is not None
    took = (
        _seconds_until_it_fails(bounded, _ALIBABA_GROUP, runtime=options)
        if by_name
        else _seconds_until_it_fails(bounded, _ALIBABA_GROUP, options)
    )
    assert took < 2
    assert options.to_map() == before


def test_a_request_of_the_old_sdk_with_a_time_of_its_own_is_bounded(silent: str) -> None:
    """What the old SDK's request asks for is cut, and the request keeps it."""
    request = _old_request(silent)
    request.set_read_timeout(20)
    bounded = within(_old(silent, 20).do_action_with_exception, 0.3)
    assert bounded is not None
    assert _seconds_until_it_fails(bounded, request) < 2
    assert request._request_read_timeout == 20


def test_the_session_of_the_old_sdk_stays_open(silent: str) -> None:
    """The copy that makes the call shares the session, and does not close it when it goes."""
    client = _old(silent, 20)
    closed: list[str] = []
    client.session.close = lambda: closed.append("closed")
    bounded = within(client.do_action_with_exception, 0.2)
    assert bounded is not None
    _seconds_until_it_fails(bounded, _old_request(silent))
    del bounded
    gc.collect()
    assert closed == []
    assert client.session is not None


@pytest.mark.parametrize("kind", _ALL)
def test_a_partial_and_a_function_of_the_class_are_bounded(kind: _Kind, silent: str) -> None:
    """The arguments may be bound already, and the client may be given apart from the function of its class."""
    client = kind.make(silent, 30)
    args = kind.arguments(silent)
    function = getattr(type(client), kind.method)
    for bounded in (
        within(partial(kind.bound(client), *args), 0.2),
        within(partial(function, client, *args), 0.2),
        within(partial(function, *args), 0.2, client),
    ):
        assert bounded is not None
        assert _seconds_until_it_fails(bounded) < 2
    bounded = within(function, 0.2, client)
    assert bounded is not None
    assert _seconds_until_it_fails(bounded, *args) < 2


@pytest.mark.parametrize("function", [requests.get, httpx.get])
def test_the_functions_of_the_libraries_are_bounded(function: Callable[..., Any], silent: str) -> None:
    """A call without a session has a time-out too."""
    bounded = within(function, 0.3)
    assert bounded is not None
    assert _seconds_until_it_fails(bounded, f"http://{silent}/") < 2


def test_an_answer_comes_through() -> None:
    """A call that is answered in time is the same as without a bound."""
    with Peer(Script(body=b'{"RequestId":"R"}')) as peer:
        bounded = within(_alibaba(peer.address, 5).create_group_id, 5)
        assert bounded is not None
        assert bounded(_ALIBABA_GROUP).body.request_id == "R"
    with Peer(Script(body=b'{"Response":{"RequestId":"R"}}')) as peer:
        bounded = within(_tencent(peer.address, 5).CreateTopic, 5)
        assert bounded is not None
        assert bounded(CreateTopicRequest()).RequestId == "R"
    with Peer(Script(body=b'{"RequestId":"R"}')) as peer:
        bounded = within(_old("", 5).do_action_with_exception, 5)
        assert bounded is not None
        assert bounded(_old_request(peer.address)) == b'{"RequestId":"R"}'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, (2, 2), id="none"),
        pytest.param({"timeout": None}, (2, 2), id="for-ever"),
        pytest.param({"timeout": 1}, (1, 1), id="shorter"),
        pytest.param({"timeout": 9}, (2, 2), id="longer"),
        pytest.param({"timeout": (1, None)}, (1, 2), id="half"),
        pytest.param({"timeout": (9, 0.5)}, (2, 0.5), id="mixed"),
    ],
)
def test_requests_takes_a_pair(given: dict[str, Any], expected: tuple[float, float]) -> None:
    """Each part of what the user asked for is bounded by itself."""
    session = requests.Session()
    seen: list[Any] = []
    session.request = lambda *_, **kwargs: seen.append(kwargs["timeout"])  # type: ignore[method-assign,assignment]
    bounded = within(session.get, 2)
    assert bounded is not None
    bounded("http://127.0.0.1/", **given)
    assert seen == [expected]


def test_requests_takes_a_timeout_by_position_and_one_of_urllib3(silent: str) -> None:
    """Two ways to say it that are easily overlooked."""
    bounded = within(requests.Session().request, 0.3)
    assert bounded is not None
    positional = ("GET", f"http://{silent}/", None, None, None, None, None, None, 30)
    assert _seconds_until_it_fails(bounded, *positional) < 2
    assert _seconds_until_it_fails(bounded, *positional[:2], timeout=Timeout(connect=30, read=30)) < 2
    patient = within(requests.Session().request, 30)
    assert patient is not None
    assert _seconds_until_it_fails(patient, *positional[:2], timeout=Timeout(total=0.3)) < 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, (2, 2, 1, 2), id="the-clients"),
        pytest.param({"timeout": None}, (2, 2, 2, 2), id="for-ever"),
        pytest.param({"timeout": 1.5}, (1.5, 1.5, 1.5, 1.5), id="number"),
        pytest.param({"timeout": httpx.Timeout(9, read=0.5)}, (2, 0.5, 2, 2), id="object"),
        pytest.param({"timeout": (1, 9)}, (1, 2, 2, 2), id="pair"),
        pytest.param({"extensions": {"timeout": {"read": 9, "connect": 1}}}, (1, 2, 2, 2), id="extension"),
    ],
)
def test_httpx_has_four_parts(given: dict[str, Any], expected: tuple[float, ...]) -> None:
    """Each part of what the user or the client asks for is bounded by itself."""
    seen: list[dict[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(answer), timeout=httpx.Timeout(9, write=1)) as client:
        bounded = within(client.get, 2)
        assert bounded is not None
        bounded("http://127.0.0.1/", **given)
    assert tuple(seen[0][part] for part in ("connect", "read", "write", "pool")) == expected


class _Counting(Client):  # type: ignore[misc]  # the SDK has no types
    """A user's own, which would count on the copy."""

    calls = 0

    def call_api(self, *args: Any) -> Any:
        self.calls += 1
        return super().call_api(*args)


class _OwnAdapter(requests.adapters.HTTPAdapter):
    """A user's own, with a time-out that an explicit one would override."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or 1
        return super().send(*args, **kwargs)


def _session_with_own_adapter() -> requests.Session:
    session = requests.Session()
    session.mount("http://", _OwnAdapter())
    return session


async def _coroutine() -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(print, id="builtin"),
        pytest.param(time.sleep, id="sleep"),
        pytest.param(_coroutine, id="coroutine"),
        pytest.param(partial(print, 1), id="partial"),
        pytest.param(_alibaba("127.0.0.1:9", 1).create_group_id_async, id="alibaba-async"),
        pytest.param(mqtt_client_async.MqttClient(Credential("a", "b"), "r").CreateTopic, id="tencent-async"),
        pytest.param(Client.create_group_id, id="without-its-client"),
        pytest.param(
            _Counting(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9")).create_group_id,
            id="users-class",
        ),
        pytest.param(Credential("a", "b").get_credential_info, id="credential"),
        pytest.param(httpx.AsyncClient().get, id="httpx-async"),
        pytest.param(httpx.Client().stream, id="httpx-stream"),
        pytest.param(requests.Session().close, id="close"),
        pytest.param(_session_with_own_adapter().get, id="users-adapter"),
    ],
)
def test_nothing_is_promised_for_a_function_that_is_not_known(function: Callable[..., Any]) -> None:
    """None, rather than a function that waits as long as it likes, or that loses what a user's class keeps."""
    assert within(function, 1) is None


@pytest.mark.parametrize("kind", [pytest.param(_ALIBABA, id="alibaba"), pytest.param(_TENCENT, id="tencent")])
def test_a_client_can_be_told_once_for_all_calls(kind: _Kind, silent: str) -> None:
    """A lowered client gives up by itself; one that shares its parts keeps its own time-outs."""
    client = kind.make(silent, 1.5)
    lowered = object.__new__(type(client))
    vars(lowered).update(vars(client))
    assert lower(lowered, 0.3)
    assert _seconds_until_it_fails(kind.bound(lowered), *kind.arguments(silent)) < 1.2
    assert _seconds_until_it_fails(kind.bound(client), *kind.arguments(silent)) > 1.4


def test_a_client_that_waits_less_is_not_told_to_wait_longer() -> None:
    """A time-out is lowered and never raised; other clients are left alone."""
    client = _tencent("127.0.0.1:1", 0.2)
    assert lower(client, 5)
    assert client.request.conn.timeout == (0.2, 0.2)
    assert not lower(requests.Session(), 5)
    assert not lower(object(), 5)
