"""A script that was started with temporary keys goes on when they end, if the policy says where new ones come from."""

from __future__ import annotations

import pytest
from script_runs import POLICY, Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

RULES = """
"InvalidSecurityToken.Expired" = "refresh"
[rules.tencent]
"AuthFailure.TokenFailure" = "refresh"
"""

SCRIPT = """
    import os
    from clients import *
    from alibabacloud_onsmqtt20200420.client import Client
    from alibabacloud_tea_openapi.models import Config
    keys = dict(zip(("access_key_id", "access_key_secret", "security_token"), os.environ["FIXED"].split()))
    client = Client(Config(**keys, endpoint=os.environ["ALIBABA"], protocol="HTTP", read_timeout=5000))
    for name in ("GID_first", "GID_second", "GID_third"):
        try:
            print(client.create_group_id(group(name)).status_code)
        except Exception as error:
            print(error.code, error.__notes__[0].splitlines()[1].strip())
    """


@pytest.fixture
def expiring(clients: Scripts, cloud: Sandbox) -> Scripts:
    """A script with fixed keys, which end after its first call."""
    clients.environ["FIXED"] = " ".join(cloud.alibaba.issue_token())
    clients.write("script.py", SCRIPT)
    cloud.script("CreateGroupId", "ok, InvalidSecurityToken.Expired")
    return clients


def with_source(scripts: Scripts, source: str) -> None:
    scripts.write("policy.toml", POLICY.replace("[rules.tencent]", RULES, 1) + source)


def test_a_role_gives_new_keys(expiring: Scripts, cloud: Sandbox) -> None:
    """The long-lived keys are in the environment, and the request for new ones is no call of the script's."""
    expiring.environ["LONG_ID"] = cloud.alibaba.access_key_id
    expiring.environ["LONG_SECRET"] = cloud.alibaba.access_key_secret
    with_source(
        expiring,
        f"""
[credentials.alibaba]
source = "assume_role"
role = "acs:ram::1000000000000000:role/provisioning"
endpoint = "http://{cloud.alibaba.endpoint}"
key_variables = ["LONG_ID", "LONG_SECRET"]
""",
    )
    ours = expiring.run("script.py")
    assert ours.out == "200\n200\n200\n"
    assert ours.said() == ["resilience: 3 calls, 1 retry, 1 refresh; policy running"]
    assert cloud.asked("AssumeRole") == 1


def test_without_a_source_the_advice_is_for_a_run(expiring: Scripts) -> None:
    """It says what to write in the policy, and nothing of an executor, which a script has not."""
    with_source(expiring, "")
    ours = expiring.run("script.py")
    first, second, third = ours.out.splitlines()
    assert (first, third) == ("200", "200")
    assert 'in the policy, write [credentials.alibaba] source = "assume_role" and role = "..."' in second
    assert "Executor" not in ours.out + ours.err
