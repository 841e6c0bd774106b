"""Calls of boto3 that give up by themselves: against a peer that never answers, and beside other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from aws_clients import POLICY, client, executor
from botocore import exceptions
from raw_peer import Peer, Script, deaf_address
from servers.aws import HANG, Step, serving

from resilience import SyncExecutor, wrap_client
from resilience.clients.timeouts import lower, within

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")

LONG: dict[str, Any] = {"connect_timeout": 30, "read_timeout": 30}


def _seconds(call: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises((exceptions.HTTPClientError, exceptions.ConnectTimeoutError)):
        call()
    return time.monotonic() - started


def test_a_call_that_is_not_answered_ends() -> None:
    """Whatever the client itself would wait, the call ends in about the time that it is given."""
    with Peer(Script("hang")) as peer:
        bounded = within(client(f"http://{peer.address}", **LONG).list_things, 0.3)
        assert bounded is not None
        assert 0.25 < _seconds(bounded) < 2


def test_a_connection_that_never_stands_is_given_up() -> None:
    """The time for connecting is bounded too."""
    with deaf_address() as address:
        bounded = within(client(f"http://{address}", **LONG).list_things, 0.3)
        assert bounded is not None
        assert _seconds(bounded) < 2


def test_a_handshake_that_stalls_is_given_up() -> None:
    """Nothing answers the first message of TLS."""
    with Peer(Script("hang")) as peer:
        bounded = within(client(f"https://{peer.address}", **LONG).list_things, 0.3)
        assert bounded is not None
        assert _seconds(bounded) < 2


def test_a_proxy_that_says_nothing_is_given_up() -> None:
    """Its pools are other ones."""
    with Peer(Script("hang")) as peer:
        proxied = client("https://x.invalid", proxies={"https": f"http://{peer.address}"}, **LONG)
        bounded = within(proxied.list_things, 0.3)
        assert bounded is not None
        assert _seconds(bounded) < 2


def test_a_shorter_time_out_of_the_client_stays() -> None:
    """A time-out is only lowered."""
    with Peer(Script("hang")) as peer:
        bounded = within(client(f"http://{peer.address}", read_timeout=0.3).list_things, 20)
        assert bounded is not None
        assert _seconds(bounded) < 2


def test_a_client_is_lowered_for_all_its_calls() -> None:
    """A runner does it once."""
    with Peer(Script("hang")) as peer:
        lowered = client(f"http://{peer.address}", **LONG)
        assert lower(lowered, 0.3)
        assert _seconds(lowered.list_things) < 2
        assert _seconds(lowered.list_things) < 2


def test_other_threads_keep_their_time_outs_and_the_connections_are_shared() -> None:
    """One call is bounded while another one of the same client waits for its answer."""
    answer = threading.Event()

    def judge(request: Any) -> Step | None:
        if "slow" in request.path:
            answer.wait(10)
        return Step(body=b'{"thingName":"x"}')

    def late(_: object) -> Step:
        time.sleep(0.8)
        return Step(body=b'{"thingName":"x"}')

    with serving() as server:
        server.judge = judge
        shared = client(server.url, **LONG)
        shared.describe_thing(thingName="first")
        found: list[Any] = []
        waits = threading.Thread(target=lambda: found.append(shared.describe_thing(thingName="slow")))
        waits.start()
        bounded = within(shared.describe_thing, 0.5)
        assert bounded is not None
        for _ in range(3):
            assert bounded(thingName="quick")["thingName"] == "x"
        assert _seconds(lambda: bounded(thingName="slow")) < 3
        answer.set()
        waits.join(10)
        server.judge = late
        # The client's own calls are not bounded, also those after it.
        assert shared.describe_thing(thingName="later")["thingName"] == "x"
    assert found[0]["thingName"] == "x"
    # The first call's, which the bounded calls went on with; the slow one's; and that of the one that gave up.
    assert server.connections <= 3


def test_an_attempt_ends_at_its_limit_in_a_plain_thread() -> None:
    """A function that runs in the caller's own thread cannot be abandoned; its socket gives up."""
    policy = POLICY.replace('attempt_timeout = "10s"', 'attempt_timeout = "300ms"\nmax_attempts = 2')
    with serving(rest=HANG) as server:
        iot = wrap_client(client(server.url, **LONG), SyncExecutor(executor(policy).policy, provider="aws-iot"))
        started = time.monotonic()
        with pytest.raises(Exception):  # noqa: B017, PT011  # which class it is, is another test's business
            iot.describe_thing(thingName="t")
        assert time.monotonic() - started < 3
        assert len(server.requests) == 2


def test_a_function_that_is_none_of_a_clients_has_no_bound() -> None:
    """A client of another kind is left alone."""
    assert within(client, 1) is None
    assert not lower(object(), 1)
