"""``codes``: what the catalogue knows, what a policy does about it, and what an installed SDK knows besides."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.catalog import catalogue, providers
from resilience.cli.app import app
from resilience.cli.codes import sdk_codes


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["codes", *arguments], env={"COLUMNS": "80"})


def told(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return {f"{each['provider']}:{each['code']}": each for each in json.loads(result.stdout)}


def test_every_code_of_the_catalogue_is_listed() -> None:
    """Without options the codes of both services are listed, each with its meaning."""
    found = told()
    assert {key for key in found if key.startswith("alibaba:")} == {
        f"alibaba:{code}" for code in catalogue("alibaba").codes
    }
    assert found["tencent:InternalError"]["effect"] == "unknown"
    assert "action" not in found["tencent:InternalError"]


def test_a_provider_chooses_its_codes() -> None:
    """``--provider`` leaves out the other service."""
    assert {key.partition(":")[0] for key in told("--provider", "tencent")} == {"tencent"}


@pytest.mark.parametrize(
    ("code", "action", "by"),
    [
        pytest.param("alibaba:ApplyTokenOverFlow", "patient", "code", id="by-its-own-rule"),
        pytest.param("alibaba:Throttling.User", "patient", "parent", id="by-its-parents-rule"),
        pytest.param("alibaba:GroupIdAlreadyExsited", "fail", "status", id="by-its-status"),
        pytest.param("alibaba:SDK.UnknownServerError", "fail", "unknown", id="by-nothing"),
    ],
)
def test_a_policy_says_what_it_does_about_each_code(code: str, action: str, by: str) -> None:
    """With a policy each code has its action, and how that was found."""
    found = told("--policy", "builtin:alibaba-mqtt")[code]
    assert (found["action"], found["by"]) == (action, by)


def test_operations_with_a_rule_of_their_own_are_named() -> None:
    """A code that only one operation's rule names says which, and what that rule asks for."""
    found = told("--policy", "builtin:provisioning", "--env", "staging")["alibaba:GroupIdAlreadyExsited"]
    assert found["narrower"] == {"CreateGroupId": "there-already"}


def test_a_narrower_rule_for_the_parent_is_named(tmp_path: Path) -> None:
    """A rule for some operations that names the parent of a code holds for the code, and is told."""
    file = tmp_path / "own.toml"
    file.write_text(
        'schema = 1\nlimits = { deadline = "1m" }\nrules.alibaba."Create*/Throttling" = "retry"\n', encoding="utf-8"
    )
    assert told("--policy", str(file))["alibaba:Throttling.User"]["narrower"] == {"Create*": "retry"}


def test_codes_that_no_rule_names_can_be_asked_for() -> None:
    """``--unnamed`` lists what nobody has thought about, and nothing else."""
    assert set(told("--policy", "builtin:provisioning", "--unnamed")) == {"alibaba:SDK.UnknownServerError"}
    assert run("--unnamed").exit_code == 2


def test_an_environment_without_a_policy_is_wrong_use() -> None:
    """``--env`` chooses within a policy; without one it would be ignored, so it is refused."""
    result = run("--env", "prod")
    assert result.exit_code == 2
    assert "--env needs --policy" in result.output


def test_a_code_that_only_the_policy_knows_is_listed(tmp_path: Path) -> None:
    """A rule for a code that is in no catalogue is shown as such."""
    file = tmp_path / "own.toml"
    file.write_text('schema = 1\nlimits = { deadline = "1m" }\nrules.alibaba.BrandNew = "retry"\n', encoding="utf-8")
    found = told("--policy", str(file), "--provider", "alibaba")["alibaba:BrandNew"]
    assert (found["known"], found["action"]) == (False, "retry")


def test_the_text_fits_and_counts() -> None:
    """The text has one line of facts for each code, and says how many have no rule."""
    output = run("--provider", "alibaba", "--policy", "builtin:alibaba-mqtt").output
    assert "  on CreateGroupId: ours" in output
    assert f"{len(catalogue('alibaba').codes)} codes, 1 of them named by no rule" in output


@pytest.mark.parametrize("provider", providers())
def test_the_text_says_of_what_and_from_where(provider: str) -> None:
    """Each code has its operations, the first ones by name, and its source, which stands in full below the codes."""
    known = catalogue(provider)
    lines = run("--provider", provider).output.replace("\n", " ").split("  ")
    for facts in known.codes.values():
        few = ", ".join(facts.operations[:3]) or "any operation"
        more = f" and {len(facts.operations) - 3} more" if len(facts.operations) > 3 else ""
        assert f"of {few}{more}; from {facts.source}" in " ".join(lines), facts.code
    for name in {facts.source for facts in known.codes.values()}:
        assert known.sources[name][:60] in " ".join(lines)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param("rules.tencent.InternalError = 'verify'", {"tencent"}, id="rules"),
        pytest.param("rules.transport.alibaba.lost = 'retry'", {"alibaba"}, id="transport-rules"),
        pytest.param("operations.alibaba.CreateGroupId = 'conflict'", {"alibaba"}, id="operations"),
        pytest.param("credentials.tencent.max_refreshes = 1", {"tencent"}, id="credentials"),
        pytest.param("rules.acme.BUSY = 'retry'", {"acme"}, id="own-provider"),
        pytest.param("rules.transport.lost = 'retry'", set(providers()), id="nobody-in-particular"),
    ],
)
def test_a_policy_speaks_of_its_own_providers(policy: str, expected: set[str], tmp_path: Path) -> None:
    """Codes of a provider that the policy does not speak of are not listed as if they had been forgotten."""
    file = tmp_path / "own.toml"
    file.write_text(f'schema = 1\nlimits = {{ deadline = "1m" }}\n{policy}\n', encoding="utf-8")
    assert {each["provider"] for each in told("--policy", str(file)).values()} == expected


def test_a_provider_that_is_asked_for_is_shown() -> None:
    """``--provider`` counts more than what the policy speaks of; one that nobody knows is wrong use."""
    found = told("--policy", "builtin:alibaba-mqtt", "--provider", "tencent")
    assert found["tencent:InternalError"]["action"] == "fail"
    result = run("--policy", "builtin:alibaba-mqtt", "--provider", "tencnet")
    assert result.exit_code == 2
    assert f"expected one of {', '.join(providers())}" in result.output


def test_the_installed_sdk_is_compared() -> None:
    """Every error code that the installed SDK of Tencent lists is in the catalogue."""
    result = run("--installed", "--provider", "tencent")
    assert result.exit_code == 0, result.output
    assert re.search(r"^tencentcloud-sdk-python-mqtt [\d.]+ lists 32 error codes$", result.output, re.MULTILINE)
    assert "the catalogue knows all of them" in result.output


def test_every_sdk_with_a_list_is_compared() -> None:
    """The models of botocore are a list, too; a newer one than that of the catalogue may have more codes."""
    tencent, aws = json.loads(run("--installed", "--format", "json").stdout)
    assert (tencent["provider"], aws["provider"], aws["sdk"]) == ("tencent", "aws-iot", "botocore")
    assert "AccessDeniedException" in aws["more"]
    is_newer = aws["version"] not in catalogue("aws-iot").sources["model-iot"]
    assert aws["missing"] == [] or is_newer


def test_an_sdk_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are compared; without any the message says what could be installed."""
    monkeypatch.setattr(sdk_codes, "find_spec", lambda name: None if name == "botocore" else find_spec(name))
    assert [each["provider"] for each in json.loads(run("--installed", "--format", "json").stdout)] == ["tencent"]
    result = run("--installed", "--provider", "aws-iot")
    assert result.exit_code == 2
    assert "no SDK is installed of aws-iot with error codes of version 2015-05-28" in result.output


def test_a_code_that_the_catalogue_lacks_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A newer SDK with another code exits with 1 and names it."""
    file = tmp_path / "tencentcloud" / "mqtt" / "v20240516" / "errorcodes.py"
    file.parent.mkdir(parents=True)
    (tmp_path / "tencentcloud" / "__init__.py").touch()
    file.write_text("# why\nINTERNALERROR = 'InternalError'\nNEW = 'QuiteNew'\n", encoding="utf-8")
    monkeypatch.setattr(sdk_codes, "find_spec", lambda _: _Spec([str(tmp_path / "tencentcloud")]))
    result = run("--installed", "--provider", "tencent", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["missing"] == ["QuiteNew"]


class _Spec:
    def __init__(self, folders: list[str]) -> None:
        self.submodule_search_locations = folders


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(["--installed", "--provider", "alibaba"], id="no-list"), pytest.param(["--policy"], id="no-value")],
)
def test_what_cannot_be_done_is_wrong_use(arguments: list[str]) -> None:
    """An SDK without a list of codes cannot be compared."""
    assert run(*arguments).exit_code == 2
