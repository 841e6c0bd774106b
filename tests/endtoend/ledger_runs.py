"""
A provisioning script as users write it: the vendors' SDKs, a policy with a ledger, and nothing for the case of a crash.

    python ledger_runs.py groups ENDPOINT COUNT SEED
    python ledger_runs.py instance ENDPOINT NAME [--look] [--on-unfinished WORD]

It takes its keys from KEY_ID and KEY_SECRET, keeps its ledger in RUN_FOLDER, and
prints one line of JSON for each resource.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from resilience import Executor, Ledger, Outcome, Policy
from resilience.clients.verifiers import verifiers_for
from resilience.core.policy import OnUnfinished

POLICY = Path(__file__).with_name("crash.toml")
INSTANCES = tuple(f"mqtt-cn-crash{number}" for number in range(10))
_CONCURRENCY = 8


def groups(count: int) -> Iterator[tuple[str, str]]:
    """Yield the instance and the name of each group that is wanted."""
    for number in range(count):
        yield INSTANCES[number % len(INSTANCES)], f"GID_crash_{number:04}"


def _tell(name: str, outcome: Outcome[Any]) -> None:
    said = {
        "name": name,
        "ended": outcome.ended,
        "stop_reason": outcome.stop_reason,
        "renamed": outcome.renamed.get("GroupId", ("", ""))[1],
        "error": None if outcome.error is None else str(outcome.error),
    }
    print(json.dumps(said), flush=True)  # noqa: T201  # what the test reads


async def make_groups(endpoint: str, count: int, seed: int) -> None:
    """Make groups with Alibaba's SDK, several at a time, in an order of this run's own."""
    from alibabacloud_onsmqtt20200420.client import Client  # noqa: PLC0415  # each run needs one of the SDKs
    from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest  # noqa: PLC0415
    from alibabacloud_tea_openapi.models import Config  # noqa: PLC0415

    keys = {"access_key_id": os.environ["KEY_ID"], "access_key_secret": os.environ["KEY_SECRET"]}
    client = Client(Config(**keys, endpoint=endpoint, protocol="HTTP", read_timeout=4000))
    executor = Executor(Policy.load(POLICY), provider="alibaba")
    for operation, verifier in verifiers_for(client).items():
        executor.verify(operation)(verifier)
    create = executor.wrap("CreateGroupId", client.create_group_id)
    wanted = list(groups(count))
    random.Random(seed).shuffle(wanted)  # noqa: S311  # an order, no secret

    calls = (create.bind(CreateGroupIdRequest(instance_id=instance, group_id=name)) for instance, name in wanted)
    async with executor.map(calls, concurrency=_CONCURRENCY) as outcomes:
        async for outcome in outcomes:
            _tell(outcome.call.args[0].group_id, outcome)


async def buy_instance(endpoint: str, name: str, *, look: bool, on_unfinished: OnUnfinished) -> None:
    """Buy an instance with Tencent's SDK; without ``look`` nobody can say whether it is there."""
    from tencentcloud.common.credential import Credential  # noqa: PLC0415  # each run needs one of the SDKs
    from tencentcloud.common.profile.client_profile import ClientProfile  # noqa: PLC0415
    from tencentcloud.common.profile.http_profile import HttpProfile  # noqa: PLC0415
    from tencentcloud.mqtt.v20240516.models import CreateInstanceRequest  # noqa: PLC0415
    from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient  # noqa: PLC0415

    credential = Credential(os.environ["KEY_ID"], os.environ["KEY_SECRET"])
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=endpoint, protocol="http", reqTimeout=30))
    client = MqttClient(credential, "ap-guangzhou", profile)
    ledger = Ledger("ledger.db", on_unfinished=on_unfinished)
    executor = Executor(Policy.load(POLICY), provider="tencent", ledger=ledger)
    if look:
        for operation, verifier in verifiers_for(client, unique_names=True).items():
            executor.verify(operation)(verifier)
    request = CreateInstanceRequest()
    request.InstanceType, request.Name, request.SkuCode = "BASIC", name, "basic_1k"
    _tell(name, await executor.outcome("CreateInstance", client.CreateInstance, request))


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["groups", "instance"])
    parser.add_argument("endpoint")
    parser.add_argument("name")
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("--look", action="store_true")
    parser.add_argument("--on-unfinished", default="verify")
    wanted = parser.parse_args()
    if wanted.what == "groups":
        anyio.run(make_groups, wanted.endpoint, int(wanted.name), wanted.seed)
    else:
        anyio.run(
            partial(buy_instance, wanted.endpoint, wanted.name, look=wanted.look, on_unfinished=wanted.on_unfinished)
        )


if __name__ == "__main__":
    main()
