"""Forecasts: a real executor on a virtual clock, at a limit that is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience import Policy
from resilience.cli.plans import operation_of, plan_of
from resilience.core.admission.rate import Rate
from resilience.core.plan import Plan
from resilience.fleet.forecast import (
    Counting,
    FleetSetup,
    Forecast,
    LimitedService,
    forecast,
    most_within,
    refusal_of,
    without_rates,
)
from resilience.simulation import read_script


def planned(name: str, policy: Policy) -> Plan:
    return plan_of(policy, operation_of(name, policy), verifier=False, credentials=True)


def made(name: str, service: LimitedService, fleet: FleetSetup, *, policy: str = "builtin:alibaba-mqtt") -> Forecast:
    read = Policy.load(policy)
    return forecast(read, planned(name, read), service, fleet)


@pytest.mark.parametrize("counting", ["window", "bucket"])
@pytest.mark.parametrize(
    ("policy", "operation", "limit", "calls"),
    [
        ("builtin:alibaba-mqtt", "CreateGroupId", "10/s", 200),
        ("builtin:alibaba-mqtt", "ApplyToken", "100/s", 800),
        ("builtin:tencent-mqtt", "CreateTopic", "20/s", 200),
        ("builtin:alibaba-mqtt", "RevokeToken", "5/s", 60),
    ],
)
def test_a_declared_limit_is_kept_and_used(
    policy: str, operation: str, limit: str, calls: int, counting: Counting
) -> None:
    """As the shipped policies declare them: nothing is refused, no window holds more, and little time is lost."""
    rate = Rate.of(limit)
    service = LimitedService(limit=rate, counting=counting, latency=0.04)
    found = made(operation, service, FleetSetup(calls=calls), policy=policy)
    assert (found.calls, found.failed, len(found.requests)) == (calls, 0, calls + found.refused)
    assert found.refused <= 0.02 * calls
    assert found.peak <= rate.count
    assert found.duration <= 1.1 * found.best


def test_without_rates_the_service_refuses_a_lot() -> None:
    """The same calls, with what the policy does after a refusal alone."""
    read = Policy.load("builtin:alibaba-mqtt")
    service, fleet = LimitedService(limit=Rate.of("10/s"), latency=0.04), FleetSetup(calls=200)
    paced = forecast(read, planned("CreateGroupId", read), service, fleet)
    bare = without_rates(read)
    assert isinstance(bare, Policy)
    unpaced = forecast(bare, planned("CreateGroupId", bare), service, fleet)
    assert unpaced.refused > 50 > paced.refused
    assert unpaced.peak > 2 * paced.peak
    assert unpaced.duration > paced.duration


def test_what_others_use_is_left_to_them() -> None:
    """Calls slow down to what is there, and go on."""
    service = LimitedService(limit=Rate.of("100/s"), latency=0.04, others=0.5)
    found = made("ApplyToken", service, FleetSetup(calls=500))
    assert found.failed == 0
    assert found.requests_per_success < 1.5
    assert 0.9 * found.best < found.duration < 1.5 * found.best


def test_a_seed_gives_the_same_forecast() -> None:
    """Another seed gives another one."""
    service = LimitedService(limit=Rate.of("10/s"), latency=0.04, others=0.3)
    first, same = (made("CreateGroupId", service, FleetSetup(calls=50, seed=7)) for _ in range(2))
    assert same == first
    assert made("CreateGroupId", service, FleetSetup(calls=50, seed=8)) != first


def test_calls_that_the_limit_leaves_no_time_fail() -> None:
    """A rate far below the one that the policy expects, and a deadline: the forecast says why."""
    read = Policy.loads(
        'schema = 1\nlimits.deadline = "5s"\n[rules.acme]\nX = "fail"\n[operations.acme]\nCreate = "conflict"\n'
        '[rate.acme]\ndefault = "1/s"\n'
    )
    service, fleet = LimitedService(limit=Rate.of("1/s"), latency=0.04), FleetSetup(calls=30, concurrency=30)
    found = forecast(read, planned("Create", read), service, fleet)
    assert found.reasons == {"rate": found.failed}
    assert found.failed > 20
    assert found.requests_per_success == 1.0


def test_refusals_are_the_services_own() -> None:
    """A code that the catalogue calls a throttle and the policy tries again; a status where there is no catalogue."""
    alibaba, tencent = Policy.load("builtin:alibaba-mqtt"), Policy.load("builtin:tencent-mqtt")
    for policy, operation in ((alibaba, "ApplyToken"), (tencent, "CreateTopic")):
        plan = planned(operation, policy)
        rule = plan.rule(refusal_of(plan))
        assert rule is not None
        assert rule.action.do == "retry"
    own = Policy.loads('schema = 1\nlimits.deadline = "5s"\n[operations.acme]\nCreate = "conflict"\n')
    assert refusal_of(planned("Create", own)).label == "http-429"


def test_the_peak_is_of_any_window() -> None:
    """Also of one that lies across two seconds."""
    assert most_within([0.0, 0.9, 0.95, 1.0, 1.5, 1.8], 1.0) == 5
    assert most_within([], 1.0) == 0


def test_a_part_of_a_limit_is_no_more_than_that() -> None:
    """All of it is used by others: no forecast ends."""
    with pytest.raises(ValueError, match="others: expected a part of the limit from 0 to below 1, got 1"):
        LimitedService(limit=Rate.of("1/s"), others=1.0)


def scripted(operation: str, script: str, *, verifier: bool = False, calls: int = 30, more: str = "") -> Forecast:
    text = 'schema = 1\nlimits = { deadline = "1m", attempt_timeout = "5s" }\nextends = ["builtin:tencent-mqtt"]\n'
    read = Policy.loads(text + more)
    found = operation_of(operation, read)
    plan = plan_of(read, found, verifier=verifier, credentials=True)
    faults = read_script(script, provider=found.provider, latency=0.04)
    service = LimitedService(limit=Rate.of("1000/s"), latency=0.04, script=faults)
    return forecast(read, plan, service, FleetSetup(calls=calls))


def test_what_may_have_happened_is_looked_at_before_a_repeat() -> None:
    """With an honest verifier a lost answer is found out; without one the call stops, and nothing is bought twice."""
    seen = scripted("CreateInstance", "applied lost", verifier=True)
    assert (len(seen.requests), seen.failed, seen.repeated) == (30, 0, 0)
    blind = scripted("CreateInstance", "applied lost")
    assert (len(blind.requests), blind.reasons, blind.repeated) == (30, {"unverified": 30}, 0)


def test_a_rule_that_lies_about_an_effect_is_found_out() -> None:
    """It repeats what was done already; the forecast counts the calls that did it twice."""
    found = scripted(
        "CreateInstance",
        "applied InternalError",
        more='rules.tencent.InternalError = { do = "retry", effect = "none" }\n',
    )
    assert (found.failed, found.repeated) == (0, 30)


def test_faults_lead_to_remedies_and_limits_in_a_fleet() -> None:
    """New credentials, a request that was never sent, and an attempt that hangs until its limit."""
    renewed = scripted("CreateTopic", "AuthFailure.TokenFailure", calls=5)
    assert (len(renewed.requests), renewed.failed) == (10, 0)
    unsent = scripted("CreateTopic", "unsent", calls=5)
    assert (len(unsent.requests), unsent.failed) == (5, 0)
    hung = scripted("DescribeTopic", "hang", calls=5)
    assert (len(hung.requests), hung.failed) == (10, 0)
    assert hung.duration > 5.0


def test_names_of_a_policys_own_operations_are_renamed() -> None:
    """The fields are those that the policy declares, and the names are such that the service takes them."""
    more = (
        'rules.acme.TAKEN = "rename"\n[operations.acme.Create]\nrepeat = "conflict"\nkey = ["Tenant", "User"]\n'
        'rename = "User"\nname = { pattern = "[a-z0-9-]+", max_length = 12 }\n'
    )
    found = scripted("acme:Create", "TAKEN*2", calls=5, more=more)
    assert (len(found.requests), found.failed) == (15, 0)


def test_a_refused_attempt_uses_up_no_entry_of_the_script() -> None:
    """The limit comes first: what the service would have said is said to the next attempt."""
    read = Policy.load("builtin:alibaba-mqtt")
    faults = read_script("SystemOverFlow", provider="alibaba", latency=0.04)
    service = LimitedService(limit=Rate.of("5/s"), latency=0.04, script=faults)
    bare = without_rates(read)
    assert isinstance(bare, Policy)
    found = forecast(bare, planned("ApplyToken", bare), service, FleetSetup(calls=30))
    assert found.refused > 10
    assert len(found.requests) == 60 + found.refused


def test_a_forecast_touches_nothing_of_the_policys(tmp_path: Path) -> None:
    """No store, no ledger, no journal and no credentials: it is a rehearsal, also where the policy is switched off."""
    text = 'schema = 1\nextends = ["builtin:alibaba-mqtt"]\n'
    text += 'state = { store = "redis://127.0.0.1:1/0", on_unavailable = "fail" }\n'
    text += f'ledger.path = "{tmp_path}/ledger.db"\ntelemetry.journal = "{tmp_path}/calls.jsonl"\n'
    text += f'credentials.alibaba = {{ source = "command", command = ["touch", "{tmp_path}/asked"] }}\n'
    policy = tmp_path / "p.toml"
    policy.write_text(text, encoding="utf-8")
    read = Policy.load(policy)
    found = forecast(read, planned("CreateGroupId", read), LimitedService(limit=Rate.of("10/s")), FleetSetup(calls=20))
    assert (found.failed, found.calls) == (0, 20)
    assert {each.name for each in tmp_path.iterdir()} == {"p.toml"}
