"""The shipped policies, read as plain TOML: what operators read in them, and whether they keep to the catalogues."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tomli

from resilience.catalog import CodeFacts, catalogue
from resilience.core.fault import TRANSPORTS, Fault
from resilience.core.match import RuleTable
from resilience.core.policy import Action, Rule, Verb
from resilience.policyfile import Policy

FOLDER = Path(__file__).resolve().parents[2] / "policies"
# All but the file that they share, and the one to copy.
NAMES = {path.stem for path in FOLDER.glob("*.toml") if not path.stem.endswith(".test")}
SHIPPED = tuple(sorted(NAMES - {"common", "provisioning"}))
FILES = ("common", *SHIPPED, "provisioning")
READY_MADE = {"retry", "refresh", "rename", "verify", "accept", "fail"}
# It says nothing, so its HTTP status decides.
WITHOUT_RULE = {"SDK.UnknownServerError"}


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


@cache
def read(name: str) -> dict[str, Any]:
    return tomli.loads(text_of(name))


@cache
def merged(name: str, table: str) -> dict[str, Any]:
    """Return a table of a shipped file over that of builtin:common, which it extends."""
    return {**read("common").get(table, {}), **read(name).get(table, {})}


def provider_of(name: str) -> str:
    return name.removesuffix("-mqtt")


def rule_tables(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rules of a file by scope; the narrowed tables of ``transport`` are scopes of their own."""
    tables: dict[str, dict[str, Any]] = {}
    for scope, rules in document.get("rules", {}).items():
        tables[scope] = {}
        for key, value in rules.items():
            if scope == "transport" and isinstance(value, dict) and "do" not in value:
                tables[f"transport.{key}"] = value
            else:
                tables[scope][key] = value
    return tables


def action_of(name: str, value: Any) -> dict[str, Any]:
    """Return the table behind what a rule of a shipped file asks for; the last of several, whatever the message."""
    if isinstance(value, list):
        return action_of(name, value[-1])
    if isinstance(value, dict):
        return value
    return merged(name, "actions").get(value) or {"do": value}


@cache
def matcher(name: str, operation: str) -> RuleTable:
    """Return the rules of a shipped file that an operation can meet."""
    document = read(name)
    rules = []
    for scope, table in rule_tables(document).items():
        for key, value in table.items():
            pattern, _, code = key.rpartition("/")
            if isinstance(value, list) and "message" in value[-1]:
                continue  # for some messages only; with any other, the rule for more operations decides
            action = action_of(name, value)
            built = Action(key=key, do=action["do"], condition=action.get("if", "ours"), max=action.get("max"))
            rules.append(Rule(id=key, scope=scope, operation=pattern or None, code=code, action=built))
    return RuleTable.of(rules, operation)


def decide(name: str, operation: str, fault: Fault) -> Action | None:
    rule = matcher(name, operation).match(fault, provider_of(name), operation)
    return None if rule is None else rule.action


def paragraphs(name: str) -> list[list[str]]:
    return [block.splitlines() for block in re.split(r"\n\s*\n", text_of(name).strip())]


def codes_of(name: str, *classes: str) -> list[CodeFacts]:
    """Return the codes that a file has to have a rule for: all of them, or those of some classes."""
    codes = catalogue(provider_of(name)).codes.values()
    return [facts for facts in codes if facts.code not in WITHOUT_RULE and (not classes or facts.class_ in classes)]


def met_by(name: str, facts: CodeFacts) -> list[Action | None]:
    """Return what answers a code, for each operation that it is documented for."""
    operations = facts.operations or tuple(catalogue(provider_of(name)).operations)
    return [decide(name, operation, Fault(code=facts.code)) for operation in operations]


@pytest.mark.parametrize("name", FILES)
def test_every_rule_names_its_source(name: str) -> None:
    """Each paragraph of rules, or of globs of rates, begins with a comment: the reason, and at its end the source."""
    seen = 0
    for lines in paragraphs(name):
        rules = [line for line in lines if line.startswith('"')]
        if not rules:
            continue
        seen += len(rules)
        comment = [line for line in lines if line.startswith("#")]
        assert lines[: len(comment)] == comment, f"a comment amid the rules of {rules[0]}"
        assert len(comment) > 1, rules[0]
        assert comment[-1].startswith("# Source: "), rules[0]
    written = [*rule_tables(read(name)).values()]
    for environment in read(name).get("env", {}).values():
        written += rule_tables(environment).values()
    # The globs of rates are written like rules, and need a source like them.
    for rates in read(name).get("rate", {}).values():
        written.append({key: rate for key, rate in rates.get("operations", {}).items() if "*" in key})
    assert seen == sum(map(len, written))


@pytest.mark.parametrize("name", FILES)
def test_every_value_has_its_reason(name: str) -> None:
    """Each table of values has a comment above it that says why they are what they are."""
    for lines in paragraphs(name):
        headers = [line for line in lines if line.startswith("[") and not line.startswith("[rules")]
        for header in headers:
            if ".rules." not in header:
                assert lines[0].startswith("#"), header


@pytest.mark.parametrize("name", FILES)
def test_a_line_fits_the_page(name: str) -> None:
    """No line is longer than 120 characters."""
    assert max(map(len, text_of(name).splitlines())) <= 120


@pytest.mark.parametrize("name", SHIPPED)
def test_every_code_is_known(name: str) -> None:
    """A rule names a code that the catalogue has, and operations that there are."""
    known = catalogue(provider_of(name))
    for key in rule_tables(read(name))[provider_of(name)]:
        pattern, _, code = key.rpartition("/")
        assert code in known.codes, key
        glob = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        assert not pattern or any(glob.fullmatch(operation) for operation in known.operations), key


@pytest.mark.parametrize("name", SHIPPED)
def test_every_known_code_has_a_rule(name: str) -> None:
    """No code of the catalogue is left to chance, whatever operation it answers."""
    assert [facts.code for facts in codes_of(name) if None in met_by(name, facts)] == []


@pytest.mark.parametrize("code", sorted(WITHOUT_RULE))
@pytest.mark.parametrize(("status", "verb"), [(500, "retry"), (503, "retry"), (429, "retry"), (404, "fail")])
def test_a_code_that_says_nothing_goes_by_its_status(code: str, status: int, verb: Verb) -> None:
    """What the SDK could not name is retried as a fault of the server, and fails as a mistake of ours."""
    action = decide("alibaba-mqtt", "CreateGroupId", Fault(code=code, status=status))
    assert action is not None
    assert action.do == verb


@pytest.mark.parametrize("name", SHIPPED)
def test_what_lasts_is_not_retried(name: str) -> None:
    """A code that stays the same until a person changes something never leads to another attempt."""
    lasting = [facts for facts in codes_of(name) if facts.is_lasting and facts.effect == "none"]
    for facts in lasting:
        assert {action.do for action in met_by(name, facts) if action} == {"fail"}, facts.code
    assert lasting


@pytest.mark.parametrize("name", SHIPPED)
def test_what_passes_is_waited_for(name: str) -> None:
    """Throttling and passing faults are retried or verified, never given up at once."""
    for facts in codes_of(name, "throttle", "transient"):
        assert {action.do for action in met_by(name, facts) if action} <= {"retry", "verify"}, facts.code


@pytest.mark.parametrize("name", SHIPPED)
def test_credentials_are_refreshed_once(name: str) -> None:
    """What a new set of credentials may cure is refreshed, and once in a call."""
    for facts in codes_of(name, "credential"):
        assert {(action.do, action.max) for action in met_by(name, facts) if action} == {("refresh", 1)}, facts.code


@pytest.mark.parametrize("name", SHIPPED)
def test_a_free_attempt_had_no_effect(name: str) -> None:
    """Only a code that certainly changed nothing leads to attempts that do not count."""
    known = catalogue(provider_of(name))
    for key, value in rule_tables(read(name))[provider_of(name)].items():
        if action_of(name, value).get("counts") is False:
            facts = known.code(key.rpartition("/")[2])
            assert facts is not None
            assert facts.effect == "none", key


@pytest.mark.parametrize("name", ["common", *SHIPPED])
def test_every_loop_has_an_end(name: str) -> None:
    """A named action that leads to another attempt has a count or a time of its own, or uses up the call's attempts."""
    for key, action in read(name).get("actions", {}).items():
        free = action["do"] in {"refresh", "rename"} or action.get("counts") is False
        assert not free or action.get("max", 0) > 0 or "for" in action, key


@pytest.mark.parametrize("name", SHIPPED)
def test_every_name_is_defined_and_used(name: str) -> None:
    """A rule asks for an action that there is, an action for a backoff that there is, and none stands there unused."""
    values = [value for table in rule_tables(read(name)).values() for value in table.values()]
    asked = {value for value in values if isinstance(value, str)}
    assert asked - READY_MADE <= set(merged(name, "actions"))
    assert set(read(name).get("actions", {})) <= asked
    tables = [*merged(name, "actions").values(), *(value for value in values if isinstance(value, dict))]
    waits = {table["backoff"] for table in tables if "backoff" in table}
    assert set(read(name).get("backoff", {})) <= waits <= set(merged(name, "backoff"))


def test_what_the_providers_share_is_used_by_some() -> None:
    """No action stands in builtin:common that no provider asks for."""
    tables = [table for name in SHIPPED for table in rule_tables(read(name)).values()]
    asked = {value for table in tables for value in table.values() if isinstance(value, str)}
    assert set(read("common")["actions"]) <= asked


def test_the_providers_share_one_file_and_define_nothing_twice() -> None:
    """What several need stands in builtin:common; beyond it none says anything that could mean another thing there."""
    common, *others = (read(name) for name in ("common", *SHIPPED))
    assert all(each["extends"] == ["builtin:common"] for each in others)
    assert "rules" not in common
    for table in ("actions", "backoff", "limits", "credentials"):
        names = [set(document.get(table, {})) for document in (common, *others)]
        assert sum(map(len, names)) == len(set().union(*names)), table


@pytest.mark.parametrize("name", SHIPPED)
def test_a_provider_has_rules_for_nobody_else(name: str) -> None:
    """Codes and transport faults stand under the provider's name, so that no neighbour's call is decided there."""
    assert set(rule_tables(read(name))) - {"transport"} == {provider_of(name), f"transport.{provider_of(name)}"}
    assert rule_tables(read(name))["transport"] == {}


@pytest.mark.parametrize("order", [("alibaba-mqtt", "tencent-mqtt"), ("tencent-mqtt", "alibaba-mqtt")])
@pytest.mark.parametrize("provider", ["alibaba", "tencent"])
def test_a_policy_for_both_decides_as_the_policy_for_one_at_the_same_place(
    order: tuple[str, str], provider: str
) -> None:
    """Whatever else is extended, and in whichever order: action, effect and place of every decision stay."""
    text = "schema = 1\nextends = " + str([f"builtin:{name}" for name in order]).replace("'", '"')
    both, alone = Policy.loads(text), Policy.load(f"builtin:{provider}-mqtt")
    faults = [Fault(provider=provider, transport=transport) for transport in TRANSPORTS]
    faults += [Fault(provider=provider, transport="garbled", status=status) for status in (404, 429, 500, 503)]
    faults += [Fault(provider=provider, code=code) for code in catalogue(provider).codes]
    for operation in catalogue(provider).operations:
        tables = [RuleTable.of(policy.rules, operation) for policy in (both, alone)]
        for fault in faults:
            first, second = (table.match(fault, provider, operation) for table in tables)
            assert first == second
            if first is not None and second is not None:
                assert first.origin == second.origin
                assert str(first.origin).startswith(f"builtin:{provider}-mqtt:")


@pytest.mark.parametrize(
    ("name", "operation", "code", "verb"),
    [
        ("alibaba-mqtt", "CreateGroupId", "GroupIdAlreadyExsited", "accept"),
        ("alibaba-mqtt", "CreateGroupId", "GroupIdAlreadyUsedByOtherUsers", "rename"),
        ("alibaba-mqtt", "ApplyToken", "InvalidParameter.Actions", "fail"),
        ("alibaba-mqtt", "ListGroupId", "Throttling.User", "retry"),
        ("alibaba-mqtt", "UnRegisterDeviceCredential", "DeviceCredentialNotFound", "accept"),
        ("alibaba-mqtt", "GetDeviceCredential", "DeviceCredentialNotFound", "fail"),
        ("alibaba-mqtt", "CreateGroupId", "Forbidden.RAM", "fail"),
        ("tencent-mqtt", "CreateTopic", "UnsupportedOperation.ResourceAlreadyExists", "accept"),
        ("tencent-mqtt", "ModifyTopic", "UnsupportedOperation.ResourceAlreadyExists", "fail"),
        ("tencent-mqtt", "CreateTopic", "UnsupportedOperation", "fail"),
        ("tencent-mqtt", "DeleteTopic", "ResourceNotFound.Topic", "accept"),
        ("tencent-mqtt", "DeleteUser", "ResourceNotFound.Role", "accept"),
        ("tencent-mqtt", "DescribeTopic", "ResourceNotFound.Topic", "fail"),
        ("tencent-mqtt", "DeleteTopic", "ResourceNotFound.Instance", "fail"),
        ("tencent-mqtt", "DeleteInstance", "ResourceNotFound.Instance", "accept"),
        ("tencent-mqtt", "DeleteTopic", "ResourceNotFound.RoleNotFound", "fail"),
        ("tencent-mqtt", "CreateUser", "ResourceInUse", "accept"),
        ("tencent-mqtt", "DeleteInstance", "ResourceInUse", "retry"),
        ("tencent-mqtt", "ModifyInstance", "ResourceInUse", "fail"),
        ("tencent-mqtt", "CreateAuthorizationPolicy", "FailedOperation.DuplicatePolicy", "accept"),
        ("tencent-mqtt", "ModifyAuthorizationPolicy", "FailedOperation.DuplicatePriority", "fail"),
        ("tencent-mqtt", "CreateInstance", "FailedOperation", "verify"),
        ("tencent-mqtt", "CreateInstance", "FailedOperation.NewSubCode", "verify"),
        ("tencent-mqtt", "CreateInstance", "InternalError", "verify"),
        ("tencent-mqtt", "CreateInstance", "InternalError.DbError", "retry"),
        ("tencent-mqtt", "CreateTopic", "FailedOperation.InstanceNotReady", "retry"),
        ("tencent-mqtt", "CreateTopic", "DryRunOperation", "accept"),
        ("tencent-mqtt", "CreateTopic", "RequestLimitExceeded.IPLimitExceeded", "retry"),
        ("tencent-mqtt", "CreateInstance", "LimitExceeded.RateLimitExceeded", "retry"),
        ("tencent-mqtt", "CreateInstance", "LimitExceeded.RequestLimitExceeded", "retry"),
        ("tencent-mqtt", "CreateTopic", "LimitExceeded.RequestLimit", "retry"),
        ("tencent-mqtt", "CreateTopic", "LimitExceeded.TopicNum", "fail"),
        ("tencent-mqtt", "CreateTopic", "LimitExceeded.NewQuota", "fail"),
    ],
)
def test_the_operation_decides_with_the_code(name: str, operation: str, code: str, verb: Verb) -> None:
    """The same code asks for another action where another operation meets it, and a sub-code may leave its parent."""
    action = decide(name, operation, Fault(code=code))
    assert action is not None
    assert action.do == verb


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(
    ("fault", "verbs"),
    [
        (Fault(transport="unsent"), {"retry"}),
        (Fault(transport="lost"), {"retry", "verify"}),
        (Fault(transport="garbled"), {"retry", "verify"}),
        (Fault(status=429), {"retry"}),
        (Fault(status=503), {"retry"}),
        (Fault(status=502), {"retry", "verify"}),
        (Fault(status=404), {"fail"}),
        (Fault(code="Unheard.Of", status=500), {"retry", "verify"}),
        (Fault(code="Unheard.Of", status=403), {"fail"}),
    ],
    ids=lambda value: value.label if isinstance(value, Fault) else "",
)
def test_a_fault_without_a_known_code_has_a_rule(name: str, fault: Fault, verbs: set[Verb]) -> None:
    """What broke on the way, and any HTTP status, is decided without a code."""
    action = decide(name, "DescribeTopic", fault)
    assert action is not None
    assert action.do in verbs


def test_a_code_that_nobody_knows_fails() -> None:
    """The policies say what happens to a fault without a rule, and it is nothing."""
    assert read("common")["unknown"] == "fail"
    assert not any("unknown" in read(name) for name in SHIPPED)
    assert decide("tencent-mqtt", "CreateTopic", Fault(code="Unheard.Of")) is None


def test_the_environments_are_there() -> None:
    """The file to copy builds on both services and has three environments, of which one is production."""
    document = read("provisioning")
    assert document["extends"] == ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]
    assert list(document["env"]) == ["dev", "staging", "prod"]
    assert [name for name, table in document["env"].items() if table.get("production")] == ["prod"]


def test_only_staging_takes_what_others_made() -> None:
    """A group that exists already is a success at once in staging, and nowhere else."""
    document = read("provisioning")
    assert document["env"]["staging"]["actions"]["there-already"] == {"do": "accept", "if": "always"}
    for name in ("dev", "prod"):
        assert "rules" not in document["env"][name]
    assert read("common")["actions"]["ours"]["if"] == "ours"


@pytest.mark.parametrize("name", SHIPPED)
def test_declared_rates_are_the_documented_ones(name: str) -> None:
    """Each rate is the catalogue's, and each documented rate that the address allows is declared."""
    provider = provider_of(name)
    rates, known = Policy.load(f"builtin:{name}").rates[provider], catalogue(provider)
    documented = {each: facts.limit for each, facts in known.operations.items() if facts.limit is not None}
    host = known.limits.get("host")
    assert rates.operations == {
        each: limit for each, limit in documented.items() if host is None or limit.per_second <= host.rate.per_second
    }
    assert rates.adaptive
    assert (rates.per_host is None) is (host is None)
    if host is not None and rates.per_host is not None:
        assert rates.per_host.per_second <= 0.95 * host.rate.per_second, "what else is sent from here needs room"
    assert rates.default is None, "neither service documents a rate for all operations together"


def test_a_rate_that_a_shipped_policy_declares_says_why() -> None:
    """Above each table of rates stands its reason, with a source."""
    for name in SHIPPED:
        before, table, _ = text_of(name).partition(f"[rate.{provider_of(name)}.operations]")
        if not table:
            continue  # it declares none
        assert "# Source: " in before.splitlines()[-1]
