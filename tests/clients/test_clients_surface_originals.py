"""Clients whose wrapped methods are the SDK's own again."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest
from surface_calls import methods_of
from surface_peer import CLASSES, arguments, make, models_of, taker

from resilience.clients import verifiers_for
from resilience.clients.common.originals import plain_client


def cover(method: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    """Cover a method as the executor does: the mark, the original, and something of its own."""

    @functools.wraps(method)
    def covered(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(method.__name__)
        return method(self, *args, **kwargs)

    covered.__resilience_wrapped__ = True  # type: ignore[attr-defined]  # functions take it
    return covered


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cover all methods of all classes, in place; return the names of those that are called."""
    names: list[str] = []
    for cls in CLASSES.values():
        for name in methods_of(cls):
            monkeypatch.setattr(cls, name, cover(getattr(cls, name), names), raising=False)
    return names


@pytest.fixture(scope="module")
def peer() -> Iterator[tuple[str, list[str]]]:
    with taker() as running:
        yield running


SYNCHRONOUS = ["onsmqtt", "alibaba-sts", "mqtt", "tencent-sts"]


@pytest.mark.parametrize("name", SYNCHRONOUS)
def test_every_covered_method_is_the_sdks_own_again(peer: tuple[str, list[str]], asked: list[str], name: str) -> None:
    """A call through the plain client meets no cover on its way to the service, and one through the client does."""
    client = make(name, peer[0])
    plain = plain_client(client)
    method = next(method for method in methods_of(CLASSES[name]).values() if method.operation and not method.is_async)
    peer[1].clear()
    getattr(plain, method.name)(*arguments(name, method))
    assert (peer[1], asked) == ([method.operation], [])
    getattr(client, method.name)(*arguments(name, method))
    assert asked[0] == method.name
    for other in methods_of(CLASSES[name]):
        assert not hasattr(getattr(type(plain), other), "__resilience_wrapped__")
        assert hasattr(getattr(type(client), other), "__resilience_wrapped__")


def test_the_old_sdk_is_plain_too(peer: tuple[str, list[str]], asked: list[str]) -> None:
    """The one method of the old SDK's client reaches the service without its cover."""
    request = CreateGroupIdRequest()
    request.set_endpoint(peer[0])
    request.set_protocol_type("http")
    peer[1].clear()
    assert b"r-1" in plain_client(make("old")).do_action_with_exception(request)
    assert (peer[1], asked) == (["CreateGroupId"], [])


def test_short_methods_and_json_are_plain_too(peer: tuple[str, list[str]], asked: list[str]) -> None:
    """What leads to a wrapped method, or was inherited before it was covered, is plain as well."""
    models = models_of("onsmqtt")
    plain_client(make("onsmqtt", peer[0])).list_group_id(models.ListGroupIdRequest(instance_id="i"))
    plain_client(make("mqtt", peer[0])).call_json("DescribeTopicList", {"InstanceId": "i"})
    assert asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_asynchronous_client_is_plain_too(peer: tuple[str, list[str]], asked: list[str]) -> None:
    """The asynchronous client shares its connections with the plain one."""
    async with make("mqtt-async", peer[0]) as client:
        plain = plain_client(client)
        assert plain.http_client is client.http_client
        await plain.DescribeTopic(models_of("mqtt-async").DescribeTopicRequest())
        await plain.call_and_deserialize("DescribeTopic", {"InstanceId": "i"})
    assert asked == []


@pytest.mark.parametrize("name", [*SYNCHRONOUS, "old", "common"])
def test_state_is_shared_and_attributes_are_not(asked: list[str], name: str) -> None:
    """Session, credentials and configuration are the same objects; what is set on one client stays there."""
    client = make(name)
    plain = plain_client(client)
    assert type(plain) is not type(client)
    assert isinstance(plain, CLASSES[name])
    assert vars(plain) == vars(client)
    assert all(vars(plain)[key] is value for key, value in vars(client).items())
    plain.mark = 1
    assert not hasattr(client, "mark")
    assert asked == []


def test_a_client_that_is_not_covered_is_returned_itself() -> None:
    """Where nothing is covered nothing is copied; that holds for any object."""
    for client in (make("onsmqtt"), make("mqtt"), object()):
        assert plain_client(client) is client


@pytest.mark.usefixtures("asked")
def test_the_plain_class_is_made_once() -> None:
    """Read-backs ask for a plain client each time; the class behind it stays the same."""
    client = make("onsmqtt")
    assert type(plain_client(client)) is type(plain_client(client))
    assert plain_client(plain_client(client)) is not client


def test_a_class_that_is_covered_anew_gives_a_new_plain_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that is covered later is put back as well."""
    calls: list[str] = []
    client = make("onsmqtt")
    for name in ("list_group_id_with_options", "create_group_id_with_options"):
        monkeypatch.setattr(CLASSES["onsmqtt"], name, cover(getattr(CLASSES["onsmqtt"], name), calls))
        assert not hasattr(getattr(plain_client(client), name), "__resilience_wrapped__")


def test_covers_on_covers_are_all_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is covered for two executors is plain without either."""
    cls = CLASSES["onsmqtt"]
    method = cls.list_group_id_with_options
    twice = cover(cover(method, []), [])
    monkeypatch.setattr(cls, "list_group_id_with_options", twice)
    assert type(plain_client(make("onsmqtt"))).list_group_id_with_options is method


def test_a_clients_own_class_may_be_covered() -> None:
    """A subclass that was made to cover one client is put back like a class that was covered in place."""
    base = CLASSES["mqtt"]
    covered = type("MqttClient", (base,), {"CreateTopic": cover(base.CreateTopic, [])})
    plain = plain_client(make("mqtt", cls=covered))
    assert type(plain).CreateTopic is base.CreateTopic


@pytest.mark.usefixtures("asked")
def test_a_scripts_own_method_stays() -> None:
    """What a script overrides in its own class is its own in the plain client, too."""
    mine = type("Mine", (CLASSES["mqtt"],), {"CreateTopic": lambda _, request: f"mine {request}"})
    assert plain_client(make("mqtt", cls=mine)).CreateTopic("t") == "mine t"


@pytest.mark.usefixtures("asked")
def test_a_copy_that_goes_leaves_the_session_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old SDK's client closes its session when it is collected; a plain one has only borrowed it."""
    client = make("old")
    closed: list[bool] = []
    monkeypatch.setattr(client.session, "close", lambda: closed.append(True))
    plain = plain_client(client)
    del plain
    gc.collect()
    assert closed == []
    del client
    gc.collect()
    assert closed == [True]


def test_verifiers_ask_through_a_plain_client(peer: tuple[str, list[str]], asked: list[str]) -> None:
    """Ready-made verifiers take a plain client for what it is."""
    models = models_of("onsmqtt")
    find = verifiers_for(plain_client(make("onsmqtt", peer[0])))["alibaba:CreateGroupId"]
    assert find(models.CreateGroupIdRequest(instance_id="i", group_id="GID_a")) is None
    assert asked == []
