"""Rules that ask for what never happens, and operations that a ledger cannot remember: each with its cure."""

from __future__ import annotations

import re

import pytest

from resilience.policyfile.lint import inspect_text

TOP = 'schema = 1\nlimits = { deadline = "2m" }\n'
API = """
[sources.acme]
code = "json:code"
[sources.acme.operations]
CreateDevice = "POST /devices"
SetDevice = "PUT /devices/{id}"
GetDevice = "GET /devices/{id}"
"""
TENANTS = API.replace("POST /devices", "POST /tenants/{tenant}/devices")


def found(text: str) -> list[tuple[str, str]]:
    """Return id and message of what is found, warnings and errors alone."""
    return [
        (each.rule, each.message)
        for each in inspect_text(TOP + text, name="policy.toml")
        if each.severity in {"error", "warning"}
    ]


def with_advice(text: str, message: str) -> str:
    """Return a policy that does the first thing that a finding says to write, literally."""
    match = re.search(r"write (\[[a-z.]+\]) (.*?})(?: if|, or|$)", message)
    assert match is not None, message
    table, line = match.groups()
    name = line.partition(" = ")[0]
    kept = [each for each in text.splitlines() if not each.startswith(f"{name} = ") or "POST" in each]
    if table in kept:
        kept.insert(kept.index(table) + 1, line)
        return "\n".join(kept) + "\n"
    return "\n".join([*kept, table, line]) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(API + '[rules.acme]\n"BUSY" = "retry"\n', id="retry"),
        pytest.param(API + '[rules.acme]\n"CreateDevice/BUSY" = "retry"\n', id="retry-of-one"),
        pytest.param(API + '[rules.transport.acme]\n"lost" = "retry"\n[rules.acme]\n"BAD" = "fail"\n', id="lost"),
        pytest.param(API + '[rules.transport.acme]\n"http-503" = "retry"\n', id="status"),
        pytest.param(TENANTS + '[rules.acme]\n"BUSY" = { do = "retry", max = 3 }\n', id="inline"),
        pytest.param(API + '[rules.acme]\n"BAD" = "fail"\n[rules.transport]\n"lost" = "retry"\n', id="all-providers"),
        pytest.param(
            API + '[operations.acme]\nCreateDevice = "conflict"\n[rules.acme]\n"CreateDevice/TAKEN" = "rename"\n',
            id="rename",
        ),
        pytest.param(API + '[ledger]\npath = "run.db"\n[rules.acme]\n"BAD" = "fail"\n', id="ledger-and-requests"),
        pytest.param('[ledger]\npath = "run.db"\n[operations.acme]\nMake = "conflict"\n', id="ledger-and-functions"),
        pytest.param('[ledger]\npath = "run.db"\n[operations.tencent]\nNewThing = "duplicate"\n', id="ledger-new"),
        pytest.param('[operations.acme]\nMake = "conflict"\n[rules.acme]\n"TAKEN" = "rename"\n', id="own-rename"),
    ],
)
def test_what_never_happens_is_found_and_the_advice_is_a_cure(text: str) -> None:
    """One finding says it, and the line that it says to write ends it; so check takes what it asks for."""
    ((rule, message),) = found(text)
    assert rule in {"RP065", "RP075", "RP076"}
    assert found(with_advice(text, message)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('"BUSY" = { do = "retry", effect = "none" }\n', [], id="it-changed-nothing"),
        pytest.param('"SetDevice/BUSY" = "retry"\n', [], id="a-repeat-changes-nothing"),
        pytest.param('"BAD" = "fail"\n', [], id="nothing-is-asked-for"),
        pytest.param('"EXISTS" = "accept"\n', ["RP076"], id="nothing-can-be-ours"),
        pytest.param('"EXPIRED" = { do = "refresh", effect = "none" }\n', ["RP076"], id="no-source"),
    ],
)
def test_a_rule_of_an_api_is_judged_by_what_it_meets(text: str, expected: list[str]) -> None:
    """Only what cannot happen is a finding."""
    assert [rule for rule, _ in found(f"{API}[rules.acme]\n{text}")] == expected


def test_an_operation_that_is_declared_to_be_done_twice_was_thought_about() -> None:
    """A rule for all operations is there for others; one that names the operation says what cannot be done."""
    declared = API + '[operations.acme]\nCreateDevice = "duplicate"\n[rules.acme]\n'
    assert found(declared + '"BUSY" = "retry"\n') == []
    ((rule, message),) = found(declared + '"CreateDevice/BUSY" = "retry"\n')
    assert rule == "RP076"
    assert 'CreateDevice is "duplicate"' in message
    looked_for = declared.replace('"duplicate"', '{ repeat = "duplicate", key = ["id"], read_back = "GetDevice" }')
    assert found(looked_for + '"CreateDevice/BUSY" = "retry"\n') == []


def test_an_accept_needs_an_attempt_before_it() -> None:
    """Where no rule sends the request again after a doubt, nothing can be ours; with a ledger an earlier run can."""
    conflict = API + '[operations.acme]\nCreateDevice = { repeat = "conflict", key = ["id"] }\n'
    accepts = '[rules.acme]\n"EXISTS" = "accept"\n'
    ((_, message),) = found(conflict + accepts)
    assert 'write "lost" = "retry" in [rules.transport.acme]' in message
    assert found(conflict + accepts + '[rules.transport.acme]\n"lost" = "retry"\n') == []
    assert found(conflict + accepts + '[ledger]\npath = "run.db"\n') == []
    equal = conflict.replace('"conflict"', '"equal"')
    ((_, message),) = found(
        equal + accepts.replace("EXISTS", "CreateDevice/EXISTS") + '[rules.transport.acme]\n"lost" = "retry"\n'
    )
    assert 'CreateDevice is "equal"' in message


@pytest.mark.parametrize(
    ("rule", "limits", "expected"),
    [
        pytest.param('{ do = "retry", counts = false }', 'deadline = "2m"', [], id="deadline"),
        pytest.param('{ do = "retry", counts = false, max = 9 }', 'deadline = "none"', ["RP002"], id="max"),
        pytest.param('{ do = "retry", counts = false }', 'deadline = "none"', ["RP001", "RP061"], id="endless"),
    ],
)
def test_attempts_of_what_changes_nothing_need_not_count(rule: str, limits: str, expected: list[str]) -> None:
    """RP061 is moot for a safe operation whose attempts something else ends."""
    rule = rule.replace(" }", ', effect = "unknown" }')
    text = f'schema = 1\n[limits]\n{limits}\n{API}[rules.acme]\n"GetDevice/BUSY" = {rule}\n'
    rules = {each.rule for each in inspect_text(text, name="policy.toml") if each.severity != "info"}
    assert ("RP061" in rules) == ("RP061" in expected)
