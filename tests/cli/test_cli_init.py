"""``init`` and ``schema`` as a user types them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator

from resilience.catalog import providers
from resilience.cli.app import app
from resilience.cli.init import write_new
from resilience.policyfile import Policy
from resilience.policyfile.format.schema import schema, text
from resilience.policyfile.lint import inspect
from resilience.policyfile.starter import PURPOSES, starter

# Brokers that users run themselves.
BROKERS = {"emqx", "rabbitmq"}

CHOICES = [
    pytest.param([], ["dev", "prod"], id="default"),
    *(pytest.param(["--provider", each], ["dev", "prod"], id=each) for each in providers()),
    pytest.param(
        ["--env", "dev", "--env", "staging", "--env", "prod", "--env", "lab"],
        ["dev", "staging", "prod", "lab"],
        id="four",
    ),
    pytest.param(["--env", "Production"], ["Production"], id="a-capital"),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="resilience")


@pytest.mark.parametrize(("options", "environments"), CHOICES)
def test_what_init_writes_loads_without_a_warning(options: list[str], environments: list[str]) -> None:
    """The policy can be used as it stands, in each environment that was asked for, and no other exists."""
    assert run("init", "mqtt.toml", *options).exit_code == 0
    plain = Policy.load("mqtt.toml")
    assert list(plain.environments) == environments
    for env in (None, *environments):
        policy = Policy.load("mqtt.toml", env=env)
        assert policy.rules
        assert policy.warnings() == ()


@pytest.mark.parametrize(("options", "environments"), CHOICES)
def test_what_init_writes_passes_the_strictest_check(options: list[str], environments: list[str]) -> None:
    """``check --strict`` finds nothing in it, in any environment."""
    run("init", "mqtt.toml", *options)
    checked = run("check", "--strict", "mqtt.toml", *(word for env in environments for word in ("--env", env)))
    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize(("options", "environments"), CHOICES)
def test_what_init_writes_is_valid_for_editors(options: list[str], environments: list[str]) -> None:
    """Its first line names the schema beside it, and it is valid by that schema."""
    run("init", "mqtt.toml", *options)
    content = Path("mqtt.toml").read_text(encoding="utf-8")
    assert content.startswith("#:schema ./policy.schema.json\n")
    document = tomli.loads(content)
    assert list(document["env"]) == environments
    assert list(Draft7Validator(schema()).iter_errors(document)) == []


@pytest.mark.parametrize("provider", providers())
def test_a_policy_builds_on_that_of_its_provider(provider: str) -> None:
    """Rules are those of the chosen provider, from the policy that comes with the package."""
    run("init", "mqtt.toml", "--provider", provider)
    policy = Policy.load("mqtt.toml")
    own = f"builtin:{provider}-mqtt" if provider in {"alibaba", "tencent"} else f"builtin:{provider}"
    assert policy.sources == ("builtin:common", own, "mqtt.toml")
    assert policy.name == "mqtt"


@pytest.mark.parametrize("provider", providers())
def test_a_broker_of_ones_own_has_a_host(provider: str, tmp_path: Path) -> None:
    """Where any host may be the service, the place to name it is there, and right when its comments are removed."""
    content = starter([provider], ["prod"], file="mqtt.toml")
    api = Policy.loads(content).apis.get(provider)
    assert (f"# [sources.{provider}]" in content) == (api is not None and not api.hosts) == (provider in BROKERS)
    if provider in BROKERS:
        lines = (f"# [sources.{provider}]", f'# hosts = ["{provider}.example.com"]')
        for line in lines:
            content = content.replace(line, line.removeprefix("# "))
        file = tmp_path / "mqtt.toml"
        file.write_text(content, encoding="utf-8")
        assert Policy.load(file).apis[provider].hosts == (f"{provider}.example.com",)
        assert inspect(file) == ()


def test_environments_are_what_their_names_say() -> None:
    """A production environment is marked as one and waits longest, a development environment shortest."""
    run("init", "mqtt.toml", "--env", "dev", "--env", "staging", "--env", "live", "--env", "lab")
    dev, staging, live, lab = (Policy.load("mqtt.toml", env=env) for env in ("dev", "staging", "live", "lab"))
    assert [policy.production for policy in (dev, staging, live, lab)] == [False, False, True, False]
    deadlines = [policy.limits.deadline or 0 for policy in (dev, lab, staging, live)]
    assert deadlines == sorted(set(deadlines))


def test_every_value_has_its_reason_above_it() -> None:
    """No paragraph sets a value without a comment on top."""
    for paragraph in starter(providers(), ["dev", "staging", "prod", "lab"], file="mqtt.toml").split("\n\n"):
        if re.search("^[^#\n]", paragraph, re.MULTILINE):
            assert paragraph.startswith("#"), paragraph


def test_no_line_is_longer_than_a_screen_is_wide() -> None:
    """Lines have at most 120 characters."""
    lines = starter(providers(), [purpose for names in PURPOSES.values() for purpose in names], file="mqtt.toml")
    assert max(map(len, lines.splitlines())) <= 120


@pytest.mark.parametrize("provider", providers())
def test_the_rehearsal_of_staging_works_when_its_comments_are_removed(provider: str) -> None:
    """What stands there as a comment is right: two faults, one of them after the real call."""
    content = starter([provider], ["staging"], file="mqtt.toml")
    chaos = content[content.index("# [env.staging.chaos]") :].replace("# ", "")
    policy = Policy.loads(content + chaos, env="staging")
    assert [(each.provider, each.applied) for each in policy.chaos.injections] == [(provider, False), (provider, True)]
    assert policy.chaos.injections[0].fault.status is not None or provider != "alibaba", "a code of the catalogue"


def test_shared_limits_work_when_their_comments_are_removed(tmp_path: Path) -> None:
    """What is written of rates, budgets and breakers is right, and earns no finding."""
    content = starter(("alibaba", "tencent"), ["prod"], file="mqtt.toml")
    start, end = content.index("# [rate.alibaba]"), content.index("\n\n# -", content.index("# [rate.alibaba]"))
    file = tmp_path / "mqtt.toml"
    file.write_text(content[:start] + content[start:end].replace("# ", "") + content[end:], encoding="utf-8")
    policy = Policy.load(file, env="prod")
    assert (policy.rates["tencent"].share, policy.rates["tencent"].concurrency) == (2, 16)
    assert policy.budgets["alibaba"].ratio == 0.2
    assert policy.breakers["alibaba"].window == 60.0
    assert inspect(file) == ()


def test_init_says_what_it_did_and_how_editors_help() -> None:
    """The schema is asked for where it is not there yet."""
    assert run("init", "mqtt.toml").output.splitlines() == [
        "wrote mqtt.toml",
        "for help in editors: resilience schema > policy.schema.json",
    ]
    Path("policy.schema.json").write_text(run("schema").output, encoding="utf-8")
    assert run("init", "other.toml").output.splitlines() == ["wrote other.toml"]


def test_init_overwrites_nothing() -> None:
    """A file that is there stays as it is, and this is wrong use."""
    Path("mqtt.toml").write_text("mine", encoding="utf-8")
    result = run("init", "mqtt.toml")
    assert result.exit_code == 2
    assert "mqtt.toml exists already" in result.output
    assert Path("mqtt.toml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ["nowhere/mqtt.toml"], "cannot write nowhere/mqtt.toml: no such file or directory", id="no-folder"
        ),
        pytest.param(["mqtt.toml", "--env", "a b"], "letters, digits, - and _, got 'a b'", id="environment"),
        pytest.param(["a b.toml"], "a name such as mqtt.toml, got 'a b.toml'", id="file"),
        pytest.param(["mqtt.toml", "--provider", "aws"], "'aws' is not one of", id="provider"),
        pytest.param([], "Missing argument 'FILE'", id="no-file"),
    ],
)
def test_wrong_use_is_said_and_writes_nothing(arguments: list[str], said: str) -> None:
    """Whatever cannot be written ends with exit code 2, a reason, and an empty folder."""
    result = run("init", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert list(Path().iterdir()) == []


def test_a_file_that_cannot_be_written_to_the_end_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full leaves neither half a policy nor an empty one."""

    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_new(Path("mqtt.toml"), "content")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("chosen", "environments", "file"),
    [
        pytest.param([], ["dev"], "mqtt.toml", id="no-provider"),
        pytest.param(["aws"], ["dev"], "mqtt.toml", id="unknown-provider"),
        pytest.param(["alibaba"], ['a"]'], "mqtt.toml", id="environment"),
        pytest.param(["alibaba"], ["dev"], 'x".toml', id="file"),
    ],
)
def test_a_starter_is_refused_that_would_be_no_policy(chosen: list[str], environments: list[str], file: str) -> None:
    """Names that cannot stand in the text as they are are refused before anything is written."""
    with pytest.raises(ValueError, match="expected"):
        starter(chosen, environments, file=file)


def test_schema_prints_the_file_that_is_shipped() -> None:
    """What is printed is JSON, and to the last character what the package ships."""
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.output) == schema()
    assert result.output == text()
