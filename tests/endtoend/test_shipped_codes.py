"""Every documented code, sent over the wire, through the vendors' own clients: the shipped policies react rightly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from vendor_clients import INSTANCES, STYLES

from resilience import Credentials, Executor, Outcome, Policy
from resilience.sandbox import Sandbox

HERE = Path(__file__).parent
EXPECTED = tomli.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
QUICK = Policy.load(HERE / "quick.toml")

# What the requests need so that the service takes them; names are made anew for each case.
FIELDS: dict[str, dict[str, Any]] = {
    "CreateGroupId": {"InstanceId": "", "GroupId": "GID_{n}"},
    "DeleteGroupId": {"InstanceId": "", "GroupId": "GID_{n}"},
    "ApplyToken": {
        "InstanceId": "",
        "Resources": "sensors/#",
        "Actions": "R",
        "ExpireTime": round((time.time() + 3600) * 1000),
    },
    "QueryToken": {"InstanceId": "", "Token": "none"},
    "RevokeToken": {"InstanceId": "", "Token": "none"},
    "RegisterDeviceCredential": {"InstanceId": "", "ClientId": "GID_a@@@{n}"},
    "UnRegisterDeviceCredential": {"InstanceId": "", "ClientId": "GID_a@@@{n}"},
    "GetDeviceCredential": {"InstanceId": "", "ClientId": "GID_a@@@{n}"},
    "CreateInstance": {"InstanceType": "BASIC", "Name": "instance-{n}", "SkuCode": "basic_1k"},
    "DeleteInstance": {"InstanceId": "mqtt-gone"},
    "CreateTopic": {"InstanceId": "", "Topic": "topic-{n}"},
    "DescribeTopic": {"InstanceId": "", "Topic": "topic-{n}"},
    "DeleteTopic": {"InstanceId": "", "Topic": "topic-{n}"},
    "CreateUser": {"InstanceId": "", "Username": "user-{n}", "Password": "marker"},
    "DeleteUser": {"InstanceId": "", "Username": "user-{n}"},
    "CreateAuthorizationPolicy": {
        "InstanceId": "",
        "PolicyName": "policy-{n}",
        "PolicyVersion": 1,
        "Priority": int,
        "Effect": "allow",
        "Actions": "connect",
    },
}


def cases() -> Iterator[Any]:
    for provider, operations in EXPECTED.items():
        for operation, codes in operations.items():
            for code, action in codes.items():
                for style in STYLES[provider]:
                    for backend in ("asyncio", "trio"):
                        if (provider, style, backend) == ("alibaba", "async", "trio"):
                            continue  # that client is for asyncio only; on trio it is a programming error, tested below
                        name = f"{provider}-{operation}-{code}-{style}-{backend}"
                        yield pytest.param(provider, operation, code, action, style, (backend, {}), id=name)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


class Case:
    """One call of one operation, with its own names."""

    count = 0

    def __init__(self, sandbox: Sandbox, provider: str, operation: str, style: str) -> None:
        Case.count += 1
        sandbox.clear_faults()
        self.sandbox, self.provider, self.operation, self.style = sandbox, provider, operation, style
        self.before = len(sandbox.calls)
        self.fields = {
            name: self._numbered(INSTANCES[provider] if value == "" else value)
            for name, value in FIELDS.get(operation, {"InstanceId": ""}).items()
        }

    @staticmethod
    def _numbered(value: Any) -> Any:
        if value is int:
            return Case.count
        return value.replace("{n}", f"case{Case.count:04}") if isinstance(value, str) else value

    async def run(self, script: str, *, tokens: list[str] | None = None) -> Outcome[Any]:
        """Meet these faults; with ``tokens``, have a source of credentials that notes each one it gives."""
        self.sandbox.script(f"{self.provider}:{self.operation}", script)
        sources: dict[str, Credentials[str]] = {}
        if tokens is not None:

            async def renew() -> str:
                tokens.append(f"token-{len(tokens)}")
                return tokens[-1]

            sources[self.provider] = Credentials(renew)
        executor = Executor(QUICK, provider=self.provider, credentials=sources)
        async with STYLES[self.provider][self.style](self.sandbox, self.operation, self.fields) as (function, request):

            def act(request: Any) -> Any:
                if sources:
                    sources[self.provider].current()
                return function(request)

            return await executor.outcome(self.operation, act, request)

    @property
    def calls(self) -> list[Any]:
        return [call for call in self.sandbox.calls[self.before :] if call.operation == self.operation]


@pytest.mark.parametrize(("provider", "operation", "code", "action", "style", "anyio_backend"), [*cases()])
@pytest.mark.anyio
async def test_a_code_leads_to_the_documented_reaction(
    sandbox: Sandbox, provider: str, operation: str, code: str, action: str, style: str
) -> None:
    """A code over the wire leads to what the vendor's reference asks for, and to nothing else."""
    case = Case(sandbox, provider, operation, style)
    if action == "refresh":
        await refreshes(case, code)
    elif action == "ours":
        await accepts_what_is_ours(case, code)
    elif action == "verify" and operation == "CreateInstance":
        outcome = await case.run(f"{code}, ok")
        assert (outcome.ended, outcome.stop_reason, len(case.calls)) == ("failed", "unverified", 1)
        assert outcome.may_exist
    elif action in {"retry", "verify"}:
        outcome = await case.run(f"{code}, ok")
        assert len(case.calls) == 2, str(outcome.error)
        # Some operations find nothing to work on here; then the second answer is the service's own.
        assert not case.calls[1].applied or outcome.ended == "success_after_retry", str(outcome.error)
    elif action == "rename":
        outcome = await case.run(f"{code}, ok")
        old, new = outcome.renamed["GroupId"]
        assert [call.arguments["GroupId"] for call in case.calls] == [old, new]
        assert case.calls[-1].applied
    elif action == "accept":
        outcome = await case.run(f"{code}, ok")
        assert (outcome.ended, len(case.calls)) == ("accepted", 1)
    else:
        outcome = await case.run(f"{code}, ok")
        assert (outcome.ended, outcome.stop_reason, len(case.calls)) == ("failed", "rule", 1)
        assert outcome.attempts[-1].fault is not None
        assert outcome.attempts[-1].fault.code == code
        assert outcome.attempts[-1].fault.request_id == case.calls[-1].request_id


async def refreshes(case: Case, code: str) -> None:
    tokens: list[str] = []
    outcome = await case.run(f"{code}, ok", tokens=tokens)
    assert (outcome.ended, len(case.calls), len(tokens)) == ("success_after_retry", 2, 2), str(outcome.error)
    twice = Case(case.sandbox, case.provider, case.operation, case.style)
    outcome = await twice.run(f"{code}*", tokens=tokens)
    assert (outcome.ended, outcome.stop_reason, len(twice.calls)) == ("exhausted", "max", 2)
    bare = Case(case.sandbox, case.provider, case.operation, case.style)
    outcome = await bare.run(f"{code}, ok")
    assert (outcome.ended, outcome.stop_reason, len(bare.calls)) == ("failed", "no_credentials", 1)


async def accepts_what_is_ours(case: Case, code: str) -> None:
    outcome = await case.run(f"applied lost, {code}")
    assert (outcome.ended, outcome.verified, len(case.calls)) == ("accepted", False, 2), str(outcome.error)
    assert sum(call.applied for call in case.calls) == 1
    first = Case(case.sandbox, case.provider, case.operation, case.style)
    outcome = await first.run(f"{code}, ok")
    assert (outcome.ended, outcome.stop_reason, len(first.calls)) == ("failed", "not_ours", 1)


TRANSPORTS = {
    # what the service does: (the word for it, whether the request may have taken effect)
    "applied lost": "lost",
    "applied reset": "lost",
    "applied garbage": "garbled",
    "applied hang": "lost",
    "applied 500": "http-500",
    "applied 503": "http-503",
}


def transport_cases() -> Iterator[Any]:
    for provider, operation in (
        ("alibaba", "CreateGroupId"),
        ("tencent", "CreateTopic"),
        ("tencent", "CreateInstance"),
    ):
        for style in STYLES[provider]:
            for backend in ("asyncio", "trio"):
                if (provider, style, backend) != ("alibaba", "async", "trio"):
                    for fault in TRANSPORTS:
                        name = f"{operation}-{fault.replace(' ', '-')}-{style}-{backend}"
                        yield pytest.param(provider, operation, fault, style, (backend, {}), id=name)


@pytest.mark.parametrize(("provider", "operation", "fault", "style", "anyio_backend"), [*transport_cases()])
@pytest.mark.anyio
async def test_a_lost_answer_never_does_it_twice(
    sandbox: Sandbox, provider: str, operation: str, fault: str, style: str
) -> None:
    """After an answer that got lost the thing exists exactly once, and what cannot be repeated is not repeated."""
    case = Case(sandbox, provider, operation, style)
    outcome = await case.run(f"{fault}, ok")
    assert sum(call.applied for call in case.calls) == 1
    first = outcome.attempts[0]
    assert first.effect == "unknown"
    if operation == "CreateInstance":
        assert (outcome.stop_reason, len(case.calls)) == ("unverified", 1)
        assert outcome.error is not None
        assert "may exist" in outcome.error.__notes__[-1]
    else:
        assert (outcome.ended, len(case.calls)) == ("accepted", 2), str(outcome.error)
