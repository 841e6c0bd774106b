"""What an executor recorded, played again under the same policy, is what it was."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from recorded_calls import Case, cases, loaded, run

from resilience.cli.plans import operation_of, plan_of
from resilience.core.plan import Plan
from resilience.journal.model import RecordedCall
from resilience.journal.reader import read
from resilience.simulation.replay import obstacle, replay

_SETTINGS = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def plan(case: Case) -> Plan:
    policy = loaded(case.policy, case.env)
    operation = operation_of(case.operation, policy)
    return plan_of(policy, operation, verifier=case.replies is not None, credentials=case.refreshes is not None)


def check(call: RecordedCall, case: Case) -> None:
    if obstacle(call) is not None:
        return
    replayed = replay(call, plan(case))
    assert replayed.differences == ()
    assert (replayed.ended, replayed.stop_reason) == (call.ended, call.stop_reason)
    assert (replayed.requests, replayed.seconds) == (0, 0.0)
    assert set(replayed.assumptions) <= {"verifier_fault"}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_same_policy_decides_the_same(backend: str, tmp_path: Path) -> None:
    """Whatever a call met, with jitter and remedies, its replay under its own policy has no differences."""

    @given(cases())
    @example(Case(script=("GroupIdAlreadyUsedByOtherUsers",) * 3))
    @example(Case(script=("GroupIdAlreadyUsedByOtherUsers",) * 9))
    @example(Case("tencent:CreateInstance", script=("hang", "lost"), replies=("busy", "missing", "there")))
    @example(Case("tencent:CreateInstance", script=("lost",), replies=("broken",)))
    @example(Case(script=("InvalidSecurityToken.Expired", "SystemOverFlow"), refreshes=True))
    @example(Case(script=("InvalidSecurityToken.Expired",), refreshes=False))
    @_SETTINGS
    def compare(case: Case) -> None:
        path = tmp_path / "journal.jsonl"
        path.unlink(missing_ok=True)
        run(case, backend, path)
        (call,) = read(path).calls
        check(call, case)
        # Spans tell a delay without the backoff that it was taken from.
        check(evolve(call, attempts=tuple(evolve(each, backoff=None) for each in call.attempts)), case)

    compare()


# Without jitter, so that two runs of one script differ by their policies alone.
_VARIANTS = """
schema = 1
name = "variants"
extends = ["builtin:provisioning"]
[backoff.default]
kind = "constant"
base = "1s"
jitter = "none"
[backoff.throttled]
kind = "linear"
base = "500ms"
jitter = "none"
[env.hasty.limits]
attempt_timeout = "2s"
max_attempts = 2
deadline = "20s"
[env.patient.limits]
attempt_timeout = "30s"
max_attempts = 9
deadline = "10m"
settle = "3s"
[env.strict.rules.alibaba]
"SystemOverFlow" = "fail"
"InternalError" = "verify"
[env.strict.rules.transport]
"lost" = "verify"
[env.slow.backoff.default]
base = "4s"
[env.slow.backoff.throttled]
base = "3s"
[env.keen.rules.alibaba]
"NoSuchCode" = "retry"
"InvalidParameter" = "refresh"
[env.keen.rules.transport]
"garbled" = "fail"
"""
_TWO_ENVS = st.sampled_from(list(permutations(["hasty", "patient", "strict", "slow", "keen"], 2)))


def test_a_replay_foretells_what_the_other_policy_does(tmp_path: Path) -> None:
    """Where nothing had to be assumed, a run of the same script under the other policy goes as its replay went."""
    policy = tmp_path / "variants.toml"
    policy.write_text(_VARIANTS, encoding="utf-8")
    foretold = []

    @given(cases(), _TWO_ENVS)
    @settings(_SETTINGS, max_examples=300)
    def compare(case: Case, envs: tuple[str, str]) -> None:
        env, other = envs
        path = tmp_path / "journal.jsonl"
        path.unlink(missing_ok=True)
        then, now = evolve(case, policy=str(policy), env=env), evolve(case, policy=str(policy), env=other)
        run(then, "asyncio", path)
        (call,) = read(path).calls
        if obstacle(call) is not None:
            return
        replayed = replay(call, plan(now))
        # That a cut attempt would never have answered is so where the script says that it hangs.
        known = set() if "slow 3250ms" in case.script else {"cut"}
        if set(replayed.assumptions) - known:
            return
        path.unlink()
        run(now, "asyncio", path)
        (real,) = read(path).calls
        foretold.append(replayed.ends_otherwise)
        assert (replayed.ended, replayed.stop_reason) == (real.ended, real.stop_reason)
        assert replayed.attempts == len(real.attempts)
        assert replayed.duration == pytest.approx(real.duration, abs=1e-3)
        assert replayed.waited == pytest.approx(real.waited, abs=1e-3)

    compare()
    assert sum(foretold) > 5
