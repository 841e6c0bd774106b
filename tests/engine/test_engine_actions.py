"""Each action of a policy, from the user's function to the outcome."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from engine_calls import (
    ACCEPT,
    FAIL,
    GROUP,
    INSTANCE,
    ONE_SECOND,
    REFRESH,
    RENAME,
    RETRY,
    VERIFY,
    Service,
    codes,
    executor,
    policy,
    refused,
)

from resilience import DONE, Credentials, RemedyFailed, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.policy import Action

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


async def test_a_success_is_the_functions_own_value_after_one_attempt() -> None:
    """A call that succeeds returns what the function returned, and its outcome says so."""
    service = Service()
    create = executor().wrap("CreateGroupId", service.group_function())
    assert await create(INSTANCE, GROUP) == "created"
    outcome = await create.outcome(INSTANCE, group_id=GROUP)
    assert (outcome.ended, outcome.stop_reason, outcome.value) == ("success", "success", "created")
    assert [each.number for each in outcome.attempts] == [1]
    assert outcome.arguments == {"instance_id": INSTANCE, "group_id": GROUP}
    assert (outcome.error, outcome.verified, outcome.renamed, outcome.waited) == (None, None, {}, 0)
    assert outcome.unwrap() == "created"


@pytest.mark.parametrize("warm", [False, True], ids=["first-call", "later-call"])
async def test_retry_waits_and_calls_again(warm: bool) -> None:  # noqa: FBT001  # a test's parameter
    """A fault whose rule says retry is followed by the backoff's wait and another attempt."""
    service = Service()
    create = executor().wrap("CreateGroupId", service.group_function())
    if warm:
        await create(INSTANCE, GROUP)
        service.instants.clear()
    service.script = [refused(), refused()]
    assert await create(INSTANCE, GROUP) == "created"
    assert service.waits == [1.0, 1.0]


async def test_the_outcome_of_a_retried_call_tells_every_attempt() -> None:
    """The outcome has a record per attempt: fault, effect, rule, decision and wait."""
    service = Service(refused(request_id="5F3A", status=429), 2.0)
    outcome = await executor().wrap("CreateGroupId", service.group_function()).outcome(INSTANCE, GROUP)
    first, second = outcome.attempts
    assert (outcome.ended, outcome.waited) == ("success_after_retry", 1.0)
    assert first.fault is not None
    assert (first.fault.code, first.fault.request_id, first.effect, first.delay) == ("Busy", "5F3A", "none", 1.0)
    assert first.rule is not None
    assert first.rule.id == 'alibaba."Busy"'
    assert (second.number, second.fault, second.decision) == (2, None, None)
    assert second.duration == pytest.approx(2.0)


async def test_max_attempts_includes_the_first() -> None:
    """With four attempts allowed, the function runs four times, and the last exception leaves."""
    faults = [refused() for _ in range(9)]
    service = Service(*faults)
    create = executor().wrap("CreateGroupId", service.group_function())
    with pytest.raises(ServiceError) as caught:
        await create(INSTANCE, GROUP)
    assert len(service.calls) == 4
    assert caught.value is faults[3]


async def test_a_servers_hint_is_waited_for() -> None:
    """A longer wait that the server asks for is obeyed."""
    service = Service(refused(retry_after=7.0))
    await executor().call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert service.waits == [7.0]


async def test_an_action_that_is_used_up_gives_way_to_its_then() -> None:
    """After ``max`` uses the action's ``then`` decides, and the stop reason says why."""
    patient = evolve(RETRY, key="patient", max=2, then=FAIL)
    service = Service(*[refused() for _ in range(9)])
    outcome = await executor(policy({"Busy": patient})).outcome(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert (outcome.ended, outcome.stop_reason, len(service.calls)) == ("exhausted", "max", 3)


async def test_a_code_without_a_rule_fails_at_once() -> None:
    """Nothing retries unless a rule says so."""
    service = Service(refused("Unheard"))
    outcome = await executor().outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, len(service.calls)) == ("failed", "unknown", 1)


async def test_a_rule_that_fails_names_itself() -> None:
    """``fail`` ends the call with the service's exception; the stop reason is the rule."""
    service = Service(refused("InvalidParameter.Actions"))
    outcome = await executor(policy({"InvalidParameter": FAIL})).outcome(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert (outcome.ended, outcome.stop_reason) == ("failed", "rule")
    assert isinstance(outcome.error, ServiceError)


async def test_refresh_brings_new_credentials_to_the_next_attempt() -> None:
    """A rejected credential is replaced, and the next attempt reads the new one."""
    made: list[str] = []

    async def assume_role() -> str:
        made.append(f"key-{len(made) + 1}")
        return made[-1]

    source = Credentials(assume_role)
    used: list[str] = []

    async def create_group(instance_id: str, group_id: str) -> str:
        used.append(source.current())
        if len(used) == 1:
            raise refused("Expired")
        return f"{instance_id}/{group_id}"

    call = executor(credentials={"alibaba": source}).wrap("CreateGroupId", create_group)
    assert await call(INSTANCE, GROUP) == f"{INSTANCE}/{GROUP}"
    assert used == ["key-1", "key-2"]


async def test_refresh_without_a_source_stops_the_call() -> None:
    """Where nobody can renew credentials, the call ends and says that there is no source."""
    service = Service(refused("Expired"))
    outcome = await executor().outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason) == ("failed", "no_credentials")


async def test_a_second_rejection_in_one_call_ends_it() -> None:
    """``max_refreshes`` counts per call: the second rejection is final."""
    source = Credentials(Service(value="key"))

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        source.current()
        raise refused("Expired")

    outcome = await executor(credentials={"alibaba": source}).outcome("CreateGroupId", create_group, INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, len(outcome.attempts)) == ("exhausted", "max", 2)


async def test_rename_sends_the_next_attempt_to_another_name() -> None:
    """A name that is taken is replaced by the pattern's next ones, and the outcome tells both."""
    service = Service(refused("Taken"), refused("Taken"))
    outcome = await executor(policy({"Taken": RENAME})).outcome(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert [args[1] for args, _ in service.calls] == [GROUP, "GID_sensors-2", "GID_sensors-3"]
    assert outcome.renamed == {"GroupId": (GROUP, "GID_sensors-3")}
    assert outcome.arguments["group_id"] == "GID_sensors-3"


async def test_accept_after_a_doubtful_attempt_is_a_success() -> None:
    """After an attempt that may have taken effect, "already exists" is ours: the call is accepted, unverified."""
    service = Service(refused("Lost", effect="unknown"), refused("Exists"))
    values = policy({"Lost": RETRY, "Exists": ACCEPT}, repeats={"CreateGroupId": "conflict"})
    outcome = await executor(values).outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, outcome.verified) == ("accepted", "accepted", False)
    assert (outcome.value, outcome.error) == (None, None)


async def test_accept_without_a_doubtful_attempt_fails() -> None:
    """What exists before our first attempt is somebody else's."""
    service = Service(refused("Exists"))
    outcome = await executor(policy({"Exists": ACCEPT})).outcome(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert (outcome.ended, outcome.stop_reason) == ("failed", "not_ours")


async def test_a_dry_run_is_accepted_without_a_value() -> None:
    """A code that says "would have worked" ends the call as a dry run, and nothing is made up."""
    dry = Action(key="dry", do="accept", condition="always", dry_run=True)
    service = Service(refused("DryRunOperation"))
    call = executor(policy({"DryRunOperation": dry})).wrap(
        "CreateGroupId", service.group_function(), accepted=lambda *_: "made up"
    )
    outcome = await call.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, outcome.value) == ("accepted", "dry_run", None)


async def test_verify_finds_what_a_lost_attempt_made() -> None:
    """After a doubtful attempt the verifier's value is the value of the call, and nothing is made twice."""
    service = Service(ConnectionResetError())
    create = executor(policy({"lost": VERIFY}, repeats={"CreateGroupId": "duplicate"})).wrap(
        "CreateGroupId", service.group_function()
    )

    @create.verify
    async def find_group(instance_id: str, group_id: str) -> str | None:
        return f"found {instance_id}/{group_id}"

    outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.verified, outcome.value) == ("accepted", True, f"found {INSTANCE}/{GROUP}")
    assert len(service.calls) == 1


async def test_done_verifies_a_function_that_returns_none() -> None:
    """``DONE`` from a verifier says that it is there; the value of the call is None, as the function's would be."""
    service = Service(ConnectionResetError())
    create = executor(policy({"lost": VERIFY}, repeats={"CreateGroupId": "duplicate"})).wrap(
        "CreateGroupId", service.group_function()
    )
    create.verify(Service(value=DONE))
    outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.verified, outcome.value) == ("accepted", True, None)


async def test_not_there_is_believed_only_when_the_doubt_has_settled() -> None:
    """The verifier is asked until ``settle`` has passed since the doubtful attempt; then comes the next attempt."""
    service = Service(ConnectionResetError())
    verifier = Service(value=None)
    values = policy({"lost": VERIFY}, repeats={"CreateGroupId": "duplicate"}, settle=30.0)
    create = executor(values).wrap("CreateGroupId", service.group_function())
    create.verify(verifier)
    assert await create(INSTANCE, GROUP) == "created"
    assert service.waits == [pytest.approx(30.0)]
    assert len(verifier.calls) > 2


async def test_a_duplicate_operation_in_doubt_is_never_repeated_blindly() -> None:
    """Without a verifier the call stops, and the note says what may exist and what to do."""
    service = Service(ConnectionResetError())
    values = policy({"lost": RETRY}, repeats={"CreateGroupId": "duplicate"})
    outcome = await executor(values).outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, outcome.may_exist) == ("failed", "unverified", True)
    assert len(service.calls) == 1
    assert outcome.error is not None
    (note,) = outcome.error.__notes__
    assert "may exist" in note
    assert "register a verifier for CreateGroupId" in note


async def test_a_verifier_that_fails_for_good_ends_the_call() -> None:
    """The verifier's own refusal, which no rule answers, is a failed remedy; its cause is that refusal."""
    service = Service(ConnectionResetError())
    no = refused("Forbidden")
    create = executor(policy({"lost": VERIFY}, repeats={"CreateGroupId": "duplicate"})).wrap(
        "CreateGroupId", service.group_function()
    )
    create.verify(Service(no))
    with pytest.raises(RemedyFailed) as caught:
        await create(INSTANCE, GROUP)
    assert caught.value.__cause__ is no
    assert (caught.value.remedy, len(service.calls)) == ("verify", 1)


async def test_a_verifier_that_is_throttled_is_asked_again() -> None:
    """A fault of the verifier that a rule retries costs a wait, and no verdict."""
    service = Service(ConnectionResetError())
    values = policy({"lost": VERIFY, "Busy": RETRY}, repeats={"CreateGroupId": "duplicate"})
    create = executor(values).wrap("CreateGroupId", service.group_function())
    create.verify(Service(refused("Busy"), value="found"))
    assert await create(INSTANCE, GROUP) == "found"


async def test_the_executors_verifier_serves_call_and_the_functions_own_wins() -> None:
    """``executor.verify`` is asked where a function has no verifier of its own."""
    values = policy({"lost": VERIFY}, repeats={"CreateGroupId": "duplicate"})
    one = executor(values)
    one.verify("CreateGroupId")(Service(value="the executor's"))
    function = Service(ConnectionResetError()).group_function()
    assert await one.call("CreateGroupId", function, INSTANCE, GROUP) == "the executor's"
    own = one.wrap("CreateGroupId", Service(ConnectionResetError()).group_function())
    own.verify(Service(value="its own"))
    assert await own(INSTANCE, GROUP) == "its own"


async def test_attempts_of_a_patient_action_do_not_count() -> None:
    """A refusal that did not run uses up no attempt; the deadline alone bounds it."""
    patient = Action(key="patient", do="retry", backoff=ONE_SECOND, counts=False)
    service = Service(*[refused() for _ in range(20)])
    assert await executor(policy({"Busy": patient})).call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert len(service.calls) == 21


async def test_a_draw_decides_the_jitter() -> None:
    """Jitter is taken from the executor's draw, so a fixed draw gives fixed waits."""
    jittery = Action(key="jittery", do="retry", backoff=Backoff(base=4.0, factor=2.0, jitter="full"), counts=True)
    service = Service(refused(), refused())
    await executor(policy({"Busy": jittery}), draw=lambda: 0.25).call(
        "CreateGroupId", service.group_function(), INSTANCE, GROUP
    )
    assert service.waits == [1.0, 2.0]


async def test_the_codes_of_all_attempts_are_in_the_outcome() -> None:
    """Refresh, rename and retry in one call leave a record each, in order."""
    source = Credentials(Service(value="key"))
    script = [refused("Busy"), refused("Expired"), refused("Taken")]

    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        source.current()
        if script:
            raise script.pop(0)
        return group_id

    values = policy({"Busy": RETRY, "Expired": REFRESH, "Taken": RENAME})
    outcome = await executor(values, credentials={"alibaba": source}).outcome(
        "CreateGroupId", create_group, INSTANCE, GROUP
    )
    assert codes(each.fault for each in outcome.attempts) == ["Busy", "Expired", "Taken", None]
    assert outcome.value == "GID_sensors-2"
