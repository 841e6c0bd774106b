"""
Alibaba's gateway: the forms of requests, signatures and answers.

It understands both styles of the SDKs: version 3 (operation in ``x-acs-action``, signature in ``Authorization``) and
RPC version 1.0 (all in the query or a form). Sources: the SDKs in ``signing``, and Alibaba Cloud's "Common error
codes", read 2026-11-21. Messages are our own, except that of SignatureDoesNotMatch, which the old SDK reads.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from resilience.catalog import catalogue
from resilience.sandbox.alibaba.resources import AlibabaResources
from resilience.sandbox.alibaba.signing import ACS3, acs3_signature, acs3_string, rpc_signature, rpc_string
from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Refusal, Reply
from resilience.sandbox.keys import Keyring, TemporaryKey, TimeSource
from resilience.sandbox.operations import ASSUME_ROLE, operations
from resilience.sandbox.service import Handler, Rows, Service, Table
from resilience.sandbox.signing import read_authorization, same

CLOCK_TOLERANCE = 900.0
"""The greatest time difference of a request, in seconds; "Common error codes", read 2026-11-21."""

_STS_VERSION = "2015-04-01"
_USUAL_STATUS = 400
_STATUS_WHERE_SILENT = {
    # The catalogue has only statuses of public documents. The names of these codes suggest their statuses.
    "Forbidden": 403,
    "Forbidden.RAM": 403,
    "InvalidAccessKeyId.Inactive": 403,
    "InvalidApi.NotFound": 404,
    "InvalidProduct.NotFound": 404,
    "NoPermission": 403,
}
_NONCES_KEPT = 10_000
_PROTOCOL = frozenset(
    {"Action", "Format", "Version", "AccessKeyId", "SecurityToken", "Timestamp", "RegionId"}
    | {"Signature", "SignatureMethod", "SignatureNonce", "SignatureType", "SignatureVersion"}
)
_MIN_SESSION, _DEFAULT_SESSION, _MAX_SESSION = 900, 3600, 43200


def _parameters(request: HttpRequest) -> dict[str, str]:
    """Return query and form together, decoded."""
    found = dict(parse_qsl(request.query, keep_blank_values=True))
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        found |= parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
    return found


class Alibaba(Service):
    """ApsaraMQ for MQTT (2020-04-20) and STS (2015-04-01), on one address."""

    provider = "alibaba"
    title = "Alibaba"
    apis = "onsmqtt 2020-04-20, sts 2015-04-01"
    # MQTT tokens, session tokens, signatures, and what an authenticator checks.
    secrets = frozenset(
        {"Token", "SecurityToken", "Signature", "AccessKeySecret", "DeviceAccessKeySecret", "Secret", "Password"}
    )

    instances = Rows()
    """The instances, which exist from the start, because this API cannot create them."""
    groups = Rows()
    """The groups of all instances, in the form of ListGroupId."""
    tokens = Rows()
    """The MQTT tokens of ApplyToken."""
    device_credentials = Rows()
    """The device credentials."""
    certificates = Rows()
    """The CA certificates."""
    messages = Rows()
    """The messages of SendMessage."""

    def __init__(self, clock: TimeSource) -> None:
        super().__init__(
            Keyring(f"LTAI5t{secrets.token_hex(9)}", secrets.token_hex(15), prefix="STS.", clock=clock), clock
        )
        self._resources = AlibabaResources(clock)
        self.handlers = {**self._resources.handlers, ASSUME_ROLE: self._assume_role}
        self._nonces: OrderedDict[str, None] = OrderedDict()

    @property
    def access_key_id(self) -> str:
        """The long-lived id."""
        return self.keys.key_id

    @property
    def access_key_secret(self) -> str:
        """The secret of the long-lived id."""
        return self.keys.secret

    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts: endpoint and keys."""
        return {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.access_key_secret,
            "ALIBABA_MQTT_ENDPOINT": self.endpoint,
        }

    def for_examples(self) -> dict[str, str]:
        """Return the other environment variables of the examples."""
        return {
            "ALIBABA_STS_ENDPOINT": self.endpoint,
            "ALIBABA_MQTT_INSTANCE": self.instances[0]["InstanceId"],
            "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1000000000000000:role/provisioning",
        }

    def add_instance(self, instance_id: str) -> None:
        """Add an instance."""
        with self.lock:
            self._resources.add_instance(instance_id)

    def add_foreign_group(self, group_id: str) -> None:
        """Let another account own a GroupId, so that creating it is GroupIdAlreadyUsedByOtherUsers."""
        with self.lock:
            self._resources.foreign_groups.add(group_id)

    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""
        return self._resources.tables

    def other(self, operation: str) -> Handler:
        """Return the handler of a known operation without state."""
        return lambda arguments: self._resources.other(operation, arguments)

    def read(self, request: HttpRequest) -> Asked:
        """Read a request of either style."""
        parameters = _parameters(request)
        claim = read_authorization(request.header("authorization"), ACS3)
        arguments: JsonObject = {key: value for key, value in parameters.items() if key not in _PROTOCOL}
        return Asked(
            request.header("x-acs-action") or parameters.get("Action", ""),
            request.header("x-acs-version") or parameters.get("Version", ""),
            arguments,
            claim.key_id if claim else parameters.get("AccessKeyId", ""),
        )

    def check(self, request: HttpRequest, asked: Asked) -> None:
        """Check the operation, then time and nonce, then key, token and signature."""
        if asked.version not in (catalogue("alibaba").version, _STS_VERSION):
            raise Refusal("InvalidVersion", f"unknown version {asked.version!r}")
        is_sts = asked.operation == ASSUME_ROLE
        if asked.operation not in operations("alibaba") or is_sts != (asked.version == _STS_VERSION):
            raise Refusal("InvalidApi.NotFound", f"unknown operation {asked.operation!r}")
        parameters = _parameters(request)
        self._check_time(request.header("x-acs-date") or parameters.get("Timestamp", ""))
        self._check_signature(request, asked, parameters)
        self._check_nonce(request.header("x-acs-signature-nonce") or parameters.get("SignatureNonce", ""))

    def _check_time(self, stamp: str) -> None:
        try:
            then = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise Refusal("InvalidTimeStamp.Format", "expected a time such as 2020-04-20T12:00:00Z") from None
        if abs(then.timestamp() - self.clock()) > CLOCK_TOLERANCE:
            raise Refusal("InvalidTimeStamp.Expired", "the clocks differ by more than 15 minutes")

    def _check_signature(self, request: HttpRequest, asked: Asked, parameters: Mapping[str, str]) -> None:
        claim = read_authorization(request.header("authorization"), ACS3)
        signature = claim.signature if claim else parameters.get("Signature", "")
        if not signature:
            raise Refusal("IncompleteSignature", f"expected {ACS3} in Authorization, or Signature in the query")
        secret = self.keys.secret_of(asked.key_id)
        if secret is None:
            raise Refusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        token = request.header("x-acs-security-token") or parameters.get("SecurityToken", "")
        match self.keys.judge(asked.key_id, token):
            case "missing":
                raise Refusal("MissingSecurityToken", "SecurityToken is mandatory for this action.")
            case "mismatch":
                raise Refusal("InvalidSecurityToken.MismatchWithAccessKey", "the token belongs to another access key")
            case "malformed":
                raise Refusal("InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
            case "expired":
                raise Refusal("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        if claim:
            string_to_sign = acs3_string(request, claim)
            computed = acs3_signature(secret, string_to_sign)
        else:
            string_to_sign = rpc_string(request.method, parameters)
            computed = rpc_signature(secret, string_to_sign)
        if not same(signature, computed):
            # The old SDK compares the text after the colon with its own string, to distinguish a wrong secret from a
            # wrong request (aliyunsdkcore/client.py, 2.16.1).
            raise Refusal(
                "SignatureDoesNotMatch",
                f"Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}",
            )

    def _check_nonce(self, nonce: str) -> None:
        with self.lock:
            if nonce in self._nonces:
                raise Refusal("SignatureNonceUsed", "this nonce came with an earlier request")
            self._nonces[nonce] = None
            if len(self._nonces) > _NONCES_KEPT:
                self._nonces.popitem(last=False)

    def _assume_role(self, arguments: JsonObject) -> JsonObject:
        for name in ("RoleArn", "RoleSessionName"):
            if not arguments.get(name):
                raise Refusal(f"Missing{name}", f"{name} is mandatory for this action.")
        duration = str(arguments.get("DurationSeconds", _DEFAULT_SESSION))
        if not duration.isdecimal() or not _MIN_SESSION <= int(duration) <= _MAX_SESSION:
            raise Refusal("InvalidParameter.DurationSeconds", f"expected {_MIN_SESSION} to {_MAX_SESSION} seconds")
        key: TemporaryKey = self.issue_token(float(duration))
        return {
            "Credentials": {
                "AccessKeyId": key.key_id,
                "AccessKeySecret": key.secret,
                "SecurityToken": key.token,
                "Expiration": datetime.fromtimestamp(key.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "AssumedRoleUser": {
                "Arn": f"{arguments['RoleArn']}/{arguments['RoleSessionName']}",
                "AssumedRoleId": f"33157794895460****:{arguments['RoleSessionName']}",
            },
        }

    def new_request_id(self) -> str:
        """Return an upper-case UUID."""
        return str(uuid.uuid4()).upper()

    def success(self, fields: JsonObject, request_id: str) -> Reply:
        """Return a 200 with the fields at the top level."""
        return self._reply(200, fields, request_id)

    def failure(self, refusal: Refusal, request_id: str) -> Reply:
        """Return the gateway's error object, with the status of its code."""
        facts = catalogue("alibaba").code(refusal.code)
        error = {
            "RequestId": request_id,
            "HostId": self.endpoint,
            "Code": refusal.code,
            "Message": refusal.message or (facts.meaning if facts else "a code of the sandbox's user"),
            "Recommend": f"https://api.aliyun.com/troubleshoot?q={refusal.code}&product=OnsMqtt",
        }
        known = facts.status if facts else None
        status = refusal.status or known or _STATUS_WHERE_SILENT.get(refusal.code, _USUAL_STATUS)
        return self._reply(status, error, request_id)

    def _reply(self, status: int, fields: JsonObject, request_id: str) -> Reply:
        headers = {"Content-Type": "application/json;charset=utf-8", "x-acs-request-id": request_id}
        return Reply(status, json.dumps(fields).encode(), headers)
