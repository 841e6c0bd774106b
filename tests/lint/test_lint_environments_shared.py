"""What environments leave as it is, is neither read nor judged again, and what is found stays the same."""

from __future__ import annotations

from typing import Final

import pytest

from resilience.core.policy import PolicyValues
from resilience.policyfile.assemble import Assembly
from resilience.policyfile.files.chain import Chain
from resilience.policyfile.lint import inspect_text
from resilience.policyfile.lint.difference import Base, EnvironmentDifference
from resilience.policyfile.lint.view import View
from resilience.policyfile.ruleset import RuleSet

SHIPPED: Final = (
    'schema = 1\nextends = ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]\n'
    '[operations.acme]\nMake = "safe"\n[rules.acme]\n"M*/BUSY" = "retry"\n'
)

ENVIRONMENTS: Final = {
    "limits": '[env.a.limits]\ndeadline = "5s"',
    "attempts": "[env.a.limits]\nmax_attempts = 1",
    "no-deadline": '[env.a.limits]\ndeadline = "none"',
    "rule": '[env.a.rules.alibaba]\n"SystemOverFlow" = "fail"',
    "narrow-rule": '[env.a.rules.alibaba]\n"CreateGroupId/SystemOverFlow" = "retry"\n"Create*/InternalError" = "fail"',
    "rival": '[env.a.rules.acme]\n"Make/BUSY" = "fail"',
    "transport": '[env.a.rules.transport]\n"lost" = "fail"\n[env.a.rules.transport.acme]\n"lost" = "retry"',
    "permanent": '[env.a.rules.alibaba]\n"InvalidParameter" = "retry"',
    "answers": '[env.a.rules.tencent]\n"OperationDenied" = [{ message = "m", do = "retry" }, "fail"]',
    "backoff": '[env.a.backoff.default]\nbase = "100ms"\njitter = "none"',
    "action": '[env.a.actions.mine]\ndo = "retry"\nmax = 900\n[env.a.rules.alibaba]\n"Busy" = "mine"',
    "misspelled": '[env.a.actions.mien]\ndo = "retry"\n[env.a.actions.mine]\ndo = "fail"\n[env.a]\nunknown = "mine"',
    "operations": '[env.a.operations.acme]\nMake = "duplicate"\n[env.a.rules.acme]\n"Make/BUSY" = "retry"',
    "careless": '[env.a.operations.alibaba]\nCreateGroupId = "safe"',
    "api": '[env.a.sources.acme.operations]\nMake = "POST /v1/things"\n[env.a.rules.acme]\n"GONE" = "accept"',
    "credentials": "[env.a.credentials.alibaba]\nmax_refreshes = 99",
    "chaos": '[env.a.chaos.alibaba]\n"NoSuchCode" = { rate = 0.1 }',
    "production": '[env.a]\nproduction = true\n[env.a.rules.alibaba]\n"SystemOverFlow" = "fail"',
    "wrong": '[env.a.rules.alibaba]\n"SystemOverFlow" = "pateint"\n[env.a.limits]\nmax_attempts = 0',
}


def assembled(text: str) -> Assembly:
    chain = Chain()
    chain.add_text(text, name="<string>", base="")
    return Assembly(chain)


@pytest.mark.parametrize("text", ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
def test_sharing_changes_no_finding(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is shared, each environment is read and judged as a whole, and the same is found."""
    whole = f"{SHIPPED}{text}\n[env.b]\n[env.b.limits]\nmax_attempts = 3\n"
    shared = inspect_text(whole, name="<string>")
    monkeypatch.setattr(RuleSet, "stands_on", lambda *_: False)
    monkeypatch.setattr(Assembly, "_is_sound", False)
    assert inspect_text(whole, name="<string>") == shared


def test_an_environment_reads_its_own_rules_alone() -> None:
    """All other rules, and what they ask for, are the very objects of the plain values."""
    assembly = assembled(f"{SHIPPED}{ENVIRONMENTS['rule']}")
    plain, _ = assembly.read(None)
    parts, _ = assembly.read("a")
    known = set(map(id, plain.rules.all))
    assert len(known) > 100
    assert [rule.code for rule in parts.rules.all if id(rule) not in known] == ["SystemOverFlow"]
    assert all(action is plain.values["actions"][name] for name, action in parts.values["actions"].items())


@pytest.mark.parametrize(
    ("name", "rules"),
    [("limits", 0), ("production", 2), ("rule", 2), ("permanent", 2), ("credentials", 0), ("chaos", 0)],
)
def test_an_environment_has_few_rules_judged(name: str, rules: int) -> None:
    """However many rules there are, the lint rules look at those that are changed, and at their rivals."""
    assembly = assembled(f"{SHIPPED}{ENVIRONMENTS[name]}")
    plain, _ = assembly.read(None)
    parts, _ = assembly.read("a")
    base = Base(View(PolicyValues(**plain.values), plain.stack, plain.rules))
    difference = EnvironmentDifference.of(base, parts, PolicyValues(**{**parts.values, "env": "a"}))
    assert len(difference.before.rules) <= rules
    assert len(difference.after.rules) <= rules
    assert len(difference.after.actions) <= rules


def test_a_name_that_means_something_else_reaches_the_rules_that_ask_for_it() -> None:
    """Rules of an action that an environment changes answer with the changed one, at the same place."""
    text = (
        'schema = 1\n[limits]\ndeadline = "1m"\n[backoff.slow]\nbase = "1s"\n[actions.patient]\ndo = "retry"\n'
        'backoff = "slow"\n[rules.acme]\n"A" = "patient"\n"B" = { do = "verify", then = "patient" }\n"C" = "fail"\n'
        '[env.a.backoff.slow]\nbase = "2s"\n'
    )
    assembly = assembled(text)
    parts, problems = assembly.read("a")
    rules = {rule.code: rule for rule in parts.rules.all}
    assert problems == []
    assert [rule.code for rule in parts.rules.all] == ["A", "B", "C"]
    assert rules["A"].action.backoff is not None
    assert rules["A"].action.backoff.base == 2.0
    assert rules["B"].action.then is rules["A"].action
    assert str(rules["A"].origin) == "<string>:10:7"


def test_findings_of_the_plain_values_hold_in_environments_that_are_wrong_themselves() -> None:
    """An environment with a mistake of its own still has the plain rules, and what is found in them."""
    own = '[rules.alibaba]\n"NoSuchCode" = "fail"\n[env.a.rate.alibaba]\ndefault = "1/s"\n[env.b]\n'
    found = [each.message for each in inspect_text(SHIPPED + own, name="p") if each.rule == "RP023"]
    assert len(found) == 1
    assert "(in" not in found[0]
