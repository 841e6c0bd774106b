"""Whichever method of a client a script calls, it makes one call under the policy, or hears why not."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import OpenApiRequest
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.request import CommonRequest
from engine_calls import Log
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.mqtt.v20240516 import models as tencent_models
from wrapped_clients import (
    ALIBABA_INSTANCE,
    alibaba_client,
    async_tencent_client,
    common_client,
    generic_client,
    generic_group,
    old_client,
    old_group,
    params,
    quick,
    sandboxed,
    tencent_client,
    topic_fields,
)

from resilience import Executor, SyncExecutor
from resilience.core.events import CallEnded
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


class Mine(OpenApiClient):  # type: ignore[misc]  # the SDK ships no types
    """A client that a script derives, whose own method and override lead to the SDK's."""

    def call_api(self, *args: Any) -> Any:
        return super().call_api(*args)

    def make(self, name: str) -> Any:
        return self.call_api(params("CreateGroupId"), generic_group(name), RuntimeOptions())


class MineOfTencent(AbstractClient):  # type: ignore[misc]  # likewise
    """A client for MQTT that a script derives from what all of Tencent's clients have in common."""

    _apiVersion = "2024-05-16"  # noqa: N815  # the name is the base's
    _service = "mqtt"


def common_request(cloud: Sandbox, name: str, **more: Any) -> Any:
    request = CommonRequest(domain=cloud.alibaba.endpoint, version="2020-04-20", action_name="CreateGroupId", **more)
    request.set_method("POST")
    request.set_protocol_type("http")
    request.add_query_param("GroupId", name)
    request.add_query_param("InstanceId", ALIBABA_INSTANCE)
    return request


def rpc(client: Any, name: str, *, method: str = "do_rpcrequest") -> Any:
    first = ("CreateGroupId", "2020-04-20", "HTTP", "POST", "AK", "json")
    return getattr(client, method)(*first, generic_group(name), RuntimeOptions())


def api(method: str, **more: Any) -> Callable[[Any, Sandbox, str], Any]:
    return lambda client, _, name: getattr(client, method)(
        params("CreateGroupId", **more), generic_group(name), RuntimeOptions()
    )


def is_map(answer: Any) -> bool:
    return answer["statusCode"] == 200 and "RequestId" in answer["body"]


def is_response(answer: Any) -> bool:
    return "RequestId" in answer["Response"]


def is_parts(answer: Any) -> bool:
    return answer[0] == 200 and b"RequestId" in answer[2]


# How a client is made, what a script does with it, and whether the answer is as the SDK gives it.
WAYS: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[[Any], bool]]]] = {
    "call_api": (generic_client, api("call_api"), is_map),
    "call_api-of-a-typed-client": (alibaba_client, api("call_api"), is_map),
    "call_api-by-name": (
        generic_client,
        lambda client, _, name: client.call_api(
            request=generic_group(name), runtime=RuntimeOptions(), params=params("CreateGroupId")
        ),
        is_map,
    ),
    "call_api-with-a-body": (
        generic_client,
        lambda client, _, name: client.call_api(
            params("CreateGroupId"),
            OpenApiRequest(body={"GroupId": name, "InstanceId": ALIBABA_INSTANCE}),
            RuntimeOptions(),
        ),
        is_map,
    ),
    "call_api-of-text": (generic_client, api("call_api", body_type="string"), is_map),
    "call_api-of-bytes": (
        generic_client,
        api("call_api", body_type="byte"),
        lambda answer: b"RequestId" in answer["body"],
    ),
    "call_api-signed-as-before": (
        lambda cloud: generic_client(cloud, signature_algorithm="v2"),
        api("call_api"),
        is_map,
    ),
    "call_api-of-a-derived-client": (
        lambda cloud: generic_client(cloud, Mine),
        lambda client, _, name: client.make(name),
        is_map,
    ),
    "call_api_async": (generic_client, api("call_api_async"), is_map),
    "do_request": (generic_client, api("do_request"), is_map),
    "do_request_async": (generic_client, api("do_request_async"), is_map),
    "do_rpcrequest": (generic_client, lambda client, _, name: rpc(client, name), is_map),
    "do_rpcrequest_async": (
        generic_client,
        lambda client, _, name: rpc(client, name, method="do_rpcrequest_async"),
        is_map,
    ),
    "do_action": (
        old_client,
        lambda client, cloud, name: client.do_action(old_group(cloud, name)),
        lambda answer: b"RequestId" in answer,
    ),
    "get_response": (
        old_client,
        lambda client, cloud, name: client.get_response(old_group(cloud, name)),
        is_parts,
    ),
    "implementation_of_do_action": (
        old_client,
        lambda client, cloud, name: client.implementation_of_do_action(common_request(cloud, name)),
        is_parts,
    ),
    "common-request-for-a-host": (
        old_client,
        lambda client, cloud, name: client.do_action_with_exception(common_request(cloud, name)),
        lambda answer: b"RequestId" in answer,
    ),
    "call": (
        tencent_client,
        lambda client, _, name: client.call("CreateTopic", topic_fields(name)),
        lambda answer: is_response(json.loads(answer)),
    ),
    "call-of-a-common-client": (
        common_client,
        lambda client, _, name: client.call("CreateTopic", topic_fields(name)),
        lambda answer: is_response(json.loads(answer)),
    ),
    "call_json-of-a-derived-client": (
        lambda cloud: tencent_client(cloud, MineOfTencent),
        lambda client, _, name: client.call_json("CreateTopic", topic_fields(name)),
        is_response,
    ),
    "call_octet_stream": (
        tencent_client,
        lambda client, _, name: client.call_octet_stream("CreateTopic", {}, json.dumps(topic_fields(name)).encode()),
        is_response,
    ),
    "call_sse": (
        tencent_client,
        lambda client, _, name: client.call_sse("CreateTopic", topic_fields(name)),
        lambda answer: hasattr(answer, "__next__"),
    ),
    "call_with_region_breaker": (
        lambda cloud: tencent_client(cloud, disable_region_breaker=False),
        lambda client, _, name: client.call_with_region_breaker("CreateTopic", topic_fields(name)),
        lambda answer: is_response(json.loads(answer)),
    ),
    "call_and_deserialize": (
        async_tencent_client,
        lambda client, _, name: client.call_and_deserialize(
            "CreateTopic", topic_fields(name), tencent_models.CreateTopicResponse
        ),
        lambda answer: isinstance(answer, tencent_models.CreateTopicResponse),
    ),
}

OLD = ("do_action", "get_response", "implementation_of_do_action")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def made(way: str, client: Any, cloud: Sandbox, name: str = "GID_sensors") -> Any:
    answer = WAYS[way][1](client, cloud, name)
    return await answer if inspect.isawaitable(answer) else answer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.anyio
async def test_a_call_by_any_way_is_one_call(way: str, cloud: Sandbox) -> None:
    """What is refused for a moment is sent again, counted as one call, and answered as the SDK does."""
    log: Any = Log()
    wrapped = wrap_client(WAYS[way][0](cloud), Executor(quick(), observers=(log,)))
    operation = "CreateTopic" if hasattr(wrapped, "profile") else "CreateGroupId"
    cloud.script(operation, "RequestLimitExceeded" if operation == "CreateTopic" else "ApplyTokenOverFlow")
    assert WAYS[way][2](await made(way, wrapped, cloud))
    assert (cloud.asked(operation), cloud.applied(operation)) == (2, 1)
    assert [started.operation for started in log.started] == [operation]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "call_octet_stream"])
@pytest.mark.anyio
async def test_what_may_have_been_made_is_answered_as_the_sdk_does(way: str, cloud: Sandbox) -> None:
    """After a lost answer the resource is found there, and the script gets what its method returns."""
    log: Any = Log()
    wrapped = wrap_client(WAYS[way][0](cloud), Executor(quick(), observers=(log,)))
    operation = "CreateTopic" if hasattr(wrapped, "profile") else "CreateGroupId"
    cloud.script(operation, "applied lost")
    assert WAYS[way][2](await made(way, wrapped, cloud))
    assert cloud.applied(operation) == 1
    assert len(log.started) == 1, "what a verifier asks is no call of its own"


RENAME = """
[rules.alibaba]
"GroupIdAlreadyUsedByOtherUsers" = "rename"
[rules.tencent]
"CreateTopic/UnsupportedOperation.ResourceAlreadyExists" = "rename"
"""


@pytest.mark.parametrize("way", [way for way in WAYS if way != "call_octet_stream"])
@pytest.mark.anyio
async def test_a_name_is_changed_in_any_form_of_request(way: str, cloud: Sandbox) -> None:
    """A name that is taken is changed on its way, and in later calls that speak of it."""
    wrapped = wrap_client(WAYS[way][0](cloud), Executor(quick(RENAME), observers=()))
    operation, name = ("CreateTopic", "Topic") if hasattr(wrapped, "profile") else ("CreateGroupId", "GroupId")
    if operation == "CreateTopic":
        await made("call", tencent_client(cloud), cloud)
    else:
        cloud.alibaba.add_foreign_group("GID_sensors")
    assert WAYS[way][2](await made(way, wrapped, cloud))
    assert cloud.applied(operation, **{name: "GID_sensors-2"}) == 1


@pytest.mark.parametrize("way", OLD)
@pytest.mark.anyio
async def test_a_refusal_is_returned_where_the_sdk_returns_it(way: str, cloud: Sandbox) -> None:
    """The old SDK's older methods have no exceptions for what a service says: the script gets the last answer."""
    log: Any = Log()
    wrapped = wrap_client(old_client(cloud), Executor(quick(), observers=(log,)))
    cloud.script("CreateGroupId", "ApplyTokenOverFlow, PermissionCheckFailed")
    answer = await made(way, wrapped, cloud)
    body = answer if way == "do_action" else answer[2]
    assert json.loads(body)["Code"] == "PermissionCheckFailed"
    assert way == "do_action" or answer[0] >= 400
    assert (cloud.asked("CreateGroupId"), len(log.started)) == (2, 1)
    assert log.last(CallEnded).ended == "failed"


@pytest.mark.anyio
async def test_an_operation_that_nobody_knows_is_under_the_policy(cloud: Sandbox) -> None:
    """It counts as one that a repeat would do twice; a rule for a refusal before anything was done still acts."""
    log: Any = Log()
    wrapped = wrap_client(generic_client(cloud), SyncExecutor(quick(), observers=(log,)))
    with pytest.raises(Exception, match=r"InvalidApi\.NotFound"):
        wrapped.call_api(params("FreezeGroup"), generic_group("GID_sensors"), RuntimeOptions())
    assert [started.operation for started in log.started] == ["FreezeGroup"]


@pytest.mark.parametrize("method", ["call_api", "do_request"])
@pytest.mark.parametrize("endpoint", ["ecs.cn-hangzhou.aliyuncs.com", None], ids=["host", "version"])
def test_another_product_is_left_alone(method: str, endpoint: str | None, cloud: Sandbox) -> None:
    """Calls for another product go out once, and the client keeps what it has of retries."""
    log: Any = Log()
    client = generic_client(cloud)
    wrapped = wrap_client(client, SyncExecutor(quick(), observers=(log,)))
    wrapped._endpoint, wrapped._retry_options = endpoint or cloud.alibaba.endpoint, "mine"
    sent: list[Any] = []
    wrapped.do_request = lambda *args: sent.append(args)
    if method == "call_api":
        wrapped.call_api(params("DescribeInstances", version="2014-05-26"), OpenApiRequest(), RuntimeOptions())
        assert len(sent) == 1
    assert (log.started, wrapped._retry_options) == ([], "mine")


def test_a_client_of_another_product_is_none(cloud: Sandbox) -> None:
    """A class that the vendor made for another product is refused, as any other that nothing is known about."""
    ecs = type("Client", (OpenApiClient,), {"__module__": "alibabacloud_ecs20140526.client"})
    cvm = type("CvmClient", (AbstractClient,), {"__module__": "tencentcloud.cvm.v20170312.cvm_client"})
    for client in (generic_client(cloud, ecs), tencent_client(cloud, cvm)):
        with pytest.raises(TypeError, match="expected a client"):
            wrap_client(client, SyncExecutor(quick(), observers=()))


def test_what_cannot_be_sent_again_is_refused_with_a_word(cloud: Sandbox) -> None:
    """A stream that is read once, and a method that sends when its answer is read, say what to use instead."""
    wrapped = wrap_client(generic_client(cloud), SyncExecutor(quick(), observers=()))
    request = OpenApiRequest(stream=io.BytesIO(b"x"))
    with pytest.raises(ValueError, match=r"CreateGroupId: the stream is read while it is sent.*give it as bytes"):
        wrapped.call_api(params("CreateGroupId"), request, RuntimeOptions())
    with pytest.raises(ValueError, match=r"CreateGroupId: call_sseapi sends when its answer is read.*use call_api"):
        wrapped.call_sseapi(params("CreateGroupId"), generic_group("GID_sensors"), RuntimeOptions())
    assert not cloud.calls
