"""
The credentials of devices: CA certificates, device certificates, device identities.

The sandbox does not parse certificates: a serial number is a hash of the text. Sources:
tencentcloud-sdk-python-mqtt 3.1.195 and the code lists of tencentcloud-sdk-go mqtt/v20240516, read 2026-11-21.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.service import Handler
from resilience.sandbox.tencent.account import Account, chosen, filtered, need, page
from resilience.sandbox.tencent.resources import EXISTS

_PAGE = 100
_IDENTITY_FIELDS = ("Status", "PrimaryKey", "SecondaryKey", "PropagatingProperties")
_NO_CA = "ResourceNotFound.Ca"
_NO_CERTIFICATE = "ResourceNotFound.Certificate"


def _serial(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(24)).decode()


class Devices:
    """
    The operations on certificates and identities.

    Args:
        account: The state.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        ca, device = account.ca_certificates, account.device_certificates
        self.handlers: dict[str, Handler] = {
            "ApplyRegistrationCode": self._apply_code,
            "RegisterCaCertificate": self._register_ca,
            "ActivateCaCertificate": lambda a: self._set_ca(a, "ACTIVE"),
            "DeactivateCaCertificate": lambda a: self._set_ca(a, "INACTIVE"),
            "DeleteCaCertificate": self._delete_ca,
            "DescribeCaCertificate": lambda a: dict(account.child(a, ca, "CaSn", _NO_CA)),
            "DescribeCaCertificates": lambda a: {"Data": account.children(a, ca)},
            "RegisterDeviceCertificate": self._register_device,
            "ActivateDeviceCertificate": lambda a: self._set_device(a, "ACTIVE"),
            "DeactivateDeviceCertificate": lambda a: self._set_device(a, "INACTIVE"),
            "RevokedDeviceCertificate": lambda a: self._set_device(a, "REVOKED"),
            "DeleteDeviceCertificate": lambda a: account.drop(a, device, "DeviceCertificateSn", _NO_CERTIFICATE),
            "DescribeDeviceCertificate": lambda a: dict(self._device(a)),
            "DescribeDeviceCertificates": self._list_devices,
            "CreateDeviceIdentity": self._create_identity,
            "ModifyDeviceIdentity": lambda a: account.change(a, self._identity(a), *_IDENTITY_FIELDS),
            "DeleteDeviceIdentity": lambda a: account.drop(a, account.identities, "DeviceId", "ResourceNotFound"),
            "DescribeDeviceIdentity": lambda a: dict(self._identity(a)),
            "DescribeDeviceIdentities": self._list_identities,
        }

    # CA certificates

    def _apply_code(self, arguments: JsonObject) -> JsonObject:
        """Return the code of an instance, which is always the same."""
        row = self._account.instance(arguments, ready=True)
        row.setdefault("RegistrationCode", secrets.token_hex(16))
        return chosen(row, "InstanceId", "RegistrationCode")

    def _register_ca(self, arguments: JsonObject) -> JsonObject:
        instance = self._account.instance(arguments, ready=True)
        text, proof = need(arguments, "CaCertificate", "VerificationCertificate")
        if "RegistrationCode" not in instance:
            raise Refusal("FailedOperation.InstanceRegistrationCodeEmpty", "first ask ApplyRegistrationCode")
        key = (instance["InstanceId"], _serial(text))
        if key in self._account.ca_certificates:
            raise Refusal(EXISTS, "the certificate is registered")
        if self._account.ca_certificates.count(InstanceId=key[0]) >= instance["MaxCaNum"]:
            raise Refusal("LimitExceeded", f"the instance has its {instance['MaxCaNum']} CA certificates")
        named = {"InstanceId": key[0], "CaSn": key[1]}
        row = {**named, "CaCertificate": text, "VerificationCertificate": proof, "Format": "PEM"}
        row |= {"Status": arguments.get("Status") or "ACTIVE", "CreatedTime": self._account.now_ms()}
        self._account.ca_certificates[key] = row
        return named

    def _set_ca(self, arguments: JsonObject, status: str) -> JsonObject:
        self._account.child(arguments, self._account.ca_certificates, "CaSn", _NO_CA)["Status"] = status
        return {}

    def _delete_ca(self, arguments: JsonObject) -> JsonObject:
        row = self._account.child(arguments, self._account.ca_certificates, "CaSn", _NO_CA)
        if self._account.device_certificates.rows(InstanceId=row["InstanceId"], CaSn=row["CaSn"]):
            raise Refusal("FailedOperation.RelatedDeviceCertificateExists", "device certificates depend on it")
        return self._account.drop(arguments, self._account.ca_certificates, "CaSn", _NO_CA)

    # Device certificates

    def _register_device(self, arguments: JsonObject) -> JsonObject:
        self._account.instance(arguments, ready=True)
        text, _ = need(arguments, "DeviceCertificate", "CaSn")
        ca = self._account.child(arguments, self._account.ca_certificates, "CaSn", _NO_CA)
        key = (ca["InstanceId"], _serial(text))
        if key in self._account.device_certificates:
            raise Refusal(EXISTS, "the certificate is registered")
        named = {"InstanceId": key[0], "CaSn": ca["CaSn"], "DeviceCertificateSn": key[1]}
        row = {**named, "DeviceCertificate": text, "Format": "PEM", **chosen(arguments, "ClientId")}
        row |= {"Status": arguments.get("Status") or "ACTIVE", "CreatedTime": self._account.now_ms()}
        self._account.device_certificates[key] = row
        return named

    def _device(self, arguments: JsonObject) -> JsonObject:
        table = self._account.device_certificates
        return self._account.child(arguments, table, "DeviceCertificateSn", _NO_CERTIFICATE)

    def _set_device(self, arguments: JsonObject, status: str) -> JsonObject:
        self._device(arguments)["Status"] = status
        return {}

    def _list_devices(self, arguments: JsonObject) -> JsonObject:
        rows = self._account.children(arguments, self._account.device_certificates)
        exact = ("ClientId", "CaSn", "DeviceCertificateSn", "Status")
        return page(arguments, filtered(arguments, rows, fuzzy={}, exact=exact), limit=_PAGE)

    # Device identities

    def _create_identity(self, arguments: JsonObject) -> JsonObject:
        """Make an identity with given or new keys, which only DescribeDeviceIdentity returns."""
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        (device_id,) = need(arguments, "DeviceId")
        if (instance_id, device_id) in self._account.identities:
            raise Refusal(EXISTS, f"the device exists: {device_id}")
        row = {"InstanceId": instance_id, "DeviceId": device_id, "Status": arguments.get("Status") or "ENABLED"}
        row |= {"PrimaryKey": arguments.get("PrimaryKey") or _key()}
        row |= {"SecondaryKey": arguments.get("SecondaryKey") or _key(), "CreatedTime": self._account.now_ms()}
        self._account.identities[instance_id, device_id] = {**row, **chosen(arguments, "PropagatingProperties")}
        return {}

    def _identity(self, arguments: JsonObject) -> JsonObject:
        return self._account.child(arguments, self._account.identities, "DeviceId", "ResourceNotFound")

    def _list_identities(self, arguments: JsonObject) -> JsonObject:
        rows = self._account.children(arguments, self._account.identities)
        return {"Data": page(arguments, rows, limit=_PAGE)["Data"]}
