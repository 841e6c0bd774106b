"""What does not read like a word of the language is shown nowhere, wherever it stands; words still are."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from resilience.catalog import catalogue, providers
from resilience.cli.app import app
from resilience.cli.check.findings import FORMATS
from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.lint import inspect_text
from resilience.policyfile.messages.secrecy import is_word, masked
from resilience.policyfile.messages.wording import dotted, quoted

HEAD = 'schema = 1\nlimits.deadline = "1m"\n'
SECRETS = ["hunter2Secret!x", "S3cr3tPass", "p@ssw0rd", "kJhGfDsAqWeRtYuI", "Tr0ub4dor&3", "x9-Kd2mQ_81zz", "hunter2"]
PLACES = [
    'rules.acme.X = "{}"',
    'rules.acme."{}" = "retyr"',
    'rules.acme."{}.*" = "retyr"',
    'rules.acme."Create/{}" = {{ do = "retyr" }}',
    'rules.alibaba."{}/X" = "fail"',
    'rules."{}".X = "fail"',
    'rules.acme.X = {{ do = "retry", then = "{}" }}',
    'rules.acme.X = {{ do = "{}", max = 3 }}',
    'rules.acme.X = {{ "{}" = 3 }}',
    'rules.acme.X = [{{ message = "{}", do = "retyr" }}, "{}"]',
    'rules.transport."{}" = "fail"',
    'actions."{}".do = "retyr"',
    'actions."{} x".do = "retry"',
    'actions.a = {{ do = "{}" }}\nrules.acme.X = "b"',
    'actions."{}" = {{ do = "retry", backoff = "x" }}\nrules.acme.X = "nothing"',
    'actions.a = {{ do = "rename", pattern = "{}" }}',
    'backoff."{}" = {{ kind = "list" }}',
    'backoff.a = {{ kind = "{}" }}',
    'backoff.a.delays = ["1s", "{}"]',
    'limits.settle = "{}"',
    'limits."{}" = 1',
    '"{}" = 1',
    '"{}".x = "y"',
    '[env."{}".limits]\nsettle = 1',
    'env."{}" = 1',
    'env.a."{}" = 1',
    'unknown = "{}"',
    'extends = ["{}"]',
    'extends = "{}"',
    'extends = ["/etc/{}"]',
    'extends = ["builtin:{}"]',
    'sources.a.hosts = ["{}"]\nrules.acme.X = "retyr"',
    'sources.a.hosts = ["user:{}@example.com"]',
    'sources.a.code = "{}"',
    'sources.a.operations.X = "GET /x?key={}"',
    'operations.acme.X = "{}"',
    'operations.acme."{}" = "sfae"',
    'operations.acme.X = {{ repeat = "conflict", key = ["{}", "{}"], rename = "Y" }}',
    'credentials."{}".role = 1',
    'credentials.alibaba.source = "{}"',
    'credentials.alibaba.command = "{} x"',
    'lint.ignore."{}" = "x"',
    'chaos.alibaba."{}" = 1',
    'access_key_secret = "{}"',
    'limits = {{ password = ["{}", 1] }}',
    'signing-key = "{}"',
    'rules.acme.X = "retyr" # {}',
    'rules.acme.X = "retyr" # the password is {}',
    "rules.acme.X = {}",
    'rules.acme.X = "{}',
    'rules.acme.X = {}"',
    'rules.acme.X "{}"',
    "rules.acme.X: {}",
    "{}",
    "{} = 1",
    "[{}",
    "[rules.{}",
    "[rules {}]",
    "[[{}]]",
    "// {}",
    'rules.acme.X = "a" "{}"',
    'rules.acme.X = ["a" "{}"',
    'rules.acme.X = {{ do = "{}" max = 3 }}',
    'rules.acme.X = "\\q{}"',
    'rules.acme.X = "say "{}" twice"',
    'rules.acme.X = """\n{}',
    'password = """\n{}\n""" x',
    'token = [\n"{}",\nnull\n]',
    "n\u0430me = {}",
    'rules.acme."{}" = 1\nrules.acme."{}" = 2',
    '["{}"]\n["{}"]',
]


@pytest.mark.parametrize("place", PLACES, ids=[each[:40].replace("\n", " ") for each in PLACES])
def test_what_may_be_a_secret_is_shown_nowhere(place: str) -> None:
    """Neither a message nor the line below it shows it, in any format, nor does the exception."""
    for secret in SECRETS:
        text = HEAD + place.replace("{}", secret).replace("{{", "{").replace("}}", "}")
        found = inspect_text(text, name="policy")
        for form in FORMATS.values():
            assert secret not in form(found)
        with pytest.raises(PolicyError) as caught:
            Policy.loads(text + "\nrules = 1")
        assert secret not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("command", [["check"], ["explain", "-p"], ["diff", "builtin:common"], ["simulate", "-p"]])
def test_no_command_shows_it(command: list[str], tmp_path: Path) -> None:
    """Whatever reads a policy says no more about it than check does."""
    file = tmp_path / "policy.toml"
    file.write_text(HEAD + 'rules.acme.X = "hunter2Secret!x"\n"S3cr3tPass" = 1\n', encoding="utf-8")
    result = CliRunner().invoke(app, [*command, str(file), *(["X"] if command[0] in {"explain", "simulate"} else [])])
    assert result.exit_code != 0
    assert "hunter2" not in result.output
    assert "S3cr3t" not in result.output


@pytest.mark.parametrize(
    "text",
    [
        *("retyr", "patient", "slow-retry_2", "5 sec", "1h30", "1 hour 5 minutes", "InvalidParameter.Actions"),
        *("CreateGroupId/GroupIdAlreadyExsited", "Create*Group/X", "http-503", "http-5xx", "json:error.code"),
        *("broker.example.com:18083", "../bases/mqtt-2026.toml", "builtin:alibaba-mqtt", "{name}-{n}", "retry later"),
        *("GroupIdAlreadyUsedByOtherUsers", "UnsupportedHTTPMethod", "POST /users/{user}", "header:x-request-id"),
        *("r\u0435try", "gr\u00f6\u00dfe", "Broken%s", "~/ledger.db", "${HOME}/x", "INTERNAL_ERROR", ""),
    ],
)
def test_words_of_the_language_are_shown(text: str) -> None:
    """Misspelled or not, a reader sees what stands in the file."""
    assert is_word(text)
    assert quoted(text) == f'"{text}"'


@pytest.mark.parametrize("provider", providers())
def test_the_names_of_a_service_are_shown(provider: str) -> None:
    """Codes and operations are public, however long, and alone as well as together."""
    known = catalogue(provider)
    assert [each for each in (*known.codes, *known.operations) if not is_word(each)] == []
    longest, code = (max(names, key=len) for names in (known.operations, known.codes))
    assert masked(f'"{longest}/{code}" = "retry"') == f'"{longest}/{code}" = "retry"'
    assert masked(f'"{longest}/{code}s" = "retry"') == f'"{longest}/{code}s" = "retry"'
    assert not is_word(f"{longest}/hunter2Secret!x")
    assert not is_word("hunterSecretPassPhraseOfMineWithManyWordsInside")


@pytest.mark.parametrize("text", [*SECRETS, "123456", "QWERTYUIOPASDFGHJKL", "T00000000", "a=b", "xkqzvbnmprtw"])
def test_anything_else_is_described(text: str) -> None:
    """Its length is enough to find it."""
    assert quoted(text) == f"a text of {len(text)} characters"
    assert text not in dotted(("rules", text))
    assert masked(f'"X" = "{text}" # {text}') == f'"X" = "{"*" * len(text)}" # {"*" * len(text)}'
