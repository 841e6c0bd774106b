from __future__ import annotations

from typing import Any

import pytest
import requests
from sandbox_clients import TENCENT_INSTANCE, Ask
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from resilience.sandbox import Sandbox
from resilience.sandbox.log import masked

pytest_plugins = ("sandbox_fixtures",)


def test_a_mistyped_operation_is_suggested() -> None:
    """A fault for an operation that nobody knows is an error at once, with the likely name."""
    with pytest.raises(ValueError, match="did you mean 'CreateGroupId'"):
        Sandbox().fault("CreateGroupID", "SystemOverFlow")


def test_it_shows_itself_without_secrets(sandbox: Sandbox, create_topic: Ask) -> None:
    """The repr tells addresses and counts, and no repr tells a secret."""
    create_topic()
    key = sandbox.tencent.issue_token()
    assert sandbox.tencent.endpoint in repr(sandbox)
    assert "1 topics" in repr(sandbox)
    for secret in (sandbox.tencent.secret_key, sandbox.alibaba.access_key_secret, key.secret, key.token):
        assert secret not in repr((sandbox, sandbox.services, sandbox.calls, key))


def test_it_describes_itself_to_a_user(sandbox: Sandbox) -> None:
    """The description holds everything that a shell needs to reach the sandbox."""
    text = "\n".join(sandbox.describe())
    for part in (sandbox.alibaba.endpoint, sandbox.alibaba.access_key_secret, sandbox.tencent.secret_key):
        assert part in text


def test_state_is_a_copy(sandbox: Sandbox, create_topic: Ask) -> None:
    """Changing what was read changes nothing in the sandbox."""
    create_topic()
    sandbox.tencent.topics[0]["Topic"] = "other"
    assert sandbox.tencent.topics[0]["Topic"] == "sensors"


def test_calls_are_counted_by_their_arguments(sandbox: Sandbox, create_topic: Ask) -> None:
    """``asked`` counts what was sent, ``applied`` what was carried out, each for the arguments that are named."""
    sandbox.script("CreateTopic", "RequestLimitExceeded")
    with pytest.raises(TencentCloudSDKException):
        create_topic("one")
    create_topic("one")
    create_topic("two")
    assert (sandbox.asked("CreateTopic", Topic="one"), sandbox.applied("CreateTopic", Topic="one")) == (2, 1)
    assert (sandbox.applied("tencent:CreateTopic"), sandbox.applied("alibaba:CreateTopic")) == (2, 0)


def test_chaos_hits_calls_at_random(sandbox: Sandbox, create_topic: Ask) -> None:
    """With chaos some calls fail and some do not, and the log agrees with the state."""
    sandbox.chaos(rate=0.5, seed=7, kinds=["InternalError", "applied InternalError"], operation="CreateTopic")
    failed = 0
    for number in range(20):
        try:
            create_topic(f"topic-{number}")
        except TencentCloudSDKException:
            failed += 1
    assert 0 < failed < 20
    assert sandbox.applied("CreateTopic") == len(sandbox.tencent.topics)


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ({"Password": "x", "Username": "u"}, {"Password": "***", "Username": "u"}),
        ({"Password": ""}, {"Password": ""}),
        ({"List": [{"Token": "x"}, "plain"]}, {"List": [{"Token": "***"}, "plain"]}),
        ({"TagKey": "x"}, {"TagKey": "x"}),
    ],
)
def test_secrets_are_masked_at_any_depth(sent: Any, logged: Any) -> None:
    """Secret fields are masked wherever they are, and nothing else is."""
    assert masked(sent, {"Password", "Token"}) == logged


def door(sandbox: Sandbox, method: str, what: str, **said: Any) -> requests.Response:
    url = f"http://{sandbox.alibaba.endpoint}/_sandbox/{what}"
    return requests.request(method, url, json=said or None, timeout=5)


def test_another_process_can_script_it(sandbox: Sandbox, create_topic: Ask) -> None:
    """Faults posted to the control door meet calls, and the log can be read there."""
    assert door(sandbox, "POST", "script", operation="CreateTopic", script="ok, applied InternalError").ok
    assert door(sandbox, "POST", "fault", operation="CreateTopic", status=503, body="<html>").json()["body"] == "<html>"
    assert len(door(sandbox, "GET", "faults").json()) == 3
    create_topic("one")
    with pytest.raises(TencentCloudSDKException):
        create_topic("two")

    calls = door(sandbox, "GET", "calls").json()
    assert [(call["answer"], call["applied"]) for call in calls] == [("ok", True), ("InternalError", True)]
    topics = door(sandbox, "GET", "state").json()["tencent"]["topics"]
    assert [row["Topic"] for row in topics] == ["one", "two"]
    assert door(sandbox, "POST", "chaos", rate=1.0, seed=1, kinds=["InternalError"]).ok
    assert door(sandbox, "POST", "clear").json() == {}
    assert sandbox.pending_faults == ()
    create_topic("three")


def test_another_process_can_expire_and_settle(sandbox: Sandbox, create_topic: Ask) -> None:
    """Temporary keys can be expired, and late effects let come, through the control door."""
    key = sandbox.tencent.issue_token()
    sandbox.script("CreateTopic", "late lost")
    with pytest.raises(TencentCloudSDKException):
        create_topic(key=key)
    assert door(sandbox, "POST", "settle").json() == {"settled": 1}
    assert [row["InstanceId"] for row in sandbox.tencent.topics] == [TENCENT_INSTANCE]
    assert door(sandbox, "POST", "expire").json() == {
        **{service.provider: 0 for service in sandbox.services},
        "tencent": 1,
    }
    with pytest.raises(TencentCloudSDKException, match="TokenFailure"):
        create_topic(key=key)


@pytest.mark.parametrize(
    ("asked", "said", "status", "error"),
    [
        pytest.param("POST fault", {"operation": "CreateTopik", "code": "X"}, 400, "did you mean", id="operation"),
        pytest.param("POST fault", {"operation": "CreateTopic", "colour": 1}, 400, "'colour'; expected", id="option"),
        pytest.param("POST script", {}, 400, "missing", id="nothing"),
        pytest.param("GET coffee", {}, 404, "expected GET calls", id="word"),
    ],
)
def test_the_door_says_what_was_wrong(
    sandbox: Sandbox, asked: str, said: dict[str, Any], status: int, error: str
) -> None:
    """A mistake at the control door is answered with the message that Python users get."""
    answer = door(sandbox, *asked.split(), **said)
    assert answer.status_code == status
    assert error in answer.json()["error"]
