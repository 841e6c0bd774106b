"""Reads test files; the package's docstring describes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from resilience.policyfile import Policy, PolicyError, Problem
from resilience.policyfile.files.policy_file import BUILTIN, UnreadableError, display_name, parse, read_path
from resilience.policyfile.messages import ids
from resilience.scenarios.entry import KEYS, scenario_of
from resilience.scenarios.model import Scenario, ScenarioFile
from resilience.scenarios.tables import FileTable, UnusableError

_TOP: Final = ("schema", "policy", "env", "call", "scenario")


def read(path: str | os.PathLike[str]) -> ScenarioFile:
    """
    Read a test file.

    Args:
        path: The file.

    Returns:
        Its scenarios, and what is wrong with it.
    """
    name = os.fspath(path)
    try:
        text = read_path(path)
    except UnreadableError as error:
        line, column = error.place or (1, 1)
        problem = Problem(file=name, line=line, column=column, rule=ids.UNREADABLE, message=str(error))
        return ScenarioFile(name=name, problems=(problem,))
    return read_text(text, name=name, base=Path(name).parent)


def read_text(text: str, *, name: str, base: str | os.PathLike[str] = "") -> ScenarioFile:
    """
    Read the text of a test file.

    Args:
        text: The text.
        name: Its name in messages.
        base: The directory from which its ``policy`` starts.
    """
    file, problems = parse(text, name=name, base=os.fspath(base))
    if problems:
        return ScenarioFile(name=name, problems=problems)
    reader = _Reader(FileTable(file, (), file.data))
    found = tuple(reader.scenarios())
    return ScenarioFile(name=name, scenarios=found, problems=tuple(dict.fromkeys(reader.top.problems)))


@define
class _Reader:
    """Reads one document; a problem ends the reading of the smallest part that it makes useless."""

    top: FileTable
    policies: dict[str | None, Policy | None] = field(factory=dict)

    def scenarios(self) -> Iterator[Scenario]:
        """Yield what can be used of the document, from top to bottom."""
        try:
            environments = self._head()
            tables = self.top.tables("scenario")
        except UnusableError:
            return
        names: set[str] = set()
        for table in tables:
            try:
                yield from self._entry(table, environments, names)
            except UnusableError:
                continue

    def _head(self) -> tuple[str, ...]:
        """Check the keys above the scenarios; return the environments."""
        top = self.top
        top.known(_TOP, "a test file")
        top.require("schema", "the version of this format; write schema = 1")
        if top.data["schema"] != 1:
            raise top.refuse("schema", ids.OUT_OF_RANGE, f"expected 1, got {top.data['schema']!r}")
        top.require("policy", 'the file of the policy, such as policy = "mqtt.toml"')
        top.text("policy")
        top.require("scenario", "a test file has at least one [[scenario]]")
        return top.texts("env")

    def _entry(self, table: FileTable, environments: tuple[str, ...], names: set[str]) -> Iterator[Scenario]:
        """Yield one scenario for each environment and each text of ``each``."""
        table.known(KEYS, "a scenario")
        table.require("name", "each scenario has a name")
        name = table.text("name") or ""
        if name in names:
            table.refuse("name", ids.BAD_NAME, f'another scenario has the name "{name}"; names are unique')
        names.add(name)
        words: tuple[str | None, ...] = table.texts("each") if "each" in table else (None,)
        common = self.top.table("call")
        for env in (table.texts("env") if "env" in table else environments) or (None,):
            policy = self._policy(env, table)
            if policy is not None:
                for word in words:
                    yield scenario_of(table, common, policy, name, word)

    def _policy(self, env: str | None, table: FileTable) -> Policy | None:
        if env not in self.policies:
            self.policies[env] = self._load(env, table)
        return self.policies[env]

    def _load(self, env: str | None, table: FileTable) -> Policy | None:
        source, base = self.top.data["policy"], self.top.file.base or ""
        try:
            if "\n" in source:
                return Policy.of_texts([(f"{self.top.file.name} (policy)", source)], base=base, env=env)
            return Policy.in_env(source if source.startswith(BUILTIN) else display_name(base, source), env)
        except PolicyError as error:
            self.top.problems.extend(error.problems)
            holder = table if "env" in table else self.top
            self.top.problems.append(
                holder.file.problem((), ids.UNREADABLE, "the policy cannot be used")
                if env is None
                else holder.file.problem((*holder.path, "env"), ids.UNREADABLE, f'the policy cannot be used in "{env}"')
            )
            return None
