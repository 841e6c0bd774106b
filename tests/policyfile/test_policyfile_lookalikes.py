"""Letters that look like others are named, wherever they stand, with the word to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.policyfile.lint import inspect

TOP = 'schema = 1\nlimits.deadline = "1m"\n'


def messages(text: str, folder: Path) -> list[str]:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return [problem.message for problem in inspect(file) if problem.severity == "error"]


@pytest.mark.parametrize(
    ("text", "what", "instead"),
    [
        pytest.param('[rules.alibaba]\n"Intern\u0430lError" = "retry"\n', "Cyrillic", '"InternalError"', id="code"),
        pytest.param('[rules.acme]\n"C\u03bfde" = "retry"\n', "Greek", '"Code"', id="code-of-nobody-known"),
        pytest.param('[rules.acme]\n"Co\u200bde" = "retry"\n', "zero width space", '"Code"', id="unseen"),
        pytest.param('[rules.acme]\n"Code\u00a0" = "retry"\n', "no-break space", '"Code"', id="no-break-space"),
        pytest.param('[rules.acme]\n"\uff23ode" = "retry"\n', "full-width", '"Code"', id="full-width"),
        pytest.param('[rules.acme]\n"http\u2013503" = "retry"\n', "en dash", '"http-503"', id="dash"),
        pytest.param(
            '[rules.alibaba]\n"Create\u0421ustom/X" = "retry"\n', "Cyrillic", '"CreateCustom/X"', id="operation"
        ),
        pytest.param('[rules.alibaba]\nX = "r\u0435try"\n', "Cyrillic", '"retry"', id="action"),
        pytest.param('[rules.alib\u0430ba]\nX = "retry"\n', "Cyrillic", '"alibaba"', id="provider"),
        pytest.param("[env.pr\u043ed]\nproduction = true\n", "Cyrillic", '"prod"', id="environment"),
        pytest.param('"lim\u0456ts" = 1\n', "Cyrillic", '"limits"', id="key"),
        pytest.param('[backoff.a]\n"b\u0430se" = "1s"\n', "Cyrillic", '"base"', id="key-in-a-table"),
        pytest.param('[actions."m\u0443"]\ndo = "fail"\n', "Cyrillic", '"my"', id="name"),
        pytest.param('[backoff.a]\nbase = "\uff15s"\n', "full-width", '"5s"', id="duration"),
        pytest.param('[operations.acme]\n"\u0421reate" = "safe"\n', "Cyrillic", '"Create"', id="declared-operation"),
        pytest.param("[rules.acme]\nX = \u201cretry\u201d\n", "double quotation mark", '"', id="quotes"),
    ],
)
def test_a_letter_that_looks_like_another_is_named(text: str, what: str, instead: str, tmp_path: Path) -> None:
    """The message says what the letter is, and the word as it is to be written."""
    quoted = text
    for name in ("alib\u0430ba", "pr\u043ed"):
        quoted = quoted.replace(f".{name}]", f'."{name}"]')
    (message,) = messages(TOP + quoted, tmp_path)
    assert what in message
    assert f"write {instead}" in message


@pytest.mark.parametrize("code", ["\u9519\u8bef", "\u041e\u0448\u0438\u0431\u043a\u0430", "Stra\u00dfe"])
def test_a_word_of_another_script_is_a_word(code: str, tmp_path: Path) -> None:
    """A code that is spelled in another script altogether may be a service's own."""
    assert messages(f'{TOP}[rules.acme]\n"{code}" = "retry"\n', tmp_path) == []
