"""The calls of a script's SDKs follow the policy, and the script does not notice."""

from __future__ import annotations

import json
import signal

import pytest
from script_runs import POLICY, Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)


THROTTLED = {"CreateGroupId": "SystemOverFlow", "CreateTopic": "RequestLimitExceeded"}


@pytest.mark.parametrize(
    ("operation", "make"),
    [
        pytest.param(
            "CreateGroupId", 'print(alibaba().create_group_id(group("GID_sensors")).status_code == 200)', id="new"
        ),
        pytest.param(
            "CreateGroupId",
            'print(b"RequestId" in old_alibaba().do_action_with_exception(old_group("GID_sensors")))',
            id="old",
        ),
        pytest.param("CreateTopic", 'print(make_topic() == "sensors")', id="tencent"),
        pytest.param(
            "CreateTopic",
            'answer = tencent().call_json("CreateTopic", {"InstanceId": OTHER_INSTANCE, "Topic": "sensors"})\n'
            'print(answer["Response"]["Topic"] == "sensors")',
            id="tencent-by-name",
        ),
        pytest.param(
            "CreateGroupId",
            "import asyncio\n"
            'print(asyncio.run(alibaba().create_group_id_async(group("GID_sensors"))).status_code == 200)',
            id="new-async",
        ),
        pytest.param(
            "CreateTopic",
            "import trio\n"
            "async def main():\n"
            '    async with tencent("mqtt_client_async") as client:\n'
            '        print((await client.CreateTopic(topic("sensors"))).Topic == "sensors")\n'
            "trio.run(main)",
            id="tencent-async",
        ),
    ],
)
def test_every_sdk_is_covered(operation: str, make: str, clients: Scripts, cloud: Sandbox) -> None:
    """A call that fails for a moment is made again, and the script gets the answer of its SDK."""
    clients.write("script.py", f"from clients import *\n{make}\n")
    cloud.script(operation, THROTTLED[operation])
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "True\n")
    assert cloud.asked(operation) == 2
    assert ours.err == "resilience: 1 call, 1 retry; waited 10 ms; policy running\n"


def test_a_failure_is_the_sdks_own_and_is_summed_up(clients: Scripts, cloud: Sandbox) -> None:
    """The script catches what it has always caught; the end names operation and code, and no parameter."""
    clients.write(
        "script.py",
        """
        from clients import *
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
        try:
            make_topic("secret-name")
        except TencentCloudSDKException as error:
            print(error.get_code(), type(error) is TencentCloudSDKException)
        """,
    )
    cloud.script("CreateTopic", "InternalError")
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "InternalError True\n")
    assert ours.err == "resilience: 1 call, 1 failure; policy running\nresilience: failed: CreateTopic: InternalError\n"
    cloud.script("CreateTopic", "InternalError")
    assert clients.run("script.py", options=["--quiet"]).err == ""


def test_a_new_name_is_followed_by_the_whole_run(clients: Scripts, cloud: Sandbox) -> None:
    """What was created under another name is asked for under it, also by a child, and the end tells the name."""
    cloud.alibaba.add_foreign_group("GID_sensors")
    clients.write(
        "child.py",
        """
        from clients import *
        from alibabacloud_onsmqtt20200420 import models
        request = models.RegisterDeviceCredentialRequest(client_id="GID_sensors@@@dev", instance_id=INSTANCE)
        print(alibaba().register_device_credential(request).body.device_credential.client_id, request.client_id)
        """,
    )
    clients.write(
        "script.py",
        """
        import subprocess
        from clients import *
        alibaba().create_group_id(group("GID_sensors"))
        sys.stdout.flush()
        subprocess.run([sys.executable, "child.py"], check=True)
        alibaba().delete_group_id(group("GID_sensors", "DeleteGroupIdRequest"))
        """,
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "GID_sensors-2@@@dev GID_sensors@@@dev\n")
    assert ours.err == "resilience: 3 calls, 1 retry, 1 rename (GID_sensors is now GID_sensors-2); policy running\n"
    assert cloud.applied("DeleteGroupId", GroupId="GID_sensors-2") == 1


def test_the_ledger_is_kept_where_the_run_began(clients: Scripts, cloud: Sandbox) -> None:
    """A second run finds what the first one made, and a script that goes elsewhere does not take the ledger along."""
    clients.write(
        "script.py",
        """
        import os, tempfile
        os.chdir(tempfile.mkdtemp())
        from clients import *
        print(alibaba().create_group_id(group("GID_sensors")).status_code)
        """,
    )
    for _ in range(2):
        assert clients.run("script.py", options=["--ledger", "ledger.db"]).out == "200\n"
    assert (clients.folder / "ledger.db").exists()
    assert cloud.asked("CreateGroupId") == 1


def test_a_new_name_is_followed_by_the_next_run(clients: Scripts, cloud: Sandbox) -> None:
    """What an earlier run renamed, the ledger tells, and everything else that names it goes to the same resource."""
    cloud.alibaba.add_foreign_group("GID_sensors")
    clients.write(
        "script.py",
        """
        from clients import *
        from alibabacloud_onsmqtt20200420 import models
        alibaba().create_group_id(group("GID_sensors"))
        device = models.RegisterDeviceCredentialRequest(client_id=f"GID_sensors@@@{sys.argv[1]}", instance_id=INSTANCE)
        print(alibaba().register_device_credential(device).body.device_credential.client_id)
        """,
    )
    for device in ("first", "second"):
        ours = clients.run("script.py", device, options=["--ledger", "ledger.db"])
        assert (ours.code, ours.out) == (0, f"GID_sensors-2@@@{device}\n")
        assert "1 rename (GID_sensors is now GID_sensors-2)" in ours.said()[0]
    assert cloud.asked("CreateGroupId") == 2


@pytest.mark.parametrize(
    ("options", "table"),
    [(["--journal", "journal.jsonl"], ""), ([], '[telemetry]\njournal = "journal.jsonl"\n')],
    ids=["option", "policy"],
)
def test_the_journal_has_every_call(options: list[str], table: str, clients: Scripts) -> None:
    """Each process of the run writes its calls into one file, under one run, also one that works elsewhere."""
    clients.write("policy.toml", POLICY + table)
    clients.write(
        "elsewhere/child.py", "import sys\nsys.path.append('..')\nfrom clients import *\nmake_topic('other')\n"
    )
    clients.write(
        "script.py",
        """
        import subprocess
        from clients import *
        make_topic()
        subprocess.run([sys.executable, "child.py"], cwd="elsewhere")
        """,
    )
    ours = clients.run("script.py", options=options)
    assert ours.said() == ["resilience: 2 calls; policy running"]
    lines = [json.loads(line) for line in (clients.folder / "journal.jsonl").read_text().splitlines()]
    runs = [line["run"] for line in lines if line["record"] == "process"]
    assert (len(runs), len(set(runs))) == (2, 1)
    assert [line["ended"] for line in lines if line["record"] == "call_ended"] == ["success", "success"]


def test_a_retry_of_the_sdks_own_is_switched_off_and_said(clients: Scripts, cloud: Sandbox) -> None:
    """Two retries around one call would multiply, and the SDK's would buy twice: only the policy's is left."""
    clients.write(
        "script.py",
        """
        from clients import *
        from tencentcloud.common.retry import StandardRetryer
        tencent(retryer=StandardRetryer(max_attempts=3)).CreateTopic(topic("sensors"))
        """,
    )
    cloud.script("CreateTopic", "RequestLimitExceeded")
    ours = clients.run("script.py")
    assert ours.code == 0
    assert cloud.asked("CreateTopic") == 2
    assert len(ours.said()) == 2
    assert "StandardRetryer" in ours.said()[1]


def test_an_sdk_that_was_imported_before_us_is_covered(clients: Scripts, cloud: Sandbox) -> None:
    """A sitecustomize of the user's own may have been quicker."""
    clients.write("own/sitecustomize.py", "import tencentcloud.mqtt.v20240516.mqtt_client\n")
    clients.write("script.py", "from clients import *\nprint(make_topic())\n")
    clients.environ["PYTHONPATH"] = str(clients.folder / "own")
    cloud.script("CreateTopic", "RequestLimitExceeded")
    assert clients.run("script.py").said() == ["resilience: 1 call, 1 retry; waited 10 ms; policy running"]


def test_a_script_that_is_interrupted_is_summed_up(clients: Scripts) -> None:
    """After an exception and after Ctrl-C the end is told below the traceback, and the exit code stays."""
    clients.write("script.py", "from clients import *\nmake_topic()\n1 / 0\n")
    ours = clients.run("script.py")
    assert ours.code == 1
    assert ours.err.endswith("ZeroDivisionError: division by zero\nresilience: 1 call; policy running\n")
    clients.write(
        "script.py", "from clients import *\nimport signal\nmake_topic('other')\nos.kill(os.getpid(), signal.SIGINT)\n"
    )
    ours = clients.run("script.py")
    assert ours.code == -signal.SIGINT
    assert ours.err.endswith("KeyboardInterrupt\nresilience: 1 call; policy running\n")


def test_a_run_that_is_switched_off_makes_one_attempt(clients: Scripts, cloud: Sandbox) -> None:
    """RESILIENCE=off under ``run``: the script meets its SDK's own error at once, and the summary says why."""
    clients.write("script.py", "from clients import *\nprint(make_topic())\n")
    clients.environ["RESILIENCE"] = "off"
    cloud.script("CreateTopic", "RequestLimitExceeded")
    ours = clients.run("script.py")
    assert ours.code == 1
    assert "TencentCloudSDKException" in ours.err
    assert cloud.asked("CreateTopic") == 1
    assert "1 call, 1 failure; policy" in ours.err
    assert ", switched off by RESILIENCE=off" in ours.err
