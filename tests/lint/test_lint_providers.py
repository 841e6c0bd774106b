"""Lint rules about classes of codes hold for every provider: a weakness that is planted in a policy is found."""

from __future__ import annotations

import pytest

from resilience.catalog import catalogue, providers
from resilience.catalog.facts import CodeClass
from resilience.policyfile.files.policy_file import builtin_names
from resilience.policyfile.lint import inspect_text

ANSWERS = {
    "retry": '"retry"',
    "patient": '"patient"',
    "free": '{ do = "retry", counts = false, max = 3 }',
    "for": '{ do = "retry", for = "30s" }',
    "verify": '"verify"',
    "after-a-refresh": '{ do = "refresh", max = 1, then = "retry" }',
}


def codes(provider: str, *classes: CodeClass) -> list[str]:
    return [name for name, facts in catalogue(provider).codes.items() if facts.class_ in classes]


def duplicates(provider: str) -> list[str]:
    return [name for name, facts in catalogue(provider).operations.items() if facts.repeat == "duplicate"]


def found(provider: str, text: str) -> dict[str, list[str]]:
    """Return the messages about a policy over that of a provider, by the id of the rule."""
    name = next(each for each in (f"{provider}-mqtt", provider) if each in builtin_names())
    top = f'schema = 1\nname = "planted"\nextends = ["builtin:{name}"]\n'
    messages: dict[str, list[str]] = {}
    for each in inspect_text(top + text, name="policy.toml"):
        if each.severity in {"error", "warning"}:
            messages.setdefault(each.rule, []).append(each.message)
    return messages


def named(code: str) -> str:
    """Return a code as messages begin with it; the end of a long one is left out."""
    return f'"{code[:30]}'


def table(name: str, entries: dict[str, str]) -> str:
    return f"[{name}]\n" + "".join(f'"{key}" = {value}\n' for key, value in entries.items())


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("provider", providers())
def test_a_quota_is_not_retried(provider: str, answer: str) -> None:
    """An allowance that is used up is no rate, whatever its code is called and whatever leads to the retry."""
    quotas = codes(provider, "quota")
    messages = found(provider, table(f"rules.{provider}", dict.fromkeys(quotas, answer))).get("RP014", [])
    assert [each for each in quotas if not any(named(each) in message for message in messages)] == []


@pytest.mark.parametrize("provider", providers())
def test_a_quota_of_one_operation_is_not_retried(provider: str) -> None:
    """A rule for an operation, or for a glob of them, is no way around it."""
    operation = next(iter(catalogue(provider).operations))
    rules = {f"{operation}/{code}": '"retry"' for code in codes(provider, "quota")}
    assert len(found(provider, table(f"rules.{provider}", rules)).get("RP014", [])) == len(rules)


@pytest.mark.parametrize("provider", providers())
def test_throttling_is_not_given_up(provider: str) -> None:
    """The same call passes a little later."""
    rules = dict.fromkeys(codes(provider, "throttle"), '"fail"')
    messages = " ".join(found(provider, table(f"rules.{provider}", rules)).get("RP015", []))
    assert [each for each in rules if named(each) not in messages] == []


@pytest.mark.parametrize("provider", providers())
def test_what_is_done_twice_is_not_declared_harmless(provider: str) -> None:
    """A policy that calls a duplicate safe, equal or refused says in [lint] how it knows better, or is told."""
    for repeat in ("safe", "equal", "conflict"):
        declared = dict.fromkeys(duplicates(provider), f'"{repeat}"')
        if declared:
            messages = found(provider, table(f"operations.{provider}", declared))["RP064"]
            assert len(messages) == len(declared)
            assert all("a repeat does it twice" in message for message in messages)


@pytest.mark.parametrize("provider", providers())
def test_what_is_done_twice_is_not_repeated_blindly(provider: str) -> None:
    """No rule may say that an attempt whose effect is unknown had none, where a repeat does it twice."""
    doubtful = [code for code, facts in catalogue(provider).codes.items() if facts.effect == "unknown"]
    blind = '{ do = "retry", effect = "none" }'
    for operation in duplicates(provider):
        rules = {f"{operation}/{code}": blind for code in doubtful}
        transport = {f"{operation}/{code}": blind for code in ("lost", "garbled", "http-5xx")}
        text = table(f"rules.{provider}", rules) + table(f"rules.transport.{provider}", transport)
        messages = found(provider, text)["RP012"]
        assert len(messages) == len(rules) + len(transport), operation
        assert all(f"would do {operation} twice" in message for message in messages)


@pytest.mark.parametrize("provider", providers())
def test_a_policy_over_the_shipped_one_is_clean(provider: str) -> None:
    """The findings above are those of what was planted."""
    assert found(provider, "") == {}
