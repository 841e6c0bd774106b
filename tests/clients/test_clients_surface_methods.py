"""Which methods of the vendors' clients are management calls, asked of the real SDKs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from aliyunsdkcore.auth.signers.rsa_key_pair_signer import GetSessionAkRequest
from aliyunsdkcore.request import CommonRequest, RpcRequest
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest
from surface_calls import accepted_answer, methods_of, vendor_modules
from surface_peer import CLASSES, OPERATIONS, arguments, make, models_of, taker
from tencentcloud.common.credential import STSAssumeRoleCredential

from resilience.catalog import catalogue
from resilience.clients.vendor.calls import SdkMethod as Method


@pytest.fixture(scope="module")
def peer() -> Iterator[tuple[str, list[str]]]:
    with taker() as running:
        yield running


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "method"), [pytest.param(name, method, id=f"{name}-{method.name}") for name, method in OPERATIONS]
)
async def test_a_method_is_one_call_of_its_operation(peer: tuple[str, list[str]], name: str, method: Method) -> None:
    """A method asks once, for its operation, and an accepted answer has the type of what it returns."""
    address, actions = peer
    actions.clear()
    client, args = make(name, address), arguments(name, method)
    answer = getattr(client, method.name)(*args)
    answer = await answer if method.is_async else answer
    assert actions == [method.operation]
    assert method.operation is not None
    assert type(accepted_answer(method, client, args, {}, method.operation, "r")) is type(answer)
    if method.is_async and method.provider == "tencent":
        await client.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tencents_coroutines_are_found_on_both_event_loops(peer: tuple[str, list[str]], backend: str) -> None:
    """What is said of an asynchronous method holds on asyncio and trio."""
    import anyio  # noqa: PLC0415  # the only test that starts a loop itself

    address, actions = peer
    actions.clear()

    async def ask() -> None:
        async with make("mqtt-async", address) as client:
            await client.CreateTopic(models_of("mqtt-async").CreateTopicRequest())
            await client.call_and_deserialize("DeleteTopic", {"InstanceId": "i"})

    anyio.run(ask, backend=backend)
    assert actions == ["CreateTopic", "DeleteTopic"]


_GENERIC = (
    "call_api",
    "execute",
    "do_request",
    "do_rpcrequest",
    "do_roarequest",
    "do_roarequest_with_form",
    "call_sseapi",
)
OPENAPI = {*_GENERIC, *(f"{name}_async" for name in _GENERIC)}
OLD = {"do_action_with_exception", "do_action", "get_response", "implementation_of_do_action"}
BY_ACTION = {"call", "call_json", "call_octet_stream", "call_sse", "call_with_region_breaker"}


@pytest.mark.parametrize(
    ("name", "operations", "by_name"),
    [
        ("openapi", 0, OPENAPI),
        ("onsmqtt", 100, OPENAPI),
        ("alibaba-sts", 8, OPENAPI),
        ("old", 0, OLD),
        ("mqtt", 80, BY_ACTION),
        ("mqtt-async", 80, {"call_and_deserialize"}),
        ("tencent-sts", 7, BY_ACTION),
        ("common", 0, BY_ACTION),
        ("common-async", 0, {"call_and_deserialize"}),
    ],
)
def test_every_operation_of_the_sdk_has_its_methods(name: str, operations: int, by_name: set[str]) -> None:
    """A class has all operations of its SDK, each as often as the SDK has methods for it, and nothing besides."""
    methods = methods_of(CLASSES[name])
    assert all(method.name == attribute for attribute, method in methods.items())
    said = [method.operation for method in methods.values() if method.operation]
    assert len(said) == operations
    assert {method.name for method in methods.values() if method.operation is None} == by_name
    if said:
        assert set(said) == {key.removesuffix("Response") for key in vars(models_of(name)) if key.endswith("Response")}


def test_the_catalogues_know_every_operation_of_the_installed_sdks() -> None:
    """No operation that a wrapped method performs is unknown to its provider's catalogue."""
    for _, method in OPERATIONS:
        assert catalogue(method.provider).operation(str(method.operation)) is not None, method


@pytest.mark.parametrize("name", ["onsmqtt", "alibaba-sts"])
def test_the_short_methods_lead_to_the_covered_ones(name: str) -> None:
    """Each short method of Alibaba's ends in the longer one, so that covering that one is enough."""
    methods = methods_of(CLASSES[name])
    for long in methods.values():
        tail = "_async" if long.is_async else ""
        short = long.name.removesuffix("_async").removesuffix("with_options").rstrip("_") + tail
        asked: list[str] = []
        client = make(name)

        def note(*_: Any, into: list[str] = asked, who: str = long.name) -> Any:
            into.append(who)
            return _nothing() if who.endswith("_async") else None

        setattr(client, long.name, note)
        begun = getattr(client, short)(*arguments(name, long)[:-1])
        if long.is_async:
            with pytest.raises(StopIteration):
                begun.send(None)
        assert asked == [long.name]


async def _nothing() -> None:
    return None


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_the_users_has_the_methods_of_the_sdk(name: str) -> None:
    """A derived class has the same methods to cover; its own are not taken for operations."""
    derived = type("Mine", (CLASSES[name],), {"AskTwice": lambda _: None, "ask_with_options": lambda _: None})
    assert methods_of(derived) == methods_of(CLASSES[name])


def test_an_operation_of_a_newer_sdk_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation that no catalogue knows is found as the others are."""

    def freeze_group_with_options(_: object) -> None: ...

    freeze_group_with_options.__annotations__["return"] = "models.FreezeGroupResponse"
    monkeypatch.setattr(CLASSES["onsmqtt"], "freeze_group_with_options", freeze_group_with_options, raising=False)
    monkeypatch.setattr(CLASSES["mqtt"], "FreezeTopic", lambda *_: None, raising=False)
    assert methods_of(CLASSES["onsmqtt"])["freeze_group_with_options"].operation == "FreezeGroup"
    assert methods_of(CLASSES["mqtt"])["FreezeTopic"].operation == "FreezeTopic"


def test_a_covered_class_has_the_same_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is covered already is described by the SDK's own method under the cover."""
    before = methods_of(CLASSES["onsmqtt"])
    for method in before.values():

        def covered(*_: Any) -> None: ...

        covered.__wrapped__ = getattr(CLASSES["onsmqtt"], method.name)  # type: ignore[attr-defined]  # as covers do
        covered.__resilience_wrapped__ = True  # type: ignore[attr-defined]
        monkeypatch.setattr(CLASSES["onsmqtt"], method.name, covered)
    assert methods_of(CLASSES["onsmqtt"]) == before


@pytest.mark.parametrize("cls", [object, Exception, CommonRequest, type("Client", (), {})])
def test_another_class_has_nothing_to_cover(cls: type) -> None:
    """A class that is no client of these SDKs has no methods, whatever it is called."""
    assert methods_of(cls) == {}


def test_every_module_and_class_exists() -> None:
    """What is said about an SDK is there in the installed one, but for the one module that is still to come."""
    absent = {name for name in vendor_modules() if find_spec(name) is None}
    assert absent == {"tencentcloud.sts.v20180813.sts_client_async"}
    for name in vendor_modules().keys() - absent:
        assert all(methods_of(getattr(import_module(name), cls)) for cls in vendor_modules()[name])


def test_no_sdk_is_imported() -> None:
    """Knowing the SDKs' surfaces loads none of them."""
    code = "import sys, resilience.clients.registry; print([m for m in sys.modules if m.startswith(%r)])"
    names = ("alibabacloud", "aliyunsdk", "tencentcloud", "Tea", "darabonba")
    done = subprocess.run([sys.executable, "-c", code % (names,)], capture_output=True, text=True, check=True)  # noqa: S603  # our own interpreter and code
    assert done.stdout == "[]\n"


def request(product: str | None, action: str = "CreateGroupId", **more: Any) -> CommonRequest:
    return CommonRequest(product=product, version="2020-04-20", action_name=action, **more)


TOPIC = {"InstanceId": "i", "Topic": "t"}


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "expected"),
    [
        pytest.param("common", ("CreateTopic", TOPIC), {}, "CreateTopic", id="action"),
        pytest.param("common", (), {"action": "CreateTopic", "params": TOPIC}, "CreateTopic", id="by-name"),
        pytest.param("mqtt", ("createTopic", TOPIC), {}, "CreateTopic", id="small-letter"),
        pytest.param("mqtt", ("FreezeTopic", TOPIC), {}, "FreezeTopic", id="unknown-operation"),
        pytest.param("tencent-sts", ("GetCallerIdentity", {}), {}, "GetCallerIdentity", id="token-service"),
        pytest.param("mqtt", (), {}, None, id="no-action"),
        pytest.param("mqtt", ("",), {}, None, id="empty-action"),
        pytest.param("mqtt", (7,), {}, None, id="no-text"),
        pytest.param("mqtt-async", ("CreateTopic", TOPIC), {}, "CreateTopic", id="async"),
        pytest.param("old", (CreateGroupIdRequest(),), {}, "CreateGroupId", id="request"),
        pytest.param("old", (), {"acs_request": CreateGroupIdRequest()}, "CreateGroupId", id="request-by-name"),
        pytest.param("old", (request("OnsMqtt"),), {}, "CreateGroupId", id="common-request"),
        pytest.param("old", (request("onsmqtt"),), {}, "CreateGroupId", id="product-in-small-letters"),
        pytest.param("old", (request("Sts", "AssumeRole"),), {}, "AssumeRole", id="old-token-service"),
        pytest.param(
            "old", (request(None, domain="onsmqtt.cn-hangzhou.aliyuncs.com"),), {}, "CreateGroupId", id="host"
        ),
        pytest.param("old", (request(None, "AssumeRole", domain="sts-vpc.x"),), {}, "AssumeRole", id="host-inside"),
        pytest.param("old", (request(None, domain="ecs.cn-hangzhou.aliyuncs.com"),), {}, None, id="other-host"),
        pytest.param("old", (request("Ecs", "RunInstances"),), {}, None, id="other-product"),
        pytest.param("old", (request("OnsMqtt", ""),), {}, None, id="no-action-name"),
        pytest.param("old", (GetSessionAkRequest(),), {}, None, id="signer"),
        pytest.param("old", (RpcRequest("Location", "2015-06-12", "DescribeEndpoints"),), {}, None, id="location"),
        pytest.param("old", ("CreateGroupId",), {}, None, id="no-request"),
        pytest.param("old", (), {}, None, id="nothing"),
    ],
)
def test_a_call_says_its_operation(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], expected: str | None
) -> None:
    """Where one method does everything, the call says the operation; for other services it is none of ours."""
    method = next(method for method in methods_of(CLASSES[name]).values() if method.operation is None)
    client: Any = make(name) if name != "mqtt-async" else type("Fake", (CLASSES[name],), {"__init__": lambda _: None})()
    assert method.call_of(client, args, kwargs) == (None if expected is None else (method.provider, expected))


@pytest.mark.parametrize(("name", "attribute"), [("common", "call_json"), ("common-async", "call_and_deserialize")])
def test_the_common_client_serves_other_products_too(name: str, attribute: str) -> None:
    """A call of Tencent's client for any product is ours only for MQTT and the token service."""
    client: Any = type("Fake", (CLASSES[name],), {"__init__": lambda _: None})()
    call_of = methods_of(CLASSES[name])[attribute].call_of
    for service, expected in {"mqtt": "CreateTopic", "sts": "CreateTopic", "cvm": None}.items():
        client._service = service
        assert call_of(client, ("CreateTopic", {}), {}) == (expected and ("tencent", expected))


def test_what_a_credential_asks_is_part_of_an_attempt(
    monkeypatch: pytest.MonkeyPatch, peer: tuple[str, list[str]]
) -> None:
    """A credential of Tencent's that gets itself new keys is not covered; the same call of a script is."""
    method = methods_of(CLASSES["common"])["call_json"]
    seen: list[tuple[str, str] | None] = []

    def note(client: Any, *args: Any) -> Any:
        seen.append(method.call_of(client, args, {}))
        keys = {"Token": "t", "TmpSecretId": "i", "TmpSecretKey": "k"}
        return {"Response": {"Credentials": keys, "ExpiredTime": 9e9}}

    monkeypatch.setattr(CLASSES["common"], "call_json", note, raising=False)
    client = make("mqtt", peer[0])
    client.credential = STSAssumeRoleCredential("i", "k", "arn", "session")
    client.DescribeTopic(models_of("mqtt").DescribeTopicRequest())
    CLASSES["common"]("sts", "2018-08-13", client.credential, "ap-guangzhou").call_json("AssumeRole", {})
    assert seen == [None, ("tencent", "AssumeRole")]
