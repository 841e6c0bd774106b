"""The management API of RabbitMQ as the sandbox plays it, under the shipped policy."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import Executor, Journal, Ledger, Policy, PolicyError, SyncExecutor, wrap_client
from resilience.core.words.labels import cleaned
from resilience.sandbox import Sandbox
from resilience.telemetry import Logs, Spans

pytest_plugins = ("sandbox_fixtures",)

QUICK = """
schema = 1
extends = ["builtin:rabbitmq"]
backoff.default = { base = "1ms", cap = "2ms" }
backoff.throttled.base = "1ms"
"""
POLICY = Policy.loads(QUICK)
QUEUE = "/api/queues/%2F/readings"
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


@pytest.fixture
def plain(sandbox: Sandbox) -> Iterator[httpx.Client]:
    auth = (sandbox.rabbitmq.user, sandbox.rabbitmq.password)
    with httpx.Client(base_url=f"http://{sandbox.rabbitmq.endpoint}", auth=auth, trust_env=False) as client:
        yield client


@pytest.fixture
def client(plain: httpx.Client) -> httpx.Client:
    return wrap_client(plain, SyncExecutor(POLICY))


def test_the_slash_of_a_virtual_host_stays_in_its_segment(sandbox: Sandbox, client: httpx.Client) -> None:
    """The first virtual host is called ``/``, and %2F in a path: operation and fields are found all the same."""
    assert client.put(QUEUE, json={"durable": True}).status_code == 201
    assert client.get(QUEUE).json()["vhost"] == "/"
    assert client.put("/api/vhosts/a%2Fb%20c", json={}).status_code == 201
    assert [(call.operation, call.arguments) for call in sandbox.calls] == [
        ("DeclareQueue", {"durable": True, "vhost": "/", "queue": "readings"}),
        ("GetQueue", {"vhost": "/", "queue": "readings"}),
        ("PutVhost", {"vhost": "a/b c"}),
    ]


def test_a_queue_is_declared_once_and_never_as_another(sandbox: Sandbox, client: httpx.Client) -> None:
    """After a lost answer the declaration is sent again; one with other arguments fails at once."""
    sandbox.script("rabbitmq:DeclareQueue", "applied lost, ok*")
    assert client.put(QUEUE, json={"durable": True}).status_code == 204
    assert len(sandbox.rabbitmq.queues) == 1
    answer = client.put(QUEUE, json={"durable": False})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert "inequivalent arg 'durable'" in answer.json()["reason"]
    assert sandbox.asked("rabbitmq:DeclareQueue") == 3


def test_a_node_that_is_behind_is_waited_for(sandbox: Sandbox, client: httpx.Client) -> None:
    """A user or a virtual host of a moment ago may not be there yet, which looks like a wrong request."""
    client.put("/api/users/dev-1", json={"password": "secret-of-dev-1", "tags": ""})
    sandbox.script("rabbitmq:PutPermissions", 'bad_request("vhost_or_user_not_found")*7, ok*')
    assert client.put("/api/permissions/%2F/dev-1", json=EVERYTHING).status_code == 201
    assert sandbox.asked("rabbitmq:PutPermissions") == 8
    sandbox.script("rabbitmq:BindQueue", "not_found(\"no queue 'readings' in vhost '/'\")*2, ok*")
    client.put(QUEUE, json={})
    assert client.post("/api/bindings/%2F/e/amq.topic/q/readings", json={"routing_key": "a.#"}).status_code == 201
    assert "secret-of-dev-1" not in repr(sandbox.calls)


def test_a_name_that_stays_unknown_is_given_up(sandbox: Sandbox, plain: httpx.Client) -> None:
    """After the time that the rule gives, the answer of the service is returned."""
    rule = '"Put*Permissions/bad_request" = { do = "retry", counts = false, for = "50ms", then = "fail" }'
    policy = Policy.loads(f"{QUICK}[rules.rabbitmq]\n{rule}\n")
    answer = wrap_client(plain, SyncExecutor(policy)).put("/api/permissions/%2F/none", json=EVERYTHING)
    assert answer.json() == {"error": "bad_request", "reason": "vhost_or_user_not_found"}
    assert sandbox.asked("rabbitmq:PutPermissions") > 1


def test_a_node_that_is_away_is_waited_for(sandbox: Sandbox, client: httpx.Client) -> None:
    """The service says so with the code of a wrong request; only the words differ."""
    sandbox.script("rabbitmq:PutPolicy", 'bad_request("Node rabbit@two could not be contacted"), 503, ok*')
    body = {"pattern": "^q", "definition": {"max-length": 10}}
    assert client.put("/api/policies/%2F/short", json=body).status_code == 201
    wrong = client.put("/api/policies/%2F/short", json={"pattern": "^q", "definition": {"nonsense": 1}})
    assert wrong.status_code == 400
    assert sandbox.asked("rabbitmq:PutPolicy") == 4


def test_a_delete_that_comes_second_has_done_its_work(sandbox: Sandbox, client: httpx.Client) -> None:
    """What is gone already is a success, whoever removed it; to ask for it is none."""
    client.put(QUEUE, json={})
    sandbox.script("rabbitmq:DeleteQueue", "applied lost, ok*")
    assert client.delete(QUEUE).is_success
    assert client.delete(QUEUE).is_success
    assert client.delete("/api/bindings/%2F/e/amq.topic/q/readings/k").is_success
    assert client.get(QUEUE).status_code == 404


@pytest.mark.parametrize("library", [httpx, requests])
def test_a_function_of_ones_own_meets_the_same_codes(sandbox: Sandbox, library: Any) -> None:
    """With ``raise_for_status`` in it, its answers are read where the policy says that codes and messages are."""
    executor, auth = SyncExecutor(POLICY, provider="rabbitmq"), (sandbox.rabbitmq.user, sandbox.rabbitmq.password)

    def ask(method: str, path: str, **more: Any) -> None:
        library.request(method, f"http://{sandbox.rabbitmq.endpoint}{path}", auth=auth, **more).raise_for_status()

    deleted = executor.wrap("DeleteQueue", ask).outcome("DELETE", QUEUE)
    assert deleted.ended == "accepted"
    sandbox.script("rabbitmq:PutPermissions", 'bad_request("vhost_or_user_not_found"), bad_request("wrong"), ok*')
    refused = executor.wrap("PutPermissions", ask).outcome("PUT", "/api/permissions/%2F/dev-1", json=EVERYTHING)
    assert [each.fault.code for each in refused.attempts if each.fault] == ["bad_request", "bad_request"]
    assert (refused.ended, refused.stop_reason) == ("failed", "rule")


def test_a_message_is_published_once(sandbox: Sandbox, client: httpx.Client) -> None:
    """A lost answer may have been a message: it is not sent again."""
    sandbox.script("rabbitmq:Publish", "applied lost, ok*")
    body = {"properties": {}, "routing_key": "k", "payload": "secret-reading", "payload_encoding": "string"}
    with pytest.raises(httpx.RemoteProtocolError) as caught:
        client.post("/api/exchanges/%2F/amq.topic/publish", json=body)
    assert sandbox.asked("rabbitmq:Publish") == 1
    assert "may exist" in "\n".join(caught.value.__notes__)
    assert "secret-reading" not in repr(sandbox.calls)


def test_a_code_of_several_words_is_one_word_in_every_record(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """``Object Not Found`` is told as ``Object_Not_Found``, and not as its first word."""
    with caplog.at_level(logging.INFO, logger="resilience"):
        assert client.get(QUEUE).json()["error"] == "Object Not Found"
    assert "(Object_Not_Found, http 404)" in caplog.text
    assert cleaned("Object_Not_Found") == "Object_Not_Found"
    with pytest.raises(PolicyError, match='write "Object_Not_Found"'):
        Policy.loads(f'{QUICK}[rules.rabbitmq]\n"Object Not Found" = "retry"\n')


@pytest.mark.parametrize(
    ("method", "path", "auth", "status"),
    [
        pytest.param("POST", "/api/users/dev-1", None, 405, id="another-method"),
        pytest.param("GET", "/api/users", ("nobody", "pw"), 401, id="wrong-password"),
        pytest.param("GET", "/api/none", None, 404, id="no-such-path"),
    ],
)
def test_a_mistake_is_asked_once(
    sandbox: Sandbox, client: httpx.Client, method: str, path: str, auth: Any, status: int
) -> None:
    """What stays wrong is not asked again, also where the answer has no body."""
    given = {} if auth is None else {"auth": auth}
    assert client.request(method, path, **given).status_code == status
    assert len(sandbox.calls) == 1


def test_definitions_are_imported_again_after_a_lost_answer(sandbox: Sandbox, client: httpx.Client) -> None:
    """An import adds what is missing, so a repeat changes nothing; no log has a password."""
    sandbox.script("rabbitmq:ImportDefinitions", "applied lost, ok*")
    users = [{"name": "dev-1", "password": "secret-of-dev-1", "tags": ""}]
    document = {"vhosts": [{"name": "plant"}], "users": users, "queues": [{"name": "q", "vhost": "plant"}]}
    assert client.post("/api/definitions", json=document).status_code == 204
    assert sandbox.asked("rabbitmq:ImportDefinitions") == 2
    assert [row["name"] for row in sandbox.rabbitmq.queues] == ["q"]
    assert "secret-of-dev-1" not in repr(sandbox.calls)


def test_a_list_of_users_of_which_a_part_may_be_gone_is_no_success(sandbox: Sandbox, client: httpx.Client) -> None:
    """After a lost answer the list is sent again, and the refusal then says that a person has to look."""
    client.put("/api/users/dev-1", json={"password": "pw", "tags": ""})
    sandbox.script("rabbitmq:DeleteUsers", "applied lost, ok*")
    answer = client.post("/api/users/bulk-delete", json={"users": ["dev-1"]})
    assert (answer.status_code, answer.json()["reason"]) == (400, ["no_such_user", "dev-1"])


def test_no_record_has_the_words_of_an_answer(
    plain: httpx.Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A reason quotes the request, over several lines or as a list: the caller gets it, and no span, journal or log."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    executor = SyncExecutor(POLICY, observers=[Spans(provider), Journal(tmp_path / "journal"), Logs()])
    client = wrap_client(plain, executor)
    client.put("/api/users/dev-1", json={"password": "pw", "tags": ""}).raise_for_status()
    with caplog.at_level(logging.DEBUG, logger="resilience"):
        policy = client.put("/api/policies/%2F/p", json={"pattern": "^q", "definition": {"marker-1": "<b>"}})
        list_ = client.put("/api/permissions/%2F/dev-1", json={**EVERYTHING, "read": "*marker-2"})
        bare = client.post("/api/users/dev-1", json={"marker-3": 1})
    assert "marker-1" in policy.json()["reason"]
    assert list_.json()["reason"][0] == "invalid_regexp"
    assert (bare.status_code, bare.content) == (405, b"")
    spans = [span.to_json() for span in exporter.get_finished_spans()]
    records = "".join([*spans, caplog.text, (tmp_path / "journal").read_text(encoding="utf-8")])
    assert "bad_request" in records
    assert "marker" not in records
    assert "Validation" not in records


def test_another_name_takes_the_place_of_the_old_one_in_the_path(sandbox: Sandbox, plain: httpx.Client) -> None:
    """A rename changes the segment of the queue, and leaves the slash of the virtual host as it is."""
    rule = '"DeclareQueue/bad_request" = [{ message = "inequivalent arg", do = "rename" }, "fail"]'
    policy = Policy.loads(f"{QUICK}[rules.rabbitmq]\n{rule}\n")
    plain.put("/api/vhosts/a%2Fb", json={}).raise_for_status()
    plain.put("/api/queues/a%2Fb/readings", json={"durable": True}).raise_for_status()
    wrapped = wrap_client(plain, SyncExecutor(policy))
    assert wrapped.put("/api/queues/a%2Fb/readings", json={"durable": False}).status_code == 201
    assert [(row["vhost"], row["name"], row["durable"]) for row in sandbox.rabbitmq.queues] == [
        ("a/b", "readings", True),
        ("a/b", "readings-2", False),
    ]


@pytest.mark.anyio
async def test_an_async_client_works_alike(sandbox: Sandbox) -> None:
    """On asyncio and on trio, a lost answer is followed by the same declaration."""
    sandbox.script("rabbitmq:DeclareQueue", 'applied lost, not_found("vhost_not_found"), ok*')
    auth = (sandbox.rabbitmq.user, sandbox.rabbitmq.password)
    async with httpx.AsyncClient(base_url=f"http://{sandbox.rabbitmq.endpoint}", auth=auth, trust_env=False) as plain:
        answer = await wrap_client(plain, Executor(POLICY)).put(QUEUE, json={})
    assert answer.status_code == 204
    assert sandbox.asked("rabbitmq:DeclareQueue") == 3


def test_a_second_run_declares_nothing(sandbox: Sandbox, plain: httpx.Client, tmp_path: Any) -> None:
    """The ledger knows a queue by virtual host and name; the second run looks whether it is still there."""
    for _ in range(2):
        with Ledger(tmp_path / "ledger.db") as ledger:
            assert wrap_client(plain, SyncExecutor(POLICY, ledger=ledger)).put(QUEUE, json={}).is_success
    assert sandbox.asked("rabbitmq:DeclareQueue") == 1
