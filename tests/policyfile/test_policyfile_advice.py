"""Every finding of a file at once, at its place, with advice that is accepted, and without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from resilience.cli.app import app
from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.lint import inspect
from resilience.policyfile.messages.problems import Problem

TOP = 'schema = 1\nlimits.deadline = "1m"\n'


def errors(text: str, folder: Path) -> list[Problem]:
    file = folder / "policy.toml"
    file.write_text(TOP + text, encoding="utf-8")
    return [problem for problem in inspect(file) if problem.severity == "error"]


@pytest.mark.parametrize(
    ("wrong", "said", "right"),
    [
        pytest.param(
            '[rules.alibaba.CreateGroupId]\n"InternalError" = "retry"',
            '[rules.alibaba]; write "CreateGroupId/InternalError"',
            '[rules.alibaba]\n"CreateGroupId/InternalError" = "retry"',
            id="table-of-an-operation",
        ),
        pytest.param(
            '[rules.alibaba."Create*"]\n"InternalError" = "retry"',
            'write "Create*/InternalError"',
            '[rules.alibaba]\n"Create*/InternalError" = "retry"',
            id="table-of-a-glob",
        ),
        pytest.param(
            '[rules.alibaba.CreateGropuId]\n"InternalError" = "retry"',
            'write "CreateGroupId/InternalError"',
            '[rules.alibaba]\n"CreateGroupId/InternalError" = "retry"',
            id="table-of-a-misspelled-operation",
        ),
        pytest.param(
            '[rules.transport.CreateGroupId]\nlost = "fail"',
            'write "CreateGroupId/lost"',
            '[rules.transport]\n"CreateGroupId/lost" = "fail"',
            id="transport-table-of-an-operation",
        ),
        pytest.param('[rules.alibaba]\n"*/*" = "fail"', "set `unknown`", 'unknown = "fail"', id="everything"),
        pytest.param(
            '[rules.alibaba]\n"*/InternalError.*" = "retry"',
            'write "InternalError"',
            '[rules.alibaba]\n"InternalError" = "retry"',
            id="any-operation-any-sub-code",
        ),
        pytest.param(
            "[rules.acme]\nX = retry", 'a text needs quotes: "retry"', '[rules.acme]\nX = "retry"', id="bare-word"
        ),
        pytest.param(
            '[rules.CreateGroupId]\n"InternalError" = "retry"',
            'write "CreateGroupId/InternalError" = ... in [rules.alibaba]',
            '[rules.alibaba]\n"CreateGroupId/InternalError" = "retry"',
            id="operation-in-the-place-of-a-provider",
        ),
        pytest.param(
            '[rules.alibaba]\n"CreateGroupId:InternalError" = "retry"',
            'did you mean "CreateGroupId/InternalError"?',
            '[rules.alibaba]\n"CreateGroupId/InternalError" = "retry"',
            id="colon",
        ),
        pytest.param(
            '[rules.alibaba]\n"InternalError/CreateGroupId" = "retry"',
            'the operation comes first: write "CreateGroupId/InternalError"',
            '[rules.alibaba]\n"CreateGroupId/InternalError" = "retry"',
            id="code-before-its-operation",
        ),
        pytest.param('[rules.alibaba]\n"*/" = "fail"', "set `unknown`", 'unknown = "fail"', id="no-code"),
        pytest.param(
            "[chaos.alibaba.CreateGroupId]\nInternalError = { rate = 0.1 }",
            'write "CreateGroupId/InternalError"',
            '[chaos.alibaba]\n"CreateGroupId/InternalError" = { rate = 0.1 }',
            id="chaos-for-an-operation",
        ),
        pytest.param(
            "[chaos]\nInternalError = { rate = 0.1 }",
            "such as [chaos.alibaba]",
            "[chaos.alibaba]\nInternalError = { rate = 0.1 }",
            id="chaos-without-a-provider",
        ),
        pytest.param(
            '[rules.prod.alibaba]\nInternalError = "retry"',
            "[env.prod.rules.alibaba]",
            '[env.prod.rules.alibaba]\nInternalError = "retry"',
            id="env-between",
        ),
        pytest.param(
            '[prod.env.limits]\ndeadline = "2m"',
            "[env.prod.limits]",
            '[env.prod.limits]\ndeadline = "2m"',
            id="env-second",
        ),
        pytest.param(
            '[limits.env.prod]\ndeadline = "2m"',
            "[env.prod.limits]",
            '[env.prod.limits]\ndeadline = "2m"',
            id="env-third",
        ),
        pytest.param(
            '[backoff.prod.slow]\nbase = "2s"',
            "[env.prod.backoff.slow]",
            '[env.prod.backoff.slow]\nbase = "2s"',
            id="env-of-a-backoff",
        ),
        pytest.param(
            '[env.limits]\ndeadline = "2m"', "[env.NAME.limits]", '[env.prod.limits]\ndeadline = "2m"', id="env-no-name"
        ),
        pytest.param(
            '[env.prod]\ndeadline = "2m"', "[env.prod.limits]", '[env.prod.limits]\ndeadline = "2m"', id="env-no-table"
        ),
        pytest.param("max_attempts = 3", "belongs in [limits]", "limits.max_attempts = 3", id="limit-at-the-top"),
        pytest.param(
            '[alibaba.rules]\nInternalError = "retry"',
            "[rules.alibaba]",
            '[rules.alibaba]\nInternalError = "retry"',
            id="provider-first",
        ),
        pytest.param(
            "[[operations.acme]]\nA = 'safe'",
            "write [operations.acme], with one pair of brackets",
            "[operations.acme]\nA = 'safe'",
            id="brackets",
        ),
        pytest.param('limits.settle = "1d"', 'did you mean "24h"?', 'limits.settle = "24h"', id="day"),
        pytest.param(
            'limits.attempt_timeout = "none "', 'did you mean "none"?', 'limits.attempt_timeout = "none"', id="none"
        ),
        pytest.param('sources.a.code = "jsn:code"', '"json:code"', 'sources.a.code = "json:code"', id="place"),
        pytest.param(
            "[lint]\nignore = { rp038 = 'x' }", 'did you mean "RP038"?', "[lint]\nignore = { RP038 = 'x' }", id="id"
        ),
        pytest.param(
            "extends = [builtin:common]", 'needs quotes: "builtin:common"', 'extends = ["builtin:common"]', id="builtin"
        ),
        pytest.param(
            "[rules.acme]\n*/X = 'fail'", "; write X", "[rules.acme]\nX = 'fail'", id="any-operation-without-quotes"
        ),
        pytest.param("[rules.acme]\nX.%s = 'fail'", "; write X", "[rules.acme]\nX = 'fail'", id="template"),
        pytest.param("[rules.acme\nX = 'fail'", "as in [rules.acme]", "[rules.acme]\nX = 'fail'", id="open-header"),
        pytest.param('name: "x"', "write = between a key and its value", 'name = "x"', id="yaml"),
        pytest.param('name = "x";', "leave the semicolon out", 'name = "x"', id="semicolon"),
        pytest.param("// x", "a comment begins with #", "# x", id="comment"),
        pytest.param("backoff.a.factor = 2,5", "2.5", "backoff.a.factor = 2.5", id="comma"),
        pytest.param('name = "x', "write a quotation mark behind it", 'name = "x"', id="open-text"),
        pytest.param("name = \u201cx\u201d", 'write "x"', 'name = "x"', id="quotation-marks"),
        pytest.param('limits.settle = "3\u041es"', 'write "30s"', 'limits.settle = "30s"', id="letter-for-a-digit"),
        pytest.param(
            '[prod.limits]\ndeadline = "2m"', "[env.prod.limits]", '[env.prod.limits]\ndeadline = "2m"', id="env"
        ),
        pytest.param(
            'limits.prod.deadline = "2m"', "[env.prod.limits]", '[env.prod.limits]\ndeadline = "2m"', id="env-last"
        ),
        pytest.param(
            "[env]\nproduction = true", "[env.NAME]", "[env.prod]\nproduction = true", id="environment-without-a-name"
        ),
        pytest.param('[backoff]\nbase = "1s"', "[backoff.default]", '[backoff.default]\nbase = "1s"', id="backoff"),
        pytest.param(
            '[rules.transport]\n"SystemOverFlow" = "retry"',
            "belongs in [rules.alibaba]",
            '[rules.alibaba]\n"SystemOverFlow" = "retry"',
            id="code-in-transport",
        ),
    ],
)
def test_the_advice_is_accepted(wrong: str, said: str, right: str, tmp_path: Path) -> None:
    """What is written instead, as the message says, is no error."""
    (problem,) = errors(wrong, tmp_path)
    assert said in problem.message
    assert errors(right, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[rules.a]\n"InvalidParameter.*" = "retyr"', [(4, 1, "RP050"), (4, 24, "RP040")], id="key-value"),
        pytest.param(
            '[rules.a]\n"A.*" = { do = "retry", maxx = 3 }',
            [(4, 1, "RP050"), (4, 25, "RP024")],
            id="key-in-value",
        ),
        pytest.param('[rules.a]\n"B\\u0007" = "fial"', [(4, 1, "RP050"), (4, 13, "RP040")], id="control-character"),
        pytest.param(
            '[backoff.s]\nkind = "list"\ndelays = [1, "5 s", "30s"]', [(5, 11, "RP024"), (5, 14, "RP042")], id="delays"
        ),
        pytest.param('[sources.a]\nhosts = ["a b", "c", 3]', [(4, 10, "RP042"), (4, 22, "RP042")], id="hosts"),
        pytest.param('[rules.a]\nA = "fail"\nA = "fail"', [(5, 1, "RP045")], id="twice"),
        pytest.param('[rules.a]\nA = "fail"\n"A" = [\n"fail"]', [(5, 1, "RP045")], id="twice-over-lines"),
        pytest.param('[backoff.a]\n[limits]\nsettle = "1s"\n[backoff.a]', [(6, 10, "RP045")], id="table-twice"),
        pytest.param('[rules.a]\nA = { do = "retry", do = "fail" }', [(4, 21, "RP045")], id="twice-inline"),
        pytest.param(
            '[rules.a]\nA = "fail"\nA = "fail"\nB = "fial"\n[rules.a]\nC = retyr\n[actions.x]\ndo = no',
            [
                (5, 1, "RP045"),
                (6, 5, "RP040"),
                (7, 8, "RP045"),
                (8, 5, "RP040"),
                (8, 5, "RP045"),
                (10, 6, "RP042"),
                (10, 6, "RP045"),
            ],
            id="behind-what-is-no-TOML",
        ),
        pytest.param(
            'n\u0430me = "x"\n[rules.a]\n\u0410 = retry',
            [(3, 1, "RP045"), (5, 1, "RP045"), (5, 5, "RP045")],
            id="letters",
        ),
        pytest.param("[rules.a]\nA = 'fail\nB = 'fial'", [(4, 5, "RP045"), (5, 5, "RP040")], id="behind-an-open-text"),
    ],
)
def test_every_finding_stands_where_it_is(text: str, expected: list[tuple[int, int, str]], tmp_path: Path) -> None:
    """A wrong key does not hide a wrong value, nor one element of an array another one."""
    text = text.replace("[limits]\nsettle", "[env.a.limits]\nsettle")
    assert [(each.line, each.column, each.rule) for each in errors(text, tmp_path)] == expected


SECRETS = {
    "userinfo": ('[sources.a]\nhosts = ["user:s3cretPass@example.com"]', "s3cretPass"),
    "url": ('[sources.a]\nhosts = ["https://user:s3cretPass@example.com/x"]', "s3cretPass"),
    "key": ('"password=hunter2x" = 1', "hunter2x"),
    "rule": ('[rules.a]\n"password=hunter2x y" = "fail"', "hunter2x"),
    "action": ('[rules.a]\nX = "token=abcd1234"', "abcd1234"),
    "comment": ('[rules.a]\nX = "retyr"  # password: hunter2x', "hunter2x"),
    "access-key": ('[rules.a]\nX = "LTAI5tAbCdEfGhIjKlMn"', "LTAI5tAbCdEfGhIjKlMn"),
    "table": ("[backoff.AKIDabcdefgh12345678]\nbsae = 1", "AKIDabcdefgh12345678"),
    "token": ('[rules.a]\nX = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln"', "eyJhbGciOi"),
    "aws": ('name = "AKIAIOSFODNN7EXAMPLE"', "AKIAIOSFODNN7EXAMPLE"),
    "aws-secret": ('unknown = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"', "wJalrXUtnFEMI"),
    "slack": ("[rules.a]\nX = xoxb-1234567890-abcdefghijkl", "abcdefghijkl"),
    "header": ('[rules.a]\nX = [{ message = "Bearer abcdef0123456789", do = "retyr" }]', "abcdef0123456789"),
    "extends": ('extends = ["https://user:s3cretPass@example.com/p.toml"]', "s3cretPass"),
}


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_shown_nowhere(name: str, form: str, tmp_path: Path) -> None:
    """Neither the message nor the line below it shows it, in any format, nor does the exception."""
    text, secret = SECRETS[name]
    file = tmp_path / "policy.toml"
    file.write_text(TOP + text, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(file), "--format", form])
    assert result.exit_code == 1
    assert secret not in result.output
    with pytest.raises(PolicyError) as caught:
        Policy.load(file)
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value)
