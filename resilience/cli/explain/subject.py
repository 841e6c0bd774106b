"""The subject of an explanation: the fault and the plan that ``OPERATION/CODE`` names under a policy."""

from __future__ import annotations

import click

from resilience.catalog import catalogue, code_facts, providers
from resilience.cli.plans import operation_of, plan_of
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.engine.target.operations import effect_of
from resilience.policyfile import Policy
from resilience.policyfile.decode.operations import named_providers
from resilience.policyfile.format.rule_keys import is_status, is_transport_code
from resilience.simulation import fault_of


def read_subject(subject: str, policy: Policy, provider: str | None) -> tuple[Fault, Plan]:
    """
    Return the fault that a subject names, and the plan of its operation; the arguments are those of ``explain``.

    Raises:
        click.UsageError: There is no such operation or code, or several providers have it.
    """
    bare, parenthesis, message = subject.partition("(")
    operation, _, code = bare.rpartition("/")
    if not code:
        raise click.UsageError(f"expected [OPERATION/]CODE, such as CreateGroupId/SystemOverFlow, got {subject!r}")
    if not operation:
        prefix, colon, bare = code.partition(":")
        provider, code = (prefix, bare) if colon else (provider, code)
    if provider is not None and provider not in {*providers(), *_scopes(policy)}:
        known = dict.fromkeys((*named_providers(policy), *providers()))
        raise click.UsageError(f"unknown provider {provider!r}; expected one of {', '.join(known)}")
    code = _as_in_rules(code, policy)
    if not operation:
        provider = provider or _owner(code, policy)
        operation = _only_operation(code, provider, policy)
    if operation:
        plan = plan_of(policy, operation_of(operation, policy, provider), verifier=False, credentials=True)
    else:
        plan = _anywhere(policy, provider)
    try:
        return fault_of(code + parenthesis + message, provider=plan.provider), plan
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _as_in_rules(code: str, policy: Policy) -> str:
    """
    Return a code as rules have it.

    A service may send a number in place of a code; ``_`` joins the words of one that a REST API writes in several.
    """
    if code.isdecimal():
        numbered = (facts for each in providers() for facts in catalogue(each).codes.values())
        return next((facts.code for facts in numbered if str(facts.number) == code), code)
    words = "_".join(code.split())
    is_known = any(words in catalogue(each).codes for each in providers())
    return words if is_known or words in {rule.code for rule in policy.rules} else code


def _only_operation(code: str, provider: str | None, policy: Policy) -> str:
    """Return the only operation of a code, by the catalogue or the rules; empty if there are several."""
    facts = code_facts(provider, code)
    if facts is not None and facts.operations:
        return facts.operations[0] if len(facts.operations) == 1 else ""
    named = {rule.operation for rule in policy.rules if (rule.scope, rule.code) == (provider, code)}
    only = named.pop() if len(named) == 1 else None
    return only if only and "*" not in only else ""


def _scopes(policy: Policy) -> set[str]:
    return {rule.scope.removeprefix("transport").removeprefix(".") for rule in policy.rules} - {""}


def _anywhere(policy: Policy, provider: str | None) -> Plan:
    """Return a plan for any operation: only rules without an operation answer it."""
    return Plan(
        operation="",
        provider=provider,
        policy=policy,
        can_rename=True,
        credentials=frozenset({provider} if provider else ()),
        effect_of=effect_of,
    )


def _owner(code: str, policy: Policy) -> str | None:
    """Return the provider of a code, by the catalogue or the rules, or else the policy's only provider."""
    named = named_providers(policy)
    if is_status(code) or is_transport_code(code):
        owners = sorted({rule.scope.rpartition(".")[2] for rule in policy.rules if rule.scope.startswith("transport.")})
        what = "answered by rules"
        if len(named) == 1:
            return named[0]
    else:
        # The policy need not name the provider of a code.
        listed = [each for each in (*named, *providers()) if each in providers()]
        owners = [each for each in named if each in listed and code in catalogue(each).codes]
        owners = owners or [each for each in listed if code in catalogue(each).codes]
        owners = owners or [each for each in listed if catalogue(each).code(code) is not None]
        owners = owners or sorted({rule.scope for rule in policy.rules if rule.code == code})
        owners = list(dict.fromkeys(owners))
        what = "a code"
    if len(owners) > 1:
        choices = " or ".join(f"{each}:{code}" for each in owners)
        raise click.UsageError(f"{code!r} is {what} of {' and '.join(owners)}: say {choices}, or name an operation")
    return owners[0] if owners else named[0] if len(named) == 1 else None
