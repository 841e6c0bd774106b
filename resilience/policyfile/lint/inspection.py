"""Checks a file: errors, warnings and lint findings of all its environments, each once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from types import MappingProxyType

from attrs import define, field

from resilience.core.policy import PolicyValues
from resilience.policyfile.assemble import Assembly, Parts
from resilience.policyfile.files.chain import Chain, chain_of
from resilience.policyfile.garbage import without_collections
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.accepted import apply, strange
from resilience.policyfile.lint.difference import Base, EnvironmentDifference
from resilience.policyfile.lint.findings import Findings
from resilience.policyfile.lint.registry import LINT_TITLES, LINTS, Lint
from resilience.policyfile.lint.repair import Damage, repair
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.ids import NEW_SYNTAX, TITLES
from resilience.policyfile.messages.problems import Problem

# A file cannot accept its own errors, nor a finding about its exceptions.
_ACCEPTABLE = frozenset({*LINT_TITLES, NEW_SYNTAX}) - {ids.NOTHING_IGNORED}


def inspect(
    source: str | os.PathLike[str],
    *,
    environments: Sequence[str] = (),
    texts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Problem, ...]:
    """
    Return the errors, warnings and lint findings of a policy in all of its environments.

    Args:
        source: A path, or ``builtin:NAME`` for a policy of the package.
        environments: The environments to check; empty for all of them and the plain values.
            ``RESILIENCE_ENV`` does not matter here.
        texts: By their names, the texts of files that are not read from the disk, as an editor has them.

    Returns:
        Errors, warnings and infos, in the order of merging of their files and then by line and column.
        A problem of some environments names them.
    """
    with without_collections():
        return _inspect(chain_of(source, texts), environments)


def inspect_text(text: str, *, name: str, environments: Sequence[str] = ()) -> tuple[Problem, ...]:
    """
    Return the errors, warnings and lint findings of a text, as :func:`inspect` does.

    Args:
        text: The TOML; its ``extends`` starts at the current directory.
        name: The name of the text in messages.
        environments: As for :func:`inspect`.
    """
    with without_collections():
        chain = Chain()
        chain.add_text(text, name=name, base="")
        return _inspect(chain, environments)


def _inspect(chain: Chain, environments: Sequence[str]) -> tuple[Problem, ...]:
    findings, advice = Findings(), Findings()
    findings.add_everywhere(chain.problems)
    if chain.sources:
        assembly = Assembly(chain)
        inspection = _Inspection(tuple(dict.fromkeys(environments)) or (None, *assembly.environments))
        wrong = inspection.errors(assembly, findings)
        damaged = repair(assembly, wrong, lambda copy: inspection.errors(copy, Findings()))
        inspection.lint(damaged, advice)
    problems = [*findings.all(), *advice.all()]
    problems += [each for source in chain.sources for each in source.warnings()]
    if chain.sources:
        # Errors, or a choice of environments, keep some lint rules from running.
        is_all = not environments and not any(each.rule in TITLES and each.severity == "error" for each in problems)
        problems = list(apply(problems, tuple(chain.sources), _ACCEPTABLE, is_all=is_all))
        problems += strange(tuple(chain.sources), {*LINT_TITLES, *TITLES})
    order = {source.name: number for number, source in enumerate(chain.sources)}
    return tuple(
        sorted(problems, key=lambda each: (order.get(each.file, -1), each.line, each.column, each.rule, each.message))
    )


@define
class _Inspection:
    """
    A check of some environments.

    Attributes:
        contexts: The environments; None for the plain values.
    """

    contexts: tuple[str | None, ...]
    _parts: dict[str | None, Parts] = field(factory=dict, init=False)

    def errors(self, assembly: Assembly, findings: Findings) -> list[Problem]:
        """Add and return the errors of the environments, and keep the parts of flawless ones."""
        findings.contexts = self.contexts
        self._parts.clear()
        everywhere, in_some = list(assembly.problems), []
        wanted = set(self.contexts)
        for env in dict.fromkeys((*self.contexts, *assembly.environments)):
            if env not in wanted:
                everywhere += assembly.check(env) if env is not None else ()
                continue
            # Environments share findings only with checked plain values.
            found = assembly.find(env, is_alone=None not in wanted)
            everywhere += found.own
            findings.add(found.others, env)
            in_some += found.others
            if found.is_beside:
                findings.beside.append(env)
            if not (found.own or found.others or (found.is_beside and assembly.problems_of_all)):
                self._parts[env] = found.parts
        if None in self.contexts:
            findings.add_beside(assembly.problems_of_all)
        findings.add_everywhere(everywhere)
        return [*everywhere, *in_some]

    def lint(self, damage: Damage, findings: Findings) -> None:
        """Add the lint findings of environments without errors, or with repaired ones."""
        findings.contexts = self.contexts
        base: Base | None = None
        without: dict[Lint, tuple[Problem, ...]] = {}
        for env, parts in self._parts.items():
            policy = PolicyValues(**{**parts.values, "env": env})
            damaged = damage.get(None, set()) | damage.get(env, set())
            if base is not None and parts.rules.stands_on(base.view.ruleset):
                findings.beside.append(env)
                _compare(EnvironmentDifference.of(base, parts, policy), damaged, without, findings)
                continue
            view = View(policy, parts.stack, parts.rules)
            lints = [lint for lint in LINTS if lint.needs.isdisjoint(damaged)]
            found = {lint: tuple(lint.find(view)) for lint in lints if lint.about != "files" or lint not in without}
            for lint, problems in found.items():
                if lint.about == "files":
                    findings.add_everywhere(problems)
                else:
                    findings.add(problems, env)
            without.update((lint, ()) for lint in found if lint.about == "files")
            if env is None:
                base, without = Base(view), {**without, **found}
                for lint, problems in found.items():
                    if lint.about != "files":
                        findings.add_beside(problems)


def _compare(
    difference: EnvironmentDifference,
    damaged: AbstractSet[str],
    without: Mapping[Lint, tuple[Problem, ...]],
    findings: Findings,
) -> None:
    """Add the findings in which an environment differs from the plain values."""
    env = difference.view.policy.env
    unasked = {lint for lint in without if not lint.needs.isdisjoint(damaged)} if damaged else frozenset[Lint]()
    for lint in unasked:
        findings.replace(without[lint], (), env)
    anew, in_part = _asked(difference.tables, has_rules=difference.has_rules, has_actions=difference.has_actions)
    for lint in anew:
        if lint in without and lint not in unasked:
            findings.replace(without[lint], lint.find(difference.view), env)
    for lint in in_part:
        if lint in without and lint not in unasked:
            findings.replace(lint.find(difference.before), lint.find(difference.after), env)


@lru_cache(maxsize=256)
def _asked(tables: frozenset[str], *, has_rules: bool, has_actions: bool) -> tuple[tuple[Lint, ...], tuple[Lint, ...]]:
    """Return the lint rules for the whole environment, and those for its changed rules and actions."""
    asked = tuple(lint for lint in LINTS if lint.about != "files")
    anew = tuple(lint for lint in asked if lint.reads is None or not lint.reads.isdisjoint(tables))
    about = {"rules"} if has_rules else set[str]()
    about |= {"actions"} if has_actions else set()
    return anew, tuple(lint for lint in asked if lint.about in about and lint not in anew)
