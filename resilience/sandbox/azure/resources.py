"""The resources of a hub and of a provisioning service, and what requests do to them."""

from __future__ import annotations

import base64
import copy
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from attrs import frozen

from resilience.catalog import catalogue
from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.keys import TimeSource
from resilience.sandbox.rest import ENTRIES, STATUS
from resilience.sandbox.service import Handler, Table

PROVIDER: Final = "azure-iot"

CONDITION: Final = "If-Match"
"""The field of the arguments with the header of that name."""

_MOST_IN_BULK: Final = 100
_MOST_MODULES: Final = 50


@frozen
class Kind:
    """
    A kind of resource.

    Attributes:
        table: Its table.
        names: The fields that name a resource.
        rule: The rule for its name, in the catalogue; None if there is none.
        there: The code for a name that is taken.
        missing: The code for a name that is not.
    """

    table: str
    names: tuple[str, ...]
    rule: str | None
    there: str
    missing: str

    def key(self, asked: JsonObject) -> tuple[str, ...]:
        """Return the name of a resource."""
        return tuple(str(asked.get(name)) for name in self.names)


DEVICE: Final = Kind("devices", ("deviceId",), "device", "DeviceAlreadyExists", "DeviceNotFound")
MODULE: Final = Kind("modules", ("deviceId", "moduleId"), "device", "ModuleAlreadyExistsOnDevice", "ModuleNotFound")
CONFIGURATION: Final = Kind("configurations", ("id",), None, "ConfigurationAlreadyExists", "ConfigurationNotFound")
JOB: Final = Kind("jobs", ("jobId",), None, "JobAlreadyExists", "JobNotFound")
ENROLLMENT: Final = Kind("enrollments", ("registrationId",), "registration", "EnrollmentConflict", "EnrollmentNotFound")
GROUP: Final = Kind(
    "enrollment_groups",
    ("enrollmentGroupId",),
    "registration",
    "EnrollmentGroupConflict",
    "EnrollmentGroupNotFound",
)


class AzureResources:
    """Devices, modules, twins, configurations, jobs and enrollments."""

    def __init__(self, clock: TimeSource) -> None:
        self._clock = clock
        kinds = (DEVICE, MODULE, CONFIGURATION, JOB, ENROLLMENT, GROUP)
        self.tables: dict[str, Table] = {"twins": Table(), **{kind.table: Table() for kind in kinds}}
        self.handlers: dict[str, Handler] = {
            **self._of("Device", DEVICE, self._new_device),
            **self._of("Module", MODULE, self._new_module),
            **self._of("Configuration", CONFIGURATION, self._new),
            **self._of("Enrollment", ENROLLMENT, self._new_enrollment),
            **self._of("EnrollmentGroup", GROUP, self._new_enrollment),
            "DeleteDevice": self._delete_device,
            "ListDevices": lambda _: {ENTRIES: self.tables["devices"].rows()},
            "ListModules": self._list_modules,
            "ListConfigurations": lambda _: {ENTRIES: self.tables["configurations"].rows()},
            "UpdateRegistry": self._update_registry,
            "CreateScheduledJob": lambda asked: self._create(JOB, self._new, asked),
            "GetScheduledJob": partial(self._get, JOB),
            "CreateImportExportJob": lambda asked: self._create(JOB, self._new, {**asked, "jobId": _token()}),
            "GetImportExportJob": partial(self._get, JOB),
            "QueryTwins": lambda _: {ENTRIES: self.tables["twins"].rows()},
            "QueryEnrollments": partial(self._list, ENROLLMENT),
            "QueryEnrollmentGroups": partial(self._list, GROUP),
            "QueryDeviceRegistrations": lambda _: {ENTRIES: []},
            "GetEnrollmentAttestation": partial(self._attestation, ENROLLMENT),
            "GetEnrollmentGroupAttestation": partial(self._attestation, GROUP),
            "RunEnrollmentBulkOperation": self._bulk_enrollments,
            "GetDeviceStatistics": lambda _: {"totalDeviceCount": len(self.tables["devices"])},
        }
        for name, kind in (("Device", DEVICE), ("Module", MODULE)):
            self.handlers[f"Get{name}Twin"] = partial(self._twin, kind)
            self.handlers[f"Update{name}Twin"] = partial(self._change_twin, kind)
            self.handlers[f"Replace{name}Twin"] = partial(self._replace_twin, kind)

    def _of(self, name: str, kind: Kind, new: Callable[[Kind, JsonObject], JsonObject]) -> dict[str, Handler]:
        return {
            f"Create{name}": lambda asked: self._create(kind, new, asked),
            f"Get{name}": lambda asked: self._get(kind, asked),
            f"Update{name}": lambda asked: self._update(kind, asked),
            f"Delete{name}": lambda asked: self._delete(kind, asked),
        }

    def _create(self, kind: Kind, new: Callable[[Kind, JsonObject], JsonObject], asked: JsonObject) -> JsonObject:
        key, table = kind.key(asked), self.tables[kind.table]
        _check_name(kind, asked)
        if key in table:
            raise Refusal(kind.there, f"{kind.names[-1]} is taken")
        table[key] = new(kind, asked)
        return _shown(kind, table[key])

    def _get(self, kind: Kind, asked: JsonObject) -> JsonObject:
        return _shown(kind, self._found(kind, asked))

    def _update(self, kind: Kind, asked: JsonObject) -> JsonObject:
        row = self._found(kind, asked)
        _check_condition(row, asked)
        row.update({**_content(asked), "etag": _token()})
        return _shown(kind, row)

    def _delete(self, kind: Kind, asked: JsonObject) -> JsonObject:
        _check_condition(self._found(kind, asked), asked)
        del self.tables[kind.table][kind.key(asked)]
        self.tables["twins"].pop(kind.key(asked), None)
        return {STATUS: 204}

    def _found(self, kind: Kind, asked: JsonObject) -> JsonObject:
        if kind is MODULE:
            self._found(DEVICE, asked)
        row = self.tables[kind.table].get(kind.key(asked))
        if row is None:
            raise Refusal(kind.missing, f"there is no such {kind.names[-1]}")
        return row

    def _new(self, _: Kind, asked: JsonObject) -> JsonObject:
        return {**_content(asked), "etag": _token(), "createdTimeUtc": self._now()}

    def _new_device(self, kind: Kind, asked: JsonObject) -> JsonObject:
        row = _identity(self._new(kind, asked))
        row.setdefault("status", "enabled")
        self.tables["twins"][kind.key(asked)] = _new_twin(row)
        return row

    def _new_module(self, kind: Kind, asked: JsonObject) -> JsonObject:
        self._found(DEVICE, asked)
        if self.tables["modules"].count(deviceId=asked["deviceId"]) >= _MOST_MODULES:
            raise Refusal("TooManyModulesOnDevice", "the device has 50 modules")
        row = _identity(self._new(kind, asked))
        self.tables["twins"][kind.key(asked)] = _new_twin(row)
        return row

    def _new_enrollment(self, kind: Kind, asked: JsonObject) -> JsonObject:
        attestation = asked.get("attestation")
        if not isinstance(attestation, dict) or not attestation.get("type"):
            raise Refusal("ArgumentInvalid", "attestation: expected an object with a type")
        row = self._new(kind, {"provisioningStatus": "enabled", **copy.deepcopy(asked)})
        if attestation["type"] == "symmetricKey":
            row["attestation"]["symmetricKey"] = _keys(attestation.get("symmetricKey"))
        return row

    def _delete_device(self, asked: JsonObject) -> JsonObject:
        answer = self._delete(DEVICE, asked)
        modules = self.tables["modules"]
        for key in [key for key, row in modules.items() if row["deviceId"] == asked["deviceId"]]:
            del modules[key]
        return answer

    def _list_modules(self, asked: JsonObject) -> JsonObject:
        self._found(DEVICE, asked)
        return {ENTRIES: self.tables["modules"].rows(deviceId=asked["deviceId"])}

    def _twin(self, kind: Kind, asked: JsonObject) -> JsonObject:
        self._found(kind, asked)
        return copy.deepcopy(self.tables["twins"][kind.key(asked)])

    def _change_twin(self, kind: Kind, asked: JsonObject) -> JsonObject:
        return self._with_twin(kind, asked, _merged)

    def _replace_twin(self, kind: Kind, asked: JsonObject) -> JsonObject:
        return self._with_twin(kind, asked, lambda _, new: _merged({}, new))

    def _with_twin(self, kind: Kind, asked: JsonObject, change: Callable[[Any, Any], Any]) -> JsonObject:
        """Change tags and desired properties; what a device reports is its own."""
        self._found(kind, asked)
        twin = self.tables["twins"][kind.key(asked)]
        _check_condition(twin, asked)
        properties = asked.get("properties")
        if isinstance(asked.get("tags"), dict):
            twin["tags"] = change(twin["tags"], asked["tags"])
        if isinstance(properties, dict) and isinstance(properties.get("desired"), dict):
            twin["properties"]["desired"] = change(twin["properties"]["desired"], properties["desired"])
        twin["etag"] = _token()
        return copy.deepcopy(dict(twin))

    def _update_registry(self, asked: JsonObject) -> JsonObject:
        """Do to each device what its ``importMode`` says; each may fail for itself."""
        listed = asked.get(ENTRIES)
        if not isinstance(listed, list) or not all(isinstance(each, dict) and each.get("id") for each in listed):
            raise Refusal("ArgumentInvalid", "expected a list of devices with ids")
        if len(listed) > _MOST_IN_BULK:
            raise Refusal("TooManyDevices", "at most 100 devices in a request")
        if len({each["id"] for each in listed}) < len(listed):
            raise Refusal("DeviceDefinedMultipleTimes", "a device is there twice")
        errors = [error for each in listed if (error := self._import(each)) is not None]
        failed = {STATUS: 400} if errors else {}
        return {**failed, "isSuccessful": not errors, "errors": errors, "warnings": []}

    def _import(self, each: JsonObject) -> JsonObject | None:
        mode = str(each.get("importMode") or "createOrUpdate").lower()
        asked = {"deviceId": each["id"], **{k: v for k, v in each.items() if k not in {"id", "importMode"}}}
        is_there = DEVICE.key(asked) in self.tables["devices"]
        try:
            if mode.startswith("delete"):
                self._delete_device(asked)
            elif mode == "create" or (mode == "createorupdate" and not is_there):
                self._create(DEVICE, self._new_device, asked)
            else:
                self._update(DEVICE, asked)
        except Refusal as refusal:
            return {"deviceId": each["id"], "errorCode": refusal.code, "errorStatus": refusal.message}
        return None

    def _list(self, kind: Kind, _: JsonObject) -> JsonObject:
        return {ENTRIES: [_shown(kind, row) for row in self.tables[kind.table].values()]}

    def _attestation(self, kind: Kind, asked: JsonObject) -> JsonObject:
        return copy.deepcopy(dict(self._found(kind, asked)["attestation"]))

    def _bulk_enrollments(self, asked: JsonObject) -> JsonObject:
        errors = []
        for each in asked.get("enrollments") or []:
            try:
                if asked.get("mode") == "delete":
                    self._delete(ENROLLMENT, each)
                elif asked.get("mode") == "create" or ENROLLMENT.key(each) not in self.tables["enrollments"]:
                    self._create(ENROLLMENT, self._new_enrollment, each)
                else:
                    self._update(ENROLLMENT, each)
            except Refusal as refusal:
                name = each.get("registrationId")
                errors.append({"registrationId": name, "errorCode": refusal.code, "errorStatus": refusal.message})
        return {"isSuccessful": not errors, "errors": errors}

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _content(asked: JsonObject) -> JsonObject:
    return {name: copy.deepcopy(value) for name, value in asked.items() if name != CONDITION}


def _check_name(kind: Kind, asked: JsonObject) -> None:
    law = None if kind.rule is None else catalogue(PROVIDER).names[kind.rule]
    name = kind.key(asked)[-1]
    if law is not None and (not re.fullmatch(law.pattern, name) or len(name) > (law.max_length or len(name))):
        raise Refusal("ArgumentInvalid", f"{kind.names[-1]}: {law.meaning}")


def _check_condition(row: JsonObject, asked: JsonObject) -> None:
    condition = str(asked.get(CONDITION) or "*").strip('"')
    if condition not in {"*", row["etag"]}:
        raise Refusal("PreconditionFailed", "the resource has another ETag")


def _identity(row: JsonObject) -> JsonObject:
    """Return an identity with the keys that the service makes where the request has none."""
    authentication = dict(row.get("authentication") or {})
    authentication.setdefault("type", "sas")
    if authentication["type"] == "sas":
        authentication["symmetricKey"] = _keys(authentication.get("symmetricKey"))
    return {**row, "authentication": authentication, "generationId": _token(), "connectionState": "Disconnected"}


def _keys(given: Any) -> JsonObject:
    keys = given if isinstance(given, dict) else {}
    return {
        name: keys.get(name) or base64.b64encode(secrets.token_bytes(32)).decode()
        for name in ("primaryKey", "secondaryKey")
    }


def _shown(kind: Kind, row: JsonObject) -> JsonObject:
    """Return a resource as an answer has it: an enrollment without its keys."""
    shown = copy.deepcopy(dict(row))
    if kind in {ENROLLMENT, GROUP}:
        shown["attestation"].pop("symmetricKey", None)
    return shown


def _new_twin(row: JsonObject) -> JsonObject:
    named: JsonObject = {name: row[name] for name in ("deviceId", "moduleId") if name in row}
    return {**named, "etag": _token(), "tags": {}, "properties": {"desired": {}, "reported": {}}}


def _merged(old: Any, new: Any) -> Any:
    """Return an object with changes: a null takes a key away."""
    if not isinstance(new, dict):
        return new
    kept = dict(old) if isinstance(old, dict) else {}
    for name, value in new.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _merged(kept.get(name), value)
    return kept


def _token() -> str:
    return base64.b64encode(secrets.token_bytes(9)).decode()
