"""What HTTP clients, sockets, event loops and users' own exceptions become."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from time import time, tzset
from typing import Any

import aiohttp
import anyio
import httpx
import pytest
import requests
import trio
import urllib3
from raw_peer import Peer, Script, deaf_address, refusing_address, self_signed
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from resilience.clients import classify
from resilience.core.fault import Fault

Fetch = Callable[[str], object]


def _httpx(url: str) -> object:
    with httpx.Client(timeout=0.3, verify=False, trust_env=False) as client:  # noqa: S501  # a peer of our own
        return client.get(url).raise_for_status().json()


def _httpx_on(backend: str) -> Fetch:
    def run(url: str) -> object:
        async def fetch() -> object:
            async with httpx.AsyncClient(timeout=0.3, verify=False, trust_env=False) as client:  # noqa: S501  # a peer of our own
                return (await client.get(url)).raise_for_status().json()

        return anyio.run(fetch, backend=backend)

    return run


def _session(url: str) -> object:
    """Use a session as those do who have heard of retries: its adapter makes the connection three times."""
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(connect=2, read=0)))
        session.mount("https://", HTTPAdapter(max_retries=Retry(connect=2, read=0)))
        answer = session.post(url, json={"a": 1}, timeout=0.3, verify=False)
        answer.raise_for_status()
        return answer.json()


def _requests(url: str) -> object:
    answer = requests.get(url, timeout=0.3, verify=False)  # noqa: S501  # a peer of our own
    answer.raise_for_status()
    return answer.json()


def _aiohttp(url: str) -> object:
    async def fetch() -> object:
        timeout = aiohttp.ClientTimeout(sock_connect=0.3, sock_read=0.3)
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
            session.get(url, ssl=False) as answer,
        ):
            return await answer.json()

    return asyncio.run(fetch())


def _urllib(url: str) -> object:
    context = ssl._create_unverified_context()  # noqa: S323  # a peer of our own
    with urllib.request.urlopen(url, timeout=0.3, context=context) as answer:  # noqa: S310  # loopback
        return json.loads(answer.read())


def _urllib3(url: str) -> object:
    with urllib3.PoolManager(timeout=0.3, retries=False, cert_reqs="CERT_NONE") as pool:
        return pool.request("GET", url).json()


_ON_ASYNCIO, _ON_TRIO = (pytest.param(_httpx_on(backend), id=f"_httpx-{backend}") for backend in ("asyncio", "trio"))
_FETCHES = pytest.mark.parametrize(
    "fetch", [_httpx, _ON_ASYNCIO, _ON_TRIO, _requests, _session, _aiohttp, _urllib, _urllib3]
)
_RAISING = pytest.mark.parametrize("fetch", [_httpx, _ON_ASYNCIO, _ON_TRIO, _requests, _session, _aiohttp, _urllib])


def _fault(call: Callable[[], object]) -> Fault:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which class it is, is the library's business
        call()
    if isinstance(caught.value, urllib.error.HTTPError):
        caught.value.close()
    fault = classify(caught.value, provider="alibaba")
    assert fault is not None
    assert fault.provider == "alibaba"
    assert "marker" not in repr(fault)
    return fault


@_FETCHES
@pytest.mark.parametrize("address", [refusing_address(), "nonexistent.invalid"], ids=["refused", "dns"])
def test_a_request_that_found_no_peer_is_unsent(fetch: Fetch, address: str) -> None:
    """A refused connection and an unknown name are unsent in every HTTP client."""
    assert _fault(lambda: fetch(f"http://{address}/?marker")).transport == "unsent"


@_FETCHES
def test_a_connect_timeout_is_unsent(fetch: Fetch) -> None:
    """A connection that was never made carried no request, also where the client says only that time ran out."""
    with deaf_address() as address:
        assert _fault(lambda: fetch(f"http://{address}/?marker")).transport == "unsent"


@_FETCHES
@pytest.mark.parametrize("manner", ["hang", "reset", "close", "cut"])
def test_a_request_without_a_whole_answer_is_lost(fetch: Fetch, manner: Any) -> None:
    """A read timeout, a reset, a hang-up and an answer that breaks off leave the effect open."""
    with Peer(Script(manner, body=b'{"a":')) as peer:
        fault = _fault(lambda: fetch(f"http://{peer.address}/?marker"))
        # Not exactly one: aiohttp repeats a GET by itself.
        assert peer.requests >= 1
    assert (fault.transport, fault.effect_or_default()) == ("lost", "unknown")


@_FETCHES
@pytest.mark.parametrize("manner", ["answer", "drop"], ids=["stalled", "dropped"])
def test_a_failed_handshake_is_unsent(fetch: Fetch, manner: Any) -> None:
    """A peer that stalls or hangs up within the TLS handshake never saw the request."""
    with Peer(Script(manner)) as peer:
        assert _fault(lambda: fetch(f"https://{peer.address}/?marker")).transport == "unsent"
        assert peer.requests == 0


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@_FETCHES
def test_a_connection_cut_after_the_handshake_is_lost(fetch: Fetch, tmp_path: Path) -> None:
    """A TLS error is no proof: this one came after the request."""
    with Peer(Script("reset", tls=self_signed(tmp_path))) as peer:
        fault = _fault(lambda: fetch(f"https://{peer.address}/?marker"))
        assert peer.requests >= 1
    assert fault.transport == "lost"


def test_an_untrusted_certificate_is_unsent(tmp_path: Path) -> None:
    """A certificate is judged before the request is sent."""
    with Peer(Script(tls=self_signed(tmp_path))) as peer:
        fault = _fault(lambda: requests.get(f"https://{peer.address}/?marker", timeout=1))
        assert peer.requests == 0
    assert fault.transport == "unsent"


@_RAISING
def test_an_error_status_gives_status_hint_and_request_id(fetch: Fetch) -> None:
    """Every client's exception for an error status says the same, in its own attributes."""
    headers = (("Retry-After", "3"), ("X-Request-Id", "REQ-1"))
    with Peer(Script(status=503, body=b"<html>marker", headers=headers)) as peer:
        fault = _fault(lambda: fetch(f"http://{peer.address}/?marker"))
    assert (fault.status, fault.retry_after, fault.request_id) == (503, 3.0, "REQ-1")
    assert (fault.code, fault.transport) == (None, None)


def test_an_error_status_that_a_session_repeats_is_garbled() -> None:
    """An adapter that repeats a status until it gives up hides it: the last one may have had an effect."""

    def call() -> object:
        with requests.Session() as session:
            retries = Retry(2, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
            session.mount("http://", HTTPAdapter(max_retries=retries))
            return session.post(f"http://{peer.address}/?marker", timeout=1)

    with Peer(Script(status=503)) as peer:
        fault = _fault(call)
        assert peer.requests == 3
    assert (fault.transport, fault.status, fault.effect_or_default()) == ("garbled", None, "unknown")


@pytest.mark.parametrize(
    ("send", "name"), [(httpx.post, "content"), (requests.post, "data")], ids=["httpx", "requests"]
)
def test_a_request_that_breaks_while_it_is_sent_is_lost(send: Callable[..., object], name: str) -> None:
    """A peer that hangs up on a large body has had a part of it, and may know enough."""
    with Peer(Script("drop")) as peer:
        body = b"x" * 20_000_000
        fault = _fault(lambda: send(f"http://{peer.address}/?marker", **{name: body}, timeout=5))
    assert (fault.transport, fault.effect_or_default()) == ("lost", "unknown")


@pytest.mark.parametrize("fetch", [_httpx, _requests])
@pytest.mark.parametrize(
    "body",
    [
        b'{"Code":"X.Y","RequestId":"REQ-2","Message":"marker"}',
        b'{"code":"X.Y","request_id":"REQ-2"}',
        b'{"Response":{"Error":{"Code":"X.Y","Message":"marker"},"RequestId":"REQ-2"}}',
    ],
    ids=["alibaba", "lower-case", "tencent"],
)
def test_a_code_in_a_body_that_was_read_counts(fetch: Fetch, body: bytes) -> None:
    """The body of an error that the client holds in memory gives code and request id."""
    with Peer(Script(status=400, body=body)) as peer:
        fault = _fault(lambda: fetch(f"http://{peer.address}/?marker"))
    assert (fault.code, fault.status, fault.request_id) == ("X.Y", 400, "REQ-2")


@pytest.mark.parametrize("fetch", [_httpx, _requests, _aiohttp, _urllib3])
def test_a_body_that_is_not_json_is_garbled(fetch: Fetch) -> None:
    """The decoder's error below an HTTP client is an unreadable answer."""
    with Peer(Script(body=b"<html>marker")) as peer:
        fault = _fault(lambda: fetch(f"http://{peer.address}/?marker"))
    assert (fault.transport, fault.status) == ("garbled", None)


def test_a_wrong_content_type_is_garbled() -> None:
    """Aiohttp's complaint about the type of a good answer is no ``http-200``."""
    with Peer(Script(body=b"{}", headers=(("Content-Type", "text/html"),))) as peer:
        fault = _fault(lambda: _aiohttp(f"http://{peer.address}/"))
    assert (fault.transport, fault.status) == ("garbled", None)


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let local time differ from GMT."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        tzset()
        yield
    tzset()


def _answer(**headers: str) -> httpx.HTTPStatusError:
    response = httpx.Response(429, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return httpx.HTTPStatusError("marker", request=httpx.Request("GET", "http://marker"), response=response)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"Retry_After": "1.5"}, 1.5, id="seconds"),
        pytest.param(
            {"Retry_After": formatdate(2000, usegmt=True), "Date": formatdate(1940, usegmt=True)}, 60, id="date"
        ),
        pytest.param(
            {"Retry_After": "Thu, 01 Jan 1970 00:33:20", "Date": formatdate(1940, usegmt=True)}, 60, id="no-zone"
        ),
        pytest.param({"Retry_After": formatdate(0, usegmt=True)}, 0, id="past"),
        pytest.param({"Retry_After": "soon"}, None, id="words"),
        pytest.param({"Retry_After": "nan"}, None, id="nan"),
        pytest.param({"Retry_After": "inf"}, None, id="infinite"),
        pytest.param({"Retry_After": "-1"}, None, id="negative"),
        pytest.param({"Retry_After": ""}, None, id="empty"),
    ],
)
@pytest.mark.usefixtures("far_from_greenwich")
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], expected: float | None) -> None:
    """A date counts from the answer's own date; whatever is no length of time is no hint."""
    fault = classify(_answer(**headers))
    assert fault is not None
    assert fault.retry_after == expected


def test_a_retry_date_without_an_answer_date_counts_from_now() -> None:
    """Without the server's clock our own has to do."""
    fault = classify(_answer(Retry_After=formatdate(time() + 30, usegmt=True)))
    assert fault is not None
    assert fault.retry_after == pytest.approx(30, abs=3)


@pytest.mark.parametrize(
    ("error", "transport"),
    [
        (ConnectionRefusedError(111, "m"), "unsent"),
        (socket.gaierror(-2, "m"), "unsent"),
        (ssl.SSLCertVerificationError(1, "m"), "unsent"),
        (ssl.SSLEOFError(8, "m"), "lost"),
        (ConnectionResetError(104, "m"), "lost"),
        (ConnectionError("m"), "lost"),
        (BrokenPipeError(32, "m"), "lost"),
        (TimeoutError("m"), "lost"),
        (OSError(113, "no route while in flight"), "lost"),
        (asyncio.IncompleteReadError(b"", 5), "lost"),
        (anyio.BrokenResourceError("m"), "lost"),
        (anyio.ClosedResourceError("m"), "lost"),
        (anyio.EndOfStream("m"), "lost"),
        (trio.BrokenResourceError("m"), "lost"),
        (trio.TooSlowError("m"), "lost"),
        (httpx.UnsupportedProtocol("m"), "unsent"),
        (httpx.PoolTimeout("m"), "unsent"),
        (httpx.CloseError("m"), "lost"),
        (httpx.WriteError("m"), "lost"),
        (httpx.DecodingError("m"), "garbled"),
        (requests.ConnectionError("m"), "lost"),
        (requests.exceptions.MissingSchema("m"), "unsent"),
        (requests.exceptions.ContentDecodingError("m"), "garbled"),
        (requests.exceptions.InvalidJSONError("m"), "unsent"),
        (requests.exceptions.JSONDecodeError("m", "", 0), "garbled"),
        (requests.exceptions.UnrewindableBodyError("m"), "lost"),
        (urllib.error.URLError("words only"), "lost"),
        (FileNotFoundError(2, "m"), None),
        (OSError("m"), None),
        (ValueError("m"), None),
        (KeyError("m"), None),
        (json.JSONDecodeError("m", "", 0), None),
        (RuntimeError("m"), None),
        (Exception("m"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_an_exception_without_a_code_is_judged_by_its_class(error: Exception, transport: str | None) -> None:
    """Network errors say what became of the request; everything else says its class alone."""
    fault = classify(error)
    assert fault is not None
    assert (fault.transport, fault.code, fault.provider) == (transport, None, None)
    assert fault.error.rpartition(".")[2] == type(error).__name__


_CONNECTS: list[Callable[[str, int], Awaitable[object]]] = [
    anyio.connect_tcp,
    asyncio.open_connection,
]


@pytest.mark.parametrize("connect", _CONNECTS, ids=["anyio", "asyncio"])
def test_a_failed_connect_of_a_stream_is_unsent(connect: Callable[[str, int], Awaitable[object]]) -> None:
    """What the event loops raise while connecting is unsent, also where the error has no number."""
    host, port = refusing_address().split(":")

    async def run() -> object:
        return await connect(host, int(port))

    assert _fault(lambda: asyncio.run(run())).transport == "unsent"


class _OwnError(Exception):
    """An exception as users' own clients raise them."""

    def __init__(self, **fields: object) -> None:
        super().__init__("marker")
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"code": "A.B"}, {"code": "A.B"}, id="code"),
        pytest.param({"error_code": " A.B "}, {"code": "A.B"}, id="error-code-stripped"),
        pytest.param(
            {"code": "A", "status": 429, "request_id": "R", "retry_after": 2},
            {"code": "A", "status": 429, "request_id": "R", "retry_after": 2.0},
            id="everything",
        ),
        pytest.param(
            {"code": "A", "http_status": 500, "requestId": "R", "retry_after": float("nan")},
            {"code": "A", "status": 500, "request_id": "R"},
            id="other-names",
        ),
        pytest.param({"code": "A", "status_code": True, "retry_after": "3"}, {"code": "A"}, id="wrong-types"),
        pytest.param({"code": "A", "status": 7, "retry_after": -1}, {"code": "A"}, id="out-of-range"),
        pytest.param({"code": 404}, {}, id="a-number-is-no-code"),
        pytest.param({"code": "None"}, {}, id="none"),
        pytest.param({"code": "  "}, {}, id="blank"),
        pytest.param({"code": "a sentence marker"}, {}, id="sentence"),
        pytest.param({"code": "A" * 129}, {}, id="too-long"),
        pytest.param({"code": "A\nB"}, {}, id="line-break"),
        pytest.param({"code": "https://marker?x=y"}, {}, id="url-with-a-query"),
        pytest.param({"code": b"A"}, {}, id="bytes"),
    ],
)
def test_an_exception_with_a_code_of_its_own_is_understood(fields: dict[str, object], expected: dict[str, Any]) -> None:
    """Users' exceptions need no adapter: a code, and what stands beside it, cleaned."""
    fault = classify(_OwnError(**fields))
    name = f"{__name__}._OwnError"
    assert fault == Fault(**expected, error=name)
    assert "marker" not in repr(fault).replace(name, "")


def test_a_property_that_fails_is_no_field() -> None:
    """Reading foreign attributes never raises."""

    class ThornyError(Exception):
        @property
        def code(self) -> str:
            raise RuntimeError("marker")

    fault = classify(ThornyError())
    assert fault is not None
    assert fault.code is None


def _no_loop() -> None:
    asyncio.get_running_loop()


def _trio_outside() -> None:
    trio.current_time()


def _anyio_outside() -> None:
    anyio.get_cancelled_exc_class()


def _closed_loop() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    loop.call_soon(print)


def _foreign_loop() -> None:
    other = asyncio.new_event_loop()
    future = other.create_future()
    try:

        async def wait() -> None:
            await future

        asyncio.run(wait())
    finally:
        other.close()


def _nested_run() -> None:
    async def inner() -> None:
        coroutine = asyncio.sleep(0)
        try:
            asyncio.run(coroutine)
        finally:
            coroutine.close()

    asyncio.run(inner())


def _awaited_twice() -> None:
    async def run() -> None:
        coroutine = asyncio.sleep(0)
        await coroutine
        await coroutine

    asyncio.run(run())


def _closed_client() -> None:
    client = httpx.Client()
    client.close()
    client.get("http://127.0.0.1:9")


def _closed_session() -> None:
    async def run() -> None:
        session = aiohttp.ClientSession()
        await session.close()
        await session.get("http://127.0.0.1:9")

    asyncio.run(run())


def _asyncio_under_trio() -> None:
    trio.run(asyncio.sleep, 0.01)


@pytest.mark.parametrize(
    "mistake",
    [
        _no_loop,
        _trio_outside,
        _anyio_outside,
        _closed_loop,
        _foreign_loop,
        _nested_run,
        _awaited_twice,
        _closed_client,
        _closed_session,
        _asyncio_under_trio,
    ],
)
def test_misusing_an_event_loop_or_a_client_is_no_fault(mistake: Callable[[], None]) -> None:
    """What the libraries really say of wrong use is recognised as a programming error."""
    with pytest.raises((RuntimeError, TypeError)) as caught:
        mistake()
    assert classify(caught.value) is None


@pytest.mark.parametrize(
    "error",
    [
        TypeError("m"),
        AttributeError("m"),
        NameError("m"),
        UnboundLocalError("m"),
        AssertionError("m"),
        NotImplementedError("m"),
        ImportError("m"),
        ModuleNotFoundError("m"),
        SyntaxError("m"),
        RecursionError("m"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_in_the_program_is_no_fault(error: Exception) -> None:
    """No rule may answer a programming error, so there is nothing for it to match."""
    assert classify(error) is None


@pytest.mark.parametrize("fetch", [_requests, _aiohttp])
def test_a_redirect_that_leads_nowhere_was_a_request_all_the_same(fetch: Fetch) -> None:
    """The first hop has had the request: what cannot be reached after it does not make it unsent."""
    location = ("Location", f"http://{refusing_address()}/")
    with Peer(Script(status=307, headers=(location,))) as peer:
        fault = _fault(lambda: fetch(f"http://{peer.address}/"))
        assert peer.requests == 1
    assert fault.transport != "unsent"
    assert fault.effect_or_default() == "unknown"


def test_a_status_that_the_client_made_up_is_none() -> None:
    """An answer that is no HTTP gets a status 400 from aiohttp itself: nobody knows whether there was an effect."""
    with Peer(Script(headers=(("Bad\x01Header", "1"),))) as peer:
        fault = _fault(lambda: _aiohttp(f"http://{peer.address}/"))
    assert (fault.transport, fault.status, fault.effect_or_default()) == ("garbled", None, "unknown")
