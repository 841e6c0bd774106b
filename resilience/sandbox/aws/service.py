"""
AWS IoT Core's wire: keys, operations, and its errors.

Keys and session tokens are checked, signatures are not. An error is ``{"message": ...}`` with its code in the header
``x-amzn-ErrorType``; the token service answers in XML. Sources: botocore 1.43.117, ``parsers.py`` and the services'
models, read 2026-11-28.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import local
from typing import ClassVar, Final
from xml.sax.saxutils import escape

from attrs import evolve

from resilience.catalog import catalogue
from resilience.sandbox.aws.account import PROVIDER, AwsAccount, MotoRefusal
from resilience.sandbox.aws.requests import is_for_tokens, named
from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Refusal, Reply
from resilience.sandbox.keys import Keyring, TimeSource
from resilience.sandbox.operations import ASSUME_ROLE
from resilience.sandbox.service import Handler, Service, Table

_REPLY: Final = ":reply"
_BAD_REQUEST: Final = 400
_DURATION: Final = 3600


class _Arguments(JsonObject):
    """The arguments of a request, with the request itself for moto."""

    request: HttpRequest


class AwsIot(Service):
    """One account in one region."""

    provider: ClassVar[str] = PROVIDER
    title: ClassVar[str] = "AWS"
    apis: ClassVar[str] = "IoT 2015-05-28, IoT Data Plane 2015-05-28, STS 2011-06-15"
    secrets: ClassVar[frozenset[str]] = frozenset({"PrivateKey", "privateKey", "SecretAccessKey", "SessionToken"})

    def __init__(self, clock: TimeSource) -> None:
        super().__init__(Keyring("AKIASANDBOX", "sandbox-secret", prefix="ASIA", clock=clock), clock)
        self.account = AwsAccount()
        self._asking = local()
        self.handlers = {ASSUME_ROLE: self._assume_role}

    @property
    def certificates(self) -> list[JsonObject]:
        """The certificates, with their status."""
        return self.account.list("/certificates", "certificates")

    @property
    def things(self) -> list[JsonObject]:
        """The things."""
        return self.account.list("/things", "things")

    @property
    def policies(self) -> list[JsonObject]:
        """The policies."""
        return self.account.list("/policies", "policies")

    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts, which boto3 reads by itself: endpoint, region and keys."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.endpoint}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": self.keys.key_id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret,
        }

    def about(self) -> str:
        """Return what is there from the start, for users."""
        return f"account: {self.account.id}; moto has its state, and signatures are not checked"

    def tables(self) -> Mapping[str, Table]:
        """Return no live tables: the state is moto's."""
        return {}

    def state(self) -> dict[str, list[JsonObject]]:
        """Return things, certificates and policies."""
        with self.lock:
            return {"things": self.things, "certificates": self.certificates, "policies": self.policies}

    def other(self, operation: str) -> Handler:
        """Return what lets moto carry out an operation."""

        def handle(arguments: JsonObject) -> JsonObject:
            if not isinstance(arguments, _Arguments):
                raise TypeError("no request of this service")
            return {_REPLY: self.account.carry_out(operation, dict(arguments), arguments.request)}

        return handle

    def read(self, request: HttpRequest) -> Asked:
        """Read a request: method and path, or the form of the token service, name the operation."""
        operation, found = named(request)
        self._asking.operation = operation
        arguments = _Arguments(found)
        arguments.request = request
        credential = request.header("authorization").partition("Credential=")[2]
        return Asked(operation, "", arguments, credential.partition("/")[0])

    def check(self, request: HttpRequest, asked: Asked) -> None:
        """Check the operation and the key."""
        if not asked.operation:
            raise Refusal("UnrecognizedOperation", "no operation has this method and path", status=404)
        verdict = self.keys.judge(asked.key_id, request.header("x-amz-security-token"))
        if verdict == "expired":
            raise Refusal("ExpiredTokenException", "the security token has expired", status=403)
        if verdict != "valid" or self.keys.secret_of(asked.key_id) is None:
            raise Refusal("UnrecognizedClientException", "the security token is invalid", status=403)

    def _assume_role(self, arguments: JsonObject) -> JsonObject:
        """Issue temporary keys, which this service then checks."""
        key = self.issue_token(float(arguments.get("DurationSeconds", _DURATION)))
        expiry = datetime.fromtimestamp(key.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (
            f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key.key_id}</AccessKeyId>"
            f"<SecretAccessKey>{key.secret}</SecretAccessKey><SessionToken>{key.token}</SessionToken>"
            f"<Expiration>{expiry}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>sandbox</AssumedRoleId>"
            f"<Arn>{escape(str(arguments.get('RoleArn', '')))}</Arn></AssumedRoleUser></AssumeRoleResult>"
            "</AssumeRoleResponse>"
        )
        return {_REPLY: Reply(200, body.encode(), {"Content-Type": "text/xml"})}

    def new_request_id(self) -> str:
        """Return an id in the vendor's form."""
        return str(uuid.uuid4())

    def success(self, fields: JsonObject, request_id: str) -> Reply:
        """Return moto's answer, with the id of this request."""
        reply: Reply = fields[_REPLY]
        return evolve(reply, headers={**reply.headers, "x-amzn-requestid": request_id})

    def failure(self, refusal: Refusal, request_id: str) -> Reply:
        """Return an error as the service that was asked writes it."""
        if isinstance(refusal, MotoRefusal):
            return self.success({_REPLY: refusal.reply}, request_id)
        facts = catalogue(PROVIDER).code(refusal.code)
        status = refusal.status or (None if facts is None else facts.status) or _BAD_REQUEST
        headers = {"x-amzn-requestid": request_id}
        if is_for_tokens(getattr(self._asking, "operation", "")):
            body = (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(refusal.code)}</Code>"
                f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            return Reply(status, body.encode(), {**headers, "Content-Type": "text/xml"})
        headers |= {"x-amzn-ErrorType": refusal.code, "Content-Type": "application/json"}
        return Reply(status, json.dumps({"message": refusal.message}).encode(), headers)
