"""The JSON Schema and the loader: two readers of the same rows, which must not disagree."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import HealthCheck, example, given, settings
from jsonschema import Draft7Validator, ValidationError, validators
from policy_documents import WRONG_KEYS, WRONG_VALUES, Document, damaged, document_text, documents, inmost, places

from resilience.policyfile import Policy, PolicyError, Problem, check
from resilience.policyfile.format import tables as rows
from resilience.policyfile.format.schema import BEYOND, schema, text

ROOT = Path(__file__).parents[2]
POLICIES = [path for path in (ROOT / "policies").glob("*.toml") if not path.name.endswith(".test.toml")]
VALID = sorted([*POLICIES, *(ROOT / "tests/data/valid").glob("*.toml")])


def is_toml(path: Path) -> bool:
    """Tell whether a schema has anything to look at: some invalid files are no TOML at all."""
    try:
        tomli.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return True


INVALID = sorted(path for path in (ROOT / "tests/data/invalid").glob("*.toml") if is_toml(path))


def _pattern(validator: Any, pattern: str, value: object, _: object) -> Iterator[ValidationError]:
    # In JSON Schema, whose patterns are JavaScript's, $ is the end; in Python also the line break before it.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}, says {type(validator).__name__}")


_Validator = validators.extend(Draft7Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # so in the stubs
VALIDATOR = _Validator(schema())


@pytest.fixture(scope="module", autouse=True)
def _no_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RESILIENCE_ENV", raising=False)
        yield


def complaints(document: Document) -> list[str]:
    """Return what the schema says against a document."""
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def problems(document: Document) -> list[Problem]:
    """Return what the loader says against a document, in any of its environments."""
    environments = document.get("env", {})
    names = (
        [name for name, table in environments.items() if isinstance(table, dict)]
        if isinstance(environments, dict)
        else []
    )
    found: list[Problem] = []
    for env in (None, *names):
        try:
            Policy.loads(document_text(document), env=env)
        except PolicyError as error:
            found += error.problems
    return found


def is_beyond(problem: Problem) -> bool:
    return any(re.match(pattern, f"{problem.rule} {problem.message}", re.DOTALL) for pattern in BEYOND)


def assert_same(document: Document) -> None:
    """The schema takes what the loader takes, and the loader what the schema takes, as far as a schema can tell."""
    found = problems(document)
    if VALIDATOR.is_valid(document):  # faster than all complaints
        assert [str(problem) for problem in found if not is_beyond(problem)] == []
    elif not found:
        assert complaints(document) == []


def test_the_shipped_file_is_current() -> None:
    """What editors read is what the tables say today; ``resilience schema`` writes it anew."""
    assert (ROOT / "policies/policy.schema.json").read_text(encoding="utf-8") == text()


def test_it_is_a_schema_of_draft_7() -> None:
    """The schema keeps to the draft that editors of TOML know."""
    Draft7Validator.check_schema(schema())
    assert schema()["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_it_knows_every_table() -> None:
    """A file and an environment may have exactly the tables that the loader reads."""
    top = set(schema()["properties"])
    inside = set(schema()["definitions"]["environment"]["properties"])
    assert top == {"schema", "name", "extends", "env", "unknown", "lint", *rows.TABLES}
    assert inside == {"unknown", "production", *rows.TABLES}


def test_every_key_says_what_it_means() -> None:
    """Editors show for each key of a table the sentence of its row, and its default."""
    properties = schema()["definitions"]["limits"]["properties"]
    assert {name: each["description"] for name, each in properties.items()} == {
        name: row.meaning for name, row in rows.LIMITS.items()
    }
    assert properties["settle"]["default"] == "30s"
    assert "default" not in properties["deadline"], "a deadline must be set by somebody"


def test_its_patterns_work_in_every_editor() -> None:
    """No pattern looks around, which engines without backtracking refuse, and each one is anchored on purpose."""
    patterns = re.findall(r'"pattern": "(.*)"', text())
    assert len(patterns) > 10
    assert [pattern for pattern in patterns if re.search(r"\(\?[=!<]", pattern)] == []
    assert [pattern for pattern in patterns if not pattern.startswith(("^", "(?:^|/)", "\\\\S"))] == []


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_policy_that_loads_is_valid(path: Path) -> None:
    """The shipped policies, and every valid file of the tests, are valid by the schema."""
    assert complaints(tomli.loads(path.read_text(encoding="utf-8-sig"))) == []


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_a_policy_that_does_not_load_is_invalid_as_far_as_a_schema_can_tell(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid file of the tests is invalid by the schema, unless all that is wrong with it is beyond one."""
    monkeypatch.chdir(path.parent)
    document = tomli.loads(path.read_text(encoding="utf-8"))
    own = [problem for problem in check(path.name) if problem.file == path.name and problem.severity == "error"]
    assert bool(complaints(document)) == any(not is_beyond(problem) for problem in own)


def _policy(**tables: Any) -> Document:
    return {"schema": 1, "limits": {"deadline": "2m"}} | tables


@pytest.mark.parametrize(
    ("pattern", "document"),
    [
        pytest.param(pattern, document, id=pattern.partition(" ")[0] + f"-{number}")
        for number, (pattern, document) in enumerate(
            zip(
                BEYOND,
                [
                    _policy(rules={"alibaba": {"X": "nope"}}),
                    _policy(actions={"a": {"do": "retry", "backoff": "nope"}}),
                    _policy(rules={"alibaba": {"Nope/X": "fail"}}),
                    _policy(actions={"a": {"do": "retry"}}, unknown="a"),
                    _policy(actions={"a": {"do": "retry", "then": "a"}}),
                    _policy(rules={"alibaba": {"Create*/X": "fail", "*roupId/X": "fail"}}),
                    _policy(backoff={"a": {"base": "1m"}}),
                    _policy(env={"prod": {"production": True, "chaos": {"alibaba": {"X": {"rate": 1}}}}}),
                    _policy(name="LTAI0123456789abcdef"),
                    _policy(actions={"a": {"max": 3}}),
                    _policy(backoff={"a": {"delays": ["1s"]}}),
                    _policy(chaos={"alibaba": {"X": {"rate": 0.6}, "Y": {"rate": 0.6}}}),
                    _policy(backoff={"a": {"factor": float("inf")}}),
                    _policy(limits={"deadline": "2m", "max_attempts": 3.0}),
                    _policy(operations={"acme": {"X": {"name": {"pattern": "(?=a)b"}}}}),
                    _policy(operations={"acme": {"X": {"key": ["A"], "rename": "B"}}}),
                    _policy(operations={"acme": {"X": {"read_back": "X"}}}),
                    _policy(ledger={"url": "$PATH"}),
                    _policy(ledger={"url": "redis://cache.example", "lease": "1ms"}),
                    _policy(operations={"acme": {"X": {"key": ["Password"]}}}),
                    _policy(operations={"acme": {"X": {"name": {"max_length": 9}}}}),
                    _policy(extends=["builtin:nope"]),
                    None,
                    _policy(limits={"deadline": "9000h"}),
                    _policy(rules={"alibaba": {"503": "fail"}}),
                    _policy(chaos={"alibaba": {"lots": {"rate": 0.1}}}),
                    _policy(rules={"alibaba": {"tencent:CreateTopic/X": "fail"}}),
                    _policy(breaker={"acme": {"window": 5, "min_calls": 6}}),
                    _policy(budget={"acme": {"capacity": 4}}),
                    _policy(rate={"acme": {"concurrency": 2, "share": 3}}),
                    None,
                ],
                strict=True,
            )
        )
        if document is not None
    ],
)
def test_what_is_beyond_a_schema_is_found_by_the_loader(pattern: str, document: Document) -> None:
    """Each exception from the agreement is needed: the schema takes such a document, and the loader says why not."""
    assert complaints(document) == []
    assert any(re.match(pattern, f"{problem.rule} {problem.message}") for problem in problems(document))


@pytest.mark.parametrize(
    ("document", "where"),
    [
        pytest.param({"limits": {"deadline": "2m"}}, "", id="no-schema"),
        pytest.param(_policy(rules={"alibaba": {"X": {"max": 2}}}), "rules/alibaba/X", id="rule-without-do"),
        pytest.param(_policy(chaos={"alibaba": {"X": {"applied": True}}}), "chaos/alibaba/X", id="chaos-without-rate"),
        pytest.param(_policy(backoff={"a": {"factor": 0.5}}), "backoff/a/factor", id="shrinking"),
        pytest.param(_policy(actions={"a": {"do": "accept", "max": 2}}), "actions/a", id="key-of-another-verb"),
        pytest.param(_policy(rules={"alibaba": {"X": {"do": "a", "max": 2}}}), "rules/alibaba/X", id="named-and-more"),
        pytest.param(_policy(env={"a": {"name": "x"}}), "env/a", id="name-in-an-environment"),
        pytest.param(
            _policy(backoff={"a": {"kind": "list", "delays": ["1s"], "jitter": "decorrelated"}}),
            "backoff/a/jitter",
            id="jitter-of-a-list",
        ),
        pytest.param(_policy(limits={"deadline": "0s"}), "limits/deadline", id="no-time"),
        pytest.param(_policy(ledger={"url": "mysql://db"}), "ledger/url", id="no-ledger"),
        pytest.param(_policy(ledger={"path": "a", "url": "redis://b"}), "ledger", id="two-ledgers"),
        pytest.param(_policy(rate={"acme": {"default": "0/s"}}), "rate/acme/default", id="no-calls"),
        pytest.param(_policy(rate={"acme": {"operations": {"a b": "1/s"}}}), "rate/acme/operations", id="no-operation"),
        pytest.param(_policy(budget={"acme": {"kind": "ratio", "cost": 1}}), "budget/acme", id="key-of-another-budget"),
        pytest.param(_policy(breaker={"acme": {"failure_rate": 0}}), "breaker/acme/failure_rate", id="never-open"),
        pytest.param(_policy(breaker={"acme": {"window": 0}}), "breaker/acme/window", id="no-window"),
    ],
)
def test_a_mistake_is_underlined_where_it_is(document: Document, where: str) -> None:
    """The schema points at the smallest thing that is wrong, and the loader refuses it as well."""
    said = complaints(document)
    assert {line.partition(":")[0] for line in said} == {where}
    assert problems(document)


@pytest.mark.parametrize(("document", "key"), [pytest.param(*place, id=name) for name, *place in places()])
def test_schema_and_loader_agree_on_every_value(document: Document, key: str) -> None:
    """Wherever a value may stand, both refuse the same odd ones and take the same others."""
    for value in WRONG_VALUES:
        tried = copy.deepcopy(document)
        inmost(tried)[key] = copy.deepcopy(value)
        assert_same(_policy(**tried))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param((), {}, id="file"),
        pytest.param(("env", "prod"), {}, id="environment"),
        pytest.param(("env",), {}, id="environments"),
        pytest.param(("actions",), {"do": "retry"}, id="actions"),
        pytest.param(("backoff",), {"base": "1s"}, id="backoff"),
        pytest.param(("credentials",), {}, id="credentials"),
        pytest.param(("operations",), {}, id="operations"),
        pytest.param(("rules",), {}, id="rules"),
        pytest.param(("rules", "alibaba"), "fail", id="codes"),
        pytest.param(("rules", "transport"), "fail", id="transport"),
        pytest.param(("rules", "transport"), {}, id="transport-of-providers"),
        pytest.param(("rules", "transport", "alibaba"), "fail", id="transport-of-a-provider"),
        pytest.param(("ledger",), {}, id="ledger"),
        pytest.param(("lint",), {}, id="lint"),
        pytest.param(("lint", "ignore"), "because", id="accepted-findings"),
        pytest.param(("chaos",), {}, id="chaos"),
        pytest.param(("chaos", "alibaba"), {"rate": 0.5}, id="injections"),
        pytest.param(("chaos", "alibaba"), {"rate": 0.5, "applied": True}, id="applied-injections"),
    ],
)
def test_schema_and_loader_agree_on_every_key(path: tuple[str, ...], value: object) -> None:
    """Wherever a key may stand, both refuse the same odd ones and take the same others."""
    for key in WRONG_KEYS:
        tables: dict[str, Any] = {}
        inner = tables
        for part in path:
            inner = inner.setdefault(part, {})
        inner[key] = copy.deepcopy(value)
        assert_same(_policy() | tables)


@pytest.mark.parametrize("key", rows.RULE)
@pytest.mark.parametrize("verb", [*rows.ACTION["do"].choices, "patient"])
def test_schema_and_loader_agree_on_which_keys_a_verb_knows(verb: str, key: str) -> None:
    """Each key beside each verb, and beside the name of an action, is taken by both or by neither."""
    value = {"do": verb, "backoff": "default", "then": "fail", "if": "always", "as": "dry_run", "effect": "none"}.get(
        key, "{hash}" if key == "pattern" else False if key == "counts" else 3
    )
    assert_same(_policy(actions={"patient": {"do": "retry"}}, rules={"alibaba": {"X": {"do": verb, key: value}}}))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
@example(_policy(rules={"transport": {"lost": {"do": "retry"}, "tencent": {"tencent:CreateTopic/http-5xx": "fail"}}}))
@example(_policy(rules={"transport": {"tencent:CreateTopic/lost": "fail"}}))
@example(_policy(chaos={"alibaba": {"CreateGroupId/unsent": {"rate": 0.5, "applied": True}}}))
@example(_policy(backoff={"a": {"kind": "list", "delays": ["1s"], "jitter": "decorrelated"}}))
@example(_policy(backoff={"a": {"kind": "list", "delays": []}}))
def test_schema_and_loader_agree_on_damaged_policies(document: Document) -> None:
    """Whatever is wrong with a policy, neither of the two takes what the other one refuses."""
    assert_same(document)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_schema_and_loader_agree_on_policies_of_good_parts(document: Document) -> None:
    """A policy in which every value is right by itself is taken by both, unless the parts do not fit together."""
    assert_same(document)
