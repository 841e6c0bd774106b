"""
Plays the demo: the two provisioning examples at the same time, with many faults.

The examples' own ``rehearse`` scripts most faults, and this module adds a few. ``PROMISES`` has the expected ends. The
sandbox's log shows what the services did.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from resilience import Executor, Outcome, Policy
from resilience.catalog import catalogue
from resilience.cli.demo.examples import load
from resilience.core.decision import Ended, StopReason
from resilience.core.observer import Observer
from resilience.sandbox import Call, Sandbox
from resilience.telemetry import Spans
from resilience.telemetry.spans.tree import FinishedSpan

POLICY, ENVIRONMENT = "builtin:provisioning", "dev"

_MAKING = ("Create", "Register")


@frozen
class ExpectedEnd:
    """The expected end of one call."""

    operation: str
    resource: str
    ended: Ended
    stop_reason: StopReason


PROMISES: Mapping[str, tuple[ExpectedEnd, ...]] = {
    "alibaba": (
        ExpectedEnd("CreateGroupId", "GID_sensors", "success_after_retry", "success"),
        ExpectedEnd("CreateGroupId", "GID_gateways", "accepted", "accepted"),
        ExpectedEnd("CreateGroupId", "GID_actuators-2", "success_after_retry", "success"),
        ExpectedEnd("ApplyToken", "sensors/#", "success_after_retry", "success"),
        ExpectedEnd("UnRegisterDeviceCredential", "GID_sensors@@@old-0001", "accepted", "accepted"),
        ExpectedEnd("RegisterDeviceCredential", "GID_sensors@@@dev-0001", "accepted", "accepted"),
        ExpectedEnd("RegisterDeviceCredential", "GID_gateways@@@dev-0001", "success", "success"),
        ExpectedEnd("RegisterDeviceCredential", "GID_actuators-2@@@dev-0001", "failed", "rule"),
    ),
    "tencent": (
        ExpectedEnd("CreateInstance", "plant-7", "accepted", "accepted"),
        ExpectedEnd("CreateTopic", "telemetry", "success_after_retry", "success"),
        ExpectedEnd("CreateTopic", "commands", "accepted", "accepted"),
        ExpectedEnd("CreateTopic", "alerts", "success", "success"),
        ExpectedEnd("ModifyTopic", "alerts", "accepted", "dry_run"),
        ExpectedEnd("DeleteUser", "old-dashboard", "accepted", "accepted"),
        ExpectedEnd("CreateUser", "dashboard", "success_after_retry", "success"),
        ExpectedEnd("CreateAuthorizationPolicy", "dashboard-reads", "accepted", "accepted"),
    ),
}


@frozen(kw_only=True)
class DemoRun:
    """
    The result of a demo.

    Attributes:
        outcomes: The outcomes by provider, in the order of the calls.
        spans: All spans, in the order of their ends.
        calls: The sandbox's log.
    """

    outcomes: Mapping[str, Sequence[Outcome[Any]]]
    spans: Sequence[FinishedSpan]
    calls: Sequence[Call]

    def broken(self) -> list[str]:
        """Return a line for each broken promise; empty if all are kept."""
        lines = []
        for provider, promises in PROMISES.items():
            found = [
                ExpectedEnd(each.operation, resource_of(each), each.ended, each.stop_reason)
                for each in self.outcomes[provider]
            ]
            lines += [f"promised, but did not happen: {_line(each)}" for each in promises if each not in found]
            lines += [f"happened, but was not promised: {_line(each)}" for each in found if each not in promises]
        return lines

    def wanted(self) -> Counter[tuple[str, str]]:
        """Return the resources that the scripts count as made: operation and name, once each."""
        return Counter(
            (each.operation, resource_of(each))
            for outcomes in self.outcomes.values()
            for each in outcomes
            if each.operation.startswith(_MAKING) and each.error is None and each.stop_reason != "dry_run"
        )

    def made(self) -> Counter[tuple[str, str]]:
        """Return the number of times that the services made each resource, by their own log."""
        return Counter(_made(call) for call in self.calls if call.applied and call.operation.startswith(_MAKING))

    def asked_to_make(self) -> int:
        """Count the requests that make a resource."""
        return sum(call.operation.startswith(_MAKING) for call in self.calls)


async def play(sandbox: Sandbox, observer: Observer) -> DemoRun:
    """
    Run both examples against a running sandbox; ``observer`` gets the events of their calls.

    This needs asyncio, because the asynchronous methods of Alibaba's SDK need it.
    """
    provider, kept = load("trace_tree").record()
    tracer = provider.get_tracer("resilience.demo")
    policy = Policy.load(POLICY, env=ENVIRONMENT)
    observers = (Spans(provider), observer)
    outcomes: dict[str, Sequence[Outcome[Any]]] = {}
    groups, topics = load("alibaba_groups"), load("tencent_topics")

    async def alibaba() -> None:
        environ = groups.rehearse(sandbox)
        # The example scripts "applied lost" first. This is for the first device's second attempt, and for the second
        # and third devices.
        sandbox.script("alibaba:RegisterDeviceCredential", "ok*2, DeviceCredentialNumExceed")
        keys = groups.credentials(environ)
        # The script's first token expires before its first use.
        await keys.load()
        sandbox.alibaba.expire_tokens()
        executor = Executor(policy, provider="alibaba", credentials={"alibaba": keys}, observers=observers)
        with tracer.start_as_current_span("provision alibaba"):
            outcomes["alibaba"] = await groups.provision(
                executor, groups.connect(environ, keys), environ["ALIBABA_MQTT_INSTANCE"]
            )

    async def tencent() -> None:
        environ = topics.rehearse(sandbox)
        sandbox.script("tencent:ModifyTopic", "DryRunOperation")
        executor = Executor(policy, provider="tencent", observers=observers)
        with tracer.start_as_current_span("provision tencent"):
            async with topics.connect(environ) as client:
                outcomes["tencent"] = await topics.provision(executor, client)

    async with asyncio.TaskGroup() as both:
        both.create_task(alibaba())
        both.create_task(tencent())
    return DemoRun(outcomes=outcomes, spans=kept.get_finished_spans(), calls=sandbox.calls)


def resource_of(outcome: Outcome[Any]) -> str:
    """Return the name of a call's resource: in the examples, the first argument after the instance."""
    return str(next(value for name, value in outcome.arguments.items() if name != "instance_id"))


def _made(call: Call) -> tuple[str, str]:
    facts = catalogue(call.provider).operation(call.operation)
    return call.operation, str(call.arguments.get(facts.key[-1], "?") if facts and facts.key else "?")


def _line(promise: ExpectedEnd) -> str:
    return f"{promise.operation} {promise.resource}: {promise.ended} ({promise.stop_reason})"
