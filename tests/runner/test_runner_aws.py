"""Unmodified scripts that use boto3 and aiobotocore: their calls follow the policy, however their clients are made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from script_runs import Scripts
from servers.aws import LOSE, REGION, THROTTLED, Server, Step, refusal, serving

pytest_plugins = ("runner_fixtures", "servers.aws_fixtures")

POLICY = """
schema = 1
name = "running"
[limits]
deadline = "30s"
max_attempts = 3
settle = "0s"
[backoff.default]
kind = "constant"
base = "10ms"
jitter = "none"
[rules.aws-iot]
"ThrottlingException" = "retry"
[rules.transport]
lost = "verify"
garbled = "verify"
[operations.aws-iot]
CreateThing = { repeat = "equal", key = ["thingName"], requires = ["thingArn"] }
CreatePolicy = { repeat = "conflict", key = ["policyName"], requires = ["policyArn"] }
CreateKeysAndCertificate = { repeat = "duplicate", requires = ["certificateId"] }
ListThings = { repeat = "safe" }
"""

FAILED = "resilience: failed: CreateKeysAndCertificate: lost"


@pytest.fixture
def aws(fresh_moto: int) -> Iterator[Server]:
    """Return a server in front of moto."""
    with serving(moto=fresh_moto) as server:
        yield server


@pytest.fixture
def boto(scripts: Scripts, aws: Server) -> Scripts:
    """Return a folder in which boto3 finds the server and keys in its environment."""
    scripts.write("policy.toml", POLICY)
    scripts.environ.update(
        AWS_ENDPOINT_URL=aws.url,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="marker-id",
        AWS_SECRET_ACCESS_KEY="marker-secret",
        AWS_CONFIG_FILE=str(scripts.folder / "none"),
        AWS_SHARED_CREDENTIALS_FILE=str(scripts.folder / "none"),
        AWS_EC2_METADATA_DISABLED="true",
    )
    return scripts


SWITCHED_OFF = "resilience: switched off, for this client: botocore's retries (mode "


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            'import boto3\niot = boto3.client("iot")\nprint(iot.create_thing(thingName="t")["thingName"])', id="client"
        ),
        pytest.param(
            "def main():\n"
            "    import boto3\n"
            '    print(boto3.Session().client("iot").create_thing(thingName="t")["thingName"])\n'
            "main()",
            id="imported-late",
        ),
        pytest.param(
            "import botocore.session\n"
            'iot = botocore.session.get_session().create_client("iot")\n'
            'print(iot.create_thing(thingName="t")["thingName"])',
            id="botocore",
        ),
        pytest.param(
            "from botocore.client import BaseClient\n"
            "import boto3\n"
            'iot = boto3.client("iot")\n'
            "create = iot.create_thing\n"
            'print(create(thingName="t")["thingName"])',
            id="method-kept",
        ),
        pytest.param(
            "import boto3, threading\n"
            'iot = boto3.client("iot")\n'
            "found = []\n"
            'thread = threading.Thread(target=lambda: found.append(iot.create_thing(thingName="t")))\n'
            "thread.start(); thread.join()\n"
            'print(found[0]["thingName"])',
            id="thread",
        ),
        pytest.param(
            "import asyncio\n"
            "from aiobotocore.session import get_session\n"
            "async def main():\n"
            '    async with get_session().create_client("iot") as iot:\n'
            '        print((await iot.create_thing(thingName="t"))["thingName"])\n'
            "asyncio.run(main())",
            id="aiobotocore",
        ),
        pytest.param(
            "import boto3, multiprocessing\n"
            "def work(name):\n"
            '    return boto3.client("iot").create_thing(thingName=name)["thingName"]\n'
            'if __name__ == "__main__":\n'
            '    with multiprocessing.get_context("spawn").Pool(1) as pool:\n'
            '        print(pool.map(work, ["t"])[0])',
            id="process",
        ),
    ],
)
def test_a_throttled_call_is_made_again(script: str, boto: Scripts, aws: Server) -> None:
    """One request for each attempt, and one call; boto3's own retries are off, and the end says so."""
    boto.write("script.py", script)
    aws.script[:] = [THROTTLED]
    ours = boto.run("script.py")
    assert (ours.code, ours.out) == (0, "t\n")
    assert aws.took("POST", "/things/t") == 2
    said = ours.said()
    assert said[0] == "resilience: 1 call, 1 retry; waited 10 ms; policy running"
    assert said[1].startswith(SWITCHED_OFF)
    assert len(said) == 2


def test_a_certificate_whose_answer_is_lost_is_not_made_twice(boto: Scripts, aws: Server) -> None:
    """Plain boto3 makes two, and says nothing; under a policy the script gets an exception that boto3 has."""
    boto.write(
        "script.py",
        """
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
        try:
            boto3.client("iot").create_keys_and_certificate(setAsActive=True)
            print("made")
        except BotoCoreError as error:
            print("failed")
        """,
    )
    aws.script[:] = [LOSE]
    theirs = boto.plain("script.py")
    assert theirs.out == "made\n"
    assert aws.took("POST", "/keys-and-certificate") == 2
    aws.script[:] = [LOSE]
    ours = boto.run("script.py")
    assert (ours.code, ours.out) == (0, "failed\n")
    assert aws.took("POST", "/keys-and-certificate") == 3
    assert FAILED in ours.err


def test_a_lost_certificate_is_discarded_where_the_policy_says_so(boto: Scripts, aws: Server) -> None:
    """The unmodified script gets another one, the lost one is harmless, and the summary counts it."""
    asked = 'CreateKeysAndCertificate = { repeat = "duplicate",'
    boto.write("policy.toml", POLICY.replace(asked, f'{asked} on_lost = "discard",'))
    boto.write(
        "script.py",
        "import boto3\n"
        'iot = boto3.client("iot")\n'
        "iot.create_keys_and_certificate(setAsActive=True)\n"
        'print(sorted(row["status"] for row in iot.list_certificates()["certificates"]))',
    )
    aws.script.append(LOSE)
    ours = boto.run("script.py")
    assert (ours.code, ours.out) == (0, "['ACTIVE', 'INACTIVE']\n")
    assert "1 verification, 1 discarded" in ours.err


def test_a_torn_answer_is_no_success(boto: Scripts, aws: Server) -> None:
    """Plain boto3 returns an empty mapping, and the script fails at the missing field, if at all."""
    boto.write(
        "script.py",
        """
        import boto3
        iot = boto3.client("iot")
        print(sorted(iot.create_policy(policyName="p", policyDocument="{}")))
        """,
    )
    aws.script[:] = [Step("tear")]
    assert boto.plain("script.py").out == "['ResponseMetadata']\n"
    boto.write("script.py", (boto.folder / "script.py").read_text().replace('"p"', '"q"'))
    aws.script[:] = [Step("tear")]
    ours = boto.run("script.py")
    assert ours.out == "['ResponseMetadata', 'policyArn', 'policyDocument', 'policyName', 'policyVersionId']\n"
    assert aws.took("POST", "/policies/q") == 1


def test_pages_and_other_services(boto: Scripts) -> None:
    """Each page is a call; a service without a catalogue keeps its own retries, and is none of ours."""
    boto.write(
        "script.py",
        """
        import boto3
        iot = boto3.client("iot")
        for number in range(3):
            iot.create_thing(thingName=f"t{number}")
        pages = iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 2})
        print([thing["thingName"] for page in pages for thing in page["things"]])
        print(boto3.resource("s3").meta.client.list_buckets()["Buckets"])
        """,
    )
    ours = boto.run("script.py")
    assert ours.out == "['t0', 't1', 't2']\n[]\n"
    assert ours.said()[0] == "resilience: 5 calls; policy running"


def test_the_exceptions_are_boto3s(boto: Scripts, aws: Server) -> None:
    """A script catches what it has always caught, also where the policy gave up."""
    boto.write(
        "script.py",
        """
        import boto3
        iot = boto3.client("iot")
        for name in ("t", "u"):
            try:
                iot.create_thing(thingName=name)
            except iot.exceptions.ThrottlingException as error:
                print(type(error).__name__, error.response["ResponseMetadata"]["HTTPStatusCode"])
        """,
    )
    aws.rest = THROTTLED
    ours = boto.run("script.py")
    assert ours.out == "ThrottlingException 400\n" * 2
    assert "2 calls, 4 retries, 2 failures" in ours.err


def test_a_file_as_a_payload_is_sent_without_the_policy(boto: Scripts, aws: Server) -> None:
    """A second attempt would send nothing of it; the end of the run says so."""
    boto.write("payload.bin", "hello")
    boto.write(
        "script.py",
        """
        import boto3
        data = boto3.client("iot-data")
        with open("payload.bin", "rb") as payload:
            data.publish(topic="t", payload=payload)
        data.publish(topic="t", payload=b"hello")
        """,
    )
    aws.rest = Step(body=b"")
    ours = boto.run("script.py")
    assert ours.code == 0
    assert [request.body for request in aws.requests] == [b"hello", b"hello"]
    assert "with a stream that can be read once" in ours.err


def test_wrong_arguments_leave_as_ever(boto: Scripts, aws: Server) -> None:
    """Nothing is sent, and nothing is tried again."""
    boto.write(
        "script.py",
        """
        import boto3
        from botocore.exceptions import ParamValidationError
        try:
            boto3.client("iot").create_thing(thing_name="x")
        except ParamValidationError as error:
            print(type(error).__name__, hasattr(error, "__notes__"))
        """,
    )
    ours = boto.run("script.py")
    assert ours.out == "ParamValidationError False\n"
    assert aws.requests == []
    assert refusal("X").status == 400
