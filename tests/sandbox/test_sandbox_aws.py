"""AWS in the sandbox: real boto3 against moto, with our faults in front and moto's known mistakes corrected."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from click.testing import CliRunner

from resilience.cli.app import app
from resilience.sandbox import Sandbox

ONCE = Config(retries={"total_max_attempts": 1})
POLICY = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(aws=True) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.clear_faults()


def client(sandbox: Sandbox, service: str = "iot", config: Config = ONCE, **keys: str) -> Any:
    environ = sandbox.aws_iot.environment()
    make: Any = boto3.client
    options = {
        "aws_access_key_id": environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environ["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": environ["AWS_ENDPOINT_URL"],
        "region_name": environ["AWS_REGION"],
    }
    return make(service, config=config, **{**options, **keys})


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_scripted_faults_meet_real_boto3(sandbox: Sandbox) -> None:
    """A code with its documented status, a lost answer after the effect, and a success: one request each."""
    iot = client(sandbox)
    sandbox.script("CreatePolicy", "ThrottlingException, applied lost, ok")
    assert refused(iot.create_policy, policyName="faults", policyDocument=POLICY) == ("ThrottlingException", 400)
    with pytest.raises(ConnectionClosedError):
        iot.create_policy(policyName="faults", policyDocument=POLICY)
    assert refused(iot.create_policy, policyName="faults", policyDocument=POLICY) == (
        "ResourceAlreadyExistsException",
        409,
    )
    assert (sandbox.asked("CreatePolicy", policyName="faults"), sandbox.applied("CreatePolicy")) == (3, 1)
    assert sandbox.aws_iot.policies[0]["policyName"] == "faults"


def test_plain_boto3_makes_two_certificates_of_one_call(sandbox: Sandbox) -> None:
    """Its own retries repeat what a repeat does twice; that is why they are switched off under a policy."""
    before = len(sandbox.aws_iot.certificates)
    sandbox.script("CreateKeysAndCertificate", "applied lost, ok")
    client(sandbox, config=Config()).create_keys_and_certificate(setAsActive=True)
    assert len(sandbox.aws_iot.certificates) == before + 2


def test_where_moto_answers_otherwise_the_model_counts(sandbox: Sandbox) -> None:
    """The same thing again succeeds, another one of its name is refused, and what is gone can be deleted."""
    iot = client(sandbox)
    first = iot.create_thing(thingName="same", attributePayload={"attributes": {"a": "1"}})
    again = iot.create_thing(thingName="same", attributePayload={"attributes": {"a": "1"}})
    assert again["thingId"] == first["thingId"]
    assert refused(iot.create_thing, thingName="same")[0] == "ResourceAlreadyExistsException"
    for _ in range(2):
        assert iot.delete_thing(thingName="same")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert iot.create_thing(thingName="same")["thingId"] != first["thingId"]
    assert refused(iot.create_thing, thingName="no blanks") == ("InvalidRequestException", 400)


def test_keys_expire_and_others_are_refused(sandbox: Sandbox) -> None:
    """AssumeRole gives a triple that works until it has expired; errors of the token service are XML."""
    token_service = client(sandbox, "sts")
    keys = token_service.assume_role(RoleArn="arn:aws:iam::1:role/x", RoleSessionName="session")["Credentials"]
    triple = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    assert client(sandbox, **triple).list_things()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert sandbox.aws_iot.expire_tokens() == 1
    assert refused(client(sandbox, **triple).list_things) == ("ExpiredTokenException", 403)
    stranger = client(sandbox, aws_access_key_id="AKIANOBODY")
    assert refused(stranger.list_things) == ("UnrecognizedClientException", 403)
    sandbox.script("aws-iot:AssumeRole", "AccessDenied")
    assert refused(token_service.assume_role, RoleArn="arn:aws:iam::1:role/x", RoleSessionName="session")[0] == (
        "AccessDenied"
    )


def test_the_state_has_more_than_one_page_of_things(sandbox: Sandbox) -> None:
    """Moto answers with fifty at a time."""
    iot = client(sandbox)
    before = len(sandbox.aws_iot.things)
    for number in range(60):
        iot.create_thing(thingName=f"page-{number}")
    assert len(sandbox.aws_iot.things) == before + 60


def test_two_sandboxes_are_two_accounts(sandbox: Sandbox) -> None:
    """Moto has one state for a process; each sandbox has an account of its own in it."""
    client(sandbox).create_thing(thingName="mine")
    with Sandbox(aws=True) as other:
        assert client(other).list_things()["things"] == []


def test_secrets_are_masked_in_the_log_and_the_data_plane_is_there(sandbox: Sandbox) -> None:
    """A shadow can be written; the private key of a certificate stands in no call."""
    client(sandbox, "iot-data").update_thing_shadow(thingName="mine", payload=b'{"state": {}}')
    key = client(sandbox).create_keys_and_certificate()["keyPair"]["PrivateKey"]
    assert key[40:80] not in repr([call.as_dict() for call in sandbox.calls])


def test_without_moto_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a sandbox that does not play AWS says how to get one that does."""
    with pytest.raises(AttributeError, match="Sandbox\\(aws=True\\)"):
        _ = Sandbox().aws_iot
    monkeypatch.setitem(sys.modules, "moto.moto_server.werkzeug_app", None)
    result = CliRunner().invoke(app, ["sandbox", "--aws", "--", "true"])
    assert result.exit_code == 2
    assert "pip install 'mqtt-resilience[sandbox]'" in result.output


def test_the_command_gives_scripts_what_boto3_reads_by_itself() -> None:
    """``sandbox --aws -- COMMAND`` sets endpoint, region and keys."""
    script = "import boto3; boto3.client('iot').create_thing(thingName='a')"
    result = CliRunner().invoke(app, ["sandbox", "--aws", "--", sys.executable, "-c", script])
    assert result.exit_code == 0, result.output
