"""
The resources of ApsaraMQ for MQTT, and the operations with state.

Sources: "Error codes" and the API reference of ApsaraMQ for MQTT, and alibabacloud_onsmqtt20200420 1.7.1 (shapes); read
2026-11-21. Behaviour without a source is the sandbox's own choice, and the method's docstring says so.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.keys import TimeSource
from resilience.sandbox.service import Handler, Table

DEFAULT_INSTANCES = ("mqtt-cn-sandbox", "post-cn-sandbox")

_GROUP_ID = re.compile(r"GID[_-][A-Za-z0-9_-]{3,60}")
_MAX_RESOURCES = 100
_MIN_TOKEN_MS, _MAX_TOKEN_MS = 60_000, 30 * 86_400_000
_MAX_PAGE = 100

_WITH_SUCCESS = re.compile(r".*CustomAuth.*|CloseConnection|(Unt|T)agResources|Disaster.*")
"""Operations whose HTTP 200 also has the result in the body."""

_SUCCESS: JsonObject = {"Code": "200", "Message": "operation success.", "Success": True}


def need(arguments: JsonObject, *names: str) -> list[str]:
    """Return parameters, or refuse the first one that is absent or empty."""
    for name in names:
        if not arguments.get(name):
            raise Refusal(f"Missing{name}", f"{name} is mandatory for this action.")
    return [str(arguments[name]) for name in names]


class AlibabaResources:
    """
    The state of one account.

    It has no lock; the service holds its own lock around every use.
    """

    def __init__(self, clock: TimeSource) -> None:
        self._clock = clock
        self.instances, self.groups, self.tokens = Table(), Table(), Table()
        self.device_credentials, self.certificates, self.messages = Table(), Table(), Table()
        self.foreign_groups: set[str] = set()
        self.tables = {
            "instances": self.instances,
            "groups": self.groups,
            "tokens": self.tokens,
            "device_credentials": self.device_credentials,
            "certificates": self.certificates,
            "messages": self.messages,
        }
        self.handlers: dict[str, Handler] = {
            "CreateGroupId": self._create_group,
            "DeleteGroupId": self._delete_group,
            "ListGroupId": self._list_groups,
            "ListInstances": lambda _: {**_SUCCESS, "Success": "true", "Instances": self.instances.rows()},
            "ApplyToken": self._apply_token,
            "QueryToken": self._query_token,
            "RevokeToken": self._revoke_token,
            "RegisterDeviceCredential": self._register_credential,
            "RefreshDeviceCredential": self._refresh_credential,
            "GetDeviceCredential": lambda a: {"DeviceCredential": dict(self._known_device(a))},
            "UnRegisterDeviceCredential": self._unregister_credential,
            "ListDeviceCredentialClientId": self._list_credentials,
            "GetRegisterCode": self._register_code,
            "RegisterCaCertificate": self._register_certificate,
            "ActiveCaCertificate": lambda a: self._set_certificate(a, "1"),
            "InactivateCaCertificate": lambda a: self._set_certificate(a, "0"),
            "GetCaCertificate": lambda a: {"Data": dict(self._certificate(a))},
            "DeleteCaCertificate": self._delete_certificate,
            "ListCaCertificate": self._list_certificates,
            "SendMessage": self._send_message,
        }
        for instance_id in DEFAULT_INSTANCES:
            self.add_instance(instance_id)

    def add_instance(self, instance_id: str) -> None:
        """Add an instance, unless it exists."""
        row = {"InstanceId": instance_id, "InstanceName": instance_id, "InstanceStatus": 5, "RegionId": "cn-hangzhou"}
        self.instances.setdefault(instance_id, {**row, "CreateTime": self._now_ms()})

    def other(self, operation: str, arguments: JsonObject) -> JsonObject:
        """Answer an operation without state; a named instance must exist."""
        name = "MqttInstanceId" if "MqttInstanceId" in arguments else "InstanceId"
        if arguments.get(name):
            self._instance(arguments, "InstancePermissionCheckFailed", name)
        return dict(_SUCCESS) if _WITH_SUCCESS.fullmatch(operation) else {}

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _instance(self, arguments: JsonObject, code: str, name: str = "InstanceId") -> str:
        """Return the instance, or refuse it with the operation's documented code."""
        (instance_id,) = need(arguments, name)
        if instance_id not in self.instances:
            raise Refusal(code, f"no such instance: {instance_id}")
        return instance_id

    # Groups

    def _create_group(self, arguments: JsonObject) -> JsonObject:
        (group_id,) = need(arguments, "GroupId")
        instance_id = self._instance(arguments, "InstanceNotFound")
        if not _GROUP_ID.fullmatch(group_id):
            raise Refusal("ParameterFieldCheckFailed", "GroupId: GID_ or GID-, then 3 to 60 letters, digits, - or _")
        if (instance_id, group_id) in self.groups:
            raise Refusal("GroupIdAlreadyExsited", "this GroupId exists in the instance")
        if group_id in self.foreign_groups:
            raise Refusal("GroupIdAlreadyUsedByOtherUsers", "this GroupId belongs to another account")
        now = self._now_ms()
        row = {"InstanceId": instance_id, "GroupId": group_id, "IndependentNaming": True}
        self.groups[instance_id, group_id] = {**row, "CreateTime": now, "UpdateTime": now}
        return {}

    def _delete_group(self, arguments: JsonObject) -> JsonObject:
        """Delete a group; a missing group is a success too, because the reference lists no code for it."""
        (group_id,) = need(arguments, "GroupId")
        self.groups.pop((self._instance(arguments, "InstanceNotFound"), group_id), None)
        return {}

    def _list_groups(self, arguments: JsonObject) -> JsonObject:
        return {"Data": self.groups.rows(InstanceId=self._instance(arguments, "InstanceNotFound"))}

    # MQTT tokens

    def _apply_token(self, arguments: JsonObject) -> JsonObject:
        actions, resources, expires = need(arguments, "Actions", "Resources", "ExpireTime")
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed")
        lifetime = int(expires) - self._now_ms() if expires.isdecimal() else 0
        if actions not in ("R", "W", "R,W"):
            raise Refusal("InvalidParameter.Actions", "expected R, W or R,W")
        if len(resources.split(",")) > _MAX_RESOURCES:
            raise Refusal("ParameterCheckFailed", f"Resources: at most {_MAX_RESOURCES}")
        if not _MIN_TOKEN_MS <= lifetime <= _MAX_TOKEN_MS:
            raise Refusal("ParameterCheckFailed", "ExpireTime: 60 seconds to 30 days from now, in milliseconds")
        token = f"LzMT+{secrets.token_urlsafe(48)}="
        self.tokens[token] = {
            "Token": token,
            "InstanceId": instance_id,
            "Actions": actions,
            "Resources": resources,
            "ExpireTime": int(expires),
            "Revoked": False,
        }
        return {"Token": token}

    def _query_token(self, arguments: JsonObject) -> JsonObject:
        (token,) = need(arguments, "Token")
        self._instance(arguments, "InstancePermissionCheckFailed")
        row = self.tokens.get(token)
        return {"TokenStatus": row is not None and not row["Revoked"] and row["ExpireTime"] > self._now_ms()}

    def _revoke_token(self, arguments: JsonObject) -> JsonObject:
        (token,) = need(arguments, "Token")
        self._instance(arguments, "InstancePermissionCheckFailed")
        if token in self.tokens:
            self.tokens[token]["Revoked"] = True
        return {}

    # Device credentials

    def _device(self, arguments: JsonObject) -> tuple[str, str]:
        (client_id,) = need(arguments, "ClientId")
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed")
        if "@@@" not in client_id:
            raise Refusal("ParameterCheckFailed", "ClientId: expected <GroupId>@@@<DeviceId>")
        return instance_id, client_id

    def _known_device(self, arguments: JsonObject) -> JsonObject:
        try:
            return self.device_credentials[self._device(arguments)]
        except KeyError:
            raise Refusal("DeviceCredentialNotFound", "this ClientId has no credential") from None

    def _register_credential(self, arguments: JsonObject) -> JsonObject:
        instance_id, client_id = device = self._device(arguments)
        if device in self.device_credentials:
            raise Refusal("DeviceCredentialExsit", "this ClientId has a credential")
        now = self._now_ms()
        row = {
            "InstanceId": instance_id,
            "ClientId": client_id,
            "DeviceAccessKeyId": f"DC.{secrets.token_hex(10)}",
            "DeviceAccessKeySecret": secrets.token_hex(20),
            "CreateTime": now,
            "UpdateTime": now,
        }
        self.device_credentials[device] = row
        return {"DeviceCredential": dict(row)}

    def _refresh_credential(self, arguments: JsonObject) -> JsonObject:
        """Rotate the secret; an unknown device is ParameterCheckFailed, because no other code is documented."""
        device = self._device(arguments)
        if device not in self.device_credentials:
            raise Refusal("ParameterCheckFailed", "this ClientId has no credential")
        row = self.device_credentials[device]
        row |= {"DeviceAccessKeySecret": secrets.token_hex(20), "UpdateTime": self._now_ms()}
        return {"DeviceCredential": dict(row)}

    def _unregister_credential(self, arguments: JsonObject) -> JsonObject:
        self._known_device(arguments)
        del self.device_credentials[self._device(arguments)]
        return {}

    def _list_credentials(self, arguments: JsonObject) -> JsonObject:
        group_id, size = need(arguments, "GroupId", "PageSize")
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed")
        page = str(arguments.get("PageNo") or "1")
        if not (size.isdecimal() and page.isdecimal() and 1 <= int(size) <= _MAX_PAGE and int(page)):
            raise Refusal("ParameterCheckFailed", f"PageSize: 1 to {_MAX_PAGE}; PageNo: from 1")
        rows = self.device_credentials.rows(InstanceId=instance_id)
        found = [row["ClientId"] for row in rows if row["ClientId"].startswith(f"{group_id}@@@")]
        start = (int(page) - 1) * int(size)
        listed = {"ClientIdList": found[start : start + int(size)], "PageNo": page, "PageSize": size}
        return {"DeviceCredentialClientIdList": {**listed, "Total": str(len(found))}}

    # CA certificates

    def _register_code(self, arguments: JsonObject) -> JsonObject:
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed", "MqttInstanceId")
        return {"RegisterCode": hashlib.sha256(instance_id.encode()).hexdigest()[:32]}

    def _register_certificate(self, arguments: JsonObject) -> JsonObject:
        """Register a certificate once; a repeat is RegisterCodeError, the documented permanent code."""
        name, content, proof = need(arguments, "CaName", "CaContent", "VerificationContent")
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed", "MqttInstanceId")
        sn = str(int(hashlib.sha256(content.encode()).hexdigest()[:16], 16))
        if (instance_id, sn) in self.certificates:
            raise Refusal("RegisterCodeError", "this certificate is registered")
        row = {"MqttInstanceId": instance_id, "Sn": sn, "CaName": name, "CaContent": content}
        self.certificates[instance_id, sn] = {**row, "VerificationContent": proof, "Status": "1"}
        return {"Sn": sn}

    def _certificate(self, arguments: JsonObject) -> JsonObject:
        (sn,) = need(arguments, "Sn")
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed", "MqttInstanceId")
        if (instance_id, sn) not in self.certificates:
            raise Refusal("ParameterFieldCheckFailed", "no such certificate")
        return self.certificates[instance_id, sn]

    def _set_certificate(self, arguments: JsonObject, status: str) -> JsonObject:
        row = self._certificate(arguments)
        row["Status"] = status
        return {"Sn": row["Sn"]}

    def _delete_certificate(self, arguments: JsonObject) -> JsonObject:
        row = self._certificate(arguments)
        del self.certificates[row["MqttInstanceId"], row["Sn"]]
        return {"Sn": row["Sn"]}

    def _list_certificates(self, arguments: JsonObject) -> JsonObject:
        rows = self.certificates.rows(
            MqttInstanceId=self._instance(arguments, "InstancePermissionCheckFailed", "MqttInstanceId")
        )
        return {"Data": {"CaCertificateVOS": rows, "PageNo": 1, "PageSize": len(rows), "Total": len(rows)}}

    # Messages

    def _send_message(self, arguments: JsonObject) -> JsonObject:
        topic, payload = need(arguments, "MqttTopic", "Payload")
        instance_id = self._instance(arguments, "InstancePermissionCheckFailed")
        number = secrets.token_hex(16).upper()
        self.messages[number] = {"MsgId": number, "InstanceId": instance_id, "MqttTopic": topic, "Payload": payload}
        return {"MsgId": number}
