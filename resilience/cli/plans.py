"""Operations and plans from the command line."""

from __future__ import annotations

import click

from resilience.core.plan import Plan
from resilience.core.policy import PolicyValues
from resilience.engine.target.operations import Operation, effect_of, resolve, result_of_code


def operation_of(name: str, policy: PolicyValues, provider: str | None = None) -> Operation:
    """
    Return the operation of a name: ``Name`` or ``provider:Name``.

    Raises:
        click.UsageError: No provider has such an operation, or more than one provider has it.
    """
    try:
        return resolve(name, policy=policy, provider=provider)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def plan_of(policy: PolicyValues, operation: Operation, *, verifier: bool, credentials: bool) -> Plan:
    """
    Return the policy for an operation, as the executor compiles it.

    Args:
        policy: The policy.
        operation: The operation.
        verifier: Whether a verifier is registered.
        credentials: Whether there is a source of credentials for the operation's provider.
    """
    provider = operation.provider
    return Plan(
        operation=operation.name,
        provider=provider,
        policy=policy,
        repeat=operation.repeat,
        can_verify=verifier,
        own_settle=operation.settle,
        can_rename=operation.rename is not None,
        credentials=frozenset({provider} if credentials and provider is not None else ()),
        effect_of=effect_of,
        result_of_code=result_of_code,
    )
