"""What a policy says beside those that it extends: it takes effect, or a finding says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.policyfile.lint import inspect

TOP = 'schema = 1\nlimits.deadline = "2m"\n'


def found(folder: Path, text: str) -> list[tuple[str, str, str]]:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return [(each.rule, each.severity, each.message) for each in inspect(file)]


@pytest.mark.parametrize(
    ("bases", "tables"),
    [
        pytest.param(["alibaba"], "[rules.transport.alibaba]", id="one"),
        pytest.param(
            ["alibaba", "tencent"], "[rules.transport.alibaba] and [rules.transport.tencent]", id="each-of-them"
        ),
    ],
)
def test_a_transport_rule_that_the_providers_own_rules_answer_for_says_where_to_write_it(
    bases: list[str], tables: str, tmp_path: Path
) -> None:
    """``[rules.transport]`` over a shipped policy changes nothing for its provider, and is not left to be believed."""
    extends = ", ".join(f'"builtin:{base}-mqtt"' for base in bases)
    text = f'schema = 1\nextends = [{extends}]\n[rules.transport]\nlost = "fail"\n'
    ((rule, severity, message),) = found(tmp_path, text)
    assert (rule, severity) == ("RP021", "warning")
    assert message.endswith(f"write it in {tables}")
    as_told = "".join(f'{table}\nlost = "fail"\n' for table in tables.split(" and "))
    assert found(tmp_path, f"schema = 1\nextends = [{extends}]\n{as_told}") == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('rules.transport.lost = "fail"\nrules.acme.BUSY = "retry"\n', id="an-api-of-ones-own"),
        pytest.param('[rules.transport]\nlost = "fail"\nalibaba.lost = "retry"\n', id="said-in-the-same-file"),
    ],
)
def test_a_transport_rule_that_some_call_meets_is_no_finding(text: str, tmp_path: Path) -> None:
    """Another provider, or the same file's narrower rule, is what such a table is for."""
    extends = 'extends = ["builtin:alibaba-mqtt"]\n' if "acme" in text else 'limits.deadline = "1m"\n'
    assert [each for each in found(tmp_path, "schema = 1\n" + extends + text) if each[1] != "info"] == []
