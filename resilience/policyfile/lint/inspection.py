"""Everything that is to be said about a file: errors, warnings and lint findings of all its environments, each once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from attrs import evolve

from resilience.core.policy import PolicyValues
from resilience.policyfile.assemble import Parts
from resilience.policyfile.chain import Chain
from resilience.policyfile.ids import NEW_SYNTAX, TITLES
from resilience.policyfile.layers import Layer, Report, environments_of
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.accepted import apply, strange
from resilience.policyfile.lint.registry import LINT_TITLES, LINTS
from resilience.policyfile.lint.repair import read
from resilience.policyfile.lint.view import View
from resilience.policyfile.problems import Problem

# What is said of a whole file cannot be accepted in it: neither its errors nor its exceptions.
_ACCEPTABLE = frozenset({*LINT_TITLES, NEW_SYNTAX}) - {ids.NOTHING_IGNORED}


def inspect(source: str | os.PathLike[str], *, environments: Sequence[str] = ()) -> tuple[Problem, ...]:
    """
    Return everything that is wrong with a policy, or that will surprise, in all of its environments.

    Args:
        source: A path, or ``builtin:NAME`` for a policy that comes with the package.
        environments: The environments to look at; empty for all of them, and for the plain values.
            ``RESILIENCE_ENV`` does not matter here.

    Returns:
        Errors, warnings and infos, in the order in which files are merged and then by where they stand.
        What is not found in every environment says where it is.
    """
    chain = Chain()
    chain.add_root(os.fspath(source))
    return _inspect(chain, environments)


def inspect_text(text: str, *, name: str, environments: Sequence[str] = ()) -> tuple[Problem, ...]:
    """
    Return everything that is wrong with the text of a policy; as for :func:`inspect`.

    Args:
        text: The TOML; what it extends is found from the current directory.
        name: What findings call it.
        environments: As for :func:`inspect`.
    """
    chain = Chain()
    chain.add_text(text, name=name, base="")
    return _inspect(chain, environments)


def _inspect(chain: Chain, environments: Sequence[str]) -> tuple[Problem, ...]:
    contexts: tuple[str | None, ...] = tuple(dict.fromkeys(environments)) or (None, *_environments(chain))
    found: dict[tuple[object, ...], tuple[Problem, list[str | None]]] = {}
    for env in contexts:
        for problem in _look(chain, env):
            place = (problem.file, problem.line, problem.column, problem.rule, problem.message)
            _, where = found.setdefault(place, (problem, []))
            if env not in where:
                where.append(env)
    problems = [_located(problem, where, contexts) for problem, where in found.values()]
    problems += [each for source in chain.sources for each in source.warnings()]
    if chain.sources:
        # With errors, or in some environments only, not everything was looked for.
        is_all = not environments and not any(each.rule in TITLES and each.severity == "error" for each in problems)
        problems = list(apply(problems, tuple(chain.sources), _ACCEPTABLE, is_all=is_all))
        problems += strange(tuple(chain.sources), {*LINT_TITLES, *TITLES})
    order = {source.name: number for number, source in enumerate(chain.sources)}
    return tuple(
        sorted(problems, key=lambda each: (order.get(each.file, -1), each.line, each.column, each.rule, each.message))
    )


def _environments(chain: Chain) -> tuple[str, ...]:
    return tuple(environments_of([Layer(source, (), source.data) for source in chain.sources], Report()))


def _look(chain: Chain, env: str | None) -> Iterator[Problem]:
    reading = read(chain, env)
    yield from reading.problems
    if reading.parts is not None:
        view = _view(reading.parts, env)
        for lint in LINTS:
            if lint.needs.isdisjoint(reading.damaged):
                yield from lint.find(view)


def _view(parts: Parts, env: str | None) -> View:
    return View(PolicyValues(**{**parts.values, "env": env}), parts.stack)


def _located(problem: Problem, where: list[str | None], contexts: tuple[str | None, ...]) -> Problem:
    """Say where a problem is found, unless it is found everywhere."""
    if len(where) == len(contexts):
        return problem
    names = [env for env in where if env is not None]
    told = f"in {', '.join(names)}" if names else "without an environment"
    if names and None in where:
        told += " and without an environment"
    return evolve(problem, message=f"{problem.message} ({told})")
