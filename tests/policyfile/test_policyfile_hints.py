"""What people write out of habit, and what the messages tell them to write instead."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.grammar.durations import meant, seconds
from resilience.policyfile import Policy, PolicyError

HEAD = 'schema = 1\nlimits.deadline = "2m"\n'


def error(text: str) -> str:
    """Return what is said of a text under a sound beginning."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads(HEAD + text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('CreateGroupId/X = "fail"', 'needs quotes: "CreateGroupId/X"', id="key-with-a-slash"),
        pytest.param("[backoff.a]\nbase = 1m", 'a duration needs quotes: "1m"', id="duration"),
        pytest.param("[backoff.a]\nbase = 2sec # slow", 'a duration needs quotes: "2s"', id="loose-duration"),
        pytest.param("backoff.a.delays = [1s, 2s]", 'a duration needs quotes: "1s"', id="duration-in-an-array"),
        pytest.param("[actions.a]\ncounts = False", "write false, in lower case", id="capital-false"),
        pytest.param("[actions.a]\ncounts = TRUE", "write true, in lower case", id="capital-true"),
        pytest.param(
            "[rules.alibaba]\n[rules.alibaba]", "rules.alibaba is defined twice; put both together", id="table"
        ),
        pytest.param('[rules."a.b"]\n[rules."a.b"]', 'rules."a.b" is defined twice', id="table-with-quotes"),
        pytest.param("[limits]\nsettle = 1", "limits is defined twice; put both together", id="table-and-dotted-key"),
        pytest.param(
            '[rules.alibaba]\nA = "fail"\nA = "fail"', "rules.alibaba.A is defined twice; keep one of them", id="key"
        ),
        pytest.param(
            'limits.deadline = "3m"', "limits.deadline is defined twice; keep one of them", id="key-at-the-top"
        ),
        pytest.param(
            "rules.alibaba.A = { max = 1, max = 2 }", "max is defined twice; keep one of them", id="key-in-braces"
        ),
        pytest.param("name = 1\n[name.a]", "name has a value already", id="value-and-table"),
        pytest.param('rules.a.B = 1\nrules.a.B = """\n"""', "rules.a.B is defined twice", id="value-over-lines"),
    ],
)
def test_a_syntax_error_says_what_to_write(text: str, said: str) -> None:
    """The habits of other formats are met with the right spelling, and no message holds a Python value."""
    message = error(text)
    assert "error[RP045]" in message
    assert said in message
    assert "('" not in message


@pytest.mark.parametrize(
    "text",
    [
        "access_key_secret = abcdefgh",
        'access_key_secret = "abcdefgh\n',
        'access_key_secret = "x"\naccess_key_secret = "abcdefgh"',
        'credentials = { secret_id = "abcdefgh", }, x',
        '[credentials]\naccess_key_secret = "abcdefgh"',
        'env.prod.credentials.key_id = "abcdefgh"',
        'limits.token = "abcdefgh"',
        'rules.password = "abcdefgh"',
        'rules.alibaba.access_key_id = "abcdefgh"',
        'rules.alibaba.SecretKey = "abcdefgh"',
        'rules.alibaba.X = { do = "retry", token = "abcdefgh" }',
        'actions.secret = "abcdefgh"',
        'operations.tencent.SecurityToken = "abcdefgh"',
    ],
)
def test_what_a_key_of_a_secrets_name_holds_is_never_shown(text: str) -> None:
    """However harmless the value looks, and wherever it stands, the key's name is enough."""
    assert "abcdefgh" not in error(text)


def test_a_hint_repeats_no_secret() -> None:
    """A secret without quotes that could be a duration is not offered in quotes."""
    assert "12h34m" not in error("access_key_secret = 12h34m")


@pytest.mark.parametrize(
    "text", ['rules.alibaba.InvalidToken = "pateint"', 'rules.alibaba."RevokeToken/SystemOverFlow" = "pateint"']
)
def test_a_code_with_such_a_word_in_it_is_no_secret(text: str) -> None:
    """Services name their codes and operations after tokens too; a wrong action there is called just that."""
    assert 'error[RP040] unknown action "pateint"' in error(text)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("60", "60s"),
        ("1 min", "1m"),
        ("2sec", "2s"),
        ("1 hour 5 minutes", "1h5m"),
        ("1.5 Hours", "1.5h"),
        ("500 millis", "500ms"),
        ("1m 30", None),
        ("5m1h", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_loose_duration_is_understood(text: str, duration: str | None) -> None:
    """Units may be words, with blanks around them; what is ambiguous is not guessed at."""
    assert meant(text) == duration


@given(st.text(st.sampled_from("0123456789.hmsince \tur"), max_size=12))
def test_whatever_is_suggested_is_a_duration(text: str) -> None:
    """No suggestion earns the next error."""
    near = meant(text)
    assert near is None or (seconds(near) is not None and re.search("[0-9]", near))
