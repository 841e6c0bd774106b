"""The keys that clients of boto3 sign with: fixed ones, ones that botocore renews, and those of a policy's source."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aiobotocore.session import get_session
from aws_clients import POLICY, client, executor
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials, RefreshableCredentials
from botocore.exceptions import ConnectionClosedError
from raw_peer import Peer, Script
from servers.aws import EXPIRED, REGION, Request, Server, Step, refusal, role_answer, serving

from resilience import Executor, Policy, wrap_client
from resilience.clients import KeyTriple, classify, registry
from resilience.clients.inspection import managed_keys
from resilience.clients.sts import aws_assume_role

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")

ONCE = Config(retries={"total_max_attempts": 1})
THING = Step(body=b'{"thingName":"t","thingArn":"a","thingId":"i"}')
OLD: dict[str, str] = {"aws_access_key_id": "old", "aws_secret_access_key": "s", "aws_session_token": "token-of-old"}


def _sdk() -> Any:
    found = registry.of_provider("aws-iot")
    assert found is not None
    return found


def _only(*good: str) -> Callable[[Request], Step]:
    """Return a judge: keys that are none of these have expired."""

    def judge(request: Request) -> Step:
        if request.headers.get("X-Amz-Security-Token") != f"token-of-{request.key_id}":
            return refusal("UnrecognizedClientException", 403)
        return THING if request.key_id in good else EXPIRED

    return judge


def _fixed(url: str, **keys: str) -> Any:
    return boto3.client("iot", region_name=REGION, endpoint_url=url, config=ONCE, **(keys or OLD))


# Fixed keys


def test_temporary_keys_are_fixed_and_permanent_ones_are_not() -> None:
    """Permanent keys never expire, and keys that botocore renews are not ours to replace."""
    keys = _sdk().fixed_keys(_fixed("http://127.0.0.1:9"))
    assert keys == KeyTriple(access_key_id="old", access_key_secret="s", security_token="token-of-old")
    assert "token" not in repr(keys)
    assert _sdk().fixed_keys(client("http://127.0.0.1:9")) is None
    assert _sdk().fixed_keys(object()) is None


def test_given_keys_sign_for_one_client_alone() -> None:
    """The client that was wrapped shares connections, and keeps its own keys."""
    keys = KeyTriple(access_key_id="new", access_key_secret="s", security_token="token-of-new")
    with serving() as server:
        server.judge = _only("old", "new")
        given = _fixed(server.url)
        iot = wrap_client(given, executor())
        assert _sdk().given_by(iot) is None
        _sdk().give_keys(iot, lambda: keys)
        iot.create_thing(thingName="t")
        given.create_thing(thingName="t")
        assert [request.key_id for request in server.requests] == ["new", "old"]
        assert _sdk().given_by(iot)() == keys
        assert _sdk().given_by(given) is None
        assert _sdk().fixed_keys(iot) is None
        assert managed_keys(iot) is None
        assert "token-of-new" not in repr(iot._request_signer._credentials)
        # A link that is signed ahead has the new keys, too.
        assert "new%2F" in iot.generate_presigned_url("describe_thing", Params={"thingName": "t"})


def test_keys_are_asked_for_before_each_request() -> None:
    """A refusal renews them, and the next attempt signs with the new ones."""
    names = iter(["one", "two"])
    with serving() as server:
        server.judge = _only("one", "two")
        iot = _fixed(server.url)
        _sdk().give_keys(
            iot,
            lambda: KeyTriple(
                access_key_id=(name := next(names)), access_key_secret="s", security_token=f"token-of-{name}"
            ),
        )
        iot.create_thing(thingName="t")
        iot.create_thing(thingName="t")
        assert [request.key_id for request in server.requests] == ["one", "two"]


SOURCE = """
[credentials.aws-iot]
source = "assume_role"
role = "arn:aws:iam::123456789012:role/provisioner"
endpoint = "{url}"
region = "eu-west-1"
session_name = "test-session"
duration = "20m"
key_variables = ["LONG_ID", "LONG_SECRET"]
"""


@pytest.fixture
def long_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONG_ID", "permanent")
    monkeypatch.setenv("LONG_SECRET", "marker-secret")


def _with_sts(server: Server, *good: str) -> Callable[[Request], Step]:
    refuses = _only(*good)

    def judge(request: Request) -> Step:
        if b"Action=AssumeRole" in request.body:
            assert request.key_id == "permanent"
            return role_answer(f"role{server.took('POST', '/') - server.took('POST', '/things')}")
        return refuses(request)

    return judge


@pytest.mark.usefixtures("long_lived")
def test_an_expired_token_is_replaced_by_a_roles() -> None:
    """The policy says where new keys come from; the call goes on with them, and so do later ones."""
    with serving() as server:
        server.judge = _with_sts(server, "role1")
        policy = POLICY + SOURCE.format(url=server.url)
        iot = wrap_client(_fixed(server.url), executor(policy))
        assert iot.create_thing(thingName="t")["thingArn"] == "a"
        assert iot.create_thing(thingName="u")["thingArn"] == "a"
        asked = [request for request in server.requests if b"Action=AssumeRole" in request.body]
        assert len(asked) == 1
        for part in (b"RoleSessionName=test-session", b"DurationSeconds=1200", b"role%2Fprovisioner"):
            assert part in asked[0].body
        assert [request.key_id for request in server.requests] == ["old", "permanent", "role1", "role1"]


@pytest.mark.usefixtures("long_lived")
def test_an_expired_token_of_an_asynchronous_client_is_replaced_by_a_roles() -> None:
    """The same source serves both kinds of clients."""

    async def use(url: str) -> Any:
        make = get_session().create_client("iot", region_name=REGION, endpoint_url=url, config=ONCE, **OLD)
        async with make as given:
            policy = Policy.loads(POLICY + SOURCE.format(url=url))
            iot = wrap_client(given, Executor(policy, provider="aws-iot"))
            return await iot.create_thing(thingName="t")

    with serving() as server:
        server.judge = _with_sts(server, "role1")
        assert asyncio.run(use(server.url))["thingArn"] == "a"
        assert [request.key_id for request in server.requests] == ["old", "permanent", "role1"]


# AssumeRole


PERMANENT = KeyTriple(access_key_id="permanent", access_key_secret="marker-secret")
ROLE = "arn:aws:iam::123456789012:role/x"


def test_a_role_is_assumed_with_the_keys_of_the_moment() -> None:
    """The keys may come from a function, which is called for each request."""
    with serving(role_answer("new"), role_answer("newer")) as server:
        host = server.url.removeprefix("http://")
        ask = aws_assume_role(
            role_arn=ROLE,
            keys=lambda: PERMANENT,
            region=REGION,
            endpoint=host,
            protocol="http",
            policy='{"Version": "2012-10-17"}',
            external_id="marker-external",
        )
        first, second = ask(), ask()
        assert (first.access_key_id, second.access_key_id) == ("new", "newer")
        assert first.security_token == "token-of-new"
        assert first.expires_at == pytest.approx(datetime.now(UTC).timestamp() + 3600, abs=60)
        body = server.requests[0].body
        assert b"ExternalId=marker-external" in body
        assert b"Policy=%7B" in body


def test_a_role_is_assumed_with_a_ready_client() -> None:
    """It has its own endpoint and keys."""
    with serving(role_answer("new")) as server:
        assert aws_assume_role(role_arn=ROLE, client=client(server.url, "sts"))().access_key_id == "new"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "expected either keys or client"),
        ({"keys": PERMANENT, "duration": 60}, "expected a duration of 900 to 43200 s"),
        ({"keys": PERMANENT}, "expected a region"),
    ],
)
def test_a_wrong_argument_is_found_early(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], says: str) -> None:
    """Nothing is sent."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ValueError, match=says):
        aws_assume_role(role_arn=ROLE, **settings)


def test_a_client_that_retries_assumes_no_role() -> None:
    """Its attempts would be hidden."""
    with pytest.raises(ValueError, match="retries by itself"):
        aws_assume_role(role_arn=ROLE, client=client("http://127.0.0.1:9", "sts", retries={"mode": "standard"}))


@pytest.mark.parametrize("part", ["AccessKeyId", "SessionToken", "Expiration"])
def test_an_answer_without_keys_gives_none(part: str) -> None:
    """It is garbled, and the keys of before stay."""
    whole = role_answer("new").body.decode()
    start, end = whole.index(f"<{part}>"), whole.index(f"</{part}>") + len(part) + 3
    torn = Step(body=(whole[:start] + whole[end:]).encode(), headers={"Content-Type": "text/xml"})
    with serving(torn) as server, pytest.raises(Exception) as caught:  # noqa: PT011  # see below
        aws_assume_role(role_arn=ROLE, client=client(server.url, "sts"))()
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.transport, fault.request_id) == ("garbled", "sts-1")


# Keys that botocore renews


def _metadata(name: str, *, seconds: float = 3600) -> dict[str, str]:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"access_key": name, "secret_key": "s", "token": f"token-of-{name}", "expiry_time": end.isoformat()}


def _refreshing(url: str, credentials: Any) -> Any:
    session = boto3.session.Session(region_name=REGION)
    session._session._credentials = credentials
    return session.client("iot", endpoint_url=url, config=ONCE)


def _refreshable(fetch: Callable[[], dict[str, str]], *, seconds: float = 3600) -> RefreshableCredentials:
    return RefreshableCredentials.create_from_metadata(_metadata("old", seconds=seconds), fetch, "test")


def test_keys_that_botocore_renews_are_renewed_after_a_refusal() -> None:
    """Botocore looks at the clock alone, and would send the refused token for an hour."""
    with serving() as server:
        server.judge = _only("new")
        iot = wrap_client(_refreshing(server.url, _refreshable(lambda: _metadata("new"))), executor())
        assert iot.create_thing(thingName="t")["thingArn"] == "a"
        assert [request.key_id for request in server.requests] == ["old", "new"]


def test_a_failed_renewal_is_a_failed_remedy() -> None:
    """The keys of before stay, for other calls may still use them."""

    def fetch() -> dict[str, str]:
        raise OSError("marker")

    with serving() as server:
        server.judge = _only("new")
        direct = _refreshing(server.url, _refreshable(fetch))
        with pytest.raises(Exception) as caught:  # noqa: PT011  # ours, as boto3's
            wrap_client(direct, executor()).create_thing(thingName="t")
        assert type(caught.value).__name__ == "RemedyFailed"
        assert isinstance(caught.value, direct.exceptions.ClientError)
        assert direct._request_signer._credentials.get_frozen_credentials().access_key == "old"


def test_what_botocore_says_of_its_keys() -> None:
    """Due in the last fifteen minutes, when botocore itself would renew them within a call."""
    late = managed_keys(_refreshing("http://127.0.0.1:9", _refreshable(lambda: _metadata("new"), seconds=60)))
    assert late is not None
    assert late.is_due()
    assert late.expires_at() == pytest.approx(datetime.now(UTC).timestamp() + 60, abs=30)
    late.fetch()
    assert not late.is_due()
    never = DeferredRefreshableCredentials(lambda: _metadata("new"), "test")
    deferred = managed_keys(_refreshing("http://127.0.0.1:9", never))
    assert deferred is not None
    assert deferred.is_due()
    assert deferred.expires_at() is None
    deferred.renew()
    assert not deferred.is_due()
    assert never.get_frozen_credentials().token == "token-of-new"
    assert managed_keys(client("http://127.0.0.1:9")) is None
    assert managed_keys(object()) is None


def test_clients_of_one_session_share_the_source_of_their_keys() -> None:
    """One of them renews for all."""
    credentials = _refreshable(lambda: _metadata("new"))
    both = [managed_keys(_refreshing("http://127.0.0.1:9", credentials)) for _ in range(2)]
    assert all(each is not None for each in both)
    assert both[0].identity is both[1].identity  # type: ignore[union-attr]  # see above


def _profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, url: str) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"""
[profile long]
aws_access_key_id = permanent
aws_secret_access_key = s
[profile provisioner]
role_arn = {ROLE}
source_profile = long
region = {REGION}
services = here
[services here]
sts =
  endpoint_url = {url}
"""
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))


def test_a_role_of_a_profile_is_assumed_again_after_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Botocore keeps the role's keys in a cache, and would take the refused ones from there."""
    with serving() as server:
        server.judge = _with_sts(server, "role2")
        _profile(monkeypatch, tmp_path, server.url)
        session = boto3.session.Session(profile_name="provisioner")
        iot = wrap_client(session.client("iot", endpoint_url=server.url, config=ONCE), executor())
        assert iot.create_thing(thingName="t")["thingArn"] == "a"
        assert [request.key_id for request in server.requests] == ["permanent", "role1", "permanent", "role2"]


def test_a_role_that_cannot_be_assumed_has_no_effect(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The token service failed while the request was being signed, so that of the operation never left."""
    with serving(rest=Step(status=503, body=b"")) as server:
        _profile(monkeypatch, tmp_path, server.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        session = boto3.session.Session(profile_name="provisioner")
        direct = session.client("iot", endpoint_url=server.url, config=ONCE)
        with pytest.raises(direct.exceptions.ClientError) as caught:
            direct.create_thing(thingName="t")
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.label, fault.effect) == ("http-503", "none")


def test_a_token_service_that_says_nothing_leaves_the_request_unsent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Its answer is lost, and that of the operation is not: it was never asked for."""
    with Peer(Script("close")) as peer, serving() as server:
        _profile(monkeypatch, tmp_path, f"http://{peer.address}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        session = boto3.session.Session(profile_name="provisioner")
        direct = session.client("iot", endpoint_url=server.url, config=ONCE)
        with pytest.raises(ConnectionClosedError) as caught:
            direct.create_thing(thingName="t")
        assert server.requests == []
    fault = classify(caught.value)
    assert fault is not None
    assert (fault.transport, fault.effect) == ("unsent", "none")


def test_an_asynchronous_client_renews_within_its_next_request() -> None:
    """Its credential awaits, so nothing stops the event loop; it only has to know that the token was refused."""
    from aiobotocore.credentials import AioRefreshableCredentials  # noqa: PLC0415  # next to its only use

    async def fetch() -> dict[str, str]:
        return _metadata("new")

    async def use(url: str) -> Any:
        session = get_session()
        session._credentials = AioRefreshableCredentials.create_from_metadata(_metadata("old"), fetch, "test")
        async with session.create_client("iot", region_name=REGION, endpoint_url=url, config=ONCE) as given:
            assert managed_keys(given).expires_at() is not None  # type: ignore[union-attr]  # it has some
            iot = wrap_client(given, Executor(Policy.loads(POLICY), provider="aws-iot"))
            return await iot.create_thing(thingName="t")

    with serving() as server:
        server.judge = _only("new")
        assert asyncio.run(use(server.url))["thingArn"] == "a"
        assert [request.key_id for request in server.requests] == ["old", "new"]


def test_keys_of_the_environment_are_boto3s() -> None:
    """What signs a role's request is read where boto3 reads it."""
    assert _sdk().key_variables == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
