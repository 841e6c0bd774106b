"""What no test meets: rules, actions and environments of the tested policies."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from resilience.core.fault import Origin
from resilience.policyfile.files.policy_file import BUILTIN
from resilience.scenarios.model import ScenarioResult


@frozen(kw_only=True)
class Uncovered:
    """
    Something that no test meets.

    Attributes:
        kind: ``rule``, ``action`` or ``environment``.
        name: Its name.
        place: Where it stands.
    """

    kind: str
    name: str
    place: Origin | None


@frozen(kw_only=True)
class Coverage:
    """
    What the tests meet of a policy.

    Only what its own files say counts; of the package's policies it extends, their own tests take care.

    Attributes:
        policy: The name of the policy's file.
        rules: The number of rules, and of those that a test meets.
        actions: The same for named actions.
        environments: The same for environments.
        missing: What no test meets.
    """

    policy: str
    rules: tuple[int, int]
    actions: tuple[int, int]
    environments: tuple[int, int]
    missing: tuple[Uncovered, ...]


def coverage(results: Iterable[ScenarioResult]) -> tuple[Coverage, ...]:
    """Return the coverage of each policy that scenarios are about."""
    of_policy: dict[str, list[ScenarioResult]] = {}
    for each in results:
        of_policy.setdefault(each.scenario.policy.sources[-1], []).append(each)
    return tuple(_of(name, each) for name, each in of_policy.items())


def _of(name: str, results: list[ScenarioResult]) -> Coverage:
    policies = {each.scenario.policy.env: each.scenario.policy for each in results}
    decisions = [decision for each in results for decision in each.decisions]
    met_rules = {(each.rule.id, each.rule.origin) for each in decisions if each.rule is not None}
    met_actions = {each.action.key for each in decisions if each.action is not None}
    rules = {
        (rule.id, rule.origin): rule
        for policy in policies.values()
        for rule in policy.rules
        if _is_own(rule.origin, name)
    }
    actions = {
        key: policy.origin("actions", key)
        for policy in policies.values()
        for key in policy.actions
        if _is_own(policy.origin("actions", key), name)
    }
    environments = next(iter(policies.values())).environments
    missing = [
        *(Uncovered(kind="rule", name=key[0], place=key[1]) for key in rules if key not in met_rules),
        *(Uncovered(kind="action", name=key, place=place) for key, place in actions.items() if key not in met_actions),
        *(Uncovered(kind="environment", name=each, place=None) for each in environments if each not in policies),
    ]
    return Coverage(
        policy=name,
        rules=_counted(rules, met_rules),
        actions=_counted(actions, met_actions),
        environments=_counted(environments, policies),
        missing=tuple(missing),
    )


def _counted(all_: Iterable[object], met: Iterable[object]) -> tuple[int, int]:
    whole, found = set(all_), set(met)
    return len(whole), len(whole & found)


def _is_own(place: Origin | None, name: str) -> bool:
    return place is not None and (place.file == name or not place.file.startswith(BUILTIN))
