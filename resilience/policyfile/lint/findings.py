"""Collects findings: each one once, with the environments that have it."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, evolve, field

from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import listed

_Place = tuple[str, int, int, str, str]


@define
class Findings:
    """
    Findings of several environments.

    Attributes:
        contexts: The checked environments; None for the plain values.
        beside: The environments that share the findings of the plain values, apart from those replaced.
    """

    contexts: tuple[str | None, ...] = (None,)
    beside: list[str | None] = field(factory=list)
    _found: dict[_Place, tuple[Problem, dict[str | None, None]]] = field(factory=dict)
    _everywhere: set[_Place] = field(factory=set)
    _shared: dict[_Place, set[str | None]] = field(factory=dict)

    def add(self, problems: Iterable[Problem], env: str | None) -> None:
        """Add the findings of one environment."""
        for problem in problems:
            self._entry(problem)[1][env] = None

    def add_everywhere(self, problems: Iterable[Problem]) -> None:
        """Add findings of every environment."""
        for problem in problems:
            self._entry(problem)
            self._everywhere.add(_place(problem))

    def add_beside(self, problems: Iterable[Problem]) -> None:
        """Add findings of the plain values, which hold in the environments that share them."""
        for problem in problems:
            self._entry(problem)
            self._shared.setdefault(_place(problem), set())

    def replace(self, before: Iterable[Problem], after: Iterable[Problem], env: str | None) -> None:
        """Replace shared findings by others in one environment."""
        for problem in before:
            self._shared[_place(problem)].add(env)
        self.add(after, env)

    def all(self) -> list[Problem]:
        """Return all findings; a finding of some environments names them."""
        order = {env: number for number, env in enumerate(self.contexts)}
        return [self._located(problem, where, place, order) for place, (problem, where) in self._found.items()]

    def _entry(self, problem: Problem) -> tuple[Problem, dict[str | None, None]]:
        return self._found.setdefault(_place(problem), (problem, {}))

    def _located(
        self, problem: Problem, where: dict[str | None, None], place: _Place, order: dict[str | None, int]
    ) -> Problem:
        if place in self._everywhere or len(where) == len(self.contexts):
            return problem
        if place in self._shared:
            lost = self._shared[place]
            where = {**where, **{env: None for env in self.beside if env not in lost}}
            if len(where) == len(self.contexts):
                return problem
        # A loop over all environments for each finding would be slow if each of them has its own.
        names = sorted((env for env in where if env is not None and env in order), key=order.__getitem__)
        scope = f"in {listed(names)}" if names else "without an environment"
        if names and None in where:
            scope += " and without an environment"
        return evolve(problem, message=f"{problem.message} ({scope})")


def _place(problem: Problem) -> _Place:
    return problem.file, problem.line, problem.column, problem.rule, problem.message
