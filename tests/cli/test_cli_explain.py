"""``explain``: what a code means, which rule answers it, where each value comes from, and what follows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resilience.cli.app import app

POLICY = "builtin:provisioning"


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": "80", **environ})


def told(*arguments: str, policy: str = POLICY) -> Any:
    result = run(*arguments, "--policy", policy, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def values(found: Any, part: str) -> dict[str, str]:
    listed = found["action"]["values"] if part == "action" else found[part]
    return {each["name"]: each["value"] for each in listed}


def test_an_explanation_names_meaning_rule_action_and_end() -> None:
    """The text says what the code means, which rule answers, what it asks for, the waits and the worst case."""
    output = run("CreateGroupId/SystemOverFlow", "--policy", POLICY, "--env", "prod").output
    for said in (
        "the whole system is throttling",
        'alibaba."SystemOverFlow" -> retry (inline)',
        "a status decides only if no rule names the code",
        "for its turn in the rate limits, which adapt,",
        "attempts until the deadline, and no other limit on their number",
    ):
        assert said in " ".join(output.split()), said
    assert max(map(len, output.splitlines())) <= 80
    output = run("CreateGroupId/ServiceUnavailable", "--policy", POLICY, "--env", "prod").output
    for said in ("5 attempts at most, then it ends (attempts); over after 1 min 55 s", "all so far at most"):
        assert said in " ".join(output.split()), said


def test_every_value_says_where_it_was_set_and_what_it_overrode() -> None:
    """The cap that prod sets names its place, and the values of the files below it."""
    found = told("CreateGroupId/SystemOverFlow", "--env", "prod")
    cap = next(each for each in found["action"]["values"] if each["name"] == "backoff.throttled.cap")
    assert (cap["value"], cap["at"]["file"]) == ("30s", "builtin:provisioning")
    assert [(each["value"], each["at"]["file"]) for each in cap["overrides"]] == [
        ("10s", "builtin:common"),
    ]
    deadline = next(each for each in found["limits"] if each["name"] == "deadline")
    assert [each["value"] for each in deadline["overrides"]] == ["5m", "3m"]


def test_a_place_is_where_the_value_stands() -> None:
    """File, line and column of a value point at it in the file."""
    found = told("alibaba:lost", "--env", "dev")
    attempts = next(each for each in found["limits"] if each["name"] == "max_attempts")
    text = (Path(__file__).parents[2] / "policies" / "provisioning.toml").read_text(encoding="utf-8")
    assert text.splitlines()[attempts["at"]["line"] - 1][attempts["at"]["column"] - 1 :].startswith(attempts["value"])


def test_how_long_a_change_takes_to_show_is_said() -> None:
    """Where the catalogue knows it, it stands with the operation, with its source."""
    found = told("DeletePolicy/DeleteConflictException", policy="builtin:aws-iot")
    assert found["settles"] == 360
    assert told("DeleteThing/DeleteConflictException", policy="builtin:aws-iot")["settles"] is None
    arguments = ["explain", "AttachPolicy/ResourceNotFoundException", "--policy", "builtin:aws-iot"]
    output = " ".join(CliRunner().invoke(app, arguments).output.split())
    assert "a change may take 30 s to show; hashicorp/terraform-provider-aws, issue 48563" in output


def test_a_default_has_no_place(tmp_path: Path) -> None:
    """What no file sets is called a default."""
    file = tmp_path / "small.toml"
    file.write_text('schema = 1\nlimits = { deadline = "1m" }\n', encoding="utf-8")
    found = told("alibaba:InternalError", policy=str(file))
    assert next(each for each in found["limits"] if each["name"] == "settle")["at"] is None
    assert found["rule"] is None
    assert found["action"]["name"] == "fail"


def test_what_never_ends_is_said(tmp_path: Path) -> None:
    """A call that no limit ends is named as one, and not promised an end."""
    file = tmp_path / "endless.toml"
    file.write_text(
        'schema = 1\nlimits = { deadline = "none" }\nrules.alibaba.Busy = { do = "retry", counts = false }\n',
        encoding="utf-8",
    )
    assert "it goes on for ever" in run("Busy", "--policy", str(file)).output


def test_an_overridden_rule_is_shown() -> None:
    """A rule that an environment replaced is named with its action and place."""
    found = told("GroupIdAlreadyExsited", "--env", "staging")
    assert found["action"]["name"] == "there-already"
    assert [each["value"] for each in found["overrides"]] == ["ours"]


@pytest.mark.parametrize(
    ("subject", "rule", "why"),
    [
        pytest.param(
            "tencent:CreateTopic/UnsupportedOperation.ResourceAlreadyExists",
            'tencent."Create*/UnsupportedOperation.ResourceAlreadyExists"',
            "the rule for CreateTopic is narrower",
            id="operation",
        ),
        pytest.param(
            "tencent:CreateTopic/UnsupportedOperation.ResourceAlreadyExists",
            'tencent."UnsupportedOperation"',
            "UnsupportedOperation.ResourceAlreadyExists is longer",
            id="code",
        ),
        pytest.param("alibaba:503", 'transport.alibaba."http-5xx"', "http-503 comes first", id="status"),
        pytest.param(
            "ApplyToken/DeviceCredentialNotFound",
            'alibaba."UnRegisterDeviceCredential/DeviceCredentialNotFound"',
            "it is for UnRegisterDeviceCredential only",
            id="other-operation",
        ),
    ],
)
def test_each_other_rule_says_why_it_is_not_it(subject: str, rule: str, why: str) -> None:
    """The runners-up are listed, each with the reason why it lost."""
    others = {each["rule"]: each["why"] for each in told(subject, "--env", "staging")["others"]}
    assert others[rule] == why


def test_a_lost_answer_of_several_providers_asks_whose_it_is() -> None:
    """Where each provider has a transport rule of its own, no answer is true of all of them."""
    result = run("lost", "--policy", POLICY)
    assert result.exit_code == 2
    assert "say alibaba:lost or tencent:lost, or name an operation" in " ".join(result.output.split())


def test_a_secret_that_is_shown_once_is_told() -> None:
    """After a lost answer nobody has it, and nothing brings it back."""
    result = run("CreateApiKey/lost", "--policy", "builtin:emqx")
    assert "its answer alone ever has api_secret: lost with the answer, lost for good" in result.output


@pytest.mark.parametrize("code", ["Object Not Found", "Object_Not_Found"])
def test_a_code_of_several_words_is_taken_as_the_service_writes_it(code: str) -> None:
    """What a user copies from an answer of a REST API names the same code as what a rule has."""
    result = run(f"DeleteQueue/{code}", "--policy", "builtin:rabbitmq")
    assert result.exit_code == 0, result.output
    assert 'rabbitmq."Delete*/Object_Not_Found" -> gone' in result.output


@pytest.mark.parametrize("code", ["CreateDevice/409001", "CreateDevice/DeviceAlreadyExists"])
def test_a_number_names_its_code(code: str) -> None:
    """A number that a user copies from an answer is the code that rules have."""
    result = run(code, "--policy", "builtin:azure-iot")
    assert result.exit_code == 0, result.output
    assert 'azure-iot."CreateDevice/DeviceAlreadyExists" -> ours' in result.output


@pytest.mark.parametrize("provider", ["alibaba", "tencent"])
def test_a_transport_fault_is_answered_by_the_only_provider_of_the_policy(provider: str) -> None:
    """A policy for one provider needs no provider in the question, and answers from that provider's file."""
    found = told("lost", policy=f"builtin:{provider}-mqtt")
    assert (found["provider"], found["rule"]) == (provider, f'transport.{provider}."lost"')
    assert found["at"]["file"] == f"builtin:{provider}-mqtt"


def test_a_code_of_several_providers_is_the_one_of_the_policy() -> None:
    """``InternalError`` is a code of both services; a policy for one of them does not mean the other one's."""
    assert told("InternalError", policy="builtin:alibaba-mqtt")["provider"] == "alibaba"
    assert told("InternalError", policy="builtin:tencent-mqtt")["provider"] == "tencent"


def test_doubt_stops_a_call_that_nobody_can_verify() -> None:
    """Where a repeat would do it twice, no retry is promised after an unknown effect."""
    found = told("tencent:CreateInstance/InternalError")
    stories = {each["when"]: each["then"] for each in found["stories"]}
    assert found["effect"] == "unknown"
    assert stories["as the first fault, without a verifier"].startswith("stop (unverified)")
    assert "ask again until 30 s have passed, then another attempt" in stories["as the first fault, with a verifier"]
    assert found["worst"]["unverified"]["attempts"] == 1


def test_an_accept_tells_belief_from_knowledge() -> None:
    """What is accepted without a verifier is called a belief, and only after an attempt that may have done it."""
    stories = {each["when"]: each["then"] for each in told("GroupIdAlreadyExsited")["stories"]}
    assert stories["as the first fault"].startswith("stop (not_ours)")
    assert stories["after a lost answer, without a verifier"] == "success, on the belief that it is ours"
    assert stories["after a lost answer, with a verifier"].startswith("ask the verifier")


def test_without_an_operation_each_kind_of_repeat_is_told() -> None:
    """Where it matters what a repeat does, and no operation is named, every case is told."""
    whens = [each["when"] for each in told("alibaba:lost")["stories"]]
    assert any(when.startswith("repeat safe") for when in whens)
    assert any(when.startswith("repeat duplicate") for when in whens)


def test_waits_are_those_that_the_action_leads_to() -> None:
    """The schedule has a wait for each use that the limits allow, the longest first doubled and then capped."""
    found = told("CreateGroupId/ServiceUnavailable")
    assert [each["longest"] for each in found["waits"]] == [1.0, 2.0, 4.0, 8.0]
    assert found["uses"] == 4


def test_a_throttled_call_waits_for_its_turn() -> None:
    """Where rate limits adapt, no backoff is told of, and no number that ends the call."""
    found = told("CreateGroupId/SystemOverFlow")
    assert found["is_paced"]
    assert not found["waits"]
    assert found["uses"] is None
    assert found["worst"]["unverified"]["attempts"] is None
    assert found["worst"]["unverified"]["by_deadline"]
    assert not told("CreateGroupId/ServiceUnavailable")["is_paced"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["InternalError"], "say alibaba:InternalError or tencent:InternalError", id="two-providers"),
        pytest.param(["CreateGroupID/lost"], 'did you mean "CreateGroupId"', id="operation"),
        pytest.param(["alibaba:SystemOverflow"], "did you mean 'SystemOverFlow'", id="code"),
        pytest.param(["azure:Busy"], "unknown provider 'azure'", id="provider"),
        pytest.param(["ok"], "no fault", id="success"),
        pytest.param(["CreateGroupId/"], "expected [OPERATION/]CODE", id="no-code"),
    ],
)
def test_what_is_not_clear_is_wrong_use(arguments: list[str], said: str) -> None:
    """A code of two services, or a misspelled one, exits with 2 and says how to write it."""
    result = run(*arguments, "--policy", POLICY)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_wrong_policy_is_shown_with_its_problems(tmp_path: Path) -> None:
    """A policy that cannot be loaded exits with 2, and its problems go where errors go."""
    file = tmp_path / "wrong.toml"
    file.write_text("schema = 1\nlimits = { deadline = 5 }\n", encoding="utf-8")
    result = run("lost", "--policy", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error[RP" in result.stderr


def test_a_pipe_gets_no_colours() -> None:
    """What is not a terminal gets plain text, and so does a terminal with NO_COLOR."""
    assert "\x1b" not in run("alibaba:lost", "--policy", POLICY).output


def test_explain_starts_without_engine_and_telemetry() -> None:
    """Explaining a policy waits for no event loop, no SDK and no OpenTelemetry."""
    code = (
        "import sys\n"
        f"sys.argv[1:] = ['explain', 'lost', '--policy', {POLICY!r}]\n"
        "from resilience.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    loaded = set(shown.stdout.splitlines()[-1].split())
    assert not loaded & {"anyio", "asyncio", "opentelemetry", "tencentcloud", "httpx", "sqlite3"}


def test_a_code_that_nobody_knows_suggests_one_of_the_policy(tmp_path: Path) -> None:
    """Without a catalogue, the codes that the rules name are what a slip is compared with."""
    path = tmp_path / "policy.toml"
    path.write_text(
        'schema = 1\nlimits.deadline = "2m"\n[rules.acme]\n"Acme.Busy" = "retry"\n"Acme.Gone" = "fail"\n',
        encoding="utf-8",
    )
    assert 'did you mean "Acme.Busy"?' in run("Acme.Bsy", "--policy", str(path)).output
    assert told("Acme.Bsy", policy=str(path))["near"] == "Acme.Busy"
    assert told("Acme.Busy", policy=str(path))["near"] is None
    assert told("Zebra", policy=str(path))["near"] is None


def test_an_explanation_begins_with_policy_and_environment() -> None:
    """The first line says what was asked, so that an output that is passed on explains itself."""
    first, *_ = run("SystemOverFlow", "--policy", POLICY, "--env", "prod").output.splitlines()
    assert first.strip() == "policy mqtt-provisioning, environment prod"
    first, *_ = run("SystemOverFlow", "--policy", POLICY).output.splitlines()
    assert first.strip() == "policy mqtt-provisioning, no environment"


OWN = """
schema = 1
[limits]
deadline = "2m"
[sources.acme]
code = "json:code"
[sources.acme.operations]
Make = "POST /things"
[rules.acme]
"BUSY" = "retry"
"""


def test_an_operation_of_ones_own_shows_what_the_policy_says_of_it(tmp_path: Path) -> None:
    """Each key with its place; and where the rule cannot act on it, why, and what to write."""
    file = tmp_path / "own.toml"
    file.write_text(OWN, encoding="utf-8")
    found = told("Make/BUSY", policy=str(file))
    assert found["declared"] == []
    line = 'Make = { repeat = "conflict", key = ["name"] }'
    assert f"write [operations.acme] {line}" in found["advice"]
    file.write_text(f"{OWN}[operations.acme]\n{line}\n", encoding="utf-8")
    found = told("Make/BUSY", policy=str(file))
    assert [(each["name"], each["value"], each["at"]["line"]) for each in found["declared"]] == [
        ("repeat", "conflict", 12),
        ("key", "[name]", 12),
    ]
    assert found["advice"] is None


def test_very_many_answers_by_message_are_counted_and_each_can_be_asked_for(tmp_path: Path) -> None:
    """The first ones are explained; what follows for another one is told to whom asks with its message."""
    file = tmp_path / "many.toml"
    entries = ", ".join(f'{{ message = "m{number:03d}", do = "retry", max = 2 }}' for number in range(100))
    file.write_text(f'schema = 1\nlimits.deadline = "1m"\n[rules.acme]\nX = [{entries}, "fail"]\n', encoding="utf-8")
    output = " ".join(run("X", "--policy", str(file)).output.split())
    assert "and 60 others by message; ask for one, as in X(MESSAGE)" in output
    assert "m039" in output
    assert "m099" not in output
    assert "m099" in run("X(m099)", "--policy", str(file)).output


def test_limits_that_calls_share_are_told_with_their_places(tmp_path: Path) -> None:
    """The rate of the operation, with the glob that gives it, the rates of all calls, budget and breaker."""
    file = tmp_path / "limits.toml"
    file.write_text(
        """\
schema = 1
limits.deadline = "1m"
[rate.alibaba]
default = "100/s"
[rate.alibaba.operations]
"*GroupId" = "10/s"
ListGroupId = "8/s"
[budget.alibaba]
kind = "ratio"
[breaker.alibaba]
window = 50
[state]
store = "redis://localhost:6379/0"
[env.prod.rate.alibaba.operations]
"*GroupId" = "9/s"
""",
        encoding="utf-8",
    )
    found = told("CreateGroupId/InternalError", "--env", "prod", policy=str(file))["shared_limits"]
    values = {each["name"]: each["value"] for each in found}
    assert values["rate.CreateGroupId"] == "9/s"
    assert (found[0]["at"]["line"], found[0]["overrides"][0]["value"]) == (15, "10/s")
    assert (values["rate.default"], values["rate.share"]) == ("100/s", "1")
    assert (values["budget.kind"], values["budget.ratio"], values["budget.window"]) == ("ratio", "0.2", "10s")
    assert "budget.capacity" not in values
    assert (values["breaker.window"], values["breaker.mode"]) == ("50 calls", "on")
    assert (values["state.store"], values["state.on_unavailable"]) == ("redis://localhost:6379/0", "local")
    text = run("ListGroupId/InternalError", "--policy", str(file)).output
    assert "rate.ListGroupId" in text
    assert "documented limit 10/s; ApsaraMQ for MQTT" in " ".join(text.split())
    assert told("CloseConnection/InternalError", policy=str(file))["documented_limit"] is None
    assert "shared with other calls" not in run("tencent:InternalError", "--policy", str(file)).output


def test_bounds_say_what_they_leave_out(tmp_path: Path) -> None:
    """What depends on other calls: turns in the rate limits come on top, and budget and breaker may end a call."""
    policy = tmp_path / "p.toml"
    policy.write_text(
        'schema = 1\nlimits = { deadline = "5m", attempt_timeout = "5s", max_attempts = 3 }\n'
        'rules.acme.BUSY = "retry"\noperations.acme.Get = "safe"\nrate.acme.default = "9/s"\n'
        "budget.acme.capacity = 5\nbreaker.acme.probes = 1\n"
    )
    output = CliRunner().invoke(app, ["explain", "acme:Get/BUSY", "--policy", str(policy)]).output
    assert "waits for its turn in the rate limits come on top, at most until the deadline of 5 min" in output
    assert "the budget and the breaker, which other calls share, may end it earlier" in output
    told = CliRunner().invoke(app, ["explain", "acme:Get/BUSY", "--policy", str(policy), "--format", "json"]).stdout
    assert json.loads(told)["worst"]["unverified"]["leaves_out"] == ["rate", "budget", "breaker"]
