"""
Tencent Cloud's gateway: the forms of requests, signatures and answers.

Errors come with HTTP 200. It understands only signature v3 with POST, the SDK's default. Sources: Tencent Cloud
"Signature v3" and "Common error codes", tencentcloud-sdk-python-common 3.1.195; read 2026-11-21. Messages are our own.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from resilience.catalog import catalogue
from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Refusal, Reply
from resilience.sandbox.keys import Keyring, TimeSource
from resilience.sandbox.operations import ASSUME_ROLE, operations
from resilience.sandbox.service import Handler, Rows, Service, Table
from resilience.sandbox.signing import read_authorization, same
from resilience.sandbox.tencent.account import Account, need
from resilience.sandbox.tencent.devices import Devices
from resilience.sandbox.tencent.instances import Instances
from resilience.sandbox.tencent.resources import TencentResources
from resilience.sandbox.tencent.signing import TC3, tc3_scope_date, tc3_signature

CLOCK_TOLERANCE = 300.0
"""The greatest time difference of a request, in seconds; "Signature v3", read 2026-11-21."""

_STS_VERSION = "2018-08-13"
_DEFAULT_SESSION, _MAX_SESSION = 7200, 43200


class Tencent(Service):
    """TDMQ for MQTT (2024-05-16) and STS (2018-08-13), on one address."""

    provider = "tencent"
    title = "Tencent"
    apis = "mqtt 2024-05-16, sts 2018-08-13"
    # Passwords, device keys, and what an authenticator sends or signs with.
    secrets = frozenset({"Password", "Secret", "PrimaryKey", "SecondaryKey", "Header", "Body", "Text", "Token"})

    instances = Rows()
    """The instances, with isolated ones."""
    topics = Rows()
    """The topics of all instances."""
    users = Rows()
    """The users of all instances, with their passwords."""
    policies = Rows()
    """The authorization policies of all instances."""
    authenticators = Rows()
    """The authenticators of all instances, at most one of each type."""
    rules = Rows()
    """The message enrichment rules of all instances."""
    messages = Rows()
    """The messages of PublishMessage."""

    def __init__(self, clock: TimeSource) -> None:
        keys = Keyring(f"AKID{secrets.token_hex(16)}", secrets.token_hex(16), prefix="AKIDtmp", clock=clock)
        super().__init__(keys, clock)
        self._account = Account(clock)
        self.handlers = {
            **Instances(self._account).handlers,
            **TencentResources(self._account).handlers,
            **Devices(self._account).handlers,
            ASSUME_ROLE: self._assume_role,
        }

    @property
    def secret_id(self) -> str:
        """The long-lived id."""
        return self.keys.key_id

    @property
    def secret_key(self) -> str:
        """The secret of the long-lived id."""
        return self.keys.secret

    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts: endpoint and keys."""
        return {
            "TENCENTCLOUD_SECRET_ID": self.secret_id,
            "TENCENTCLOUD_SECRET_KEY": self.secret_key,
            "TENCENT_MQTT_ENDPOINT": self.endpoint,
        }

    def for_examples(self) -> dict[str, str]:
        """Return the other environment variables of the examples."""
        return {"TENCENT_MQTT_REGION": "ap-guangzhou"}

    def add_instance(self, instance_id: str, **fields: Any) -> None:
        """
        Add an instance.

        Args:
            instance_id: Its id.
            **fields: JsonObject of DescribeInstance to set: ``InstanceStatus="CREATING"``, ``TopicNumLimit=3``,
                ``DeleteProtect=True``.
        """
        with self.lock:
            self._account.add_instance(instance_id, **fields)

    def set_instance(self, instance_id: str, **fields: Any) -> None:
        """
        Change fields of an instance, such as ``InstanceStatus``.

        Raises:
            KeyError: There is no such instance.
        """
        with self.lock:
            self._account.instances[instance_id].update(fields)

    @property
    def boot_seconds(self) -> float:
        """The seconds that an instance of CreateInstance is CREATING before it is RUNNING; 0 by default."""
        return self._account.boot_seconds

    @boot_seconds.setter
    def boot_seconds(self, seconds: float) -> None:
        self._account.boot_seconds = seconds

    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""
        return self._account.tables

    def other(self, _: str) -> Handler:
        """Return the handler of an operation without state; a named instance must exist."""

        def play(arguments: JsonObject) -> JsonObject:
            if arguments.get("InstanceId"):
                self._account.instance(arguments)
            return {}

        return play

    def read(self, request: HttpRequest) -> Asked:
        """Read a request: the operation is in a header, the arguments are the JSON body."""
        claim = read_authorization(request.header("authorization"), TC3)
        try:
            arguments = json.loads(request.body) if request.body else {}
        except (ValueError, RecursionError):
            arguments = {}
        return Asked(
            request.header("x-tc-action"),
            request.header("x-tc-version"),
            arguments if isinstance(arguments, dict) else {},
            claim.key_id if claim else "",
        )

    def check(self, request: HttpRequest, asked: Asked) -> None:
        """Check method, signature and token, then version and operation."""
        if request.method != "POST":
            raise Refusal("UnsupportedProtocol", f"the sandbox speaks POST, not {request.method}")
        self._check_signature(request, asked.key_id)
        if asked.version not in (catalogue("tencent").version, _STS_VERSION):
            raise Refusal("NoSuchVersion", f"unknown version {asked.version!r}")
        is_sts = asked.operation == ASSUME_ROLE
        if asked.operation not in operations("tencent") or is_sts != (asked.version == _STS_VERSION):
            raise Refusal("InvalidAction", f"unknown operation {asked.operation!r}")
        if request.body and not request.body.lstrip().startswith(b"{"):
            raise Refusal("InvalidRequest", "expected a JSON object")

    def _check_signature(self, request: HttpRequest, key_id: str) -> None:
        claim = read_authorization(request.header("authorization"), TC3)
        timestamp = request.header("x-tc-timestamp")
        if claim is None or not timestamp.isdecimal():
            raise Refusal("AuthFailure.InvalidAuthorization", f"expected {TC3} in Authorization, and X-TC-Timestamp")
        if abs(int(timestamp) - self.clock()) > CLOCK_TOLERANCE:
            raise Refusal("AuthFailure.SignatureExpire", "the clocks differ by more than 5 minutes")
        secret = self.keys.secret_of(key_id)
        if secret is None:
            raise Refusal("AuthFailure.SecretIdNotFound", "the SecretId is not found")
        if self.keys.judge(key_id, request.header("x-tc-token")) != "valid":
            raise Refusal("AuthFailure.TokenFailure", "the token is missing, expired or another key's")
        dated = claim.scope.startswith(f"{tc3_scope_date(int(timestamp))}/")
        if not dated or not same(claim.signature, tc3_signature(secret, request, claim, timestamp)):
            raise Refusal("AuthFailure.SignatureFailure", "the signature is not the one that we compute")

    def _assume_role(self, arguments: JsonObject) -> JsonObject:
        need(arguments, "RoleArn", "RoleSessionName")
        duration = arguments.get("DurationSeconds") or _DEFAULT_SESSION
        if not isinstance(duration, int) or not 0 < duration <= _MAX_SESSION:
            raise Refusal("InvalidParameter.OverTimeError", f"DurationSeconds: at most {_MAX_SESSION}")
        key = self.issue_token(float(duration))
        return {
            "Credentials": {"TmpSecretId": key.key_id, "TmpSecretKey": key.secret, "Token": key.token},
            "ExpiredTime": int(key.expiration),
            "Expiration": datetime.fromtimestamp(key.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def new_request_id(self) -> str:
        """Return a lower-case UUID."""
        return str(uuid.uuid4())

    def success(self, fields: JsonObject, _: str) -> Reply:
        """Return the fields inside ``Response``."""
        return self._reply(200, fields)

    def failure(self, refusal: Refusal, request_id: str) -> Reply:
        """Return an error inside ``Response``, with HTTP 200."""
        facts = catalogue("tencent").code(refusal.code)
        message = refusal.message or (facts.meaning if facts else "a code of the sandbox's user")
        error = {"Code": refusal.code, "Message": message}
        return self._reply(refusal.status or 200, {"Error": error, "RequestId": request_id})

    def _reply(self, status: int, response: JsonObject) -> Reply:
        # Exactly this content type: with a parameter after it the SDK takes an error for a success.
        return Reply(status, json.dumps({"Response": response}).encode(), {"Content-Type": "application/json"})
