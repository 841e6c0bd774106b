"""Two names never become one in a run: real SDKs, several processes, and the policies that we ship."""

from __future__ import annotations

import sys

import pytest
from script_runs import Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

LONG = "GID_site-hangzhou-line-07-controller-plc-"

MAKE = """
    import sys
    from clients import alibaba, group, INSTANCE

    def make(name):
        # What a script sees of it: the answer, or the error's code and the second line of our note.
        try:
            return alibaba().create_group_id(group(name)).status_code
        except Exception as error:
            return error.code, error.__notes__[-1].splitlines()[1].strip()
    """

NUMBERED = """
    schema = 1
    name = "numbered"
    extends = ["builtin:provisioning"]
    [env.staging.actions.new-name]
    pattern = "GID_shared-{n}"
    max = 12
    """

PLAIN = """
    schema = 1
    name = "plain"
    extends = ["builtin:provisioning"]
    [env.staging.actions.new-name]
    pattern = "{name}-{n}"
    """


@pytest.fixture
def clients(clients: Scripts) -> Scripts:
    clients.write("making.py", MAKE)
    clients.write("plain.toml", PLAIN)
    return clients


def groups(cloud: Sandbox) -> list[str]:
    return sorted(row["GroupId"] for row in cloud.alibaba.groups)


@pytest.mark.parametrize(("env", "answers"), [("dev", "ok"), ("staging", "applied 503"), ("prod", "applied lost")])
def test_long_names_stay_two_in_every_environment(env: str, answers: str, clients: Scripts, cloud: Sandbox) -> None:
    """Names that are cut to forty characters keep what tells them apart."""
    names = [f"{LONG}0001", f"{LONG}0002"]
    for name in names:
        cloud.alibaba.add_foreign_group(name)
    again = "" if answers == "ok" else ", ok"
    cloud.script("CreateGroupId", f"ok, {answers}{again}, ok, {answers}")
    clients.write("script.py", f"from making import make\nfor name in {names!r}: print(make(name))")
    ours = clients.run("script.py", options=["--policy", "builtin:provisioning", "--env", env])
    assert ours.out == "200\n200\n", ours.err
    assert len(groups(cloud)) == 2
    assert {len(name) for name in groups(cloud)} == {40}
    assert "2 renames" in ours.err


@pytest.mark.parametrize("env", ["staging", "prod"])
def test_a_script_that_asks_for_a_given_name_is_told(env: str, clients: Scripts, cloud: Sandbox) -> None:
    """It is no success and no question to the service; the error is the SDK's too, and says what collides."""
    cloud.alibaba.add_foreign_group("GID_area")
    clients.write(
        "script.py",
        """
        from making import make
        print(make("GID_area"))
        print(make("GID_area-2"))
        print(make("GID_area-3"))
        """,
    )
    ours = clients.run("script.py", options=["--policy", "plain.toml", "--env", env])
    first, second, third = ours.out.splitlines()
    assert (first, third) == ("200", "200")
    assert "this GroupId is the new name of another resource of this run" in second
    assert groups(cloud) == ["GID_area-2", "GID_area-3"]
    assert cloud.asked("CreateGroupId", GroupId="GID_area-2") == 1
    assert "1 failure" in ours.err
    assert "failed: CreateGroupId: a rename has given its name to another resource" in ours.err


def test_a_name_that_the_script_asks_for_first_is_passed_over(clients: Scripts, cloud: Sandbox) -> None:
    """Staging takes any group of the right name for a success, and this one is the script's own."""
    cloud.alibaba.add_foreign_group("GID_area")
    clients.write(
        "script.py",
        """
        from making import make
        print(make("GID_area-2"), make("GID_area"))
        """,
    )
    ours = clients.run("script.py", options=["--policy", "plain.toml", "--env", "staging"])
    assert ours.out == "200 200\n", ours.err
    assert groups(cloud) == ["GID_area-2", "GID_area-3"]
    assert "1 rename (GID_area is now GID_area-3)" in ours.err


def test_later_calls_reach_the_group_that_they_name(clients: Scripts, cloud: Sandbox) -> None:
    """A name that a rename tried on its way, and that the script asks for too, is not led astray."""
    for name in ("GID_area", "GID_area-2"):
        cloud.alibaba.add_foreign_group(name)
    clients.write(
        "script.py",
        """
        from clients import alibaba, group
        from making import make
        print(make("GID_area"), make("GID_area-2"))
        alibaba().delete_group_id(group("GID_area-2", "DeleteGroupIdRequest"))
        """,
    )
    ours = clients.run("script.py", options=["--policy", "plain.toml", "--env", "staging"])
    assert ours.out == "200 200\n", ours.err
    assert groups(cloud) == ["GID_area-3"]
    assert "GID_area is now GID_area-3, GID_area-2 is now GID_area-2-2" in ours.err


def test_a_name_of_another_run_is_not_taken_for_the_new_one(clients: Scripts, cloud: Sandbox) -> None:
    """Staging takes what is there for a success, but another run's group is not what a rename is about."""
    cloud.alibaba.add_foreign_group("GID_area")
    clients.write("first.py", 'from making import make\nprint(make("GID_area-2"))')
    clients.write("second.py", 'from making import make\nprint(make("GID_area"))')
    shipped = ["--policy", "builtin:provisioning", "--env", "staging"]
    assert clients.run("first.py", options=shipped).out == "200\n"
    plain = clients.run("second.py", options=["--policy", "plain.toml", "--env", "staging"])
    assert "the new name was there before this call" in plain.out
    assert groups(cloud) == ["GID_area-2"]
    for _ in range(2):
        ours = clients.run("second.py", options=shipped)
        assert ours.out == "200\n", ours.err
        assert len(groups(cloud)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="processes start in other ways there")
@pytest.mark.parametrize(("method", "ledger"), [("fork", False), ("spawn", True)])
def test_processes_of_a_run_share_no_new_name(
    method: str,
    ledger: bool,  # noqa: FBT001  # a parameter of the test
    clients: Scripts,
    cloud: Sandbox,
) -> None:
    """Two processes want the same few names for five groups, and each group gets one of its own."""
    names = [f"GID_line-{number}" for number in range(5)]
    for name in names:
        cloud.alibaba.add_foreign_group(name)
    clients.write("numbered.toml", NUMBERED)
    clients.write(
        "script.py",
        f"""
        import multiprocessing
        from making import make

        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                print(pool.map(make, {names!r}, chunksize=1))
                pool.close()
                pool.join()
        """,
    )
    options = ["--policy", "numbered.toml", "--env", "staging", *(["--ledger", "l.db"] if ledger else [])]
    ours = clients.run("script.py", options=options)
    assert ours.out == f"{[200] * 5}\n", ours.err
    assert groups(cloud) == sorted(f"GID_shared-{number}" for number in range(2, 7))
    if ledger:
        again = clients.run("script.py", options=options)
        assert again.out == ours.out
        assert len(groups(cloud)) == 5


def test_topics_and_users_of_tencent_stay_two(clients: Scripts, cloud: Sandbox) -> None:
    """Whatever field a rename changes, names that are cut to the service's limit keep a hash."""
    clients.write(
        "tencent.toml",
        """
        schema = 1
        name = "tencent"
        extends = ["builtin:tencent-mqtt"]
        [rules.tencent]
        "CreateTopic/UnsupportedOperation.ResourceAlreadyExists" = "rename"
        "CreateUser/UnsupportedOperation.ResourceAlreadyExists" = "rename"
        """,
    )
    clients.write(
        "script.py",
        """
        from clients import tencent, topic, OTHER_INSTANCE
        from tencentcloud.mqtt.v20240516 import models

        def user(name):
            request = models.CreateUserRequest()
            request.InstanceId, request.Username, request.Password = OTHER_INSTANCE, name, "Secret-1234"
            return request

        client = tencent()
        for number in (1, 2):
            name = "t" * 99 + str(number)
            client.CreateTopic(topic(name))
            client.CreateUser(user(name[-32:]))
        """,
    )
    exists = "UnsupportedOperation.ResourceAlreadyExists"
    for operation in ("CreateTopic", "CreateUser"):
        cloud.script(operation, f"{exists}, ok, {exists}")
    ours = clients.run("script.py", options=["--policy", "tencent.toml"])
    assert ours.code == 0, ours.err
    assert "4 renames" in ours.err
    topics = {row["Topic"] for row in cloud.tencent.topics}
    users = {row["Username"] for row in cloud.tencent.users}
    assert {len(name) for name in topics} == {100}
    assert {len(name) for name in users} == {32}
    assert (len(topics), len(users)) == (2, 2)
