"""REST APIs that a policy describes: what is read, how it merges, and what it makes of operations."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.core.operations.apis import AnswerPath, RequestTemplate, RestApi
from resilience.core.policy import TelemetrySettings
from resilience.engine.target.operations import resolve
from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.lint import inspect, inspect_text

DATA = Path(__file__).parents[1] / "data" / "valid"
SMALL = 'schema = 1\nlimits.deadline = "2m"\n'
ACME = """
[sources.acme]
code = "json:code"
[sources.acme.operations]
CreateUser = "POST /users/{kind}"
DeleteUser = "DELETE /users/{kind}/{user}"
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def loads(text: str, env: str | None = None) -> Policy:
    """Load a policy."""
    return Policy.loads(SMALL + text, env=env)


def problems(text: str, env: str | None = None) -> list[tuple[int, str]]:
    """Return line and id of what is wrong."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads(SMALL + text, env=env)
    return [(problem.line, problem.rule) for problem in caught.value.problems]


def test_a_source_says_where_answers_say_what_and_how_requests_are_named() -> None:
    """Every key is read; the names of headers and hosts have no case, and those of operations do."""
    policy = loads(
        """
        [sources.acme]
        code = "json:errors.0.title"
        request_id = "header:X-Request-Id"
        retry_after = "json:wait"
        success = "json:ok"
        hosts = ["ACME.example.com", "[::1]:8080"]
        [sources.acme.operations]
        Make = "POST /things/{name}/"
        Look = "LIST /"
        """
    )
    assert policy.apis == {
        "acme": RestApi(
            code=AnswerPath("json", ("errors", "0", "title")),
            request_id=AnswerPath("header", ("x-request-id",)),
            retry_after=AnswerPath("json", ("wait",)),
            success=AnswerPath("json", ("ok",)),
            hosts=("acme.example.com", "[::1]:8080"),
            operations=(RequestTemplate("Look", "LIST", ()), RequestTemplate("Make", "POST", ("things", "{name}"))),
        )
    }


def test_a_policy_without_these_tables_has_neither() -> None:
    """Where nothing is said, there is no API and no journal."""
    policy = loads("")
    assert (policy.apis, policy.telemetry, policy.operations) == ({}, None, {})


def test_what_a_repeat_does_follows_from_the_method() -> None:
    """What RFC 9110 calls idempotent is safe, and all else is done twice, unless [operations] knows better."""
    policy = loads(ACME + '[operations.acme]\nCreateUser = "conflict"\nPATCH = "safe"\nOther = "safe"')
    repeats = {name: said.repeat for name, said in policy.operations["acme"].items()}
    assert (repeats["CreateUser"], repeats["DeleteUser"], repeats["Other"]) == ("conflict", "safe", "safe")
    assert {name for name, repeat in repeats.items() if name.isupper() and repeat == "safe"} == {
        *("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"),
    }
    assert repeats["POST"] == "duplicate"


@pytest.mark.parametrize(
    ("operation", "repeat"),
    [("CreateUser", "conflict"), ("DeleteUser", "safe"), ("GET", "safe"), ("POST", "duplicate"), ("LIST", "duplicate")],
)
def test_operations_of_an_api_are_found_by_name(operation: str, repeat: str) -> None:
    """An executor finds the operations of a described API, and careful ones for what nobody described."""
    policy = loads(ACME + '[operations.acme]\nCreateUser = "conflict"')
    found = resolve(f"acme:{operation}", policy=policy, provider=None)
    assert (found.name, found.provider, found.repeat) == (operation, "acme", repeat)


def test_the_catalogue_knows_more_about_an_operation_than_its_method() -> None:
    """A gateway to a known service does not make its operations more or less careful than they are."""
    policy = loads('[sources.tencent.operations]\nDescribeTopic = "POST /describe"\nKnock = "POST /knock"')
    assert resolve("DescribeTopic", policy=policy, provider="tencent").repeat == "safe"
    assert resolve("Knock", policy=policy, provider="tencent").repeat == "duplicate"


def test_a_source_merges_by_key_and_by_operation(tmp_path: Path) -> None:
    """Files and environments add to a source; a place, a list of hosts and a template are replaced whole."""
    base = tmp_path / "base.toml"
    base.write_text(SMALL + ACME, encoding="utf-8")
    top = tmp_path / "top.toml"
    top.write_text(
        'schema = 1\nextends = ["base.toml"]\n'
        '[sources.acme]\nhosts = ["a"]\noperations.KickOut = "DELETE /clients/{id}"\n'
        '[env.prod.sources.acme]\ncode = "header:x-code"\nhosts = ["b", "c"]\n'
        'operations.DeleteUser = "POST /users/{kind}/{user}/delete"\n',
        encoding="utf-8",
    )
    plain, prod = Policy.load(top).apis["acme"], Policy.load(top, env="prod").apis["acme"]
    assert (str(plain.code), plain.hosts) == ("json:code", ("a",))
    assert (str(prod.code), prod.hosts) == ("header:x-code", ("b", "c"))
    assert [str(each) for each in plain.operations] == [
        "POST /users/{kind}",
        "DELETE /users/{kind}/{user}",
        "DELETE /clients/{id}",
    ]
    assert str(prod.operations[1]) == "POST /users/{kind}/{user}/delete"
    assert Policy.load(top, env="prod").operations["acme"]["DeleteUser"].repeat == "duplicate"
    origin = Policy.load(top, env="prod").origin("sources", "acme", "code")
    assert origin is not None
    assert (Path(origin.file).name, origin.line) == ("top.toml", 7)


def test_the_journal_may_differ_by_environment() -> None:
    """The environment's path counts."""
    text = '[telemetry]\njournal = "run.jsonl"\n[env.prod.telemetry]\njournal = "prod.jsonl"'
    assert loads(text).telemetry == TelemetrySettings(journal=str(Path("run.jsonl").absolute()))
    assert loads(text, env="prod").telemetry == TelemetrySettings(journal=str(Path("prod.jsonl").absolute()))


@pytest.mark.parametrize(
    ("changed", "is_other"),
    [
        pytest.param('code = "json:code"', False, id="the-same"),
        pytest.param('code = "json:error.code"', True, id="another-code"),
        pytest.param('code = "json:code"\nhosts = ["a"]', True, id="hosts"),
        pytest.param('code = "json:code"\noperations.A = "GET /a"', True, id="operation"),
    ],
)
def test_the_digest_tells_sources_apart(changed: str, *, is_other: bool) -> None:
    """What makes another fault or another operation makes another digest."""
    assert (loads('[sources.a]\ncode = "json:code"').digest != loads(f"[sources.a]\n{changed}").digest) is is_other


def test_where_the_journal_is_kept_is_no_other_policy() -> None:
    """The digest says what is decided; the journal only writes it down."""
    assert loads("").digest == loads('[telemetry]\njournal = "run.jsonl"').digest


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('A = "GET /a/{x}"\nB = "GET /a/{y}"', [(5, "RP022")], id="other-names-of-placeholders"),
        pytest.param('A = "GET /{x}/b"\nB = "GET /a/{y}"', [(5, "RP022")], id="crossed"),
        pytest.param('A = "GET /a"\nB = "GET /a/"', [(5, "RP022")], id="slash-at-the-end"),
        pytest.param('A = "GET /a/{x}"\nB = "GET /a/b"', [], id="narrower"),
        pytest.param('A = "GET /a/{x}"\nB = "GET /b/{x}"', [], id="other-words"),
        pytest.param('A = "GET /a/{x}"\nB = "PUT /a/{x}"', [], id="other-method"),
        pytest.param('A = "GET /a/{x}"\nB = "GET /a/{x}/{y}"', [], id="longer"),
        pytest.param('A = "GET /a"\n[env.prod.sources.x.operations]\nB = "GET /a"', [(6, "RP022")], id="environment"),
        pytest.param('A = "GET /a"\n[env.prod.sources.x.operations]\nA = "GET /b"\nB = "GET /a"', [], id="moved"),
        pytest.param(
            'A = "GET /a"\nB = "GET /b"\n[env.prod.sources.x.operations]\nA = "GET /b"', [(7, "RP022")], id="replaced"
        ),
    ],
)
def test_two_templates_that_fit_one_request_equally_are_an_error(text: str, found: list[tuple[int, str]]) -> None:
    """Which operation a request is may never depend on the order of a file, in no environment."""
    whole = f"[sources.x.operations]\n{text}"
    if not found:
        assert loads(whole, "prod" if "env" in text else None).apis["x"].operations
        return
    assert problems(whole) == found
    if "env" in text:
        assert problems(whole, env="prod") == found


def test_rules_may_name_the_operations_of_an_api_and_its_methods() -> None:
    """What no template fits is called by its method, and rules may say so; a misspelled name is an error."""
    rules = '[rules.acme]\n"CreateUser/A" = "fail"\n"PUT/A" = "fail"\n"*User/B" = "retry"\n'
    assert len(loads(ACME + rules).rules) == 3
    assert problems(f'{ACME}{rules}"CreateUsr/A" = "fail"') == [(13, "RP051")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[sources.x.operations]\nPOST = "GET /a"', [(4, "RP058")], id="method-for-a-name"),
        pytest.param('[sources.x.operations]\nLIST = "LIST /a"', [], id="name-in-capitals"),
        pytest.param('[sources.x.operations]\n"Make.It" = "GET /a"', [], id="odd-name"),
        pytest.param("[sources.transport]", [(3, "RP058")], id="transport"),
        pytest.param("[sources.X]", [(3, "RP058")], id="capitals"),
        pytest.param("sources.x = 1", [(3, "RP042")], id="no-table"),
        pytest.param("sources.x.operations = 1", [(3, "RP042")], id="operations-that-are-no-table"),
        pytest.param("sources.x.operations.A = []", [(3, "RP042")], id="template-that-is-an-array"),
        pytest.param("sources.x.hosts = [[]]", [(3, "RP042")], id="host-that-is-an-array"),
        pytest.param("sources.x.code = {}", [(3, "RP042")], id="place-that-is-a-table"),
        pytest.param("telemetry.journal = {}", [(3, "RP042")], id="journal-that-is-a-table"),
        pytest.param("telemetry = 1", [(3, "RP042")], id="telemetry-that-is-no-table"),
        pytest.param("[env.dev]\ntelemetry.jornal = 1", [(4, "RP024")], id="telemetry-of-another-environment"),
        pytest.param("[env.dev]\nsources.x.cod = 1", [(4, "RP024")], id="source-of-another-environment"),
    ],
)
def test_what_looks_right_and_is_not_is_reported(text: str, expected: list[tuple[int, str]]) -> None:
    """What looks right and is not earns its problem, in every environment; what looks odd and is right is a policy."""
    if expected:
        assert problems(text) == expected
    else:
        loads(text)


def test_an_operation_with_a_bad_template_may_be_named() -> None:
    """One mistake is one problem, also where rules name what is wrong."""
    assert problems('[sources.x.operations]\nMakeIt = "POST it"\n[rules.x]\n"MakeIt/A" = "fail"') == [(4, "RP042")]
    assert problems('[sources.x.operations]\n"x:MakeIt" = "POST /it"\n[rules.x]\n"MakeIt/A" = "fail"') == [(4, "RP058")]
    assert problems('sources = 1\n[rules.alibaba]\n"MakeIt/A" = "fail"') == [(3, "RP042")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("POSST /it", "POST /it"), ("delte /it", "DELETE /it"), ("PURGE /it", None), ("REPORT /it", None)],
)
def test_a_method_that_is_almost_one_is_misspelled(written: str, meant: str | None) -> None:
    """A service may have methods of its own, but none that is spelled nearly as one of HTTP's."""
    text = f'{SMALL}[sources.x.operations]\nMakeIt = "{written}"'
    if meant is None:
        assert "x" in Policy.loads(text).apis
        return
    with pytest.raises(PolicyError, match=f'did you mean "{meant}"'):
        Policy.loads(text)


def test_an_operation_with_token_in_its_name_is_no_secret() -> None:
    """What is wrong with ``CreateToken`` is said as for any other operation."""
    with pytest.raises(PolicyError, match=r"sources.x.operations.CreateToken: expected a method and a path"):
        Policy.loads(f'{SMALL}[sources.x.operations]\nCreateToken = "/tokens"')


def found(text: str) -> list[tuple[int, str, str]]:
    """Return line, id and message of every finding."""
    return [(each.line, each.rule, each.message) for each in inspect_text(SMALL + text, name="policy.toml")]


def test_a_declared_operation_that_is_almost_one_of_the_api_is_a_finding() -> None:
    """Who says what a repeat of ``CreateUsr`` does has said nothing about ``CreateUser``."""
    rules = '[rules.acme]\nA = "fail"\n'
    ((line, rule, message),) = found(f'{ACME}{rules}[operations.acme]\nCreateUsr = "conflict"')
    assert (line, rule) == (12, "RP072")
    assert 'of [sources.acme]; did you mean "CreateUser"?' in message


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        pytest.param('[sources.alibaba-iot]\n[rules.alibaba-iot]\nA = "fail"', [], id="described"),
        pytest.param('[rules.alibaba-iot]\nA = "fail"', ["RP062"], id="not-described"),
        pytest.param(f'{ACME}[rules.acme]\nA = "fail"\n[rules.acmex]\nA = "fail"', ["RP062"], id="almost-described"),
        pytest.param(f'{ACME}[rules.transport.acme]\nlost = "fail"', [], id="transport-rules-are-rules"),
        pytest.param(
            f'{ACME}[rules.transport.acme]\n"KickOut/lost" = "fail"\n[operations.acme]\nKickOut = "safe"',
            [],
            id="declared-operation",
        ),
        pytest.param(f'{ACME}[rules.transport.acme]\n"Look/lost" = "fail"', ["RP074"], id="unmade-in-transport"),
        pytest.param(f'{ACME}[rules.acme]\n"Create*/A" = "fail"\n"GET/A" = "fail"', [], id="globs-and-methods"),
        pytest.param(f'{ACME}[rules.acme]\n"Look*/A" = "fail"', ["RP021"], id="glob-for-nothing"),
    ],
)
def test_rules_are_held_against_the_apis_of_the_policy(text: str, rules: list[str]) -> None:
    """A described API is a known provider, and its operations are those of its requests."""
    assert [rule for _, rule, _ in found(text)] == rules


def test_an_api_that_a_parent_describes_needs_no_rules(tmp_path: Path) -> None:
    """What a file above describes may be meant for others that extend it."""
    (tmp_path / "base.toml").write_text(SMALL + ACME, encoding="utf-8")
    (tmp_path / "top.toml").write_text('schema = 1\nextends = ["base.toml"]\n', encoding="utf-8")
    assert inspect(tmp_path / "top.toml") == ()
    assert [each.rule for each in inspect(tmp_path / "base.toml")] == ["RP073"]
