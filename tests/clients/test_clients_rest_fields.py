"""Fields of a REST request: found where they stand, and changed there, in a copy."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import requests
import rest_names as rest

from resilience.core.operations.apis import RequestTemplate

PUT = RequestTemplate("Put", "PUT", ("tenants", "{tenant}", "users", "{name}"))
POST = RequestTemplate("Post", "POST", ("tenants", "{tenant}", "users"))
GET = RequestTemplate("Get", "GET", ("tenants", "{tenant}", "users", "{name}"))
URL = "https://api.acme.example/tenants/t%201/users"


def client(kind: str) -> Any:
    return requests.Session() if kind == "requests" else httpx.Client()


@pytest.mark.parametrize(
    ("template", "args", "kwargs", "field"),
    [
        pytest.param(PUT, ("PUT", f"{URL}/a"), {}, "name", id="path"),
        pytest.param(PUT, (), {"method": "PUT", "url": f"{URL}/a/?x=1#y"}, "name", id="path-and-more"),
        pytest.param(PUT, ("PUT", f"{URL}/a"), {"json": {"name": "other"}}, "name", id="path-before-body"),
        pytest.param(POST, ("POST", f"{URL}?name=a&b=c"), {}, "name", id="query"),
        pytest.param(POST, ("POST", URL), {"params": {"name": "a"}}, "name", id="params"),
        pytest.param(POST, ("POST", URL, [("name", "a")]), {}, "name", id="params-by-position"),
        pytest.param(POST, ("POST", URL), {"json": {"name": "a", "b": 1}}, "name", id="json"),
        pytest.param(POST, ("POST", URL), {"json": {"user": {"name": "a"}}}, "user.name", id="nested"),
        pytest.param(POST, ("POST", URL), {"data": '{"name": "a"}'}, "name", id="json-text"),
        pytest.param(POST, ("POST", URL, None, b'{"name": "a"}'), {}, "name", id="json-bytes-by-position"),
        pytest.param(POST, ("POST", URL), {"content": b'{"name": "a"}'}, "name", id="content"),
        pytest.param(POST, ("POST", URL), {"data": {"name": "a", "b": "c"}}, "name", id="form"),
        pytest.param(POST, ("POST", URL), {"data": [("name", "a"), ("b", "c")]}, "name", id="form-pairs"),
        pytest.param(POST, ("POST", URL), {"data": "name=a&b=c"}, "name", id="form-text"),
        pytest.param(None, ("POST", URL), {"json": {"name": "a"}}, "name", id="no-template"),
    ],
)
@pytest.mark.parametrize("kind", ["requests", "httpx"])
def test_a_field_is_read_and_changed_where_it_stands(
    kind: str, template: RequestTemplate | None, args: tuple[Any, ...], kwargs: dict[str, Any], field: str
) -> None:
    """Nothing else changes, and what the script gave stays as it is."""
    session = client(kind)
    before = repr((args, kwargs))
    name, *inner = field.split(".")
    found = rest.fields_of(session, template, args, kwargs)
    assert (found[name][inner[0]] if inner else found[name]) == "a"
    fresh = rest.with_field(session, template, (args, kwargs), field, "b/2")
    after = rest.fields_of(session, template, *fresh)
    assert (after[name][inner[0]] if inner else after[name]) == "b/2"
    assert {key: value for key, value in after.items() if key != name} == {
        key: value for key, value in found.items() if key != name
    }
    assert repr((args, kwargs)) == before


def test_a_relative_url_keeps_its_base() -> None:
    """What is behind the base of httpx changes; what is in the base cannot be."""
    session = httpx.Client(base_url="https://api.acme.example/tenants/t/")
    args = ("PUT", "users/a")
    assert rest.fields_of(session, PUT, args, {}) == {"tenant": "t", "name": "a"}
    assert rest.with_field(session, PUT, (args, {}), "name", "b") == (("PUT", "users/b"), {})
    with pytest.raises(LookupError):
        rest.with_field(session, PUT, (args, {}), "tenant", "u")


@pytest.mark.parametrize("kind", ["requests", "httpx"])
def test_a_finished_request_is_read_and_changed_alike(kind: str) -> None:
    """Path, query and JSON body; the copy says how long it is, and the request stays as it is."""
    made: Any = requests.Request if kind == "requests" else httpx.Request
    prepared = made("POST", f"{URL}?q=1", json={"name": "a"})
    prepared = prepared.prepare() if kind == "requests" else prepared
    assert rest.fields_of_prepared(POST, prepared) == {"tenant": "t 1", "q": "1", "name": "a"}
    for field, value in (("tenant", "u"), ("q", "2"), ("name", "bcd")):
        fresh = rest.with_field_prepared(POST, prepared, field, value)
        assert rest.fields_of_prepared(POST, fresh) == {"tenant": "t 1", "q": "1", "name": "a", field: value}
        body = fresh.body if kind == "requests" else fresh.content
        assert int(fresh.headers["Content-Length"]) == len(body)
    assert rest.fields_of_prepared(POST, prepared) == {"tenant": "t 1", "q": "1", "name": "a"}
    with pytest.raises(LookupError):
        rest.with_field_prepared(POST, prepared, "missing", "x")


def test_a_question_has_the_path_of_the_read_back_and_no_body() -> None:
    """Headers, query and credentials are those of the request, but for what speaks of a body."""
    headers = {"Authorization": "Bearer x", "content-type": "application/json"}
    args: tuple[Any, ...] = ("POST", f"{URL}?v=2", None, json.dumps({"name": "a b"}), headers)
    found = rest.fields_of(client("requests"), POST, args, {"timeout": 3})
    asked, named = rest.asking(client("requests"), GET, found, args, {"timeout": 3, "json": None})
    assert asked == ("GET", f"{URL}/a%20b?v=2", None, None, {"Authorization": "Bearer x"})
    assert named == {"timeout": 3}
    with pytest.raises(ValueError, match="needs 'name'"):
        rest.asking(client("requests"), GET, {"tenant": "t"}, args, {})
