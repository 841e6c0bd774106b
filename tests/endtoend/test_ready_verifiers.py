"""Creates through the plain SDK clients, answers lost in every way, and the ready-made verifiers: never two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vendor_clients import INSTANCES, STYLES

from resilience import Executor, Policy
from resilience.sandbox import Sandbox

QUICK = Policy.load(Path(__file__).parent / "quick.toml")

CREATES: dict[str, tuple[str, dict[str, Any]]] = {
    "CreateGroupId": ("alibaba", {"GroupId": "GID_verified"}),
    "RegisterDeviceCredential": ("alibaba", {"ClientId": "GID_verified@@@one"}),
    "CreateTopic": ("tencent", {"Topic": "verified"}),
    "CreateUser": ("tencent", {"Username": "verified", "Password": "marker"}),
    "CreateAuthorizationPolicy": (
        "tencent",
        {"PolicyName": "verified", "PolicyVersion": 1, "Priority": 7, "Effect": "allow", "Actions": "connect"},
    ),
    "CreateInstance": ("tencent", {"InstanceType": "BASIC", "Name": "verified", "SkuCode": "basic_1k"}),
}
LOST = ("applied lost", "applied reset", "applied garbage", "applied hang", "applied 500", "applied InternalError")


def client_of(method: Any) -> object:
    return method.__self__


def cases() -> Iterator[Any]:
    for operation, (provider, _) in CREATES.items():
        for style in ("sync", "async"):
            for backend in ("asyncio", "trio"):
                if (provider, style, backend) == ("alibaba", "async", "trio"):
                    continue  # that client is for asyncio only
                for fault in LOST:
                    name = f"{operation}-{fault.replace(' ', '-')}-{style}-{backend}"
                    yield pytest.param(operation, fault, style, (backend, {}), id=name)


@pytest.mark.parametrize(("operation", "fault", "style", "anyio_backend"), [*cases()])
@pytest.mark.anyio
async def test_a_create_whose_answer_is_lost_is_found_and_not_repeated(operation: str, fault: str, style: str) -> None:
    """After a lost answer the verifier finds the thing: one request that was carried out, and a verified success."""
    provider, fields = CREATES[operation]
    if operation != "CreateInstance":
        fields = {"InstanceId": INSTANCES[provider], **fields}
    with Sandbox() as sandbox:
        sandbox.script(f"{provider}:{operation}", fault)
        async with STYLES[provider][style](sandbox, operation, fields) as (function, request):
            executor = Executor(QUICK, provider=provider)
            executor.verify_with(client_of(function), unique_names=provider == "tencent")
            outcome = await executor.outcome(operation, function, request)
        assert outcome.ended == "accepted", str(outcome.error)
        assert outcome.verified
        assert outcome.value is not None
        assert sandbox.applied(f"{provider}:{operation}") == 1


@pytest.mark.anyio
async def test_an_effect_that_comes_late_is_waited_for() -> None:
    """The request is cut off, its effect comes later: the verifier is asked until then, and nothing is made twice."""
    with Sandbox() as sandbox:
        sandbox.script("tencent:CreateInstance", "late lost 300ms")
        patient = Policy.loads(
            f"""
            schema = 1
            extends = ["{(Path(__file__).parent / "quick.toml").name}"]
            [limits]
            settle = "2s"
            """,
            base=Path(__file__).parent,
        )
        fields = {"InstanceType": "BASIC", "Name": "late", "SkuCode": "basic_1k"}
        async with STYLES["tencent"]["sync"](sandbox, "CreateInstance", fields) as (function, request):
            executor = Executor(patient, provider="tencent")
            executor.verify_with(client_of(function), unique_names=True)
            outcome = await executor.outcome("CreateInstance", function, request)
        assert (outcome.ended, outcome.verified) == ("accepted", True), str(outcome.error)
        assert sandbox.applied("tencent:CreateInstance") == 1
