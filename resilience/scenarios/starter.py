"""Writes a first test file for a policy: one scenario for each rule of its own, with what the policy does today."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from resilience.catalog import catalogue, providers
from resilience.core.match import meets
from resilience.core.policy import Rule
from resilience.policyfile import Policy
from resilience.policyfile.files.policy_file import BUILTIN
from resilience.scenarios.judge import check
from resilience.scenarios.reader import read_text

_HEAD: Final = """\
# What {policy} does. Run it with `resilience test {file}`;
# --coverage also says which rules no test meets.
#
# Each expectation is what the policy did when this file was written: read it, and change what you expect otherwise.
# Add a scenario for what must never happen. The format is described in the docstring of resilience.scenarios:
# python -c "import resilience.scenarios; help(resilience.scenarios)"
schema = 1
policy = {policy_text}
"""

_ENVIRONMENTS: Final = """\
# Each scenario is checked in each of these environments, unless it says its own.
env = {environments}
"""

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


@frozen(kw_only=True)
class _Draft:
    """A scenario without its expectation."""

    name: str
    operation: str
    faults: str

    def text(self, expect: str, env: str | None = None) -> str:
        lines = ["[[scenario]]", f"name = {_quoted(self.name if env is None else f'{self.name}-{env}')}"]
        if env is not None:
            lines.append(f"env = {_quoted(env)}")
        lines += [
            f"call = {{ operation = {_quoted(self.operation)} }}",
            f"faults = {_quoted(self.faults)}",
            f"expect = {{ {expect} }}",
        ]
        return "\n".join(lines)


def starter(policies: Sequence[Policy], *, file: str, source: str, base: str) -> str:
    """
    Return the text of a test file.

    Args:
        policies: The policy in each of its environments.
        file: The name of the test file.
        source: The name of the policy's file, relative to the test file.
        base: The directory of the test file.
    """
    head = _HEAD.format(policy=source, policy_text=_quoted(source), file=file)
    environments = [policy.env for policy in policies if policy.env is not None]
    if environments:
        head += _ENVIRONMENTS.format(environments=json.dumps(environments, ensure_ascii=False))
    drafts = {each.name: each for policy in policies for each in (*_usual(policy), *_of_rules(policy))}
    parts = [head]
    for draft in drafts.values():
        expectations = _found(draft, head, file=file, base=base)
        if len(set(expectations.values())) == 1:
            parts.append(draft.text(next(iter(expectations.values()))))
        else:
            parts += [draft.text(expect, env) for env, expect in expectations.items()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _found(draft: _Draft, head: str, *, file: str, base: str) -> dict[str | None, str]:
    """Return what the policy does, as an expectation, by environment."""
    read = read_text(f"{head}\n{draft.text('requests = 1')}\n", name=file, base=base)
    found: dict[str | None, str] = {}
    for scenario in read.scenarios:
        played = check(scenario).played
        if played is not None:
            found[scenario.policy.env] = (
                f'ended = "{played.ended}", reason = "{played.stop_reason}", requests = {played.attempts}'
            )
    return found


def _usual(policy: Policy) -> Iterator[_Draft]:
    """Yield what every call can meet, for each provider that the policy has rules for."""
    for provider in dict.fromkeys(rule.scope.rpartition(".")[2] for rule in policy.rules):
        if provider == "transport" or (operation := _operation(policy, provider, None)) is None:
            continue
        asked = f"{provider}:{operation}"
        yield _Draft(name=f"{provider}-never-sent", operation=asked, faults="unsent")
        yield _Draft(name=f"{provider}-answer-lost", operation=asked, faults="applied lost")
        yield _Draft(name=f"{provider}-code-without-a-rule", operation=asked, faults="SomethingNew")


def _of_rules(policy: Policy) -> Iterator[_Draft]:
    """Yield one draft for each rule that the policy's own files have."""
    for rule in policy.rules:
        place = rule.origin
        if place is None or place.file.startswith(BUILTIN):
            continue
        provider = rule.scope.rpartition(".")[2]
        if provider == "transport":
            provider = next(iter(policy.operations), None) or providers()[0]
        operation = _operation(policy, provider, rule)
        if operation is not None:
            name = _NOT_IN_NAMES.sub("-", rule.id.lower()).strip("-")
            yield _Draft(name=name, operation=f"{provider}:{operation}", faults=_word(rule))


def _operation(policy: Policy, provider: str, rule: Rule | None) -> str | None:
    """Return an operation that a rule is for: one that the service refuses the second time, if there is one."""
    known = catalogue(provider).operations if provider in providers() else {}
    names = [*policy.operations.get(provider, {}), *known]
    if rule is not None and rule.operation is not None:
        asked = rule.operation
        names = [name for name in names if name == asked or ("*" in asked and meets(asked, name))]
    makers = [name for name in names if name in known and known[name].repeat != "safe"]
    return next(iter([*(name for name in makers if known[name].repeat == "conflict"), *makers, *names]), None)


def _word(rule: Rule) -> str:
    """Return the word of a script for what a rule is about."""
    word = rule.code.removeprefix("http-").replace("xx", "02" if "5xx" in rule.code else "04")
    return word if rule.message is None else f"{word}({json.dumps(rule.message)})"


def _quoted(text: str) -> str:
    """Return a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False)
