"""How a Redis server is reached: over TLS, with a user of its access list, with any password; and what is no use."""

from __future__ import annotations

import gc
import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from attrs import frozen
from coredis import Redis
from servers.processes import free_port
from servers.redis import RedisServer, redis_server

from resilience import Policy, SyncExecutor
from resilience.core.admission.shared.permits import PermitRequest
from resilience.core.admission.shared.reservation import SharedLimit, SlotRequest
from resilience.state.redis_address import AddressError, redis_address
from resilience.state.redis_client import RedisClient, RedisUnavailableError
from resilience.state.store import StateError
from resilience.state.store.opening import open_store, without_password

PASSWORD = "p@ss/w:rd#?%41"  # of a server of this test
REQUEST = SlotRequest(
    limits=(SharedLimit("resilience:ten", 10, 1.0),),
    name="a",
    wanted=1,
    within=2.0,
    permits=PermitRequest(key="resilience:permits", count=1, holder="a", held=0, wanted=1, lasts=1.0),
)


@frozen
class TlsServer:
    """A server, its second port, and the folder of the certificates."""

    server: RedisServer
    port: int
    folder: Path

    def url(self, who: str = "", host: str = "localhost", **options: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"rediss://{who}{host}:{self.port}/0{'?' if query else ''}{query}"


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607


def certificate(folder: Path, name: str, alternatives: str) -> None:
    """Make a certificate of the test's authority."""
    openssl(folder, *f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}".split())
    (folder / "alternatives").write_text(f"subjectAltName={alternatives}", encoding="utf-8")
    openssl(
        folder,
        *f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {name}.crt -days 2".split(),
        *("-extfile", "alternatives"),
    )


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    """Run a server that asks for the user ``app``, with TLS at a second port."""
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    words = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority"
    openssl(folder, *words.split(" "))
    certificate(folder, "server", "DNS:localhost")
    certificate(folder, "program", "DNS:program")
    files = [("--tls-cert-file", "server.crt"), ("--tls-key-file", "server.key"), ("--tls-ca-cert-file", "ca.crt")]
    with redis_server(
        *("--tls-port", str(port), "--tls-auth-clients", "optional"),
        *(word for option, name in files for word in (option, str(folder / name))),
        *("--user", "app", "on", f">{PASSWORD}", "~resilience:*", "+@all", "-@dangerous", "-@admin"),
        *("--user", "default", "off"),
    ) as server:
        yield TlsServer(server, port, folder)


def ask(url: str) -> None:
    store = open_store(url)
    try:
        given = store.reserve(REQUEST, 5.0)
        assert given.permits is not None
    finally:
        store.close()


@pytest.mark.parametrize("written", [PASSWORD, quote(PASSWORD, safe="")], ids=["as-it-is", "as-in-a-url"])
def test_a_password_may_have_any_marks(written: str, tls: TlsServer) -> None:
    """It works as it is and as a url writes it, for a user who may do nothing dangerous, with TLS and without."""
    ask(f"redis://app:{written}@localhost:{tls.server.port}/0")
    ask(tls.url(f"app:{written}@", ssl_ca_certs=str(tls.folder / "ca.crt")))


def test_a_program_may_have_a_certificate_of_its_own(tls: TlsServer) -> None:
    """It is sent to servers that ask for it."""
    folder = tls.folder
    who = f"app:{quote(PASSWORD, safe='')}@"
    files = {"ssl_certfile": "program.crt", "ssl_keyfile": "program.key", "ssl_ca_certs": "ca.crt"}
    ask(tls.url(who, **{option: str(folder / name) for option, name in files.items()}))


@pytest.mark.parametrize(
    ("host", "options", "reason"),
    [
        pytest.param("localhost", {}, "its certificate is not trusted", id="unknown-authority"),
        pytest.param("127.0.0.1", {"ssl_ca_certs": "ca.crt"}, "its certificate is not trusted", id="another-host"),
        pytest.param("127.0.0.1", {"ssl_ca_certs": "ca.crt", "ssl_check_hostname": "false"}, None, id="any-host"),
        pytest.param("127.0.0.1", {"ssl_cert_reqs": "none"}, None, id="any-certificate"),
        pytest.param("localhost", {"ssl_ca_certs": "none.crt"}, "the files of its certificates", id="no-file"),
        pytest.param("localhost", {"ssl_ca": "ca.crt"}, "the url has an unknown option", id="unknown-option"),
    ],
)
def test_a_certificate_is_checked(host: str, options: dict[str, str], reason: str | None, tls: TlsServer) -> None:
    """It must be the host's and of a known authority, unless the url says otherwise; the error says what to do."""
    options = {name: str(tls.folder / each) if "crt" in each else each for name, each in options.items()}
    url = tls.url(f"app:{quote(PASSWORD, safe='')}@", host, **options)
    if reason is None:
        ask(url)
        return
    with pytest.raises(StateError, match=reason) as caught:
        ask(url)
    assert "p%40ss" not in f"{caught.value}{caught.value!r}"


def test_another_server_is_told_apart() -> None:
    """What speaks no TLS at all is named so, and not taken for an absence."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example ready\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(StateError, match="there is no TLS at this port"):
            ask(f"rediss://127.0.0.1:{listener.getsockname()[1]}/0")
        thread.join()


@pytest.mark.parametrize("rest", ["app:p@ss/w:rd@host:1/0", "host/0?password=p@ss", "app:secret#x@h/0", ":secret@h:1"])
def test_no_part_of_a_password_is_shown(rest: str) -> None:
    """Whatever marks it has, the name of a store shows nothing of it."""
    shown = without_password(f"redis://{rest}")
    assert not any(part in shown for part in ("p@ss", "ss/w", "w:rd", "secret", "app", "x@h"))


@pytest.mark.parametrize(
    ("url", "host", "port", "db", "who"),
    [
        pytest.param("redis://", "localhost", 6379, 0, (None, None), id="nothing"),
        pytest.param("valkey://cache", "cache", 6379, 0, (None, None), id="valkey"),
        pytest.param("redis://cache:7000/3", "cache", 7000, 3, (None, None), id="port-and-database"),
        pytest.param("redis://[::1]:7000/", "::1", 7000, 0, (None, None), id="ipv6"),
        pytest.param("redis://me@cache", "cache", 6379, 0, ("me", None), id="user"),
        pytest.param("redis://:a%20b@cache", "cache", 6379, 0, (None, "a b"), id="password"),
        pytest.param("redis://me:a:b@c@cache", "cache", 6379, 0, ("me", "a:b@c"), id="marks"),
    ],
)
def test_a_url_is_read(url: str, host: str, port: int, db: int, who: tuple[str | None, str | None]) -> None:
    """Its parts have their usual defaults."""
    address = redis_address(url)
    assert (address.host, address.port, address.db) == (host, port, db)
    assert (address.user, address.password) == who
    assert "password" not in repr(address)


def test_a_url_that_cannot_be_read_says_so() -> None:
    """The message has nothing of it."""
    with pytest.raises(AddressError, match="the url cannot be read") as caught:
        redis_address("redis://cache/secret-name")
    assert "secret-name" not in str(caught.value)


def test_a_cluster_is_refused_in_words() -> None:
    """One question changes keys that a cluster keeps on several servers."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with redis_server(*options) as server:
        with pytest.raises(StateError, match="it is a cluster"):
            ask(server.url)
        client = RedisClient(server.url)

        async def all_slots(connected: Redis[str]) -> Any:
            return await connected.cluster_addslotsrange([(0, 16383)])

        client.ask(all_slots, 5.0)
        client.close()
        with pytest.raises(StateError, match="it is a cluster"):
            ask(server.url)


def test_a_password_comes_from_the_environment(tls: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy names the variable, and calls keep the limit that the server holds."""
    monkeypatch.setenv("REDIS_PASSWORD", quote(PASSWORD, safe=""))
    monkeypatch.setenv("CA", str(tls.folder / "ca.crt"))
    policy = Policy.loads(
        "schema = 1\n[limits]\ndeadline = '1m'\n[operations.acme]\nMake = 'safe'\n[rate.acme]\ndefault = '100/s'\n"
        f"[state]\nstore = 'rediss://app:${{REDIS_PASSWORD}}@localhost:{tls.port}/0?ssl_ca_certs=${{CA}}'\n"
        "on_unavailable = 'fail'\n"
    )
    executor = SyncExecutor(policy, provider="acme", observers=())
    assert executor.call("Make", lambda: "made") == "made"


def test_a_connection_that_fails_leaves_no_stream_open() -> None:
    """Whether the server is away, hangs up or refuses: nothing is found later by the garbage collector."""

    async def ping(connected: Redis[str]) -> Any:
        return await connected.ping()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with redis_server("--requirepass", "right") as server:
            for url in (server.url, server.url.replace("://", "://:wrong@")):
                client = RedisClient(url)
                with pytest.raises(RedisUnavailableError):
                    client.ask(ping, 5.0)
                client.close()
            client = RedisClient(server.url.replace("://", "://:right@"))
            client.ask(ping, 5.0)
            server.kill()
            for _ in range(2):
                with pytest.raises(RedisUnavailableError):
                    client.ask(partial(ping), 5.0)
            client.close()
        gc.collect()
