"""Damaged policies: a moment of what ``policy_mutations`` does for long, and known faults at known places."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from policy_faults import sample
from policy_mutations import ROOT, Seed, examine, mutants, outcome, seeds

from resilience.policyfile import Policy
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.tables import ACTION, BACKOFF, CREDENTIALS, LIMITS, RULE, TOP

FEW_VALUES = (
    *(
        '"fail"',
        '"patient"',
        '"default"',
        '"1s"',
        '"30s"',
        '"full"',
        '"{name}-{n}"',
        '"{n"',
        '"always"',
        '"none"',
        '""',
    ),
    *("1", "0", "1.0", "true", "[]", '["1s"]', "{}", "07:32:00"),
)

SOUND = [seed for seed in seeds() if seed.base.name != "invalid" and not seed.text.startswith("\ufeff")]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def test_any_damage_ends_in_a_policy_or_in_problems_that_stand_in_the_text() -> None:
    """Nothing but a policy or a PolicyError leaves."""
    found = Counter(examine(text, seed.base, env) for seed, text, env in mutants(1500, seed=20261121))
    assert set(found) == {"policy", "problems"}


def test_the_same_damage_always_earns_the_same_problems() -> None:
    """No order of a set and no address leaks into what is reported."""
    for seed, text, env in mutants(150, seed=7):
        assert outcome(text, seed.base, env) == outcome(text, seed.base, env)


@pytest.mark.parametrize("seed", SOUND, ids=lambda seed: seed.name)
def test_one_fault_is_reported_where_it_stands_and_nothing_else_is(seed: Seed) -> None:
    """Each known fault is found at its line and column, under its id, and alone."""
    assert isinstance(outcome(seed.text, seed.base, None), Policy)
    chance = random.Random(20261121)  # noqa: S311 - to be repeated, not to be secret
    for fault in sample(seed.text, 120, chance):
        problems = outcome(fault.text, seed.base, None)
        line = fault.text.split("\n")[fault.line - 1]
        assert isinstance(problems, tuple), f"nothing is reported: {line}"
        found = [(problem.line, problem.column, problem.rule) for problem in problems]
        assert found == [(fault.line, fault.column, fault.rule)], line


@pytest.mark.parametrize(
    ("start", "keys"),
    [
        *(pytest.param(f'rules.a.A = {{ do = "{do}", %s }}', RULE, id=f"rule-{do}") for do in ACTION["do"].choices),
        pytest.param('rules.a.A = { do = "patient", %s }', RULE, id="rule-of-a-name"),
        *(pytest.param(f'actions.a = {{ do = "{do}", %s }}', ACTION, id=f"action-{do}") for do in ACTION["do"].choices),
        *(
            pytest.param(f'backoff.a = {{ kind = "{kind}", %s }}', BACKOFF, id=f"backoff-{kind}")
            for kind in BACKOFF["kind"].choices
        ),
        pytest.param("backoff.a = { %s }", BACKOFF, id="backoff"),
        pytest.param("credentials.a = { %s }", CREDENTIALS, id="credentials"),
        pytest.param("env.prod.limits = { %s }", LIMITS, id="limits"),
        pytest.param("env.prod = { %s }", TOP, id="environment"),
    ],
)
def test_every_key_takes_every_value_or_says_why_not(start: str, keys: Mapping[str, Key]) -> None:
    """Each key of each table is tried with values of all types, for the plain policy and for an environment."""
    text = 'schema = 1\nlimits.deadline = "2m"\nactions.patient.do = "retry"\n'
    for key in keys:
        for value in FEW_VALUES:
            for env in (None, "prod") if start.startswith("env") else (None,):
                examine(text + start % f"{key} = {value}", ROOT, env)
