"""``[operations]``: what a policy says of operations of its own, and of those of a catalogue."""

from __future__ import annotations

import pytest

from resilience.core.operations.declared import Declaration, DeclaredName
from resilience.engine.target.operations import Operation, resolve
from resilience.policyfile import Policy, PolicyError

SMALL = 'schema = 1\nlimits.deadline = "2m"\n'
API = """
[sources.acme]
code = "json:code"
[sources.acme.operations]
Make = "POST /tenants/{tenant}/users"
Look = "GET /tenants/{tenant}/users/{name}"
Change = "PATCH /tenants/{tenant}/users/{name}"
[operations.acme]
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def loads(text: str, env: str | None = None) -> Policy:
    return Policy.loads(SMALL + text, env=env)


def known(policy: Policy, name: str, provider: str = "acme") -> Operation:
    return resolve(name, policy=policy, provider=provider)


def test_an_operation_of_ones_own_is_as_complete_as_the_catalogues() -> None:
    """Every key is read, and what calls know of the operation follows from it."""
    policy = loads(
        """
        [operations.acme]
        Look = "safe"
        [operations.acme.Make]
        repeat = "conflict"
        key = ["Tenant", "Name"]
        rename = "Name"
        name = { pattern = "[a-z]+(-[a-z0-9]+)*", max_length = 12 }
        read_back = "Look"
        requires = ["UserId"]
        settle = "10s"
        unique = ["Order"]
        """
    )
    assert policy.operations["acme"] == {
        "Look": Declaration(repeat="safe"),
        "Make": Declaration(
            repeat="conflict",
            key=("Tenant", "Name"),
            rename="Name",
            name=DeclaredName(pattern="[a-z]+(-[a-z0-9]+)*", max_length=12),
            read_back="Look",
            requires=("UserId",),
            settle=10.0,
            unique=("Order",),
        ),
    }
    make = known(policy, "Make")
    assert (make.key, make.rename, make.ledger_keys) == (
        ("Tenant", "Name"),
        "Name",
        (("Order",), ("Tenant", "Name")),
    )
    assert make.law is not None
    legal = [name for name in ("a", "ab-1", "a--b", "", "A", "a" * 13) if make.law.is_legal(name)]
    assert (legal, make.law.max_length, make.settle, make.requires) == (["a", "ab-1"], 12, 10.0, ("UserId",))


def test_keys_merge_one_by_one() -> None:
    """A later file or environment changes what it says, a word as well; the rest stays."""
    text = """
    [operations.acme]
    Make = { repeat = "duplicate", key = ["name"], name = { max_length = 9 }, settle = "1m" }
    [env.prod.operations.acme]
    Make = "conflict"
    [env.test.operations.acme]
    Make = { settle = "0s", name = { pattern = "[a-z]+" }, rename = "name" }
    """.replace("name = { max_length = 9 }, ", 'rename = "name", name = { max_length = 9 }, ')
    prod, test = (loads(text, env).operations["acme"]["Make"] for env in ("prod", "test"))
    assert (prod.repeat, prod.key, prod.settle) == ("conflict", ("name",), 60.0)
    assert (test.repeat, test.settle, test.name) == ("duplicate", 0.0, DeclaredName(pattern="[a-z]+", max_length=9))


def test_what_is_said_of_a_catalogues_operation_leaves_the_rest_as_it_is() -> None:
    """``unique`` alone makes a purchase findable, and changes neither its key nor what a repeat does."""
    policy = loads('[operations.tencent]\nCreateInstance = { unique = ["TagList.job", "Name"] }\n')
    found = known(policy, "CreateInstance", "tencent")
    assert (found.repeat, found.key, found.ledger_keys[0]) == ("duplicate", ("Name",), ("TagList.job", "Name"))


def test_an_empty_key_keeps_an_operation_out_of_ledgers() -> None:
    """The policy says that each call is one of its own; a safe operation is none of a ledger's anyway."""
    policy = loads('[operations.acme]\nSend = { key = [] }\nLook = "safe"\nMake = "equal"\n')
    assert [known(policy, name).is_for_ledger for name in ("Send", "Look", "Make", "Other")] == [
        False,
        False,
        True,
        True,
    ]


def test_the_method_says_what_a_repeat_does_where_the_policy_does_not() -> None:
    """A declaration without ``repeat`` keeps what follows from the request."""
    policy = loads(API + 'Make = { key = ["tenant", "name"], read_back = "Look" }\n')
    assert [known(policy, name).repeat for name in ("Make", "Look", "Change")] == ["duplicate", "safe", "duplicate"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("Make = §3", 'expected "safe", "equal", "conflict", "duplicate", or a table', id="number"),
        pytest.param('Make = §"twice"', 'expected "safe" or "equal"', id="word"),
        pytest.param('Make = { §keys = ["a"] }', 'did you mean "key"', id="other-name"),
        pytest.param('Make = { key = §"name" }', 'write ["name"]', id="no-array"),
        pytest.param('Make = { key = ["a", §"a"] }', "twice", id="twice"),
        pytest.param('Make = { key = [§"a b"] }', "expected the name of a field", id="no-field"),
        pytest.param("Make = { requires = §[] }", "at least one field", id="none"),
        pytest.param('Make = { key = ["name"], rename = §"nam" }', 'did you mean "name"', id="rename-typo"),
        pytest.param('Make = { rename = §"name" }', 'write key = ["name"]', id="rename-without-key"),
        pytest.param("Make = { name = §{ max_length = 9 } }", "say which: rename", id="name-without-rename"),
        pytest.param('Make = { name = { pattern = §"[a-" } } # r', "unterminated character set", id="expression"),
        pytest.param('Make = { name = { pattern = §"(?=a)" } } # r', "look-around", id="look-around"),
        pytest.param('Make = { name = { §regex = "a" } } # r', 'did you mean "pattern"', id="regex"),
        pytest.param('Make = { read_back = §"Make" }', "the operation itself", id="reads-itself"),
        pytest.param('Make = { read_back = §"Look" }\nLook = "duplicate"', "changes nothing", id="read-back"),
        pytest.param('Make = { key = §["Name", "UserPassword"] }', "sounds like a secret", id="secret"),
        pytest.param('Make = { settle = §"soon" }', "expected a duration", id="settle"),
    ],
)
def test_a_mistake_is_reported_where_it_stands(text: str, message: str) -> None:
    """Each says what was expected, what was found and what to write; § marks the place."""
    text = text.replace("{ name", '{ key = ["n"], rename = "n", name') if text.endswith("# r") else text
    with pytest.raises(PolicyError) as caught:
        loads(f"[operations.acme]\n{text.replace('§', '')}\n")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (4, text.index("§") + 1)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('Make = { read_back = "Lok" }', 'did you mean "Look"', id="unknown"),
        pytest.param('Make = { read_back = "Look" }', 'needs "name", which is no field of key', id="key"),
        pytest.param('Make = { key = ["nam"], read_back = "Look" }', 'did you mean "name"', id="typo"),
        pytest.param('Make = { read_back = "Change" }', 'Change is "duplicate"', id="not-safe"),
    ],
)
def test_a_read_back_of_an_api_must_be_a_request_that_the_key_fills(text: str, message: str) -> None:
    """Its path is made of fields of the request that makes the thing."""
    with pytest.raises(PolicyError) as caught:
        loads(API + text.replace('key = ["nam"]', 'key = ["nmae"]') + "\n")
    (problem,) = caught.value.problems
    assert message.replace('did you mean "name"', 'did you mean "nmae"') in problem.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('CreateTopic = { unique = ["Topic"] }', "leave unique out", id="has-a-key"),
        pytest.param('CreateInstance = { unique = ["Nmae"] }', 'did you mean "Name"', id="typo"),
        pytest.param('CreateInstance = { unique = ["SkuCode"] }', 'can look for "Name" or "TagList"', id="other"),
        pytest.param('CreateInstance = { read_back = "DescribeInstanse" }', 'did you mean "Describe', id="read-back"),
    ],
)
def test_what_does_not_fit_the_catalogue_is_reported(text: str, message: str) -> None:
    """A verifier of the catalogue's operation has to know what to look for."""
    with pytest.raises(PolicyError) as caught:
        loads(f"[operations.tencent]\n{text}\n")
    (problem,) = caught.value.problems
    assert message in problem.message


def test_a_digest_tells_policies_apart_by_what_they_say_of_operations() -> None:
    """A word and a table that says the same are the same policy; another key is another."""
    word, table, more = (
        loads(f"[operations.acme]\nMake = {value}\n").digest
        for value in ('"conflict"', '{ repeat = "conflict" }', '{ repeat = "conflict", key = ["name"] }')
    )
    assert word == table != more
