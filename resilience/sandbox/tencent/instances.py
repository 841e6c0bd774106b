"""
Instances and their public endpoints.

Sources: tencentcloud-sdk-python-mqtt 3.1.195 and the code lists of tencentcloud-sdk-go mqtt/v20240516, read 2026-11-21.
"""

from __future__ import annotations

import secrets

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.service import Handler
from resilience.sandbox.tencent.account import Account, check_name, chosen, filtered, need, page

NAME = r"[0-9A-Za-z_-]{3,64}"

_TYPES = ("BASIC", "PRO", "PLATINUM")
_PAGE = 100


class Instances:
    """
    The operations on instances.

    Args:
        account: The state.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self.handlers: dict[str, Handler] = {
            "CreateInstance": self._create,
            "DescribeInstance": self._describe,
            "DescribeInstanceList": self._list,
            "ModifyInstance": self._modify,
            "DeleteInstance": self._delete,
            "CreateInsPublicEndpoint": self._create_endpoint,
            "ModifyInsPublicEndpoint": lambda a: account.change(a, self._endpoint(a), "Bandwidth", "Rules"),
            "DeleteInsPublicEndpoint": self._delete_endpoint,
            "DescribeInsPublicEndpoints": self._describe_endpoints,
        }

    def _create(self, arguments: JsonObject) -> JsonObject:
        """Make an instance each time, because the name is not unique and there is no idempotency token."""
        kind, name, sku = need(arguments, "InstanceType", "Name", "SkuCode")
        check_name("Name", name, NAME)
        if kind not in _TYPES:
            raise Refusal("InvalidParameterValue", f"InstanceType: expected one of {', '.join(_TYPES)}")
        if any(str(sku).lower().startswith(other.lower()) for other in _TYPES if other != kind):
            raise Refusal("InvalidParameter.InstanceTypeNotMatch", f"{sku} is no specification of {kind}")
        if arguments.get("EnablePublic") and not arguments.get("Bandwidth"):
            raise Refusal("InvalidParameterValue.PublicNetworkInvalidParameterValue", "Bandwidth: expected more than 0")
        instance_id = f"mqtt-{secrets.token_hex(4)}"
        self._account.add_instance(
            instance_id,
            boots=True,
            InstanceName=name,
            InstanceType=kind,
            SkuCode=sku,
            PayMode="PREPAID" if arguments.get("PayMode") == 1 else "POSTPAID",
            Remark=arguments.get("Remark") or "",
            Tags=arguments.get("TagList") or [],
        )
        return {"InstanceId": instance_id}

    def _describe(self, arguments: JsonObject) -> JsonObject:
        row = self._account.instance(arguments)
        topics = self._account.topics.count(InstanceId=row["InstanceId"])
        # This answer counts in seconds, the list in milliseconds.
        return {**row, "TopicNum": topics, "CreatedTime": row["CreateTime"] // 1000}

    def _list(self, arguments: JsonObject) -> JsonObject:
        self._account.wake()
        rows = self._account.instances.rows()
        tags = arguments.get("TagFilters") or []
        if tags:
            # With TagFilters the other filters have no effect (docstring of DescribeInstanceListRequest.Filters).
            wanted = [(each.get("TagKey"), each.get("TagValues") or []) for each in tags]
            rows = [row for row in rows if all(_tagged(row, key, values) for key, values in wanted)]
        else:
            exact = ("InstanceId", "InstanceStatus", "PayMode")
            rows = filtered(arguments, rows, fuzzy={"InstanceName": "InstanceName"}, exact=exact)
        return page(arguments, rows, limit=_PAGE)

    def _modify(self, arguments: JsonObject) -> JsonObject:
        row = self._account.instance(arguments, ready=True)
        if arguments.get("Name"):
            check_name("Name", arguments["Name"], NAME)
            row["InstanceName"] = arguments["Name"]
        names = ("Remark", "SkuCode", "MessageRate", "AuthorizationPolicy", "X509Mode", "UseDefaultServerCert")
        return self._account.change(arguments, row, *names, "DeviceCertificateProvisionType", "AutomaticActivation")

    def _delete(self, arguments: JsonObject) -> JsonObject:
        """Delete an instance; the first call only isolates a prepaid one, and the second destroys it."""
        row = self._account.instance(arguments)
        if row["DeleteProtect"]:
            raise Refusal("FailedOperation.DeleteProtect", "deletion protection is on")
        if row["PayMode"] == "PREPAID" and row["InstanceStatus"] != "OVERDUE":
            row["InstanceStatus"] = "OVERDUE"
            return {}
        for table in self._account.tables.values():
            for key in [key for key, child in table.items() if child.get("InstanceId") == row["InstanceId"]]:
                del table[key]
        return {}

    def _create_endpoint(self, arguments: JsonObject) -> JsonObject:
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        if instance_id in self._account.endpoints:
            raise Refusal("UnsupportedOperation.ResourceAlreadyExists", "public access is on")
        row = {"InstanceId": instance_id, "Status": "NORMAL", **chosen(arguments, "Bandwidth", "Rules")}
        self._account.endpoints[instance_id] = row
        return {}

    def _endpoint(self, arguments: JsonObject) -> JsonObject:
        instance_id = self._account.instance(arguments)["InstanceId"]
        if instance_id not in self._account.endpoints:
            raise Refusal("ResourceNotFound", "public access is off")
        return self._account.endpoints[instance_id]

    def _delete_endpoint(self, arguments: JsonObject) -> JsonObject:
        del self._account.endpoints[self._endpoint(arguments)["InstanceId"]]
        return {}

    def _describe_endpoints(self, arguments: JsonObject) -> JsonObject:
        instance_id = self._account.instance(arguments)["InstanceId"]
        row = self._account.endpoints.get(instance_id, {"InstanceId": instance_id, "Status": "CLOSED"})
        url = {"Type": "MQTT", "Url": f"{instance_id}.sandbox.invalid:1883"}
        return {**row, "Endpoints": [url] if instance_id in self._account.endpoints else []}


def _tagged(row: JsonObject, key: str, values: list[str]) -> bool:
    """Tell whether a row has a tag with one of the values, or with any value if there are none."""
    return any(
        tag.get("TagKey") == key and (not values or tag.get("TagValue") in values) for tag in row.get("Tags", [])
    )
