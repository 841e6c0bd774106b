"""Operations of one's own: remembered, renamed, read back and checked as the policy says."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from resilience import Ledger, Policy, ServiceError, SyncExecutor

TOP = """
schema = 1
name = "own"
[limits]
deadline = "8s"
max_attempts = 3
settle = "0s"
[backoff.default]
kind = "constant"
base = "0s"
[rules.acme]
"BUSY" = "retry"
"TAKEN" = { do = "rename", pattern = "{name}-{n}" }
"EXISTS" = "accept"
[rules.transport.acme]
"lost" = "retry"
"garbled" = "retry"
[operations.acme]
"""


def own(declared: str, ledger: Ledger | None = None) -> SyncExecutor:
    """Return an executor for acme, as a new run has it."""
    return SyncExecutor(Policy.loads(TOP + declared), provider="acme", ledger=ledger, observers=())


def note(made: list[object], user_id: object) -> None:
    """Make a user."""
    made.append(user_id)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def test_a_ledger_that_cannot_remember_says_so_when_a_function_is_wrapped(ledger: Ledger) -> None:
    """The error names the operation and the line to write; without a ledger, or with a safe one, there is no error."""

    def make(user_id: str) -> None: ...

    for declared in ("", 'CreateUser = "duplicate"', 'CreateUser = "conflict"', 'CreateUser = "equal"'):
        with pytest.raises(ValueError, match="the ledger cannot remember acme:CreateUser: no key") as told:
            own(declared, ledger).wrap("CreateUser", make)
        assert 'key = ["user_id"] }, or key = []' in str(told.value)
        own(declared).wrap("CreateUser", make)
    for declared in ('CreateUser = "safe"', "CreateUser = { key = [] }", 'CreateUser = { key = ["user_id"] }'):
        own(declared, ledger).wrap("CreateUser", make)
    with pytest.raises(ValueError, match="cannot remember alibaba:SendMessage"):
        own("", ledger).wrap("alibaba:SendMessage", make)


def test_advice_names_no_field_that_holds_a_secret(ledger: Ledger) -> None:
    """What a ledger keeps is the name of a thing: of many parameters those that look like one, else the first."""

    def make(session: object, user_name: str, password: str, role: str) -> None: ...

    with pytest.raises(ValueError, match=r'key = \["user_name"\] }'):
        own("", ledger).wrap("CreateUser", make)


def test_the_line_that_an_error_says_to_write_is_the_cure(ledger: Ledger) -> None:
    """It stands under its table as it is, and then the function can be wrapped."""

    def make(user_id: str) -> None: ...

    with pytest.raises(ValueError, match="write") as told:
        own('CreateUser = "conflict"', ledger).wrap("CreateUser", make)
    line = str(told.value).partition("[operations.acme] ")[2].partition(", or key")[0]
    own(line, ledger).wrap("CreateUser", make)


def test_a_key_that_no_parameter_holds_is_an_error(ledger: Ledger) -> None:
    """A parameter may be called otherwise, and ``key=`` of ``wrap`` says so."""

    def make(user: str) -> None: ...

    executor = own('CreateUser = { key = ["UserId"] }', ledger)
    with pytest.raises(TypeError, match=r'remembers CreateUser by UserId, .*key={"UserId": "..."}'):
        executor.wrap("CreateUser", make)
    executor.wrap("CreateUser", make, key={"UserId": "user"})


@pytest.mark.parametrize("value", ["gateway", 7, uuid.UUID(int=7), True])
def test_what_an_earlier_run_has_done_is_not_done_again(ledger: Ledger, value: object) -> None:
    """Numbers and other plain values name a thing as well as texts do."""
    made: list[object] = []
    for _ in range(3):
        create = own('CreateUser = { repeat = "duplicate", key = ["UserId"] }', ledger).wrap(
            "CreateUser", lambda user_id: note(made, user_id)
        )
        create(value)
    assert made == [value]


def test_a_call_without_a_field_of_the_key_is_made_and_said(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """Two calls that lack a name are no one thing; that the ledger knows neither is logged once."""
    made: list[object] = []

    def make(request: dict[str, str]) -> None:
        made.append(request)

    create = own('CreateUser = { key = ["Name"] }', ledger).wrap("CreateUser", make)
    with caplog.at_level(logging.WARNING, "resilience"):
        create({})
        create({})
    assert len(made) == 2
    assert [record.getMessage() for record in caplog.records] == [
        'the ledger cannot remember a call of acme:CreateUser whose request has no "Name"; name the fields that it has'
    ]


def test_a_rename_acts_on_the_declared_field_and_obeys_the_rule_for_names() -> None:
    """The new name is built of the field that the policy names, and is as short as the service wants it."""
    tried: list[tuple[str, str]] = []

    def make(tenant: str, name: str) -> str | None:
        tried.append((tenant, name))
        if len(tried) == 1:
            raise ServiceError("TAKEN", effect="none")
        return name

    declared = """
        [operations.acme.CreateUser]
        repeat = "conflict"
        key = ["tenant", "name"]
        rename = "name"
        name = { pattern = "[a-z0-9-]+", max_length = 9 }
    """
    outcome = own(declared).wrap("CreateUser", make).outcome("t", "gateway")
    assert outcome.ended == "success_after_retry"
    assert tried[1][0] == "t"
    assert tried[1][1] != "gateway"
    assert len(tried[1][1]) <= 9


def test_a_rename_rule_for_an_operation_without_a_name_is_an_error_where_it_names_it() -> None:
    """A rule for all operations may meet others; what it cannot do for one is said on the failed call."""

    def make(user_id: str) -> str:  # noqa: ARG001  # refused whatever it is
        raise ServiceError("TAKEN", effect="none")

    text = TOP.replace('"TAKEN"', '"CreateUser/TAKEN"') + 'CreateUser = "conflict"'
    with pytest.raises(TypeError, match=r"so nothing is renamed; write .operations.acme. CreateUser = { repeat"):
        SyncExecutor(Policy.loads(text), provider="acme").wrap("CreateUser", make)
    own('CreateUser = "conflict"').wrap("CreateUser", make)


def test_a_read_back_is_asked_of_the_function_of_its_operation() -> None:
    """After a lost answer the function that is wrapped for it says what is there; nothing is made twice."""
    users: dict[str, str] = {}
    executor = own('CreateUser = { repeat = "duplicate", key = ["user_id"], read_back = "GetUser" }\nGetUser = "safe"')

    @executor.wrap("CreateUser")
    def create(user_id: str, password: str) -> str:
        assert user_id not in users, "made twice"
        users[user_id] = password
        raise ConnectionResetError

    @executor.wrap("GetUser")
    def get(user_id: str) -> str | None:
        return users.get(user_id)

    outcome = create.outcome("gateway", "p")
    assert (outcome.ended, outcome.verified, outcome.value, len(outcome.attempts)) == ("accepted", True, "p", 1)


def test_a_status_404_of_a_read_back_means_not_there() -> None:
    """Then another attempt is safe; any other failure of the question is the verifier's own."""
    asked: list[int] = []
    attempts: list[str] = []
    executor = own('CreateUser = { repeat = "duplicate", key = ["user_id"], read_back = "GetUser" }\nGetUser = "safe"')

    @executor.wrap("CreateUser")
    def create(user_id: str) -> str | None:
        attempts.append(user_id)
        if len(attempts) == 1:
            raise ConnectionResetError
        return user_id

    @executor.wrap("GetUser")
    def get(user_id: str) -> str | None:  # noqa: ARG001  # nobody is there
        asked.append(404)
        raise ServiceError("GONE", status=404)

    assert create("gateway") == "gateway"
    assert (len(attempts), asked) == (2, [404])
