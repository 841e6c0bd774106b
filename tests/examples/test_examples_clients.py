"""The examples that put whole clients, and whole scripts, under a policy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from example_runs import EXAMPLES, cloud, documented, run

from resilience import Executor, Policy, wrap_client
from resilience.cli.demo.examples import load
from resilience.sandbox import Sandbox, without_proxies

POLICY = Policy.load("builtin:provisioning", env="dev")

pytestmark = [
    pytest.mark.anyio,
    # The SDK switches this warning of its own off when it is imported, which pytest undoes.
    pytest.mark.filterwarnings("ignore:.* fileds are useless:UserWarning"),
]


def test_an_existing_script_gets_through_under_a_policy() -> None:
    """With the commands of its docstring the script dies of the first fault, and then makes everything once."""
    text = (EXAMPLES / "existing_script.py").read_text(encoding="utf-8")
    (played,) = documented(text, "resilience sandbox")
    (covered,) = documented(text, "resilience run")
    script = str(EXAMPLES / "existing_script.py")
    with cloud("sandbox", *played) as services:
        plain = run(script, **services.environ)
        assert plain.returncode == 1
        assert re.search(r"^alibabacloud\S*ServerException: Error: SystemOverFlow", plain.stderr, re.MULTILINE)
        shown = run("-m", "resilience", "run", *covered[:-1], script, **services.environ)
        groups = [made["GroupId"] for made in services.applied("CreateGroupId")]
        devices = [made["ClientId"] for made in services.applied("RegisterDeviceCredential")]
        topics = [made["Topic"] for made in services.applied("CreateTopic")]
    assert shown.returncode == 0
    assert re.sub(r"DC\.\w+", "DC", shown.stdout).splitlines() == [
        "device GID_sensors@@@dev-0001 signs in as DC",
        "device GID_gateways@@@dev-0001 signs in as DC",
        "device GID_actuators-2@@@dev-0001 signs in as DC",
        "topic telemetry on mqtt-sandbox",
        "topic commands on mqtt-sandbox",
    ]
    (promised,) = re.findall(r"^    (resilience: .*; )\.\.\.$", text, re.MULTILINE)
    assert shown.stderr.startswith(promised)
    assert groups == ["GID_sensors", "GID_gateways", "GID_actuators-2"]
    assert devices == [f"{group}@@@dev-0001" for group in groups]
    assert topics == ["telemetry", "commands"]


@pytest.mark.parametrize("options", [("--sandbox",), ("--sandbox", "--trio")], ids=["asyncio", "trio"])
def test_a_wrapped_client_makes_each_topic_once(options: tuple[str, ...]) -> None:
    """Calls that run at once share a bad day, and the service has carried out one request for each topic."""
    shown = run("wrapped_client.py", *options)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "telemetry  made",
        "commands   made",
        "alerts     made",
        "firmware   made",
        "audit      made",
        "5 topics, 7 requests to make one, 5 of them carried out",
    ]


async def test_a_wrapped_client_fails_as_its_sdk_does(capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody else has made is refused with the SDK's own exception, and the note says why."""
    example = load("wrapped_client")
    with Sandbox() as sandbox:
        environ = example.rehearse(sandbox)
        sandbox.clear_faults()
        assert await example.run(environ)
        capsys.readouterr()
        assert not await example.run(environ)
        assert sandbox.applied("CreateTopic") == len(example.TOPICS)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        f"{topic:10} UnsupportedOperation.ResourceAlreadyExists" for topic in example.TOPICS
    ]
    assert "stop reason: not_ours" in "\n".join(lines)


async def test_a_wrapped_client_works_on_both_loops() -> None:
    """All topics are made at once, each exactly once, although every answer gets lost."""
    example = load("wrapped_client")
    with Sandbox() as sandbox:
        environ = example.rehearse(sandbox)
        sandbox.clear_faults()
        sandbox.script("tencent:CreateTopic", "applied lost*5")
        executor = Executor(POLICY, draw=lambda: 0.0)
        async with example.connect(environ) as client:
            failed: dict[str, Any] = await example.make_topics(wrap_client(client, executor))
        assert failed == {}
        assert sorted(row["Topic"] for row in sandbox.tencent.topics) == sorted(example.TOPICS)
        assert sandbox.asked("CreateTopic") == len(example.TOPICS)


def test_emqx_users_are_made_refused_and_told() -> None:
    """The example without an SDK waits as told, tries again, accepts what is its own, and says what is not."""
    shown = run("emqx_users.py", "--sandbox")
    assert (shown.returncode, shown.stderr) == (1, "")
    told = re.sub(r" at builtin:emqx:\d+$", "", shown.stdout, flags=re.MULTILINE)
    told = re.sub(r"0\.\d+ s", "0 s", told)
    assert told.splitlines() == [
        '    CreateUser: attempt 1 failed (http-429); retry, by transport.emqx."http-429"',
        "    CreateUser: succeeded after 2 attempts, 0 s of them waits",
        "dev-busy   201 Created",
        '    CreateUser: attempt 1 failed (SERVICE_UNAVAILABLE, http 503); retry in 0 s, by emqx."SERVICE_UNAVAILABLE"',
        "    CreateUser: succeeded after 2 attempts, 0 s of them waits",
        "dev-away   201 Created",
        '    CreateUser: attempt 1 failed (lost); retry in 0 s, by transport.emqx."lost"',
        '    CreateUser: accepted (ALREADY_EXISTS, http 409); it was not verified, by emqx."CreateUser/ALREADY_EXISTS"',
        "dev-lost   200 OK",
        (
            "    CreateUser: failed: it exists already, and is not known to be ours, after 1 attempt "
            '(ALREADY_EXISTS, http 409), by emqx."CreateUser/ALREADY_EXISTS"'
        ),
        "dev-there  409 Conflict",
        '    CreateUser: failed: a rule says fail, after 1 attempt (BAD_REQUEST, http 400), by emqx."BAD_REQUEST"',
        "(no name)  400 Bad Request",
        "8 requests for 5 users",
    ]


def test_emqx_users_are_asked_for_no_more_than_needed() -> None:
    """The service sees a second request only where the first has failed for a moment, and no user is made in vain."""
    example = load("emqx_users")
    with without_proxies(), Sandbox() as sandbox:
        example.run(example.rehearse(sandbox))
        asked = {user: sandbox.asked("emqx:CreateUser", user_id=user) for user in example.DEVICES}
        assert asked == {"dev-busy": 2, "dev-away": 2, "dev-lost": 2, "dev-there": 2, "": 1}
        assert {row["user_id"] for row in sandbox.emqx.users} == {"dev-busy", "dev-away", "dev-lost", "dev-there"}


def test_a_rabbitmq_is_set_up_twice_without_harm() -> None:
    """Answers that are lost and nodes that are away or behind change nothing, and neither does a second run."""
    shown = run("rabbitmq_broker.py", "--sandbox")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    requests = [line.split(" ", 1) for line in lines if line[:1].isdigit()]
    half = len(requests) // 2
    assert [request for _, request in requests[:half]] == [request for _, request in requests[half:]]
    assert {status for status, _ in requests} == {"201", "204"}
    assert [line.split()[0] for line in lines if " succeeded after 2 attempts" in line] == [
        "DeclareQueue:",
        "PutPolicy:",
        "PutPermissions:",
    ]
    assert lines[-1] == "nothing has changed"
    assert "password" not in shown.stdout


@pytest.mark.parametrize("name", ["emqx", "rabbitmq"])
def test_the_policy_of_an_example_has_no_findings(name: str) -> None:
    """The policy that people will copy is one that ``check`` has nothing to say about."""
    shown = run("-m", "resilience", "check", f"{name}.toml", "--strict")
    assert (shown.returncode, shown.stdout) == (0, "")


def test_azure_devices_are_made_once_on_a_bad_day() -> None:
    """Under the policy each device is made once, and the script has its keys; somebody else's device stays theirs."""
    shown = run("azure_devices.py", "--sandbox")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [line for line in shown.stdout.splitlines() if not line.startswith(" ")] == [
        "pump-1  made, with keys",
        "pump-2  made, with keys",
        "pump-3  made, with keys",
        "pump-4  made, with keys",
        "pump-5  DeviceAlreadyExists",
        "4 devices made, 4 of them told to the script",
    ]


def test_azure_devices_are_made_and_not_told_without_the_policy() -> None:
    """The same day for the SDK alone: of a device that it has made it says that it was there already."""
    shown = run("azure_devices.py", "--sandbox", "--plain")
    assert shown.returncode == 1
    assert shown.stdout.splitlines()[-1] == "2 devices made, 1 of them told to the script"
    assert "pump-4  DeviceAlreadyExists" in shown.stdout
