"""Scripts that buy something, run again: the policy says what tells one purchase from another."""

from __future__ import annotations

import pytest
from script_runs import POLICY, Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

BUYS = """
    import sys
    from clients import *
    from tencentcloud.mqtt.v20240516 import models
    request = models.CreateInstanceRequest()
    request.InstanceType, request.Name, request.SkuCode, request.PayMode = "PRO", sys.argv[1], "pro_6k_1", 0
    if sys.argv[2:]:
        tag = models.Tag()
        tag.TagKey, tag.TagValue = "job", sys.argv[2]
        request.TagList = [tag]
    print(tencent().CreateInstance(request).InstanceId)
"""
LOST = '[rules.transport.tencent]\n"lost" = "retry"\n'


@pytest.mark.parametrize(
    ("unique", "arguments"),
    [
        pytest.param('["Name"]', ("mine",), id="name"),
        pytest.param('["TagList"]', ("mine", "42"), id="tags"),
        pytest.param('["TagList.job"]', ("mine", "42"), id="one-tag"),
    ],
)
def test_a_second_run_finds_what_the_first_one_bought(
    unique: str, arguments: tuple[str, ...], clients: Scripts, cloud: Sandbox
) -> None:
    """Also where its answer was lost, and beside another purchase that is told apart."""
    declared = f"[operations.tencent]\nCreateInstance = {{ unique = {unique} }}\n"
    clients.write(
        "policy.toml", POLICY.replace("max_attempts = 3", 'max_attempts = 3\nsettle = "0s"') + LOST + declared
    )
    clients.write("script.py", BUYS)
    cloud.script("CreateInstance", "applied lost")
    runs = [clients.run("script.py", *arguments, options=("--ledger", "run.db")) for _ in range(3)]
    assert [each.code for each in runs] == [0, 0, 0]
    assert len({each.out for each in runs}) == 1
    other = clients.run("script.py", "other", *(["43"] * (len(arguments) - 1)), options=("--ledger", "run.db"))
    assert other.out != runs[0].out
    assert cloud.applied("CreateInstance") == 2


def test_a_purchase_that_nothing_tells_from_others_says_what_to_write(clients: Scripts, cloud: Sandbox) -> None:
    """In the first run already; the second one stops, buys nothing, and says it again."""
    clients.write("policy.toml", POLICY)
    clients.write("script.py", BUYS)
    first, second = (clients.run("script.py", "mine", options=("--ledger", "run.db")) for _ in range(2))
    told = 'write [operations.tencent] CreateInstance = { unique = ["Name"] } if no two purchases have the same Name'
    assert (first.code, second.code, cloud.applied("CreateInstance")) == (0, 1, 1)
    assert told in first.said()[-1]
    assert told in second.said()[-1]
