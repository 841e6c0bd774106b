"""
Ready-made sources for ``Credentials``: temporary keys from the AssumeRole of a token service.

Each function returns a plain function. :class:`resilience.Credentials` runs it in a worker
thread, so that no event loop waits for it. The SDKs' own credentials block the event loop, and
some of them renew too often, or never after a token is rejected (alibabacloud-credentials 1.0.12,
tencentcloud-sdk-python-common 3.1.195, read 2026-11-21)::

    role = sts.alibaba_assume_role(role_arn="acs:ram::1:role/provisioning", keys=permanent)
    source = Credentials(role, expires=lambda keys: keys.expires_at)
    client = Client(Config(credential=alibaba_credential(source.current), endpoint=...))

A refresh is due ``refresh_before`` ahead of expiry, five minutes by default. With a
``duration`` that is hardly longer, every few calls need one AssumeRole.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, ParamSpec

from attrs import evolve

from resilience.clients.alibaba.tea.keys import assuming as alibaba
from resilience.clients.alibaba.traits import PROVIDER as ALIBABA
from resilience.clients.aws.keys import assuming as aws
from resilience.clients.aws.traits import PROVIDER as AWS
from resilience.clients.common.assuming import Keys
from resilience.clients.common.keys import KeyTriple
from resilience.clients.faults import classify
from resilience.clients.tencent.keys import assuming as tencent
from resilience.clients.tencent.traits import PROVIDER as TENCENT

__all__ = ["Keys", "alibaba_assume_role", "aws_assume_role", "tencent_assume_role"]

P = ParamSpec("P")


def without_effect(provider: str, ask: Callable[[], KeyTriple]) -> Callable[[], KeyTriple]:
    """Mark the fault of a failed refresh as without effect; its code alone would leave doubt about the call."""

    def assume_role() -> KeyTriple:
        try:
            return ask()
        except Exception as error:
            fault = classify(error, provider=provider)
            if fault is not None:
                # The call waits for the keys, so it has sent nothing yet.
                transport = "unsent" if fault.transport == "lost" else fault.transport
                error.fault = evolve(fault, effect="none", transport=transport)  # type: ignore[attr-defined]  # any exception takes it
            raise

    return assume_role


def _refresher(provider: str, make: Callable[P, Callable[[], KeyTriple]]) -> Callable[P, Callable[[], KeyTriple]]:
    """Return ``make`` as a function that makes refreshers whose faults are without effect."""

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Callable[[], KeyTriple]:
        return without_effect(provider, make(*args, **kwargs))

    return made


alibaba_assume_role: Final = _refresher(ALIBABA, alibaba.alibaba_assume_role)
aws_assume_role: Final = _refresher(AWS, aws.aws_assume_role)
tencent_assume_role: Final = _refresher(TENCENT, tencent.tencent_assume_role)
