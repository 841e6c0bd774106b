"""Commands over MQTT to the dynamic security of a real mosquitto."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from example_runs import run

from resilience import ServiceError
from resilience.cli.demo.examples import load

pytest_plugins = ("broker_fixtures",)

PASSWORD = "of-these-tests"


@pytest.fixture
def commands(mosquitto: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield what sends commands to a broker of its own."""
    for name, value in mosquitto.items():
        monkeypatch.setenv(name, value)
    example = load("mosquitto_dynsec")
    with example.mosquitto(tmp_path, PASSWORD) as port:
        yield example.Commands(port, PASSWORD)


def refusal(commands: Any, command: str, **fields: str) -> str | None:
    """Return the code with which a command is refused; None if it is done."""

    async def ask() -> None:
        await commands.send(command, **fields)

    try:
        anyio.run(ask)
    except ServiceError as error:
        return error.fault.code
    return None


def test_a_role_that_is_there_is_told_from_a_fault(mosquitto: dict[str, str]) -> None:
    """Each first answer is lost, and "Internal error" is taken for a success only after a look."""
    shown = run("mosquitto_dynsec.py", **mosquitto)
    assert shown.returncode == 0, shown.stderr
    told = re.sub(r", by mosquitto\..*| at .*", "", shown.stdout)
    assert "addClientRole: attempt 2 failed (Internal_error); verify" in told
    assert told.count("addClientRole: accepted (Internal_error); it was verified") == 2
    # The first run sends each of five commands twice, and asks twice, since the first answer to a question is lost too.
    assert [line for line in told.splitlines() if not line.startswith(" ")] == [
        "the first run, with lost answers:",
        "12 commands",
        "the second run:",
        "6 commands",
        "the broker lets in dev-0001",
    ]


def test_the_texts_are_those_of_the_policy(commands: Any) -> None:
    """The real broker refuses with the texts that the policy has rules for, the trap among them."""
    acl = {"rolename": "sensor", "acltype": "publishClientSend", "topic": "sensors/%u/#", "allow": True}
    client, role = {"username": "dev-1"}, {"rolename": "sensor"}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("addClientRole", {**client, **role}),
        ("createClient", {**client, "password": "pw"}),
        ("addClientRole", {**client, **role}),
        ("createRole", role),
        ("createRole", role),
        ("addRoleACL", acl),
        ("addRoleACL", acl),
        ("createClient", {**client, "password": "pw"}),
        ("addClientRole", {**client, **role}),
        ("addClientRole", {**client, **role}),
        ("setClientPassword", {**client, "password": "another"}),
        ("setClientPassword", {**client, "password": "another"}),
        ("getClient", {"username": "none"}),
    ]
    assert [refusal(commands, command, **fields) for command, fields in asked] == [
        "Client_not_found",
        None,
        "Role_not_found",
        None,
        "Role_already_exists",
        None,
        "ACL_with_this_topic_already_exists",
        "Client_already_exists",
        None,
        "Internal_error",
        None,
        None,
        "Client_not_found",
    ]


def test_a_broker_that_is_not_there_was_not_asked(commands: Any) -> None:
    """A command that could not be sent is told from one whose answer is missing."""
    nowhere = load("mosquitto_dynsec").Commands(1, PASSWORD)
    with pytest.raises(ConnectionRefusedError):
        refusal(nowhere, "createRole", rolename="sensor")
    lossy = load("mosquitto_dynsec").Commands(commands._port, PASSWORD, loses=1)
    with pytest.raises(ConnectionResetError):
        refusal(lossy, "createRole", rolename="sensor")
    assert refusal(commands, "createRole", rolename="sensor") == "Role_already_exists"


def test_without_mosquitto_the_example_says_so() -> None:
    """Where none is installed, the example tells it in one line."""
    shown = run("mosquitto_dynsec.py", PATH="", LD_LIBRARY_PATH="")
    assert (shown.returncode, shown.stderr) == (2, "mosquitto is not installed\n")


def test_its_policy_has_no_findings() -> None:
    """The policy that people will copy is one that ``check`` has nothing to say about."""
    shown = run("-m", "resilience", "check", "mosquitto_dynsec.toml", "--strict")
    assert (shown.returncode, shown.stdout) == (0, "")
