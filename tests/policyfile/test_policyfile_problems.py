"""How a problem is shown, and what is never shown."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.grammar.durations import seconds, written
from resilience.policyfile import Policy, PolicyError, Problem
from resilience.policyfile.messages.problems import Lines
from resilience.policyfile.messages.wording import dotted, has_secret, is_secret, quoted, shown, suggestion

HEAD = 'schema = 1\nlimits.deadline = "2m"\n'
SECRETS = (
    pytest.param("LTAI5tNotARealKey", id="alibaba-key-id"),
    pytest.param("AKIDz8krbsJ5yKBZQpn74WFkm", id="tencent-key-id"),
    pytest.param("STS.NUgYrLnoC37mZZCNnAbez", id="sts-key-id"),
    pytest.param("yourAccessKeySecretIs30Letters", id="alibaba-secret"),
    pytest.param("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", id="tencent-secret"),
    pytest.param("0123456789abcdef0123456789abcdef", id="hash"),
)


def error(text: str) -> PolicyError:
    """Return what is wrong with a text."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads(text)
    return caught.value


def test_a_problem_is_shown_with_its_line_and_carets() -> None:
    """Where, how bad, which id and what; then the line, with carets under what is meant."""
    problem = Problem(
        file="policies/prod.toml",
        line=7,
        column=20,
        rule="RP040",
        message='unknown action "pateint"; did you mean "patient"?',
        source='"SystemOverFlow" = "pateint"',
        length=9,
    )
    assert str(problem) == (
        'policies/prod.toml:7:20: error[RP040] unknown action "pateint"; did you mean "patient"?\n'
        '  7 | "SystemOverFlow" = "pateint"\n'
        "    |                    ^^^^^^^^^"
    )


def test_a_line_that_is_long_is_cut_around_what_is_meant() -> None:
    """The carets stand under the value also where the line would wrap."""
    text = HEAD + "rules.acme = { " + ", ".join(f'C{number} = "fail"' for number in range(90)) + ', X = "nonsense" }\n'
    head, line, carets = str(error(text)).splitlines()
    assert "unknown action" in head
    assert len(line) < 200
    start, end = carets.index("^"), carets.rindex("^") + 1
    assert line[start:end] == '"nonsense"'


def test_what_would_move_the_cursor_is_not_printed() -> None:
    """Control characters of a broken file and escapes in a value reach no terminal."""
    shown_text = str(error("schema = 1\n\x1b[31m = \x9b1\n")) + str(
        error(HEAD + 'rules.acme."\\u001b[31m\\u202e" = "fail"\n')
    )
    assert all(char.isprintable() or char == "\n" for char in shown_text)


def test_a_value_over_several_lines_is_marked_on_its_first() -> None:
    """Carets never reach past the end of the line that is shown."""
    found = str(error(HEAD + 'unknown = """\nno\nsuch"""\n')).splitlines()
    assert found[1:] == ['  3 | unknown = """', "    |           ^^^"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_reported_without_being_shown(secret: str) -> None:
    """Wherever a secret stands, neither the message nor the line shows it."""
    for text in (
        f'name = "{secret}"',
        f'unknown = "{secret}"',
        f'limits.settle = "{secret}"',
        f'backoff.b.kind = "{secret}"',
        f'rules.acme.A = "{secret}"',
        f'rules.acme."A/{secret}.*" = "fail"',
        f'rules.acme."{secret}" = {{ do = "nothing" }}',
        f'rules.acme.A = {{ do = "retry", then = "{secret}", {secret.replace(".", "")} = 1 }}',
        f"rules.acme.A = 1 # {secret}",
        f"{secret.replace('.', '')} = 1",
        f'actions."{secret} ".do = "retry"',
        f'operations.acme.A = "{secret}"',
        f'extends = ["{secret}"]',
        f'rules.alibaba."{secret.replace(".", "")}/A" = "fail"',
        f'rate = "{secret}"',
        f'env = {{ prod = "{secret}" }}',
        f'env."{secret}" = 1',
        f'env."{secret}".limits.settle = 1',
        f'rules.acme.A = "{secret}" "',
        f'credentials."{secret}" = 1',
    ):
        assert secret not in str(error(HEAD + text)), text
        assert secret.replace(".", "") not in str(error(HEAD + text)), text


@pytest.mark.parametrize("key", ["accessKeySecret", "token", "password", "api_key", "SECRET_KEY", "access_key_id"])
def test_a_key_for_a_secret_is_an_error_of_its_own(key: str) -> None:
    """Whatever its value looks like, a key of such a name says that secrets do not belong here."""
    found = error(HEAD + f'[credentials.alibaba]\n{key} = "abc"\n')
    assert [problem.rule for problem in found.problems] == ["RP039"]
    assert "abc" not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"ApplyTokenOverFlow" = "pateint"', id="code-with-token"),
        pytest.param('"GroupIdAlreadyUsedByOtherUsers" = "fail"', id="long-code"),
        pytest.param("backoff-for-throttled-requests-2 = 1", id="long-name"),
        pytest.param('extends = ["../../policies/mqtt-provisioning-2026.toml"]', id="path"),
        pytest.param("max_attempts = 123456789012345678901234567890", id="digits"),
    ],
)
def test_an_ordinary_line_is_shown(text: str) -> None:
    """What is merely long hides nothing."""
    assert not has_secret(text)
    assert not is_secret(text)


@given(st.text(max_size=60))
def test_quoting_keeps_to_one_printable_line(text: str) -> None:
    """Whatever was found, it is shown short and on one line."""
    found = quoted(text)
    assert found.isprintable()
    assert len(found) <= 60


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (False, "false"),
        ("a\tb", '"a b"'),
        (5, "5"),
        pytest.param(10**5000, "a huge number", id="huge"),
        (math.inf, "inf"),
        ({}, "a table"),
        ([], "an array"),
        (None, "a date or time"),
    ],
)
def test_what_was_found_is_named_as_toml_names_it(value: object, expected: str) -> None:
    """A reader sees what stands in the file, not what Python made of it."""
    assert shown(value) == expected


def test_a_suggestion_needs_a_near_name_in_any_case() -> None:
    """Letters of the wrong case are no distance; a name that is far away is not suggested."""
    assert suggestion("pateint", ["patient", "fail"]) == '; did you mean "patient"?'
    assert suggestion("CREATEGROUPID", ["CreateGroupId"]) == '; did you mean "CreateGroupId"?'
    assert suggestion("zzz", ["patient", "fail"]) == ""


def test_a_path_is_written_as_in_the_file() -> None:
    """Parts that need quotes get them."""
    assert dotted(("rules", "acme", "A.B", "delays", 1)) == 'rules.acme."A.B".delays[1]'


@given(st.text("ab\n"), st.data())
def test_lines_and_columns_count_from_one(text: str, data: st.DataObject) -> None:
    """A position leads back to the character that it stands for."""
    offset = data.draw(st.integers(0, len(text)))
    line, column = Lines(text).place(offset)
    assert sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1 == offset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("1.5s", 1.5),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1h2m3s4ms", 3723.004),
        ("0s", 0.0),
        ("", None),
        ("30", None),
        ("s", None),
        ("1s1m", None),
        ("1s1s", None),
        ("-1s", None),
        ("1 s", None),
        ("1S", None),
        ("1d", None),
        (".5s", None),
        ("1e3s", None),
        ("\u0661s", None),
        ("9" * 400 + "s", None),
    ],
)
def test_durations_are_read_as_they_are_documented(text: str, expected: float | None) -> None:
    """Units go from large to small, each at most once; anything else is no duration."""
    found = seconds(text)
    assert found == (expected if expected is None else pytest.approx(expected))


@given(st.integers(1, 10_000_000))
def test_a_duration_that_is_suggested_can_be_written(milliseconds: int) -> None:
    """What a hint proposes for a bare number is a duration of that many seconds."""
    number = milliseconds / 1000
    assert seconds(written(number)) == pytest.approx(number, rel=1e-5)
