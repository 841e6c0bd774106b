"""The shipped catalogues say what the vendors' SDKs say."""

from __future__ import annotations

import re
from typing import Any

import alibabacloud_onsmqtt20200420.models as onsmqtt
import alibabacloud_sts20150401.models as alibaba_sts
import pytest
import tencentcloud.mqtt.v20240516.errorcodes as mqtt_codes
import tencentcloud.mqtt.v20240516.models as mqtt
import tencentcloud.sts.v20180813.errorcodes as sts_codes
import tencentcloud.sts.v20180813.models as tencent_sts

from resilience.catalog import OperationFacts, catalogue, providers

READS = ("Describe", "List", "Get", "Query", "BatchQuery")

SDKS: dict[str, tuple[Any, Any]] = {"alibaba": (onsmqtt, alibaba_sts), "tencent": (mqtt, tencent_sts)}

EVERY_CODE = [facts for provider in providers() for facts in catalogue(provider).codes.values()]
EVERY_OPERATION = [(provider, facts) for provider in providers() for facts in catalogue(provider).operations.values()]
OPERATIONS_OF_SDKS = [(provider, facts) for provider, facts in EVERY_OPERATION if provider in SDKS]


def sdk_operations(provider: str) -> tuple[set[str], set[str]]:
    """Return the operations of a provider's SDK for MQTT, and those of its token service."""
    mqtt_models, sts_models = SDKS[provider]
    return _operations(mqtt_models), _operations(sts_models)


def _operations(models: Any) -> set[str]:
    """Return what has an answer: each operation has, and one of Alibaba's token service takes no request."""
    return {name.removesuffix("Response") for name in vars(models) if name.endswith("Response")}


def sdk_fields(provider: str, model: str) -> set[str]:
    """Return the wire names of the fields of an SDK's model; none where there is no such model."""
    found = next((getattr(place, model)() for place in SDKS[provider] if hasattr(place, model)), None)
    names = {} if found is None else vars(found)
    if provider == "tencent":
        return {name.removeprefix("_") for name in names}
    return {"".join(part.capitalize() for part in name.split("_")) for name in names}


def sdk_answer(provider: str, facts: OperationFacts) -> set[str]:
    """Return the fields of an operation's answer."""
    return sdk_fields(provider, f"{facts.operation}Response{'Body' if provider == 'alibaba' else ''}")


def sdk_codes(module: Any) -> set[str]:
    """Return the error codes of a module of Tencent's SDK."""
    return {value for name, value in vars(module).items() if name.isupper()}


@pytest.mark.parametrize(("provider", "count", "of_sts"), [("alibaba", 50, 4), ("tencent", 80, 7)])
def test_the_operations_are_those_of_the_sdks(provider: str, count: int, of_sts: int) -> None:
    """A catalogue knows each operation of the SDKs for MQTT and for the token service, and no other."""
    of_mqtt, of_tokens = sdk_operations(provider)
    assert set(catalogue(provider).operations) == of_mqtt | of_tokens
    assert (len(of_mqtt), len(of_tokens)) == (count, of_sts)


def test_the_fields_are_those_of_the_sdk() -> None:
    """Key and rename name fields of the request, answer and verdict name fields of the answer."""
    for provider, facts in OPERATIONS_OF_SDKS:
        request, answer = sdk_fields(provider, f"{facts.operation}Request"), sdk_answer(provider, facts)
        assert {*facts.key, facts.rename} - {None} <= request, facts.operation
        assert {*facts.answer, facts.verdict} - {None} <= answer, facts.operation


def test_an_answer_that_can_be_an_error_says_so() -> None:
    """The operations whose answer has a Success field have it as their verdict, and no others have one."""
    with_field = {facts.operation for provider, facts in OPERATIONS_OF_SDKS if "Success" in sdk_answer(provider, facts)}
    with_verdict = {facts.operation for _, facts in EVERY_OPERATION if facts.verdict == "Success"}
    assert with_verdict == with_field
    assert {facts.operation for _, facts in EVERY_OPERATION if facts.verdict} == with_verdict


@pytest.mark.parametrize(("module", "count"), [(mqtt_codes, 32), (sts_codes, 30)], ids=["mqtt", "sts"])
def test_every_code_of_tencents_sdk_is_known(module: Any, count: int) -> None:
    """The catalogue has each code that the SDK lists, and not only its parent."""
    assert len(sdk_codes(module)) == count
    assert sdk_codes(module) <= set(catalogue("tencent").codes)


def test_a_secret_that_is_shown_once_is_in_no_answer_of_a_safe_operation() -> None:
    """What only one answer ever has is made by that call, and a repeat cannot bring it back."""
    once = {(provider, facts.operation): facts for provider, facts in EVERY_OPERATION if facts.shown_once}
    assert set(once) == {
        ("emqx", "CreateApiKey"),
        ("aws-iot", "CreateKeysAndCertificate"),
        ("aws-iot", "CreateProvisioningClaim"),
    }
    assert all(not facts.answer or set(facts.shown_once) <= set(facts.answer) for facts in once.values())


def test_reading_is_safe() -> None:
    """An operation that only reads is safe to repeat, and has no resource of its own."""
    reads = [facts for _, facts in EVERY_OPERATION if facts.operation.startswith(READS)]
    assert {facts.repeat for facts in reads} == {"safe"}
    assert {facts.key for facts in reads} == {()}


@pytest.mark.parametrize(
    ("provider", "operation"),
    [
        ("alibaba", "SendMessage"),
        ("alibaba", "RefreshDeviceCredential"),
        ("alibaba", "RegisterCaCertificate"),
        ("alibaba", "AddCustomAuthIdentity"),
        ("alibaba", "CloseConnection"),
        ("tencent", "CreateInstance"),
        ("tencent", "ModifyInstance"),
        ("tencent", "DeleteInstance"),
        ("tencent", "CreateMessageEnrichmentRule"),
        ("tencent", "RegisterCaCertificate"),
        ("tencent", "PublishMessage"),
        ("tencent", "KickOutClient"),
    ],
)
def test_what_must_not_happen_twice_is_a_duplicate(provider: str, operation: str) -> None:
    """An operation that buys, sends, rotates, throws out or destroys is never repeated blindly."""
    facts = catalogue(provider).operation(operation)
    assert facts is not None
    assert facts.repeat == "duplicate"


def test_a_conflict_has_a_code_and_a_key() -> None:
    """An operation that the service refuses the second time names its resource, and the code that says so."""
    conflicts = [(provider, facts) for provider, facts in EVERY_OPERATION if facts.repeat == "conflict"]
    without_code = {
        facts.operation
        for provider, facts in conflicts
        if "exists" not in {catalogue(provider).codes[code].class_ for code in facts.codes}
    }
    # The body of these two is a list of names.
    assert {facts.operation for _, facts in conflicts if not facts.key} == {"CreateUserRules", "CreateClientRules"}
    # With which code a second one is refused is not documented, or it is that of any wrong request.
    assert without_code == {"CreateBlockRule", "CreateApiKey"}


def test_what_is_created_can_be_read_back() -> None:
    """An operation that creates a resource has a safe operation that tells whether it is there."""
    for provider, facts in EVERY_OPERATION:
        if facts.key and facts.operation != "Ban":  # there is only a list, which a filter narrows
            read_back = catalogue(provider).operation(facts.read_back or "")
            assert read_back is not None, facts.operation
            assert read_back.repeat == "safe", facts.operation


def test_a_lasting_code_had_no_effect() -> None:
    """A request that is refused as wrong has changed nothing, unless its answer was too large, or is for many."""
    doubtful = {facts.code for facts in EVERY_CODE if facts.is_lasting and facts.effect == "unknown"}
    # A template of AWS makes its resources one after the other, and a wrong one fails in the middle.
    in_part = {
        "BulkRegistryOperationFailure",
        "BulkRegenerateDeviceKeyOperationFailure",
        "ResourceRegistrationFailureException",
    }
    assert doubtful == {"ResponseSizeLimitExceeded", *in_part}


def test_a_fault_of_the_service_may_have_had_an_effect() -> None:
    """Internal and transient faults leave doubt, also where the code looks like the token service's own."""
    faults = [facts for facts in EVERY_CODE if facts.class_ in {"internal", "transient"}]
    assert {facts.effect for facts in faults} == {"unknown"}


def test_throttling_leaves_no_doubt_except_as_a_500() -> None:
    """Every rate limit refuses a call before it runs; only a 500 may come after, and the end of a wait in a queue."""
    throttles = [facts for facts in EVERY_CODE if facts.class_ == "throttle"]
    doubtful = {facts.code for facts in throttles if facts.effect == "unknown"}
    assert doubtful == {"SystemOverFlow", "ThrottlingBacklogTimeout"}


def test_documented_rates_are_those_of_the_sources() -> None:
    """A few limits, as the services' pages have them; where no page gives a number, there is none."""
    alibaba, tencent = catalogue("alibaba"), catalogue("tencent")
    limits = {name: str(facts.limit) for name, facts in alibaba.operations.items() if facts.limit is not None}
    assert [limits[f"{verb}GroupId"] for verb in ("Create", "Delete", "List")] == ["10/s", "10/s", "10/s"]
    assert (limits["ApplyToken"], limits["RevokeToken"], limits["SendMessage"]) == ("100/s", "5/s", "1000/s")
    assert str(alibaba.limits["host"].rate) == "300/s"
    assert alibaba.operations["CloseConnection"].limit is None
    limited = {name for name, facts in tencent.operations.items() if str(facts.limit) == "20/s"}
    assert set(tencent.operations) - limited == {
        *("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetCallerIdentity"),
        *("GetFederationToken", "GetSessionToken", "QueryApiKey"),
    }
    assert tencent.limits == {}


def test_codes_keep_the_services_spelling() -> None:
    """The mistakes in the services' codes are theirs, and stay."""
    alibaba, tencent = catalogue("alibaba").codes, catalogue("tencent").codes
    assert {"GroupIdAlreadyExsited", "DeviceCredentialExsit", "ApiNotSupport"} <= set(alibaba)
    assert {"InvalidParameter.AccountNotAvaliable", "InvalidParameter.ResouceError"} <= set(tencent)


def test_the_status_says_little() -> None:
    """Throttling is a 400, and a lasting mistake can be a 500."""
    codes = catalogue("alibaba").codes
    assert codes["ApplyTokenOverFlow"].status == 400
    assert codes["RegisterCodeError"].status == 500
    assert codes["RegisterCodeError"].is_lasting
    assert {facts.status for facts in catalogue("tencent").codes.values()} == {None}


@pytest.mark.parametrize("provider", providers())
def test_every_source_is_cited(provider: str) -> None:
    """No source stands there for nothing, and each has a title and the date on which it was read."""
    read = catalogue(provider)
    tables = (read.names, read.codes, read.operations, read.limits)
    cited = {entry.source for table in tables for entry in table.values()}
    of_parts = [name for facts in read.operations.values() for name in (facts.limit_source, facts.settle_source)]
    cited |= {name for name in of_parts if name is not None}
    assert cited == set(read.sources)
    assert all(re.search(r"\w.*, .*2026-\d\d-\d\d$", title) for title in read.sources.values())
