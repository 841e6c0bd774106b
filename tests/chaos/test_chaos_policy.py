from __future__ import annotations

import pytest

from resilience.core.fault import Fault
from resilience.policyfile import Policy, PolicyError

BASE = 'schema = 1\nlimits.deadline = "2m"\n'
PLAIN = '[chaos.alibaba]\n"InternalError" = { rate = 0.5, applied = true, delay = "2s" }\n'
STAGING = '[env.staging.chaos.alibaba]\n"InternalError" = { rate = 0.1 }\n"lost" = { rate = 0.2 }\n'
PROD = "[env.prod]\nproduction = true\n"


def load(*tables: str, env: str | None = None) -> Policy:
    return Policy.loads(BASE + "".join(tables), env=env, name="mqtt.toml")


def refused(*tables: str, env: str | None = None) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load(*tables, env=env)
    return [str(problem).splitlines()[0] for problem in caught.value.problems]


def test_a_policy_without_chaos_has_none() -> None:
    """Nothing is injected unless a file says so."""
    assert load().chaos.injections == ()


def test_an_entry_says_what_where_and_how_often() -> None:
    """An entry is read with its fault, its rate and where it stands."""
    (entry,) = load(PLAIN).chaos.injections
    assert (entry.id, entry.rate, entry.applied, entry.delay) == ('alibaba."InternalError"', 0.5, True, 2.0)
    assert str(entry.origin) == "mqtt.toml:4:19"


@pytest.mark.parametrize(
    ("entry", "operation", "fault"),
    [
        pytest.param("InternalError", None, Fault(code="InternalError", status=500), id="documented-status"),
        pytest.param("NeverHeardOf", None, Fault(code="NeverHeardOf"), id="unknown-code"),
        pytest.param("CreateGroupId/lost", "CreateGroupId", Fault(transport="lost"), id="lost"),
        pytest.param("Create*/unsent", "Create*", Fault(transport="unsent"), id="unsent"),
        pytest.param("garbled", None, Fault(transport="garbled"), id="garbled"),
        pytest.param("alibaba:CreateGroupId/http-503", "CreateGroupId", Fault(status=503), id="status"),
    ],
)
def test_a_fault_is_the_one_that_a_client_would_read(entry: str, operation: str | None, fault: Fault) -> None:
    """Codes carry their documented status; transport words and statuses become what an SDK's exception would."""
    (read,) = load(f'[chaos.alibaba]\n"{entry}" = {{ rate = 1 }}\n').chaos.injections
    said = read.fault
    assert read.operation == operation
    assert (said.code, said.transport, said.status) == (fault.code, fault.transport, fault.status)
    assert (said.provider, said.error) == ("alibaba", "resilience.ServiceError")


def test_an_environment_replaces_entries_whole_and_adds_others() -> None:
    """An entry of an environment stands instead of the plain one of that name, with all of its keys."""
    chaos = load(PLAIN, STAGING, env="staging").chaos
    assert [(each.code, each.rate, each.applied) for each in chaos.injections] == [
        ("InternalError", 0.1, False),
        ("lost", 0.2, False),
    ]


def test_chaos_of_another_environment_is_not_met() -> None:
    """Who loads without an environment, or another one, gets no fault of staging."""
    assert load(STAGING).chaos.injections == ()
    assert load(STAGING, PROD, env="prod").chaos.injections == ()


def test_the_seed_is_merged_like_any_key() -> None:
    """The seed is 0 unless a file says otherwise, and an environment's own wins."""
    assert load(PLAIN).chaos.seed == 0
    assert load("[chaos]\nseed = 7\n", STAGING).chaos.seed == 7
    assert load("[chaos]\nseed = 7\n", STAGING, "[env.staging.chaos]\nseed = 8\n", env="staging").chaos.seed == 8


def test_the_digest_tells_policies_of_other_chaos_apart() -> None:
    """Two policies that rehearse other faults differ in effect; one that rehearses none is what it was before."""
    digests = {load(*tables).digest for tables in ((), (PLAIN,), (PLAIN, "[chaos]\nseed = 7\n"))}
    assert len(digests) == 3
    assert load().digest == load("[chaos]\nseed = 7\n").digest


def test_chaos_of_a_production_environment_is_refused() -> None:
    """An entry under an environment that is production is an error at that entry, whatever environment is chosen."""
    tables = (PROD, '[env.prod.chaos.alibaba]\n"lost" = { rate = 0.01 }\n')
    expected = (
        "mqtt.toml:6:1: error[RP032] chaos is refused where production = true, as mqtt.toml:4:14 says; "
        "move it to another environment, such as [env.staging.chaos.alibaba]"
    )
    assert refused(*tables) == [expected]
    assert refused(*tables, env="prod") == [expected]


def test_plain_chaos_is_refused_in_production_and_only_there() -> None:
    """An entry outside of environments belongs to all of them, so production refuses it, at the entry."""
    tables = (PLAIN, PROD, STAGING)
    assert load(*tables, env="staging").chaos.injections
    (said,) = refused(*tables, env="prod")
    assert said.startswith("mqtt.toml:4:1: error[RP032] ")


def test_a_rate_of_zero_is_refused_in_production_too() -> None:
    """Production holds no chaos at all, not even some that is switched off."""
    assert len(refused(PROD, '[env.prod.chaos.alibaba]\n"lost" = { rate = 0 }\n')) == 1


def test_production_may_be_said_in_another_file_than_chaos(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Chaos of a file that is extended is refused as well, and the message names both files."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "base.toml").write_text(BASE + PLAIN, encoding="utf-8")
    (folder / "mqtt.toml").write_text('schema = 1\nextends = ["base.toml"]\n' + PROD, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        Policy.load(folder / "mqtt.toml", env="prod")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.rule) == (str(folder / "base.toml"), 4, "RP032")
    assert f"as {folder / 'mqtt.toml'}:4:14 says" in problem.message


def test_rates_that_are_more_than_all_attempts_are_refused_once() -> None:
    """Where the entries of an operation add up to more than 1, the last of them is an error, and said once."""
    (said,) = refused('[chaos.alibaba]\n"A" = { rate = 0.6 }\n"Create*/B" = { rate = 0.6 }\n')
    assert said.startswith("mqtt.toml:5:24: error[RP043] with this entry 1.2 of the attempts of CreateGroupId")


def test_rates_that_are_too_much_for_every_operation_are_refused_once_too() -> None:
    """Entries for all operations earn one error, and not one for each operation."""
    assert len(refused('[chaos.alibaba]\n"A" = { rate = 0.6 }\n"B" = { rate = 0.6 }\n')) == 1


def test_a_key_of_an_entry_that_was_replaced_comes_from_nowhere() -> None:
    """Where an environment replaces an entry, what the plain one said is not effective."""
    path = ("chaos", "alibaba", "InternalError", "applied")
    assert str(load(PLAIN, STAGING).origin(*path)) == "mqtt.toml:4:43"
    assert load(PLAIN, STAGING, env="staging").origin(*path) is None


def test_rates_that_are_all_attempts_are_fine() -> None:
    """Ten times 0.1 is 1, whatever floating point makes of it, and a narrower entry does not count twice."""
    tenths = "".join(f'"Code{number}" = {{ rate = 0.1 }}\n' for number in range(10))
    assert len(load(f"[chaos.alibaba]\n{tenths}").chaos.injections) == 10
    assert load('[chaos.alibaba]\n"A" = { rate = 0.6 }\n"CreateGroupId/A" = { rate = 0.9 }\n').chaos.injections
