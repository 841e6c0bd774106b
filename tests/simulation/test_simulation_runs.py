"""Many runs: reproducible, and honest about what is left behind."""

from __future__ import annotations

import pytest
from attrs import evolve

from resilience import Policy
from resilience.cli.plans import operation_of, plan_of
from resilience.simulation import EndlessError, Environment, Setup, Spread, distribution, read_script, simulate

LATENCY = 0.1


def setup(script: str, *, operation: str = "CreateGroupId", verifier: bool = False, rate: float | None = None) -> Setup:
    policy = Policy.load("builtin:provisioning")
    found = operation_of(operation, policy)
    return Setup(
        plan=plan_of(policy, found, verifier=verifier, credentials=True),
        environment=Environment(),
        script=read_script(script, provider=found.provider, latency=LATENCY),
        latency=LATENCY,
        rate=rate,
    )


def test_the_same_seed_gives_the_same_runs() -> None:
    """A distribution is reproducible, and another seed gives another one."""
    random = setup("SystemOverFlow, lost", rate=0.5)
    once, again, other = (distribution(random, runs=200, seed=seed) for seed in (3, 3, 4))
    assert once == again
    assert once.durations != other.durations


def test_the_first_of_many_runs_is_the_call_that_is_shown() -> None:
    """What is shown step by step is one of the runs that were counted."""
    random = setup("SystemOverFlow, lost", rate=0.5)
    assert simulate(random, 3).duration == distribution(random, runs=5, seed=3).durations[0]


def test_the_rate_is_the_share_of_attempts_that_fail() -> None:
    """At rate 0 nothing fails, at rate 1 everything, and between them about so many attempts."""
    calm, half, storm = (distribution(setup("lost", rate=rate), runs=2000, seed=1) for rate in (0.0, 0.5, 1.0))
    assert calm.reasons == {"success": 2000}
    assert set(calm.calls) == {1}
    assert storm.reasons == {"max": 2000}
    assert sum(calls == 1 for calls in half.calls) / 2000 == pytest.approx(0.5, abs=0.05)


def test_a_repeated_entry_comes_more_often_at_random() -> None:
    """With a rate, ``X*9, Y`` is nine times X for each Y."""
    mixed = distribution(setup("InvalidParameter*9, InstanceNotFound", rate=1.0), runs=100, seed=1)
    assert mixed.reasons == {"rule": 100}
    alone = simulate(setup("unsent*9, InvalidParameter", rate=1.0), 1)
    assert {step.fault.label for step in alone.steps if step.fault} == {"unsent", "InvalidParameter"}


def test_what_took_effect_twice_is_counted() -> None:
    """A plain repeat of what took effect is counted; an operation that is verified first never does it twice."""
    script = "applied lost"
    assert distribution(setup(script), runs=50, seed=1).repeated == 50
    verified = distribution(setup(script, operation="tencent:CreateInstance", verifier=True), runs=50, seed=1)
    assert verified.repeated == 0
    assert verified.reasons == {"accepted": 50}


def test_another_name_is_another_resource() -> None:
    """What took effect under an earlier name is not counted against the one that the call ends with."""
    played = simulate(setup("applied lost, GroupIdAlreadyUsedByOtherUsers, ok"), 1)
    assert [step.did for step in played.steps] == ["attempt", "attempt", "rename", "attempt"]
    assert played.effects == 1


def test_what_may_be_left_behind_is_counted() -> None:
    """Without a verifier the call stops in doubt, and is counted as one that may have left something."""
    found = distribution(setup("lost", operation="tencent:CreateInstance"), runs=10, seed=1)
    assert found.reasons == {"unverified": 10}
    assert found.doubtful == 10


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("hang", "attempt_timeout", id="an-attempt"),
        pytest.param("InternalError*", "no limit of the policy ends this call", id="a-call"),
    ],
)
def test_what_never_ends_is_said(script: str, message: str) -> None:
    """An attempt that nothing cuts short is an error, and so is a call that no limit ends."""
    endless = Policy.loads(
        """
        schema = 1
        limits = { deadline = "none" }
        rules.alibaba.InternalError = { do = "retry", counts = false }
        """
    )
    usual = setup(script)
    plan = plan_of(endless, operation_of("CreateGroupId", endless), verifier=False, credentials=False)
    with pytest.raises(EndlessError, match=message):
        simulate(evolve(usual, plan=plan), 0)


@pytest.mark.parametrize(
    ("values", "percentiles"),
    [
        pytest.param([7.0], {50: 7.0, 95: 7.0, 99: 7.0}, id="one"),
        pytest.param(list(range(1, 101)), {50: 50, 95: 95, 99: 99}, id="hundred"),
        pytest.param([3.0, 1.0, 2.0], {50: 2.0, 95: 3.0, 99: 3.0}, id="few-unordered"),
    ],
)
def test_a_percentile_is_a_value_that_occurred(values: list[float], percentiles: dict[int, float]) -> None:
    """So many percent of the runs are at the percentile or below it, by the nearest rank."""
    assert dict(Spread.of(values).at) == percentiles
