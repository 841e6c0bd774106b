"""
The state of one Tencent account, with helpers of its operations for parameters, names, instances and pages.

Sources for rules and limits: docstrings of tencentcloud-sdk-python-mqtt 3.1.195, read 2026-11-21.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.keys import TimeSource
from resilience.sandbox.service import Table

DEFAULT_INSTANCE = "mqtt-sandbox"

_DEFAULT_PAGE = 20
_MAX_REMARK = 128


def need(arguments: JsonObject, *names: str) -> list[Any]:
    """Return parameters, or refuse the first one that is absent or empty."""
    for name in names:
        if arguments.get(name) in (None, "", []):
            raise Refusal("MissingParameter", f"{name} is required")
    return [arguments[name] for name in names]


def check_name(name: str, value: Any, pattern: str) -> None:
    """Refuse a value that does not match its pattern."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise Refusal("InvalidParameterValue", f"{name}: expected {pattern}")


def chosen(arguments: JsonObject, *names: str) -> JsonObject:
    """Return the present ones of some parameters."""
    return {name: arguments[name] for name in names if arguments.get(name) is not None}


def page(arguments: JsonObject, rows: list[JsonObject], *, limit: int) -> JsonObject:
    """
    Return one page of rows.

    Args:
        arguments: The arguments with ``Offset`` (default 0) and ``Limit`` (default 20).
        rows: All rows.
        limit: The largest ``Limit``; a larger one is InvalidParameterValue, which is the sandbox's own choice.
    """
    offset, size = arguments.get("Offset") or 0, arguments.get("Limit") or min(_DEFAULT_PAGE, limit)
    if not isinstance(offset, int) or not isinstance(size, int) or offset < 0 or not 0 < size <= limit:
        raise Refusal("InvalidParameterValue", f"Offset: from 0; Limit: 1 to {limit}")
    return {"TotalCount": len(rows), "Data": rows[offset : offset + size]}


def filtered(
    arguments: JsonObject, rows: Iterable[JsonObject], *, fuzzy: Mapping[str, str], exact: Iterable[str] = ()
) -> list[JsonObject]:
    """
    Return the rows that match all ``Filters``.

    Args:
        arguments: The arguments with ``Filters``: a list of Name and Values, any of which may match.
        rows: All rows.
        fuzzy: The field of each filter whose value may match anywhere in the field, as in the vendor's console.
        exact: The filters whose value must equal the field of the same name. Other filters are ignored.
    """
    found = list(rows)
    for each in arguments.get("Filters") or []:
        name, values = each.get("Name"), [str(value) for value in each.get("Values") or []]
        if name in fuzzy:
            key = fuzzy[name]
            found = [row for row in found if any(value in str(row.get(key)) for value in values)]
        elif name in exact:
            found = [row for row in found if str(row.get(name)) in values]
    return found


class Account:
    """
    All tables of one account.

    It has no lock; the service holds its own lock around every use.
    """

    def __init__(self, clock: TimeSource) -> None:
        self.clock = clock
        self.boot_seconds = 0.0
        self.instances, self.topics, self.users, self.policies = Table(), Table(), Table(), Table()
        self.authenticators, self.rules, self.block_rules = Table(), Table(), Table()
        self.ca_certificates, self.device_certificates, self.identities = Table(), Table(), Table()
        self.endpoints, self.messages = Table(), Table()
        self.tables = {
            "instances": self.instances,
            "topics": self.topics,
            "users": self.users,
            "policies": self.policies,
            "authenticators": self.authenticators,
            "rules": self.rules,
            "block_rules": self.block_rules,
            "ca_certificates": self.ca_certificates,
            "device_certificates": self.device_certificates,
            "identities": self.identities,
            "endpoints": self.endpoints,
            "messages": self.messages,
        }
        self._running_at: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self.add_instance(DEFAULT_INSTANCE)

    def now_ms(self) -> int:
        """Return the time in milliseconds, for list items, users and policies."""
        return int(self.clock() * 1000)

    def next_number(self) -> int:
        """Return a new Id."""
        return next(self._numbers)

    def add_instance(self, instance_id: str, *, boots: bool = False, **fields: Any) -> None:
        """Add an instance; if it ``boots``, it is CREATING for ``boot_seconds``."""
        self.instances[instance_id] = {
            "InstanceId": instance_id,
            "InstanceName": instance_id,
            "InstanceType": "BASIC",
            "SkuCode": "basic_1k",
            "InstanceStatus": "RUNNING",
            "PayMode": "POSTPAID",
            "RenewFlag": 1,
            "Remark": "",
            "CreateTime": self.now_ms(),
            "TopicNumLimit": 1000,
            "AuthorizationPolicyLimit": 50,
            "MaxCaNum": 10,
            "MessageEnrichmentRuleLimit": 50,
            "BlockRuleLimit": 50,
            "TpsLimit": 1000,
            "ClientNumLimit": 1000,
            "DeleteProtect": False,
            **fields,
        }
        if boots and self.boot_seconds > 0:
            self.instances[instance_id]["InstanceStatus"] = "CREATING"
            self._running_at[instance_id] = self.clock() + self.boot_seconds

    def wake(self) -> None:
        """Set instances to RUNNING after their ``boot_seconds``."""
        for instance_id, moment in list(self._running_at.items()):
            if self.clock() >= moment:
                del self._running_at[instance_id]
                if instance_id in self.instances:
                    self.instances[instance_id]["InstanceStatus"] = "RUNNING"

    def instance(self, arguments: JsonObject, *, ready: bool = False) -> JsonObject:
        """Return the live row of an instance; if ``ready``, refuse one that is not RUNNING."""
        self.wake()
        (instance_id,) = need(arguments, "InstanceId")
        if instance_id not in self.instances:
            raise Refusal("ResourceNotFound.Instance", f"no such instance: {instance_id}")
        row = self.instances[instance_id]
        if ready and row["InstanceStatus"] != "RUNNING":
            raise Refusal("FailedOperation.InstanceNotReady", f"the instance is {row['InstanceStatus']}")
        if len(str(arguments.get("Remark") or "")) > _MAX_REMARK:
            raise Refusal("InvalidParameterValue", f"Remark: at most {_MAX_REMARK} characters")
        return row

    def child(self, arguments: JsonObject, table: Table, name: str, missing: str) -> JsonObject:
        """Return the live row of an instance's child, named by ``arguments[name]``, or refuse with ``missing``."""
        self.instance(arguments)
        (value,) = need(arguments, name)
        key = (arguments["InstanceId"], value)
        if key not in table:
            raise Refusal(missing, f"no such {name}: {value}")
        return table[key]

    def children(self, arguments: JsonObject, table: Table) -> list[JsonObject]:
        """Return copies of the rows of an instance's children."""
        return table.rows(InstanceId=self.instance(arguments)["InstanceId"])

    def drop(self, arguments: JsonObject, table: Table, name: str, missing: str) -> JsonObject:
        """Delete a child of an instance; the arguments are those of ``child``."""
        self.child(arguments, table, name, missing)
        del table[arguments["InstanceId"], arguments[name]]
        return {}

    def change(self, arguments: JsonObject, row: JsonObject, *names: str) -> JsonObject:
        """Set the fields of a live row that are among the arguments."""
        row.update(chosen(arguments, *names))
        return {}
