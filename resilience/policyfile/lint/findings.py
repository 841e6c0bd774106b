"""What was found, each thing once, with the environments in which it was found."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, evolve, field

from resilience.policyfile.problems import Problem
from resilience.policyfile.wording import listed

_Place = tuple[str, int, int, str, str]


@define
class Findings:
    """
    Findings of several environments.

    Attributes:
        contexts: The environments that were looked at; None for the plain values.
        beside: Those of them that leave rules, and what they name, as they are without an environment.
    """

    contexts: tuple[str | None, ...] = (None,)
    beside: list[str | None] = field(factory=list)
    _found: dict[_Place, tuple[Problem, dict[str | None, None]]] = field(factory=dict)
    _everywhere: set[_Place] = field(factory=set)
    _shared: set[_Place] = field(factory=set)

    def add(self, problems: Iterable[Problem], env: str | None) -> None:
        """Add what was found in one environment."""
        for problem in problems:
            self._entry(problem)[1][env] = None

    def add_everywhere(self, problems: Iterable[Problem]) -> None:
        """Add what holds in every environment."""
        for problem in problems:
            self._entry(problem)
            self._everywhere.add(_place(problem))

    def add_beside(self, problems: Iterable[Problem]) -> None:
        """Add what was found without an environment, and holds in those that leave the rules as they are."""
        for problem in problems:
            self._entry(problem)
            self._shared.add(_place(problem))

    def told(self) -> list[Problem]:
        """Return all findings; one that is not found everywhere says where it is."""
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
            where = {**where, **dict.fromkeys(self.beside)}
            if len(where) == len(self.contexts):
                return problem
        # From where it was found, not through all environments: each of many may have a finding of its own.
        names = sorted((env for env in where if env is not None and env in order), key=order.__getitem__)
        told = f"in {listed(names)}" if names else "without an environment"
        if names and None in where:
            told += " and without an environment"
        return evolve(problem, message=f"{problem.message} ({told})")


def _place(problem: Problem) -> _Place:
    return problem.file, problem.line, problem.column, problem.rule, problem.message
