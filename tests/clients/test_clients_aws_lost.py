"""
A certificate whose answer is lost, and with it its private key: found in moto, deactivated, and made anew.

``on_lost = "discard"`` asks for it. Without that the call stops, and nothing is touched.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

import pytest
from aws_clients import POLICY, client, client_async, executor, wrapped
from servers.aws import HANG, LOSE, PASS, TEAR, THROTTLED, Request, Server, Step, refusal, serving

from resilience import Executor, Policy, RemedyFailed, wrap_client
from resilience.clients import Ambiguous

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")

DISCARD: Final = POLICY.replace(
    'CreateKeysAndCertificate = { repeat = "duplicate",',
    'CreateKeysAndCertificate = { repeat = "duplicate", on_lost = "discard",',
)
PATIENT: Final = DISCARD.replace('settle = "0s"', 'settle = "1s"')
FAILED: Final = refusal("InternalFailureException", 500)


def certificates(server: Server) -> dict[str, str]:
    """Return the status of each certificate, by its id."""
    assert server.moto is not None
    rows = client(f"http://127.0.0.1:{server.moto}").list_certificates(pageSize=250)["certificates"]
    return {row["certificateId"]: row["status"] for row in rows}


def active(server: Server) -> set[str]:
    """Return the ids of the active certificates."""
    return {each for each, status in certificates(server).items() if status == "ACTIVE"}


def creates(step: Callable[[int], Step]) -> Callable[[Request], Step | None]:
    """Return a judge that decides about each request for a certificate by its number, from 1."""
    guard, count = threading.Lock(), [0]

    def judge(request: Request) -> Step | None:
        if request.method != "POST" or not request.path.startswith("/keys-and-certificate"):
            return None
        with guard:
            count[0] += 1
            return step(count[0])

    return judge


@pytest.mark.parametrize("how", [LOSE, TEAR], ids=["lost", "torn"])
def test_the_lost_one_is_deactivated_and_another_is_made(fresh_moto: int, how: Step) -> None:
    """The caller gets a certificate with its key; the other one is harmless, and there for a person to look at."""
    with serving(how, moto=fresh_moto) as server:
        made = wrapped(server.url, policy=DISCARD).create_keys_and_certificate(setAsActive=True)
        assert made["keyPair"]["PrivateKey"]
        assert active(server) == {made["certificateId"]}
        assert sorted(certificates(server).values()) == ["ACTIVE", "INACTIVE"]


def test_the_outcome_names_the_certificate(fresh_moto: int) -> None:
    """By its id, which is no secret."""
    with serving(LOSE, moto=fresh_moto) as server:
        run = executor(DISCARD)
        direct = client(server.url)
        run.verify_with(direct)
        outcome = run.outcome("CreateKeysAndCertificate", direct.create_keys_and_certificate, setAsActive=True)
        (inactive,) = set(certificates(server)) - active(server)
        assert outcome.discarded == (f"certificate {inactive}",)


def test_one_that_was_made_inactive_is_told_and_not_changed(fresh_moto: int) -> None:
    """It is harmless as it is."""
    with serving(LOSE, moto=fresh_moto) as server:
        wrapped(server.url, policy=DISCARD).create_keys_and_certificate()
        assert list(certificates(server).values()) == ["INACTIVE"] * 2
        assert server.took("PUT", "/certificates") == 0


def test_without_discard_the_call_stops(fresh_moto: int) -> None:
    """The default: one certificate, active, and an exception that says that it may be there."""
    with serving(LOSE, moto=fresh_moto) as server:
        with pytest.raises(Exception, match="closed") as told:
            wrapped(server.url).create_keys_and_certificate(setAsActive=True)
        assert "CreateKeysAndCertificate makes may exist" in told.value.__notes__[0]
        assert 'on_lost = "discard" } so that what was made is discarded' in told.value.__notes__[0]
        assert list(certificates(server).values()) == ["ACTIVE"]
        assert server.took("GET", "/certificates") == 0


def test_an_attempt_that_made_nothing_is_repeated_when_its_doubt_has_settled(fresh_moto: int) -> None:
    """There is nothing to discard."""
    with serving(FAILED, moto=fresh_moto) as server:
        made = wrapped(server.url, policy=PATIENT).create_keys_and_certificate(setAsActive=True)
        assert certificates(server) == {made["certificateId"]: "ACTIVE"}


def test_what_others_have_is_left_alone(fresh_moto: int) -> None:
    """One that this process got an answer for, and one that is attached, belong to somebody."""
    with serving(moto=fresh_moto) as server:
        iot = wrapped(server.url, policy=PATIENT)
        ours = iot.create_keys_and_certificate(setAsActive=True)
        other = client(f"http://127.0.0.1:{fresh_moto}")
        theirs = other.create_keys_and_certificate(setAsActive=True)
        other.create_thing(thingName="t")
        other.attach_thing_principal(thingName="t", principal=theirs["certificateArn"])
        server.script += [LOSE, PASS]
        made = iot.create_keys_and_certificate(setAsActive=True)
        assert active(server) == {each["certificateId"] for each in (ours, theirs, made)}
        assert len(certificates(server)) == 4


def test_more_certificates_than_lost_answers_stop_the_call(fresh_moto: int) -> None:
    """Nothing tells which of them is the lost one: all are named, and none is touched."""
    with serving(LOSE, moto=fresh_moto) as server:
        client(f"http://127.0.0.1:{fresh_moto}").create_keys_and_certificate(setAsActive=True)
        with pytest.raises(RemedyFailed) as told:
            wrapped(server.url, policy=DISCARD).create_keys_and_certificate(setAsActive=True)
        assert isinstance(told.value.__cause__, Ambiguous)
        assert set(told.value.__cause__.found) == set(certificates(server)) == active(server)
        assert len(active(server)) == 2


def test_calls_at_the_same_time_keep_what_they_got(fresh_moto: int) -> None:
    """Each lost certificate is deactivated, and none that a call returned; each thread has a client of its own."""
    faults = {2: LOSE, 3: LOSE, 7: THROTTLED, 11: LOSE, 12: FAILED, 18: LOSE}
    with serving(moto=fresh_moto) as server:
        server.judge = creates(lambda number: faults.get(number, PASS))
        run, local = executor(PATIENT), threading.local()

        def create(_: int) -> str:
            if not hasattr(local, "iot"):
                local.iot = wrap_client(client(server.url), run)
            return str(local.iot.create_keys_and_certificate(setAsActive=True)["certificateId"])

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(create, range(24)))
        assert len(set(made)) == 24
        assert active(server) == set(made)
        assert len(certificates(server)) == 24 + 4


def test_a_request_under_way_is_waited_for(fresh_moto: int) -> None:
    """Its certificate is listed before its answer is there; it is not taken for the lost one."""
    made_one, may_answer = threading.Event(), threading.Event()
    with serving(moto=fresh_moto) as server:
        guard, count = threading.Lock(), [0]

        def judge(request: Request) -> Step | None:
            if request.method != "POST":
                return None
            with guard:
                count[0] += 1
                number = count[0]
            if number > 1:
                return LOSE if number == 2 else PASS
            status, body, headers = server.forward(request)
            made_one.set()
            may_answer.wait(20)
            return Step("answer", status, body, headers)

        server.judge = judge
        run = executor(DISCARD)
        first, second = (wrap_client(client(server.url), run) for _ in range(2))
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(first.create_keys_and_certificate, setAsActive=True)
            assert made_one.wait(20)
            two = pool.submit(second.create_keys_and_certificate, setAsActive=True)
            # The other call has listed the certificates, of which one is its own.
            while server.took("GET", "/certificates") < 2:
                time.sleep(0.01)
            # It goes no further while the first one has no answer.
            assert not wait([two], timeout=0.5).done
            may_answer.set()
            made = {each.result(20)["certificateId"] for each in (one, two)}
        assert active(server) == made
        assert len(certificates(server)) == 3


def test_a_certificate_that_cannot_be_deactivated_ends_the_call(fresh_moto: int) -> None:
    """Without the permission no second one is made; the note says that one may exist."""

    def judge(request: Request) -> Step | None:
        return refusal("UnauthorizedException", 401) if request.method == "PUT" else None

    with serving(LOSE, moto=fresh_moto) as server:
        server.judge = judge
        with pytest.raises(RemedyFailed) as told:
            wrapped(server.url, policy=DISCARD).create_keys_and_certificate(setAsActive=True)
        assert "may exist" in told.value.__notes__[0]
        assert len(certificates(server)) == 1


def test_a_client_of_aiobotocore_cannot_discard() -> None:
    """The policy is refused before anything is sent."""

    async def create(server: Server) -> None:
        async with client_async(server.url) as direct:
            iot = wrap_client(direct, Executor(Policy.loads(DISCARD), provider="aws-iot"))
            await iot.create_keys_and_certificate(setAsActive=True)

    with serving(rest=HANG) as server:
        with pytest.raises(ValueError, match='on_lost = "discard" of CreateKeysAndCertificate needs a verifier'):
            asyncio.run(create(server))
        assert not server.requests


def test_a_ready_made_verifier_that_only_looks_is_none_for_a_discard() -> None:
    """CreateThing has one, which discards nothing."""
    policy = POLICY.replace(
        'CreateThing = { repeat = "equal",', 'CreateThing = { repeat = "equal", on_lost = "discard",'
    )
    with serving(rest=HANG) as server:
        with pytest.raises(ValueError, match='on_lost = "discard" of CreateThing needs a verifier'):
            wrapped(server.url, policy=policy).create_thing(thingName="t")
        assert not server.requests
