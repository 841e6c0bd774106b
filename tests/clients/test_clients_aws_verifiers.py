"""A creation whose answer is lost: what the ready-made verifiers find in moto, and what becomes of the call."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import pytest
from aws_clients import client, client_async, wrapped
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.core.config import default_user_config
from servers.aws import LOSE, TEAR, Request, Server, Step, refusal, serving

from resilience.clients import Ambiguous, AnswerError, verifiers_for
from resilience.clients.aws.verifying import certificates, public_keys
from resilience.clients.aws.verifying.finders import FINDERS
from resilience.clients.aws.verifying.querying import IotQueryClient
from resilience.clients.aws.verifying.read_backs import READ_BACKS, is_same
from resilience.clients.common.lookups import plain

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")

DOCUMENT: Final = '{"Version": "2012-10-17", "Statement": []}'
OTHER_DOCUMENT: Final = '{"Version": "2012-10-17", "Statement": [{}]}'


def certificate(name: str = "device", key: Any = None, public_key: Any = None) -> str:
    """Return a new certificate in PEM form, for a key that may be somebody else's."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key or key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


CERTIFICATE: Final = certificate()

CREATES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("create_thing", {"thingName": "t"}),
    ("create_thing", {"thingName": "t", "attributePayload": {"attributes": {"a": "1"}}}),
    ("create_thing_type", {"thingTypeName": "y"}),
    (
        "create_thing_type",
        {
            "thingTypeName": "y",
            "thingTypeProperties": {"thingTypeDescription": "d", "searchableAttributes": ["b", "a"]},
        },
    ),
    ("create_thing_group", {"thingGroupName": "g"}),
    ("create_thing_group", {"thingGroupName": "g", "thingGroupProperties": {"thingGroupDescription": "d"}}),
    ("create_billing_group", {"billingGroupName": "b"}),
    ("create_policy", {"policyName": "p", "policyDocument": DOCUMENT}),
    ("create_role_alias", {"roleAlias": "r", "roleArn": "arn:aws:iam::123456789012:role/x"}),
    ("create_topic_rule", {"ruleName": "u", "topicRulePayload": {"sql": "SELECT * FROM 'x'", "actions": []}}),
    ("create_domain_configuration", {"domainConfigurationName": "c", "domainName": "x.example.com"}),
    ("create_job", {"jobId": "j", "targets": ["arn:aws:iot:eu-west-1:123456789012:thing/t"], "document": "{}"}),
    ("create_job_template", {"jobTemplateId": "jt", "document": "{}", "description": "d"}),
    ("register_certificate_without_ca", {"certificatePem": CERTIFICATE, "status": "ACTIVE"}),
    ("register_certificate", {"certificatePem": CERTIFICATE, "setAsActive": True}),
]


def _facts(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _operation(plain_client: Any, method: str) -> str:
    return str(plain_client.meta.method_to_api_mapping[method])


def _prepare(method: str, plain_client: Any) -> None:
    if method == "create_job":
        plain_client.create_thing(thingName="t")


@pytest.mark.parametrize(("method", "request_fields"), CREATES, ids=[f"{n}-{len(f)}" for n, f in CREATES])
def test_a_creation_whose_answer_was_lost_is_found(
    fresh_moto: int, method: str, request_fields: dict[str, Any]
) -> None:
    """One request creates, and the verifier's answer has what the lost one had."""
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        _prepare(method, direct)
        find = verifiers_for(direct)[f"aws-iot:{_operation(direct, method)}"]
        assert find(**request_fields) is None
        answer = getattr(direct, method)(**request_fields)
        found = find(**request_fields)
    expected = {name: value for name, value in _facts(answer).items() if value is not None}
    assert {name: found.get(name) for name in expected} == expected
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("is_real", [True, False])
def test_a_registered_certificate_is_found_by_its_fingerprint(
    fresh_moto: int, monkeypatch: pytest.MonkeyPatch, *, is_real: bool
) -> None:
    """By default moto takes another number for it, which a rehearsal has to find, too."""
    monkeypatch.setitem(default_user_config, "iot", {"use_valid_cert": is_real})
    request_fields = {"certificatePem": CERTIFICATE, "status": "ACTIVE"}
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        made = direct.register_certificate_without_ca(**request_fields)
        assert (made["certificateId"] == certificates.fingerprint(CERTIFICATE)) == is_real
        found = verifiers_for(direct)["aws-iot:RegisterCertificateWithoutCA"](**request_fields)
        assert found["certificateId"] == made["certificateId"]


@pytest.mark.parametrize("manner", [LOSE, TEAR, refusal("InternalFailureException", 500)])
@pytest.mark.parametrize(
    ("method", "path", "request_fields"),
    [
        ("create_thing", "/things/t", {"thingName": "t"}),
        ("create_policy", "/policies/p", {"policyName": "p", "policyDocument": DOCUMENT}),
        (
            "register_certificate_without_ca",
            "/certificate/register-no-ca",
            {"certificatePem": CERTIFICATE, "status": "ACTIVE"},
        ),
    ],
)
def test_a_doubtful_creation_is_made_once(
    fresh_moto: int, manner: Step, method: str, path: str, request_fields: dict[str, Any]
) -> None:
    """Lost, torn or answered with an internal error: the call looks, and does not repeat what is there."""
    with serving(manner, moto=fresh_moto) as server:
        answer = getattr(wrapped(server.url), method)(**request_fields)
        # What may be repeated is repeated at once, without a question: the same thing twice changes nothing.
        wanted = 2 if manner.manner == "answer" or method == "create_thing" else 1
        assert server.took("POST", path) == wanted
        assert any(str(value).startswith("arn:") for value in answer.values())


def test_an_orphan_that_cannot_be_found_is_not_made_twice(fresh_moto: int) -> None:
    """The private key of a certificate that the service made is given once; plain boto3 would make a second one."""
    with serving(LOSE, moto=fresh_moto) as server:
        iot = wrapped(server.url)
        with pytest.raises(Exception) as caught:  # noqa: PT011  # the SDK's own
            iot.create_keys_and_certificate(setAsActive=True)
        assert server.took("POST", "/keys-and-certificate") == 1
        assert "unverified" in caught.value.__notes__[0]
        assert len(client(server.url).list_certificates()["certificates"]) == 1


def test_a_thing_with_another_content_is_not_taken_for_made(fresh_moto: int) -> None:
    """CreateThing succeeds for the same content only, and so does its verifier."""
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        direct.create_thing(thingName="t", attributePayload={"attributes": {"a": "1"}})
        find = verifiers_for(direct)["aws-iot:CreateThing"]
        with pytest.raises(Ambiguous, match="another attributes"):
            find(thingName="t")
        with pytest.raises(Ambiguous, match="another attributes"):
            find(thingName="t", attributePayload={"attributes": {"a": "2"}})
        with pytest.raises(Ambiguous, match="another thingTypeName"):
            find(thingName="t", thingTypeName="y", attributePayload={"attributes": {"a": "1"}})
        assert find(thingName="t", attributePayload={"attributes": {"a": "1"}})["thingName"] == "t"


@pytest.mark.parametrize(
    ("method", "made", "asked"),
    [
        ("create_policy", {"policyName": "p", "policyDocument": DOCUMENT}, {"policyDocument": OTHER_DOCUMENT}),
        (
            "create_role_alias",
            {"roleAlias": "r", "roleArn": "arn:aws:iam::123456789012:role/x"},
            {"roleArn": "arn:aws:iam::123456789012:role/y"},
        ),
        (
            "create_topic_rule",
            {"ruleName": "u", "topicRulePayload": {"sql": "SELECT 1", "actions": []}},
            {"topicRulePayload": {"sql": "SELECT 2", "actions": []}},
        ),
        (
            "register_certificate_without_ca",
            {"certificatePem": CERTIFICATE, "status": "INACTIVE"},
            {"status": "ACTIVE"},
        ),
        (
            "create_thing_type",
            {"thingTypeName": "y", "thingTypeProperties": {"thingTypeDescription": "d"}},
            {"thingTypeProperties": {}},
        ),
    ],
)
def test_what_is_there_with_another_content_is_not_from_this_call(
    fresh_moto: int, method: str, made: dict[str, Any], asked: dict[str, Any]
) -> None:
    """It was there before, or somebody changed it: a person has to look."""
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        getattr(direct, method)(**made)
        with pytest.raises(Ambiguous):
            verifiers_for(direct)[f"aws-iot:{_operation(direct, method)}"](**{**made, **asked})


def test_the_layout_of_a_document_does_not_count(fresh_moto: int) -> None:
    """The service may return a document as it likes."""
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        direct.create_policy(policyName="p", policyDocument=DOCUMENT)
        found = verifiers_for(direct)["aws-iot:CreatePolicy"](
            policyName="p", policyDocument=json.dumps(json.loads(DOCUMENT), indent=4)
        )
    assert found["policyVersionId"] == "1"


def test_a_version_of_a_policy_is_found_by_its_document(fresh_moto: int) -> None:
    """With two versions of one document nothing tells which of them a call made."""
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        direct.create_policy(policyName="p", policyDocument=DOCUMENT)
        find = verifiers_for(direct)["aws-iot:CreatePolicyVersion"]
        assert find(policyName="p", policyDocument=OTHER_DOCUMENT) is None
        direct.create_policy_version(policyName="p", policyDocument=OTHER_DOCUMENT)
        assert find(policyName="p", policyDocument=OTHER_DOCUMENT)["policyVersionId"] == "2"
        assert find(policyName="p", policyDocument=OTHER_DOCUMENT, setAsDefault=True) is None
        direct.create_policy_version(policyName="p", policyDocument=OTHER_DOCUMENT)
        with pytest.raises(Ambiguous):
            find(policyName="p", policyDocument=OTHER_DOCUMENT)


def test_a_rule_is_looked_for_in_the_list() -> None:
    """The service refuses to describe a rule that is not there, as if the caller had no permission."""
    rules = Step(body=json.dumps({"rules": [{"ruleName": "v"}], "nextToken": "n"}).encode())
    last = Step(body=json.dumps({"rules": [{"ruleName": "w"}]}).encode())
    with serving(rules, last) as server:
        find = verifiers_for(client(server.url))["aws-iot:CreateTopicRule"]
        assert find(ruleName="u", topicRulePayload={"sql": "SELECT 1", "actions": []}) is None
        assert [request.path for request in server.requests] == ["/rules", "/rules?nextToken=n"]


@pytest.mark.parametrize("operation", sorted(FINDERS))
def test_an_answer_that_cannot_be_read_says_nothing(operation: str) -> None:
    """A torn answer is neither "there" nor "not there"; botocore returns it as a mapping without fields."""
    request = dict.fromkeys(("policyName", "policyDocument", "ruleName"), "x")
    with serving(rest=Step(body=b'{"torn')) as server:
        direct = client(server.url)
        shape = direct.meta.service_model.operation_model(operation).input_shape
        request |= {name: "x" for name, member in shape.members.items() if member.type_name == "string"}
        with pytest.raises(AnswerError):
            verifiers_for(direct)[f"aws-iot:{operation}"](**request)


@pytest.mark.parametrize("operation", sorted(FINDERS))
def test_a_refused_question_leaves_as_the_services_own_exception(operation: str) -> None:
    """A policy decides about it as about any other call."""
    with serving(rest=refusal("ThrottlingException")) as server:
        direct = client(server.url)
        shape = direct.meta.service_model.operation_model(operation).input_shape
        request = {name: "x" for name, member in shape.members.items() if member.type_name == "string"}
        with pytest.raises(direct.exceptions.ThrottlingException):
            verifiers_for(direct)[f"aws-iot:{operation}"](**request)


def test_every_field_of_a_read_back_is_in_botocores_model() -> None:
    """A misspelt field would be missing in every answer."""
    model = client("http://127.0.0.1:9").meta.service_model

    def has(shape: Any, path: str) -> bool:
        for part in path.split("."):
            if shape is None or shape.type_name != "structure" or part not in shape.members:
                return False
            shape = shape.members[part]
        return True

    for operation, read in READ_BACKS.items():
        creates, asks = model.operation_model(operation), model.operation_model(read.query)
        assert has(creates.input_shape, read.name), operation
        assert has(asks.input_shape, read.name), operation
        for answered, place in read.answer.items():
            assert has(creates.output_shape, answered), (operation, answered)
            assert has(asks.output_shape, place), (operation, place)
        for asked, place in read.same.items():
            assert has(creates.input_shape, asked), (operation, asked)
            assert has(asks.output_shape, place), (operation, place)


def test_a_fingerprint_is_that_of_the_der_form() -> None:
    """Remarks around the certificate, and its line ends, do not count."""
    der = ssl.PEM_cert_to_DER_cert(CERTIFICATE)
    expected = hashlib.sha256(der).hexdigest()
    assert certificates.fingerprint(CERTIFICATE) == expected
    flat = base64.b64encode(der).decode()
    again = f"a remark\n-----BEGIN CERTIFICATE-----\r\n{flat}\r\n-----END CERTIFICATE-----\r\n{certificate()}"
    assert certificates.fingerprint(again) == expected
    with pytest.raises(ValueError, match="expected a certificate"):
        certificates.fingerprint("text")


def _ask(server: Server, search: Any) -> Any:
    query_client = IotQueryClient(client(server.url))
    return plain(query_client, "CreateKeysAndCertificate", lambda _: search)({})


def test_the_newest_certificates_and_what_they_are_attached_to(fresh_moto: int) -> None:
    """What finds the orphan of a creation whose answer was lost is made of these questions."""
    with serving(moto=fresh_moto) as server:
        direct = client(server.url)
        before = datetime.now(UTC) - timedelta(seconds=2)
        made = direct.create_keys_and_certificate(setAsActive=True)
        query_client = IotQueryClient(direct)

        def run(search: Any) -> Any:
            try:
                query = next(search)
                while True:
                    query = search.send(query_client.put(query, None))
            except StopIteration as end:
                return end.value

        listed = run(certificates.newest(before))
        assert [(each.certificate_id, each.status) for each in listed] == [(made["certificateId"], "ACTIVE")]
        assert run(certificates.newest(datetime.now(UTC) + timedelta(minutes=1))) == []
        assert run(certificates.attachments(made["certificateArn"])) == []
        direct.create_thing(thingName="t")
        direct.create_policy(policyName="p", policyDocument=DOCUMENT)
        direct.attach_thing_principal(thingName="t", principal=made["certificateArn"])
        direct.attach_policy(policyName="p", target=made["certificateArn"])
        assert run(certificates.attachments(made["certificateArn"])) == ["t", "p"]
        query_client.put(certificates.deactivate(made["certificateId"]), None)
        described = direct.describe_certificate(certificateId=made["certificateId"])
        assert described["certificateDescription"]["status"] == "INACTIVE"


def test_older_pages_of_certificates_are_not_read() -> None:
    """An account may have a million of them."""
    now = datetime.now(UTC).timestamp()

    def page(*ages: float, more: bool = True) -> Step:
        rows = [
            {"certificateId": f"{age}", "certificateArn": "a", "status": "ACTIVE", "creationDate": now - age}
            for age in ages
        ]
        return Step(body=json.dumps({"certificates": rows, **({"nextMarker": "m"} if more else {})}).encode())

    with serving(page(1, 2), page(3, 100), page(101, 102), page(5)) as server:
        direct = client(server.url)
        query_client = IotQueryClient(direct)
        search = certificates.newest(datetime.now(UTC) - timedelta(seconds=50))
        query, found = next(search), None
        while found is None:
            try:
                query = search.send(query_client.put(query, None))
            except StopIteration as end:
                found = [each.certificate_id for each in end.value]
        assert found == ["1", "2", "3"]
        assert len(server.requests) == 3


def test_an_asynchronous_client_has_coroutine_functions(fresh_moto: int) -> None:
    """The same finders, awaited."""

    async def use(url: str) -> None:
        async with client_async(url) as direct:
            find = verifiers_for(direct)["aws-iot:CreateThing"]
            assert await find(thingName="t") is None
            await direct.create_thing(thingName="t")
            found = await find(thingName="t")
            assert found["thingName"] == "t"

    with serving(moto=fresh_moto) as server:
        asyncio.run(use(server.url))


def test_a_client_of_another_service_has_no_verifiers() -> None:
    """It creates nothing that a verifier could look for."""
    with pytest.raises(TypeError, match="of boto3 for iot"):
        verifiers_for(client("http://127.0.0.1:9", "sts"))
    with pytest.raises(ValueError, match="buys nothing"):
        verifiers_for(client("http://127.0.0.1:9"), unique_names=True)


SHIPPED: Final = """
schema = 1
name = "shipped"
extends = ["builtin:aws-iot"]
[backoff.default]
base = "10ms"
"""


@pytest.mark.parametrize("manner", [LOSE, TEAR, refusal("InternalFailureException", 500)])
@pytest.mark.parametrize(("method", "request_fields"), CREATES, ids=[f"{n}-{len(f)}" for n, f in CREATES])
def test_the_shipped_policy_makes_each_thing_once(
    fresh_moto: int, manner: Step, method: str, request_fields: dict[str, Any]
) -> None:
    """Repeated where the service takes the same again, looked for elsewhere; moto refuses a second group of a name."""
    with serving(moto=fresh_moto) as server:
        _prepare(method, client(server.url))
        server.script[:] = [manner]
        answer = getattr(wrapped(server.url, policy=SHIPPED), method)(**request_fields)
        direct = client(server.url)
        found = verifiers_for(direct)[f"aws-iot:{_operation(direct, method)}"](**request_fields)
    known = _facts(found)
    assert {name: answer.get(name) for name in known if name != "thingTypeId"} == {
        name: value for name, value in known.items() if name != "thingTypeId"
    }


def _signing_request(key: Any, name: str = "device") -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


_KEYS: Final[dict[str, Callable[[], Any]]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("kind", _KEYS)
def test_the_public_key_is_read_without_a_library(kind: str) -> None:
    """It is the whole element, with its algorithm, in both; another key is another one."""
    key, other = _KEYS[kind](), _KEYS[kind]()
    expected = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public_keys.of_request(_signing_request(key)) == expected
    older = _signing_request(key).replace("BEGIN CERT", "BEGIN NEW CERT").replace("END CERT", "END NEW CERT")
    assert public_keys.of_request(older) == expected
    assert public_keys.of_certificate(certificate(key=key)) == expected
    assert public_keys.of_request(_signing_request(other)) != expected


@pytest.mark.parametrize(
    "text",
    [
        "text",
        "-----BEGIN CERTIFICATE REQUEST-----\n!!\n-----END CERTIFICATE REQUEST-----",
        "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----",
        "-----BEGIN CERTIFICATE REQUEST-----\nMIL/\n-----END CERTIFICATE REQUEST-----",
    ],
)
def test_a_request_that_cannot_be_read_says_so(text: str) -> None:
    """The service would refuse it as well."""
    with pytest.raises(ValueError, match=r"expected a certificate request|cannot be read"):
        public_keys.of_request(text)
    with pytest.raises(ValueError, match=r"expected a certificate|cannot be read"):
        public_keys.of_certificate(text)


class _Authority:
    """The part of the service that makes certificates of requests: moto gives them other keys than the request's."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.answers: list[str] = []

    def __call__(self, request: Request) -> Step | None:
        if request.path == "/certificates" and request.method == "POST":
            asked = x509.load_pem_x509_csr(json.loads(request.body)["certificateSigningRequest"].encode())
            pem = certificate(public_key=asked.public_key())
            made = certificates.fingerprint(pem)
            self.made[made] = pem
            body = json.dumps({"certificateArn": f"arn:{made}", "certificateId": made, "certificatePem": pem}).encode()
            manner = self.answers.pop(0) if self.answers else "answer"
            return Step("hang") if manner == "lose" else Step(body=body[:100] if manner == "tear" else body)
        if request.path.startswith("/certificates/"):
            wanted = request.path.rpartition("/")[2]
            return Step(body=json.dumps({"certificateDescription": {"certificatePem": self.made[wanted]}}).encode())
        now = datetime.now(UTC).timestamp()
        rows = [
            {"certificateId": each, "certificateArn": f"arn:{each}", "status": "ACTIVE", "creationDate": now}
            for each in self.made
        ]
        return Step(body=json.dumps({"certificates": rows}).encode())


@pytest.mark.parametrize("manner", ["lose", "tear"])
def test_a_certificate_for_a_request_is_made_once(manner: str) -> None:
    """The service would make another one of the same request; it is found by its key among the newest."""
    request = _signing_request(_KEYS["p256"]())
    authority = _Authority()
    with serving() as server:
        server.judge = authority
        direct = client(server.url)
        direct.create_certificate_from_csr(certificateSigningRequest=_signing_request(_KEYS["p256"]()))
        authority.answers[:] = [manner]
        iot = wrapped(server.url, policy=SHIPPED, read_timeout=0.5)
        made = iot.create_certificate_from_csr(certificateSigningRequest=request)
        assert public_keys.of_certificate(made["certificatePem"]) == public_keys.of_request(request)
        assert made["certificateId"] == certificates.fingerprint(made["certificatePem"])
        assert len(authority.made) == 2


def test_a_certificate_for_a_request_may_be_one_of_several() -> None:
    """Nobody can tell which of them a call made; each certificate is asked about once."""
    request = _signing_request(_KEYS["p256"]())
    with serving() as server:
        server.judge = _Authority()
        direct = client(server.url)
        find = verifiers_for(direct)["aws-iot:CreateCertificateFromCsr"]
        direct.create_certificate_from_csr(certificateSigningRequest=_signing_request(_KEYS["rsa"]()))
        assert find(certificateSigningRequest=request) is None
        assert find(certificateSigningRequest=request) is None
        assert server.took("GET", "/certificates/") == 1
        made = direct.create_certificate_from_csr(certificateSigningRequest=request)
        assert find(certificateSigningRequest=request)["certificateId"] == made["certificateId"]
        direct.create_certificate_from_csr(certificateSigningRequest=request)
        with pytest.raises(Ambiguous, match="have the key of this request"):
            find(certificateSigningRequest=request)


def test_older_certificates_are_not_asked_about() -> None:
    """A call is seldom longer than a quarter of an hour, by the clock of the service."""
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)
    row = {"certificateId": "x", "certificateArn": "a", "status": "ACTIVE", "creationDate": now.timestamp() - 1000}
    dated = Step(body=json.dumps({"certificates": [row]}).encode(), headers={"Date": format_datetime(now, usegmt=True)})
    with serving(dated) as server:
        find = verifiers_for(client(server.url))["aws-iot:CreateCertificateFromCsr"]
        assert find(certificateSigningRequest=_signing_request(_KEYS["p256"]())) is None


def test_too_many_certificates_to_ask_about_say_nothing() -> None:
    """Those that were asked about are none of the call's, and there are more."""
    now = datetime.now(UTC).timestamp()
    rows = [
        {"certificateId": f"{number:064}", "certificateArn": "a", "status": "ACTIVE", "creationDate": now}
        for number in range(300)
    ]
    described = json.dumps({"certificateDescription": {"certificatePem": CERTIFICATE}}).encode()
    with serving(Step(body=json.dumps({"certificates": rows}).encode()), rest=Step(body=described)) as server:
        find = verifiers_for(client(server.url))["aws-iot:CreateCertificateFromCsr"]
        with pytest.raises(Ambiguous, match="300 certificates"):
            find(certificateSigningRequest=_signing_request(_KEYS["p256"]()))
        assert len(server.requests) == 251


@pytest.mark.parametrize(
    ("asked", "found", "same"),
    [
        (["b", "a"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        ({"a": "1"}, {"a": "1"}, True),
        (None, {}, True),
        ("", None, True),
        ('{"a": [1, 2]}', '{"a":[1,2]}', True),
        ('{"a": [1, 2]}', '{"a":[2,1]}', False),
        ("{not json", "{not json", True),
        ("text", "other", False),
    ],
)
def test_what_counts_as_the_same_content(asked: Any, found: Any, *, same: bool) -> None:
    """The order of a list of names and the layout of JSON do not count; nothing is the same as an empty value."""
    assert is_same(asked, found) == same
