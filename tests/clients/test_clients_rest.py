"""REST APIs that a policy describes, through the clients that people call them with."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import requests
import rest_names as rest
from requests.adapters import HTTPAdapter
from rest_service import Answer, RestService
from urllib3.util import Retry

from resilience.core.fault import Fault
from resilience.core.match import RuleTable
from resilience.core.operations.apis import AnswerPath, RequestTemplate, RestApi
from resilience.policyfile import Policy
from resilience.policyfile.format.http_places import place, template

DATA = Path(__file__).parents[1] / "data" / "valid"
Send = Callable[..., Any]


def _requests(*args: Any, **kwargs: Any) -> Any:
    with requests.Session() as client:
        client.trust_env = False
        return client.request(*args, **kwargs)


def _httpx(*args: Any, **kwargs: Any) -> Any:
    # Making a context for TLS takes longer than all the rest.
    with httpx.Client(trust_env=False, verify=False) as client:  # noqa: S501 - plain HTTP
        return client.request(*args, **kwargs)


def _async(backend: str) -> Send:
    def send(*args: Any, **kwargs: Any) -> Any:
        async def run() -> httpx.Response:
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:  # noqa: S501 - plain HTTP
                return await client.request(*args, **kwargs)

        return anyio.run(run, backend=backend)

    return send


SENDS = pytest.mark.parametrize(
    "send",
    [_requests, _httpx, _async("asyncio"), _async("trio")],
    ids=["requests", "httpx", "httpx-asyncio", "httpx-trio"],
)


@pytest.fixture
def service() -> Iterator[RestService]:
    """Serve both APIs on loopback."""
    with RestService() as running:
        yield running


def at(text: str) -> AnswerPath:
    """Return a place as a policy writes it."""
    found = place(text)
    assert found is not None
    return found


def source(**entries: Any) -> RestApi:
    """Return an API whose code stands where most of them have it."""
    return RestApi(**{"code": at("json:code"), **entries})


def named(**templates: str) -> RestApi:
    """Return an API with these templates."""
    read = {name: template(text) for name, text in templates.items()}
    return RestApi(operations=tuple(RequestTemplate(name, *found) for name, found in read.items() if found is not None))


def answered(policy: Policy, provider: str, method: str, path: str, response: Any) -> tuple[str, str | None, str]:
    """Return what a policy makes of an answer: the operation, the code, and what its rule does."""
    api = policy.apis[provider]
    operation = rest.operation_of(api, method, path)
    fault = rest.fault_of(api, provider, response)
    if fault is None:
        return operation, None, "success"
    assert "marker" not in repr(fault)
    rule = RuleTable.of(policy.rules, operation).match(fault, provider, operation)
    return operation, fault.code, "unknown" if rule is None else rule.action.do


@SENDS
def test_acme_is_understood_from_a_policy(send: Send, service: RestService) -> None:
    """A user that is there already, one that is gone, and a service that is away: each by its rule."""
    policy = Policy.load(DATA / "acme.toml")
    users = "/api/v5/authentication/password_based%3Abuilt_in_database/users"

    def play(method: str, path: str, **kwargs: Any) -> tuple[str, str | None, str]:
        response = send(method, service.url + path, **kwargs)
        return answered(policy, "acme", method, path, response)

    assert play("POST", users, json={"user_id": "dev-1"}) == ("CreateUser", None, "success")
    assert play("POST", users, json={"user_id": "dev-1"}) == ("CreateUser", "ALREADY_EXISTS", "accept")
    assert play("DELETE", f"{users}/dev-1") == ("DeleteUser", None, "success")
    assert play("DELETE", f"{users}/dev-1") == ("DeleteUser", "NOT_FOUND", "unknown")
    assert play("GET", "/api/v5/nowhere") == ("GET", "NOT_FOUND", "unknown")
    service.scripted.append(Answer(503, b"<html>marker", {"Content-Type": "text/html", "Retry-After": "7"}))
    assert play("POST", users, json={"user_id": "dev-2"}) == ("CreateUser", None, "retry")


@SENDS
def test_hivemq_is_understood_from_a_policy(send: Send, service: RestService) -> None:
    """The title of the first error is the code, and what is gone already is as good as deleted."""
    policy = Policy.load(DATA / "hivemq.toml")
    recordings = "/api/v1/management/trace-recordings"

    def play(method: str, path: str, **kwargs: Any) -> tuple[str, str | None, str]:
        return answered(policy, "hivemq", method, path, send(method, service.url + path, **kwargs))

    assert play("POST", recordings, json={"name": "a"}) == ("CreateTraceRecording", None, "success")
    assert play("DELETE", f"{recordings}/a") == ("DeleteTraceRecording", "Resource_not_found", "accept")
    assert play("GET", f"{recordings}/a") == ("GET", "Resource_not_found", "fail")
    service.scripted.append(Answer(503, {"errors": [{"title": "Endpoint temporarily not available"}]}))
    assert play("POST", recordings, json={"name": "b"})[1:] == ("Endpoint_temporarily_not_available", "retry")


@SENDS
def test_a_fault_says_code_status_request_id_and_hint(send: Send, service: RestService) -> None:
    """Everything that an answer says is in the fault, and nothing of its message."""
    service.scripted.append(Answer(429, {"code": "BUSY", "message": "marker"}, {"Retry-After": "3"}))
    response = send("GET", service.url)
    assert rest.fault_of(source(), "acme", response) == Fault(
        provider="acme", code="BUSY", status=429, request_id="REQ-1", retry_after=3.0
    )


@SENDS
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer(400, {"code": "A"}), ("A", 400, None, "none"), id="refused"),
        pytest.param(Answer(500, {"code": "A"}), ("A", 500, None, "unknown"), id="server-error"),
        pytest.param(Answer(500, {"other": "A"}), (None, 500, None, "unknown"), id="no-code"),
        pytest.param(Answer(404, b"<html>marker"), (None, 404, None, "none"), id="no-json"),
        pytest.param(Answer(404, b"\xff\xfe\xfa"), (None, 404, None, "none"), id="no-text"),
        pytest.param(Answer(404), (None, 404, None, "none"), id="no-body"),
        pytest.param(Answer(400, [1, 2]), (None, 400, None, "none"), id="a-list"),
        pytest.param(Answer(400, {"code": 20001}), ("20001", 400, None, "none"), id="number"),
        pytest.param(Answer(400, {"code": True}), (None, 400, None, "none"), id="boolean"),
        pytest.param(Answer(400, {"code": 1.5}), (None, 400, None, "none"), id="fraction"),
        pytest.param(Answer(400, {"code": " two  words "}), ("two_words", 400, None, "none"), id="words"),
        pytest.param(Answer(400, {"code": "it's marker"}), (None, 400, None, "none"), id="no-word"),
        pytest.param(Answer(400, {"code": "A" * 200}), (None, 400, None, "none"), id="too-long"),
        pytest.param(Answer(400, b'{"code": ' + b"9" * 5000 + b"}"), (None, 400, None, "none"), id="huge-number"),
        pytest.param(Answer(400, b"[" * 60_000), (None, 400, None, "none"), id="too-deep"),
        pytest.param(
            Answer(400, b'{"code": "A", "x": "' + b"x" * 70_000 + b'"}'), (None, 400, None, "none"), id="large"
        ),
        pytest.param(Answer(200, {"success": False, "code": "A"}), ("A", None, None, "unknown"), id="failed-success"),
        pytest.param(Answer(200, {"success": "FALSE"}), (None, None, "garbled", "unknown"), id="failed-without-code"),
    ],
)
def test_what_an_answer_says_is_cleaned(
    send: Send, service: RestService, answer: Answer, expected: tuple[str | None, int | None, str | None, str]
) -> None:
    """A code is a short word or a number; where there is none the status counts, and 4xx has had no effect."""
    service.scripted.append(answer)
    fault = rest.fault_of(source(success=at("json:success")), "acme", send("POST", service.url))
    assert fault is not None
    assert (fault.code, fault.status, fault.transport, fault.effect_or_default()) == expected
    assert "marker" not in repr(fault)


@SENDS
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, {"code": "A"}), id="code-in-a-success"),
        pytest.param(Answer(200, {"success": True, "code": "A"}), id="true"),
        pytest.param(Answer(200, {"success": None}), id="null"),
        pytest.param(Answer(200, {"success": 0}), id="zero"),
        pytest.param(Answer(204), id="empty"),
        pytest.param(Answer(200, b"a file"), id="file"),
        pytest.param(Answer(304, {"success": False, "code": "A"}), id="not-modified"),
    ],
)
def test_a_success_and_a_redirect_are_no_faults(send: Send, service: RestService, answer: Answer) -> None:
    """Only a plain "no" makes a fault of an answer with a good status."""
    service.scripted.append(answer)
    assert rest.fault_of(source(success=at("json:success")), "acme", send("GET", service.url)) is None


@SENDS
@pytest.mark.parametrize(
    ("entries", "code", "request_id", "hint"),
    [
        pytest.param({"code": "header:X-Code"}, "H", "REQ-1", 9.0, id="header"),
        pytest.param({"code": "json:errors.1.title"}, "T2", "REQ-1", 9.0, id="index"),
        pytest.param({"code": "json:errors.2.title"}, None, "REQ-1", 9.0, id="index-too-large"),
        pytest.param({"code": "json:errors.x.title"}, None, "REQ-1", 9.0, id="word-for-an-index"),
        pytest.param({"code": "json:code.more"}, None, "REQ-1", 9.0, id="below-a-text"),
        pytest.param({"code": "json:by.0"}, "K0", "REQ-1", 9.0, id="key-that-is-a-number"),
        pytest.param({"code": "json:code", "request_id": "json:id"}, "C", "R-2", 9.0, id="request-id"),
        pytest.param({"code": "json:code", "request_id": "json:nothing"}, "C", "REQ-1", 9.0, id="no-request-id"),
        pytest.param({"code": "json:code", "retry_after": "json:wait.s"}, "C", "REQ-1", 4.5, id="number-of-seconds"),
        pytest.param({"code": "json:code", "retry_after": "json:wait.text"}, "C", "REQ-1", 5.0, id="text-of-seconds"),
        pytest.param({"code": "json:code", "retry_after": "header:x-until"}, "C", "REQ-1", 60.0, id="date"),
        pytest.param({"code": "json:code", "retry_after": "json:code"}, "C", "REQ-1", 9.0, id="no-length-of-time"),
        pytest.param({"code": "json:code", "retry_after": "json:nothing"}, "C", "REQ-1", 9.0, id="not-there"),
    ],
)
def test_each_value_stands_where_the_policy_says(
    send: Send,
    service: RestService,
    entries: dict[str, str],
    code: str | None,
    request_id: str,
    hint: float,
) -> None:
    """Codes, request ids and hints are found in headers and bodies; where nothing is, the usual headers count."""
    body = {
        "code": "C",
        "id": "R-2",
        "errors": [{"title": "T1"}, {"title": "T2"}],
        "by": {"0": "K0"},
        "wait": {"s": 4.5, "text": "5"},
    }
    headers = {
        "X-Code": "H",
        "Retry-After": "9",
        "Date": formatdate(1940, usegmt=True),
        "X-Until": formatdate(2000, usegmt=True),
    }
    service.scripted.append(Answer(400, body, headers))
    api = RestApi(**{key: at(text) for key, text in entries.items()})  # type: ignore[arg-type]  # places only
    fault = rest.fault_of(api, "acme", send("GET", service.url))
    assert fault is not None
    assert (fault.code, fault.request_id, fault.retry_after) == (code, request_id, hint)


def test_a_body_that_is_streamed_stays_unread(service: RestService) -> None:
    """Looking at an answer never takes from a script what it wants to read itself."""
    body = {"code": "A", "more": "x" * 10}
    service.scripted += [Answer(400, body) for _ in range(3)]
    with requests.Session() as session:
        answer = session.request("GET", service.url, stream=True)
        fault = rest.fault_of(source(), "acme", answer)
        assert fault == Fault(provider="acme", status=400, request_id="REQ-1")
        assert answer.raw.read() == json.dumps(body).encode()
    with httpx.Client() as client, client.stream("GET", service.url) as streamed:
        assert rest.fault_of(source(), "acme", streamed) == fault
        assert not streamed.is_stream_consumed
        assert json.loads(b"".join(streamed.iter_bytes())) == body

    async def stream() -> None:
        async with httpx.AsyncClient() as client, client.stream("GET", service.url) as streamed:
            assert rest.fault_of(source(), "acme", streamed) == fault
            assert json.loads(await streamed.aread()) == body
            # Once it has been read, what it says counts.
            read = rest.fault_of(source(), "acme", streamed)
            assert read is not None
            assert read.code == "A"

    anyio.run(stream)


def test_what_is_no_answer_has_no_fault() -> None:
    """An object that says no status is left to whoever knows it."""
    assert rest.fault_of(source(), "acme", {"status_code": 500}) is None
    assert rest.fault_of(source(), "acme", None) is None


API = named(
    CreateUser="POST /api/users",
    ImportUsers="POST /api/users/import",
    ChangeUser="POST /api/users/{user}",
    GetUser="GET /api/users/{user}",
    GetPart="GET /api/{kind}/{name}/part",
    GetUserPart="GET /api/users/{user}/{part}",
    GetStats="GET /api/users/{user}/stats",
    Root="GET /",
)


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        pytest.param("POST", "/api/users", "CreateUser", id="exact"),
        pytest.param("post", "/api/users", "CreateUser", id="lower-case"),
        pytest.param("POST", "/api/users/", "CreateUser", id="slash-at-the-end"),
        pytest.param("POST", "/api/users?dry=1", "CreateUser", id="query"),
        pytest.param("POST", "/api/%75sers", "CreateUser", id="escaped"),
        pytest.param("POST", "/API/users", "POST", id="other-case"),
        pytest.param("POST", "/api/users/import", "ImportUsers", id="words-win"),
        pytest.param("POST", "/api/users/other", "ChangeUser", id="placeholder"),
        pytest.param("GET", "/api/users/a%2Fb", "GetUser", id="escaped-slash"),
        pytest.param("GET", "/api/users/a/stats", "GetStats", id="more-words-win"),
        pytest.param("GET", "/api/users/a/b", "GetUserPart", id="two-placeholders"),
        pytest.param("GET", "/api/things/a/part", "GetPart", id="another-shape"),
        pytest.param("PUT", "/api/users/a", "PUT", id="other-method"),
        pytest.param("GET", "/api/users/a/b/c", "GET", id="too-long"),
        pytest.param("GET", "/", "Root", id="root"),
        pytest.param("GET", "", "Root", id="nothing"),
        pytest.param("LIST", "/x", "LIST", id="method-of-its-own"),
    ],
)
def test_an_operation_is_the_narrowest_template_or_the_method(method: str, path: str, operation: str) -> None:
    """Of the templates that fit a request the one with more words wins; what none fits is called by its method."""
    assert rest.operation_of(API, method, path) == operation


class _Based(requests.Session):
    base_url = "https://api.example.com/v1/"


HTTPX = httpx.Client(base_url="http://Example.com:8080/base")


@pytest.mark.parametrize(
    ("client", "args", "kwargs", "expected"),
    [
        pytest.param(
            requests.Session(),
            ("post", "http://User:marker@Example.com/a%20b?c=d#e"),
            {"json": {"n": 1}},
            ("POST", "example.com:80", "/a%20b", {"n": 1}),
            id="requests",
        ),
        pytest.param(
            requests.Session(),
            (),
            {"method": "PUT", "url": b"https://example.com", "data": '{"n": 1}'},
            ("PUT", "example.com:443", "/", {"n": 1}),
            id="requests-by-name",
        ),
        pytest.param(
            requests.Session(),
            ("GET", "http://[::1]:8080/x", None, b"[1]"),
            {},
            ("GET", "[::1]:8080", "/x", [1]),
            id="requests-data-by-position",
        ),
        pytest.param(
            requests.Session(),
            ("POST", "http://a/x"),
            {"data": {"n": 1}},
            ("POST", "a:80", "/x", None),
            id="form-is-no-json",
        ),
        pytest.param(
            requests.Session(), ("POST", "http://a/x"), {"data": "{"}, ("POST", "a:80", "/x", None), id="no-json"
        ),
        pytest.param(_Based(), ("GET", "users"), {}, ("GET", "api.example.com:443", "/v1/users", None), id="own-base"),
        pytest.param(requests.Session(), ("GET", "/users"), {}, ("GET", "", "/users", None), id="no-host"),
        pytest.param(
            HTTPX,
            ("GET", "/users"),
            {"params": {"a": 1}},
            ("GET", "example.com:8080", "/base/users", None),
            id="httpx-base",
        ),
        pytest.param(HTTPX, ("GET", "https://b/c"), {}, ("GET", "b:443", "/c", None), id="httpx-absolute"),
        pytest.param(
            httpx.AsyncClient(),
            ("POST",),
            {"url": httpx.URL("http://b/c"), "content": b'{"n": 1}'},
            ("POST", "b:80", "/c", {"n": 1}),
            id="httpx-url",
        ),
    ],
)
def test_a_request_is_read_from_the_arguments_of_a_call(
    client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], expected: tuple[str, str, str, object]
) -> None:
    """Method, host, path and JSON body of what will be sent; never a password or a query."""
    assert rest.request_of(client, args, kwargs) == expected


@pytest.mark.parametrize("path", ["/users", "users", "users/a%20b", "", "/", "http://other:1/x/y?z=1"])
def test_a_base_url_counts_as_the_client_counts_it(path: str) -> None:
    """Host and path are those of the request that httpx builds."""
    built = HTTPX.build_request("GET", path).url
    found = rest.request_of(HTTPX, ("GET", path), {})
    assert found is not None
    assert found.host == f"{built.host}:{built.port or 80}"
    assert found.path.rstrip("/") == built.raw_path.decode().partition("?")[0].rstrip("/")


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        pytest.param(("GET",), {}, id="no-url"),
        pytest.param((), {"url": "http://a"}, id="no-method"),
        pytest.param((5, "http://a"), {}, id="number"),
        pytest.param(("GET", "http://a:port/x"), {}, id="bad-port"),
        pytest.param(("GET", "http://[::1/x"), {}, id="bad-address"),
    ],
)
def test_arguments_that_are_no_request_are_left_to_the_client(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Whatever is wrong with them, the client says it."""
    assert rest.request_of(requests.Session(), args, kwargs) is None


@pytest.mark.parametrize("method", ["get", "options", "head", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("kind", [requests.Session, httpx.Client, httpx.AsyncClient])
def test_every_method_of_a_client_goes_through_request(kind: Any, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wraps ``request`` has wrapped ``get`` and all its kin, with arguments that can be read."""
    seen: list[rest.RestRequest | None] = []

    def request(self: object, *args: Any, **kwargs: Any) -> Any:
        seen.append(rest.request_of(self, args, kwargs))

        async def nothing() -> None:
            """Be awaited where the client is an asynchronous one."""

        return nothing() if kind is httpx.AsyncClient else None

    monkeypatch.setattr(kind, "request", request)

    async def call() -> None:
        answer = getattr(kind(), method)("http://a/x")
        if answer is not None:
            await answer

    anyio.run(call)
    assert seen == [(method.upper(), "a:80", "/x", None)]


def test_only_sessions_and_clients_are_rest_clients() -> None:
    """They are known by their classes, own ones that extend them included."""
    assert all(rest.is_rest_class(cls) for cls in (requests.Session, _Based, httpx.Client, httpx.AsyncClient))
    assert not any(rest.is_rest_class(cls) for cls in (object, requests.Response, HTTPAdapter, type(None)))


@pytest.mark.parametrize(
    ("host", "preferred", "provider"),
    [
        pytest.param("a:80", None, "port", id="host-and-port"),
        pytest.param("a:81", None, "host", id="host-on-any-port"),
        pytest.param("[::1]:80", None, "host", id="address"),
        pytest.param("c:80", None, None, id="one-of-two"),
        pytest.param("c:80", "any", "any", id="the-preferred-one"),
        pytest.param("c:80", "host", None, id="preferred-elsewhere"),
        pytest.param("", "any", "any", id="nobody-knows-the-host"),
    ],
)
def test_a_request_belongs_to_the_api_on_its_host(host: str, preferred: str | None, provider: str | None) -> None:
    """A host with its port is narrower than a host, and that is narrower than any."""
    sources = {
        "host": RestApi(hosts=("a", "[::1]")),
        "port": RestApi(hosts=("a:80",)),
        "any": RestApi(),
        "other": RestApi(),
    }
    assert rest.provider_of(sources, rest.RestRequest("GET", host, "/"), preferred=preferred) == provider


def test_the_only_api_for_any_host_needs_no_preference() -> None:
    """A policy that describes one API, and no host, is for all requests."""
    assert rest.provider_of({"any": RestApi()}, rest.RestRequest("GET", "a:80", "/")) == "any"
    assert rest.provider_of({}, rest.RestRequest("GET", "a:80", "/")) is None


@SENDS
def test_an_accepted_answer_is_one_of_the_client_s_own(send: Send, service: RestService) -> None:
    """What a script does with a good answer works with it: status, JSON, text, request and check."""
    args, kwargs = ("POST", f"{service.url}/api/v5/authentication/x/users"), {"json": {"user_id": "dev-1"}}
    send(*args, **kwargs)
    failed = send(*args, **kwargs)
    assert failed.status_code == 409
    client = requests.Session() if isinstance(failed, requests.Response) else httpx.Client()
    for before in (failed.request, None):
        answer = rest.accepted_response(client, before, args, kwargs)
        assert type(answer) is type(failed)
        answer.raise_for_status()
        assert (answer.status_code, answer.json(), str(answer.url)) == (200, {"user_id": "dev-1"}, args[1])
        assert (answer.text, answer.request.method) == ('{"user_id": "dev-1"}', "POST")
        assert answer.headers["content-type"] == "application/json"
        assert answer.elapsed.total_seconds() == 0
        assert pickle.loads(pickle.dumps(answer)).json() == {"user_id": "dev-1"}  # noqa: S301 - its own
        assert rest.fault_of(source(success=at("json:success")), "acme", answer) is None


@pytest.mark.parametrize("client", [requests.Session(), httpx.Client()], ids=["requests", "httpx"])
@pytest.mark.parametrize(
    "kwargs", [{}, {"data": {"a": "b"}}, {"content": b"\xff"}, {"json": object()}], ids=["none", "form", "bytes", "odd"]
)
def test_an_accepted_answer_to_a_request_without_json_is_an_empty_object(client: Any, kwargs: dict[str, Any]) -> None:
    """Nobody knows what the service would have said, and nothing is made up."""
    assert rest.accepted_response(client, None, ("POST", "http://a/x"), kwargs).json() == {}


@pytest.mark.parametrize(
    ("args", "kwargs", "is_once"),
    [
        pytest.param((), {"data": io.BytesIO(b"x")}, True, id="file"),
        pytest.param((), {"data": iter([b"x"])}, True, id="iterator"),
        pytest.param(("POST", "u", None, io.BytesIO(b"x")), {}, True, id="by-position"),
        pytest.param((), {"content": (part for part in [b"x"])}, True, id="generator"),
        pytest.param((), {"files": {"f": io.BytesIO(b"x")}}, True, id="upload"),
        pytest.param((), {"files": {"f": ("name", io.BytesIO(b"x"), "text/plain")}}, True, id="named-upload"),
        pytest.param((), {"files": [("f", ("name", io.BytesIO(b"x")))]}, True, id="list-of-uploads"),
        pytest.param((), {"files": [("f", io.BytesIO(b"x"))]}, True, id="list-of-files"),
        pytest.param((), {"data": b"x", "files": {"f": b"x", "g": ("name", "x")}}, False, id="bytes"),
        pytest.param((), {"json": {"a": [1]}, "data": [("a", "b")]}, False, id="fields"),
        pytest.param((), {}, False, id="nothing"),
    ],
)
def test_a_body_that_can_be_read_once_is_told(args: tuple[Any, ...], kwargs: dict[str, Any], *, is_once: bool) -> None:
    """A second attempt would send nothing where the first has read a file to its end."""
    assert rest.is_read_once(args, kwargs) is is_once


@pytest.mark.parametrize(
    ("retries", "is_told"),
    [
        pytest.param(None, False, id="default"),
        pytest.param(3, True, id="number"),
        pytest.param(Retry(3, allowed_methods=None, status_forcelist=[503]), True, id="statuses"),
        pytest.param(Retry(3, read=0, status=0, other=0), False, id="connections-only"),
        pytest.param(Retry(0), False, id="none"),
        pytest.param(Retry(total=False), False, id="off"),
    ],
)
def test_a_session_that_repeats_by_itself_is_told(retries: Any, *, is_told: bool) -> None:
    """Attempts that an adapter makes are hidden from the policy, and multiply with its own."""
    session = requests.Session()
    if retries is not None:
        session.mount("https://", HTTPAdapter(max_retries=retries))
    said = rest.repeats_itself(session)
    assert (said is not None) is is_told
    assert said is None or "https://" in said
    assert rest.repeats_itself(httpx.Client()) is None
