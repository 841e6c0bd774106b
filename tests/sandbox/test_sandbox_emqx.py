"""The broker's management API: what its requests do and are answered, also under the shipped policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from resilience import Ledger, Policy, SyncExecutor, wrap_client
from resilience.catalog import catalogue
from resilience.sandbox import Sandbox

pytest_plugins = ("sandbox_fixtures",)

USERS = "/api/v5/authentication/password_based%3Abuilt_in_database/users"
RULES = "/api/v5/authorization/sources/built_in_database/rules"
POLICY = Policy.loads('schema = 1\nextends = ["builtin:emqx"]\n[backoff.default]\nbase = "1ms"\n')


@pytest.fixture
def plain(sandbox: Sandbox) -> Iterator[httpx.Client]:
    auth = (sandbox.emqx.api_key, sandbox.emqx.api_secret)
    with httpx.Client(base_url=f"http://{sandbox.emqx.endpoint}", auth=auth, trust_env=False) as client:
        yield client


@pytest.fixture
def client(plain: httpx.Client) -> httpx.Client:
    return wrap_client(plain, SyncExecutor(POLICY))


def user(name: str) -> dict[str, Any]:
    return {"user_id": name, "password": "secret-of-the-user"}


def answered(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


def test_every_request_of_the_catalogue_is_known(sandbox: Sandbox, plain: httpx.Client) -> None:
    """Each operation has a request, the sandbox knows it, and no two have the same."""
    requests = {name: facts.request or "" for name, facts in catalogue("emqx").operations.items()}
    assert all(requests.values())
    assert len(set(requests.values())) == len(requests)
    for request in requests.values():
        method, _, path = request.partition(" ")
        plain.request(method, path.replace("{", "").replace("}", ""))
    assert [call.operation for call in sandbox.calls] == list(requests)
    assert set(sandbox.emqx.handlers) == set(requests)


def test_users_are_made_once_and_never_show_their_password(sandbox: Sandbox, plain: httpx.Client) -> None:
    """A second user of a name is refused; no answer and no log has a password."""
    made = plain.post(USERS, json=user("dev-1"))
    assert (made.status_code, made.json()) == (201, {"user_id": "dev-1", "is_superuser": False})
    assert answered(plain.post(USERS, json=user("dev-1"))) == (409, "ALREADY_EXISTS")
    assert answered(plain.get(f"{USERS}/dev-1")) == (200, "")
    assert answered(plain.put(f"{USERS}/dev-1", json={"password": "another"})) == (200, "")
    assert sandbox.emqx.users == [{"user_id": "dev-1", "password": "another", "is_superuser": False}]
    assert answered(plain.delete(f"{USERS}/dev-1")) == (204, "")
    assert answered(plain.get(f"{USERS}/dev-1")) == (404, "NOT_FOUND")
    assert answered(plain.delete(f"{USERS}/dev-1")) == (404, "NOT_FOUND")
    assert answered(plain.post(USERS.replace("built_in", "other"), json=user("dev-1"))) == (404, "NOT_FOUND")
    assert "secret-of-the-user" not in repr(sandbox.calls)


def test_a_list_of_rules_is_refused_as_a_whole(sandbox: Sandbox, plain: httpx.Client) -> None:
    """One name that has rules is enough; to set the rules of a name is never refused."""
    rules = [{"topic": "t", "permission": "allow", "action": "all"}]
    one, two = ({"username": name, "rules": rules} for name in ("one", "two"))
    assert answered(plain.post(f"{RULES}/users", json=[one])) == (204, "")
    assert answered(plain.post(f"{RULES}/users", json=[two, one])) == (409, "ALREADY_EXISTS")
    assert [row["username"] for row in sandbox.emqx.rules] == ["one"]
    assert answered(plain.put(f"{RULES}/users/two", json=two)) == (204, "")
    assert answered(plain.put(f"{RULES}/users/two", json=two)) == (204, "")
    assert answered(plain.get(f"{RULES}/users/two")) == (200, "")
    assert answered(plain.post(f"{RULES}/users", json={"username": "three"})) == (400, "BAD_REQUEST")


def test_keys_and_bans_and_messages(sandbox: Sandbox, plain: httpx.Client) -> None:
    """A ban that is there is a 400; keys need a user of the dashboard, and show their secret once."""
    ban = {"as": "clientid", "who": "dev-1"}
    assert answered(plain.post("/api/v5/banned", json=ban)) == (200, "")
    assert answered(plain.post("/api/v5/banned", json=ban)) == (400, "ALREADY_EXISTS")
    assert answered(plain.delete("/api/v5/banned/clientid/dev-1")) == (204, "")
    assert answered(plain.post("/api/v5/publish", json={"topic": "t", "payload": "x"})) == (200, "")
    assert answered(plain.post("/api/v5/api_key", json={"name": "robot"})) == (401, "API_KEY_NOT_ALLOW")
    person = {"Authorization": f"Bearer {sandbox.emqx.dashboard_token}"}
    url = f"http://{sandbox.emqx.endpoint}/api/v5/api_key"
    with httpx.Client(trust_env=False, headers=person) as dashboard:
        assert dashboard.post(url, json={"name": "robot"}).json()["api_secret"]
        assert answered(dashboard.post(url, json={"name": "robot"})) == (400, "BAD_REQUEST")
        assert "api_secret" not in dashboard.get(f"{url}/robot").json()
        assert answered(dashboard.delete(f"{url}/robot")) == (204, "")


@pytest.mark.parametrize(
    ("auth", "path", "expected"),
    [
        (("key", "secret"), USERS, (401, "BAD_API_KEY_OR_SECRET")),
        (None, USERS, (401, "BAD_API_KEY_OR_SECRET")),
        ("own", "/api/v5/unknown", (404, "NOT_FOUND")),
    ],
    ids=["wrong-key", "no-key", "no-path"],
)
def test_who_may_not_ask_is_told(sandbox: Sandbox, auth: Any, path: str, expected: tuple[int, str]) -> None:
    """A wrong key and an unknown path are refused before anything happens."""
    own = (sandbox.emqx.api_key, sandbox.emqx.api_secret)
    with httpx.Client(auth=own if auth == "own" else auth, trust_env=False) as client:
        assert answered(client.post(f"http://{sandbox.emqx.endpoint}{path}", json=user("dev-1"))) == expected
    assert sandbox.emqx.users == []


def test_a_lost_answer_makes_no_second_user(sandbox: Sandbox, client: httpx.Client) -> None:
    """Under the policy what was made is taken for made, and what others made is not."""
    sandbox.script("emqx:CreateUser", "applied lost, ok*")
    assert client.post(USERS, json=user("dev-1")).is_success
    assert client.post(USERS, json=user("dev-1")).status_code == 409
    assert len(sandbox.emqx.users) == 1


def test_a_list_of_which_a_part_may_be_there_is_no_success(sandbox: Sandbox, client: httpx.Client) -> None:
    """A lost answer to a list is tried again, and a refusal then says that a person has to look."""
    sandbox.script("emqx:CreateUserRules", "applied lost, ok*")
    answer = client.post(f"{RULES}/users", json=[{"username": "one", "rules": []}, {"username": "two", "rules": []}])
    assert answered(answer) == (409, "ALREADY_EXISTS")
    assert sandbox.asked("emqx:CreateUserRules") == 2


def test_a_lost_secret_is_not_asked_for_again(sandbox: Sandbox) -> None:
    """The key exists, and nobody has its secret: a second request could only be refused."""
    sandbox.script("emqx:CreateApiKey", "applied lost, ok*")
    person = {"Authorization": f"Bearer {sandbox.emqx.dashboard_token}"}
    with httpx.Client(base_url=f"http://{sandbox.emqx.endpoint}", headers=person, trust_env=False) as plain:
        client = wrap_client(plain, SyncExecutor(POLICY))
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            client.post("/api/v5/api_key", json={"name": "robot"})
    assert sandbox.asked("emqx:CreateApiKey") == 1
    assert "may exist" in "\n".join(caught.value.__notes__)


def test_limits_and_faults_are_waited_out(sandbox: Sandbox, client: httpx.Client) -> None:
    """A proxy's 429 is free, and a node that is away comes back."""
    sandbox.script("emqx:SetUserRules", "429*3, SERVICE_UNAVAILABLE, NODE_DOWN, ok*")
    assert client.put(f"{RULES}/users/one", json={"username": "one", "rules": []}).status_code == 204
    assert sandbox.asked("emqx:SetUserRules") == 6


def test_a_second_run_makes_nothing(sandbox: Sandbox, plain: httpx.Client, tmp_path: Any) -> None:
    """The ledger knows a user by authenticator and name."""
    for _ in range(2):
        with Ledger(tmp_path / "ledger.db") as ledger:
            wrapped = wrap_client(plain, SyncExecutor(POLICY, ledger=ledger))
            assert wrapped.post(USERS, json=user("dev-1")).is_success
    # The second run looks whether the user is still there.
    assert sandbox.asked("emqx:CreateUser") == 1
