"""
Azure IoT's APIs: paths, shared access signatures, ETags, and both forms of errors.

A hub answers with ``{"Message": "ErrorCode:Name;...", "ExceptionMessage": "Tracking ID:..."}`` and the header
``iothub-errorcode``; a provisioning service with ``{"errorCode": number, "trackingId": ..., "message": ...}``. Sources:
azure-iot-sdks, issue 711; azure-iot-hub 2.7.0; azure-iot-deviceprovisioning 1.0.0b1; read 2026-11-28. Messages are our
own.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final
from urllib.parse import urlencode, urlsplit

from attrs import evolve

from resilience.catalog import catalogue
from resilience.sandbox.azure.resources import CONDITION, PROVIDER, AzureResources
from resilience.sandbox.azure.signing import read_token, signature
from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Refusal, Reply
from resilience.sandbox.keys import Keyring, TimeSource
from resilience.sandbox.rest import JSON_TYPE, RestService, json_in
from resilience.sandbox.service import Rows, Table
from resilience.sandbox.signing import same

_POLICY: Final = "iothubowner"
_OF_DPS: Final = 2
"""The third digit from the right of a number of the provisioning service: 404201."""
_UNKNOWN_STATUS: Final = 400
_MAKING: Final = "Create"
_CHANGING: Final = "Update"


class Azure(RestService):
    """A hub and a provisioning service on one address, with one policy that may do everything."""

    provider: ClassVar[str] = PROVIDER
    title: ClassVar[str] = "Azure"
    apis: ClassVar[str] = "IoT Hub 2021-04-12, DPS 2021-10-01"
    # The keys of devices and enrollments.
    secrets: ClassVar[frozenset[str]] = frozenset({"primaryKey", "secondaryKey", "endorsementKey", "storageRootKey"})

    devices = Rows()
    """The devices, with their keys."""
    modules = Rows()
    """The modules of all devices, with their keys."""
    twins = Rows()
    """The twins of devices and modules."""
    configurations = Rows()
    """The configurations."""
    jobs = Rows()
    """The jobs."""
    enrollments = Rows()
    """The enrollments, with their keys."""
    enrollment_groups = Rows()
    """The enrollment groups, with their keys."""

    def __init__(self, clock: TimeSource) -> None:
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        super().__init__(Keyring(_POLICY, key, prefix="", clock=clock), clock)
        self._resources = AzureResources(clock)
        self.handlers = self._resources.handlers

    @property
    def hub_connection_string(self) -> str:
        """The connection string for the hub; its clients speak https."""
        return self._connection_string(self.endpoint)

    @property
    def dps_connection_string(self) -> str:
        """The connection string for the provisioning service; with the scheme, its clients speak http."""
        return self._connection_string(f"http://{self.endpoint}")

    @property
    def key(self) -> str:
        """The key of the policy, in base64."""
        return self.keys.secret

    def _connection_string(self, host: str) -> str:
        return f"HostName={host};SharedAccessKeyName={self.keys.key_id};SharedAccessKey={self.key}"

    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts: connection strings, and the certificate to trust."""
        return {
            "IOTHUB_CONNECTION_STRING": self.hub_connection_string,
            "DPS_CONNECTION_STRING": self.dps_connection_string,
            **self.trust(),
        }

    def about(self) -> str:
        """Return what is there from the start, for users."""
        schemes = "http and https" if self.trust() else "http; https needs the package cryptography"
        return f"policy: {_POLICY}; {schemes}"

    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""
        return self._resources.tables

    def sas_token(self, lifetime: float = 3600.0) -> str:
        """Return a token that is valid for ``lifetime`` seconds."""
        expiry, audience = int(self.clock() + lifetime), self.endpoint
        signed = signature(self.key, audience, expiry)
        return "SharedAccessSignature " + urlencode({"sr": audience, "sig": signed, "se": expiry, "skn": _POLICY})

    def read(self, request: HttpRequest) -> Asked:
        """Read a request: with the header ``If-Match`` it changes what it would make without."""
        asked, condition = super().read(request), request.header("if-match")
        token = read_token(request.header("authorization"))
        operation, arguments = asked.operation, asked.arguments
        if condition:
            arguments = {**arguments, CONDITION: condition}
            if request.method == "PUT":
                operation = operation.replace(_MAKING, _CHANGING, 1)
        return evolve(asked, operation=operation, arguments=arguments, key_id=token.policy if token else "")

    def check(self, request: HttpRequest, asked: Asked) -> None:
        """Check the token, then path and body."""
        token = read_token(request.header("authorization"))
        if token is None:
            raise Refusal("IotHubUnauthorized", "the request has no shared access signature")
        host = urlsplit(token.audience).netloc if "://" in token.audience else token.audience
        if token.policy != self.keys.key_id or host.partition("/")[0].lower() != self.endpoint:
            raise Refusal("IotHubUnauthorizedAccess", "the token is for another policy or another host")
        if token.expiry < self.clock():
            raise Refusal("IotHubUnauthorized", "the token has expired")
        if not same(token.signature, signature(self.key, token.audience, token.expiry)):
            raise Refusal("IotHubUnauthorized", "the signature is not the one that we compute")
        if "api-version=" not in request.query:
            raise Refusal("InvalidProtocolVersion", "api-version is missing")
        if not asked.operation:
            raise Refusal("GenericNotFound", "there is no such path, or not with this method")
        if request.body and json_in(request.body) is None:
            raise Refusal("DeserializationError", "the body is no JSON")

    def new_request_id(self) -> str:
        """Return an id in the form of a tracking id."""
        return f"{secrets.token_hex(16)}-G:0"

    def success(self, fields: JsonObject, request_id: str) -> Reply:
        """Return the fields as JSON, with the ETag of the resource."""
        reply = super().success(fields, request_id)
        headers = {"x-ms-request-id": request_id}
        if isinstance(fields.get("etag"), str):
            headers["ETag"] = f'"{fields["etag"]}"'
        return evolve(reply, headers={**reply.headers, **headers})

    def failure(self, refusal: Refusal, request_id: str) -> Reply:
        """Return code and message in the form of the hub."""
        if refusal.code.startswith("http-"):
            return Reply(int(refusal.code.removeprefix("http-")), b"", {"Content-Type": "text/plain"})
        facts = catalogue(PROVIDER).code(refusal.code)
        status = refusal.status or (facts.status if facts else None) or _UNKNOWN_STATUS
        message = refusal.message or (facts.meaning if facts else "a code of the sandbox's user")
        at = datetime.fromtimestamp(self.clock(), UTC)
        if facts is not None and facts.number is not None and facts.number // 100 % 10 == _OF_DPS:
            body: JsonObject = {
                "errorCode": facts.number,
                "trackingId": request_id,
                "message": message,
                "timestampUtc": at.isoformat(),
            }
            return Reply(status, json.dumps(body).encode(), JSON_TYPE)
        body = {
            "Message": f"ErrorCode:{refusal.code};{message}",
            "ExceptionMessage": f"Tracking ID:{request_id}-TimeStamp:{at:%m/%d/%Y %H:%M:%S}",
        }
        return Reply(status, json.dumps(body).encode(), {**JSON_TYPE, "iothub-errorcode": refusal.code})
