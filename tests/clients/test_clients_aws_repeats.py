"""
What the second time does, asked of moto with real boto3, beside what the catalogue says.

Each operation is called twice with the same request. Where moto is known to be another than the service, the
catalogue's word counts, and ``LIES`` says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto import mock_aws

from resilience.catalog import catalogue

KNOWN: Final = catalogue("aws-iot")
DOCUMENT: Final = json.dumps({"Version": "2012-10-17", "Statement": []})
RULE: Final = {"sql": "SELECT * FROM 'devices/+'", "actions": []}
ROLE: Final = "arn:aws:iam::123456789012:role/devices"
# What changes with the time of a call, or counts calls.
PASSING: Final = frozenset({"ResponseMetadata", "createdAt", "version", "timestamp", "lastModifiedDate", "metadata"})
LISTS: Final = (
    *("things", "thing_groups", "billing_groups", "thing_types", "policies", "certificates"),
    *("role_aliases", "topic_rules", "jobs", "job_templates", "domain_configurations"),
)

# Where moto 5.2.5 is not as the service, and the word that counts.
LIES: Final[Mapping[str, str]] = {
    "CreateThingGroup": "moto refuses the same group; botocore's model says that the same attributes succeed",
    "CreateBillingGroup": "moto refuses the same group; botocore's model says that the same configuration succeeds",
    "CreateThingType": "moto makes it anew; botocore's model says that the same configuration succeeds",
    "CreateJob": "moto makes it anew; botocore's model lists ResourceAlreadyExistsException",
    "RegisterCACertificate": "moto accepts it; botocore's model lists ResourceAlreadyExistsException",
}
# Duplicates by what they send, or because nobody has said more. moto keeps no messages, and does no harm.
UNSEEN: Final = frozenset({"CancelJob", "DeprecateThingType", "Publish"})


@cache
def clients() -> tuple[Any, Any]:
    """Return clients for the two services; making them takes longer than all else here."""
    keys = {"region_name": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    # Some stubs of boto3 know each service's own keywords, and want no mapping of them.
    make: Any = boto3.client
    return make("iot", **keys), make("iot-data", **keys)


class World:
    """An account with one of each kind of thing, and clients for it."""

    def __init__(self) -> None:
        self.iot, self.data = clients()
        self.iot.create_thing(thingName="t")
        self.iot.create_thing_group(thingGroupName="g")
        self.iot.create_billing_group(billingGroupName="b")
        self.iot.create_thing_type(thingTypeName="y")
        self.iot.create_policy(policyName="p", policyDocument=DOCUMENT)
        self.iot.create_role_alias(roleAlias="r", roleArn=ROLE)
        self.iot.create_topic_rule(ruleName="u", topicRulePayload=RULE)
        self.iot.create_domain_configuration(domainConfigurationName="d")
        made = self.iot.register_certificate_without_ca(certificatePem="DEVICE", status="INACTIVE")
        self.arn, self.id = made["certificateArn"], made["certificateId"]
        self.thing = self.iot.describe_thing(thingName="t")["thingArn"]

    def with_job(self, **request: Any) -> dict[str, Any]:
        self.iot.create_job(jobId="j", targets=[self.thing], document="{}")
        return {"jobId": "j", **request}

    def with_template(self) -> dict[str, Any]:
        self.iot.create_job_template(jobTemplateId="j", description="x", document="{}")
        return {"jobTemplateId": "j"}

    def with_ca(self, **request: Any) -> dict[str, Any]:
        made = self.iot.register_ca_certificate(caCertificate="PEM", verificationCertificate="PEM")
        return {"certificateId": made["certificateId"], **request}

    def with_version(self) -> dict[str, Any]:
        self.iot.create_policy_version(policyName="p", policyDocument=DOCUMENT)
        return {"policyName": "p", "policyVersionId": "2"}

    def attached(self, field: str) -> dict[str, Any]:
        self.iot.attach_policy(policyName="p", target=self.arn)
        return {"policyName": "p", field: self.arn}

    def with_principal(self) -> dict[str, Any]:
        self.iot.attach_thing_principal(thingName="t", principal=self.arn)
        return {"thingName": "t", "principal": self.arn}

    def in_group(self, kind: str) -> dict[str, Any]:
        group = {"thingGroupName": "g"} if kind == "thing" else {"billingGroupName": "b"}
        request = {"thingName": "t", **group}
        getattr(self.iot, f"add_thing_to_{kind}_group")(**request)
        return request

    def with_shadow(self) -> dict[str, Any]:
        self.data.update_thing_shadow(thingName="t", payload=b'{"state": {}}')
        return {"thingName": "t"}

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any] | str:
        """Return the answer of an operation, or the code that it is refused with."""
        method = xform_name(operation)
        client = self.iot if hasattr(self.iot, method) else self.data
        try:
            answer: dict[str, Any] = getattr(client, method)(**request)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        except KeyError as error:  # moto's own fault, which a server would send as a 500
            return f"moto: {error!r}"
        return answer

    def state(self) -> dict[str, Any]:
        """Return what there is in the account, without what changes with time."""
        found = {name: lasting(getattr(self.iot, f"list_{name}")()) for name in LISTS}
        for policy in found["policies"]["policies"]:
            found[policy["policyName"]] = lasting(self.iot.list_policy_versions(policyName=policy["policyName"]))
        found["attached"] = lasting(self.iot.list_attached_policies(target=self.arn))
        found["things of"] = [
            *(
                self.iot.list_things_in_thing_group(thingGroupName=each["groupName"])["things"]
                for each in found["thing_groups"]["thingGroups"]
            ),
            *(
                self.iot.list_things_in_billing_group(billingGroupName=each["groupName"])["things"]
                for each in found["billing_groups"]["billingGroups"]
            ),
        ]
        shadow = self.call("GetThingShadow", {"thingName": "t"})
        found["shadow"] = shadow if isinstance(shadow, str) else shadow["payload"].read()
        return found


def lasting(value: Any) -> Any:
    """Return a value without what changes with time."""
    if isinstance(value, dict):
        return {key: lasting(each) for key, each in value.items() if key not in PASSING}
    return [lasting(each) for each in value] if isinstance(value, list) else value


def signing_request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


REQUESTS: Final[Mapping[str, Callable[[World], dict[str, Any]]]] = {
    "AddThingToBillingGroup": lambda _: {"thingName": "t", "billingGroupName": "b"},
    "AddThingToThingGroup": lambda _: {"thingName": "t", "thingGroupName": "g"},
    "AttachPolicy": lambda world: {"policyName": "p", "target": world.arn},
    "AttachPrincipalPolicy": lambda world: {"policyName": "p", "principal": world.arn},
    "AttachThingPrincipal": lambda world: {"thingName": "t", "principal": world.arn},
    "CancelJob": lambda world: world.with_job(),
    "CreateBillingGroup": lambda _: {"billingGroupName": "n"},
    "CreateCertificateFromCsr": lambda _: {"certificateSigningRequest": signing_request()},
    "CreateDomainConfiguration": lambda _: {"domainConfigurationName": "n"},
    "CreateJob": lambda world: {"jobId": "n", "targets": [world.thing], "document": "{}"},
    "CreateJobTemplate": lambda _: {"jobTemplateId": "n", "description": "x", "document": "{}"},
    "CreateKeysAndCertificate": lambda _: {},
    "CreatePolicy": lambda _: {"policyName": "n", "policyDocument": DOCUMENT},
    "CreatePolicyVersion": lambda _: {"policyName": "p", "policyDocument": DOCUMENT},
    "CreateRoleAlias": lambda _: {"roleAlias": "n", "roleArn": ROLE},
    "CreateThing": lambda _: {"thingName": "n", "attributePayload": {"attributes": {"a": "1"}}},
    "CreateThingGroup": lambda _: {"thingGroupName": "n"},
    "CreateThingType": lambda _: {"thingTypeName": "n"},
    "CreateTopicRule": lambda _: {"ruleName": "n", "topicRulePayload": RULE},
    "DeleteBillingGroup": lambda _: {"billingGroupName": "b"},
    "DeleteCACertificate": lambda world: world.with_ca(),
    "DeleteCertificate": lambda world: {"certificateId": world.id},
    "DeleteDomainConfiguration": lambda _: {"domainConfigurationName": "d"},
    "DeleteJob": lambda world: world.with_job(force=True),
    "DeleteJobTemplate": lambda world: world.with_template(),
    "DeletePolicy": lambda _: {"policyName": "p"},
    "DeletePolicyVersion": lambda world: world.with_version(),
    "DeleteRoleAlias": lambda _: {"roleAlias": "r"},
    "DeleteThing": lambda _: {"thingName": "t"},
    "DeleteThingGroup": lambda _: {"thingGroupName": "g"},
    "DeleteThingShadow": lambda world: world.with_shadow(),
    "DeleteThingType": lambda _: {"thingTypeName": "y"},
    "DeleteTopicRule": lambda _: {"ruleName": "u"},
    "DeprecateThingType": lambda _: {"thingTypeName": "y"},
    "DetachPolicy": lambda world: world.attached("target"),
    "DetachPrincipalPolicy": lambda world: world.attached("principal"),
    "DetachThingPrincipal": lambda world: world.with_principal(),
    "DisableTopicRule": lambda _: {"ruleName": "u"},
    "EnableTopicRule": lambda _: {"ruleName": "u"},
    "Publish": lambda _: {"topic": "x", "payload": b"hello"},
    "RegisterCACertificate": lambda _: {"caCertificate": "PEM", "verificationCertificate": "PEM"},
    "RegisterCertificate": lambda _: {"certificatePem": "PEM"},
    "RegisterCertificateWithoutCA": lambda _: {"certificatePem": "PEM"},
    "RemoveThingFromBillingGroup": lambda world: world.in_group("billing"),
    "RemoveThingFromThingGroup": lambda world: world.in_group("thing"),
    "ReplaceTopicRule": lambda _: {"ruleName": "u", "topicRulePayload": RULE},
    "SetDefaultPolicyVersion": lambda world: world.with_version(),
    "UpdateBillingGroup": lambda _: {
        "billingGroupName": "b",
        "billingGroupProperties": {"billingGroupDescription": "x"},
    },
    "UpdateCACertificate": lambda world: world.with_ca(newStatus="INACTIVE"),
    "UpdateCertificate": lambda world: {"certificateId": world.id, "newStatus": "ACTIVE"},
    "UpdateDomainConfiguration": lambda _: {
        "domainConfigurationName": "d",
        "domainConfigurationStatus": "DISABLED",
    },
    "UpdateIndexingConfiguration": lambda _: {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY"}},
    "UpdateRoleAlias": lambda _: {"roleAlias": "r", "credentialDurationSeconds": 1000},
    "UpdateThing": lambda _: {"thingName": "t", "attributePayload": {"attributes": {"a": "2"}}},
    "UpdateThingGroup": lambda _: {"thingGroupName": "g", "thingGroupProperties": {"thingGroupDescription": "x"}},
    "UpdateThingGroupsForThing": lambda _: {"thingName": "t", "thingGroupsToAdd": ["g"]},
    "UpdateThingShadow": lambda _: {"thingName": "t", "payload": b'{"state": {"desired": {"a": 1}}}'},
}


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World()


def seen(world: World, operation: str) -> tuple[str, str | None]:
    """Call an operation twice; return what the second time does, and the code that it is refused with."""
    request = REQUESTS[operation](world)
    first = world.call(operation, request)
    assert isinstance(first, dict), first
    # An answer without these counts as one that could not be read.
    assert set(KNOWN.operations[operation].answer) <= set(first)
    before = world.state()
    second = world.call(operation, request)
    if world.state() != before:
        return "duplicate", None
    if isinstance(second, dict):
        return "same", None
    return "refused", second


@pytest.mark.parametrize("operation", [each for each in REQUESTS if each not in {*LIES, *UNSEEN}])
def test_the_second_time_does_what_the_catalogue_says(world: World, operation: str) -> None:
    """Safe and equal leave all as it is, conflict is refused as there already, duplicate makes another one."""
    kind, code = seen(world, operation)
    match KNOWN.operations[operation].repeat:
        case "duplicate":
            assert kind == "duplicate"
        case "conflict":
            assert (kind, code and KNOWN.codes[code].class_) == ("refused", "exists")
            assert code in KNOWN.operations[operation].codes
        case "safe" | "equal":
            # What is gone cannot be deleted again; moto 5.2.5 deletes a job twice with a KeyError.
            assert kind == "same" or (code in {"ResourceNotFoundException", "moto: KeyError('j')"}), (kind, code)


@pytest.mark.parametrize("operation", LIES)
def test_where_moto_is_another_the_catalogue_counts(world: World, operation: str) -> None:
    """Each exception is one still; where moto comes to agree, it leaves this list."""
    kind, code = seen(world, operation)
    expected = {"equal": ("same", None), "conflict": ("refused", "ResourceAlreadyExistsException")}
    assert (kind, code) != expected[KNOWN.operations[operation].repeat], LIES[operation]


@pytest.mark.parametrize("operation", sorted(UNSEEN))
def test_what_cannot_be_seen_is_a_duplicate(world: World, operation: str) -> None:
    """A message that was sent twice leaves no trace, so only the catalogue can say it."""
    assert seen(world, operation) == ("same", None)
    assert KNOWN.operations[operation].repeat == "duplicate"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("DescribeThing", {"thingName": "t"}),
        ("DescribeThingGroup", {"thingGroupName": "g"}),
        ("DescribeBillingGroup", {"billingGroupName": "b"}),
        ("DescribeThingType", {"thingTypeName": "y"}),
        ("GetPolicy", {"policyName": "p"}),
        ("GetTopicRule", {"ruleName": "u"}),
        ("DescribeRoleAlias", {"roleAlias": "r"}),
        ("DescribeDomainConfiguration", {"domainConfigurationName": "d"}),
        ("DescribeEndpoint", {}),
        ("GetRegistrationCode", {}),
    ],
)
def test_a_read_has_the_fields_of_a_good_answer(world: World, operation: str, request_: dict[str, Any]) -> None:
    """What a verifier reads is told from an empty answer by these fields."""
    answer = world.call(operation, request_)
    assert isinstance(answer, dict)
    assert KNOWN.operations[operation].answer
    assert set(KNOWN.operations[operation].answer) <= set(answer)
