"""
The resources of an instance: topics, users, policies, authenticators, rules, messages.

Sources: tencentcloud-sdk-python-mqtt 3.1.195 (shapes, rules), the per-operation code lists in the comments of
tencentcloud-sdk-go mqtt/v20240516 (codes); read 2026-11-21. The lists are incomplete: if an operation's list lacks a
code, the operation uses the product's code for the same situation.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Hashable
from typing import Any

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.service import Handler
from resilience.sandbox.tencent.account import Account, check_name, chosen, filtered, need, page

EXISTS = "UnsupportedOperation.ResourceAlreadyExists"

_TOPIC = r"[0-9A-Za-z_-]{3,100}"
_USER = r"[0-9A-Za-z_-]{1,32}"
_PASSWORD = r"[0-9A-Za-z_-]{1,64}"  # noqa: S105  a pattern, no password
_POLICY = r"[\u4e00-\u9fff0-9A-Za-z_-]{3,64}"
_BLOCK_RULE = r"[0-9A-Za-z-]+"

_TOPIC_PAGE, _USER_PAGE = 20, 100
_POLICY_FIELDS = ("PolicyName", "Priority", "Effect", "Actions", "Resources", "Username", "ClientId", "Ip", "Qos")
_RULE_FIELDS = ("RuleName", "Condition", "Actions", "Priority", "Status", "Remark")
_BLOCK_RULE_FIELDS = ("Include", "Excludes", "ExpireTime", "Remark")
_NO_POLICY = "ResourceNotFound.AuthorizationPolicy"
_NO_TOPIC = "ResourceNotFound.Topic"
_NO_AUTHENTICATOR = "ResourceNotFound.NoAuthenticator"


class TencentResources:
    """
    The operations on the resources of an instance.

    Args:
        account: The state.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self.handlers: dict[str, Handler] = {
            "CreateTopic": self._create_topic,
            "DescribeTopic": lambda a: dict(account.child(a, account.topics, "Topic", _NO_TOPIC)),
            "DescribeTopicList": self._list_topics,
            "ModifyTopic": lambda a: account.change(a, account.child(a, account.topics, "Topic", _NO_TOPIC), "Remark"),
            "DeleteTopic": lambda a: account.drop(a, account.topics, "Topic", _NO_TOPIC),
            "CreateUser": self._create_user,
            "DescribeUserList": self._list_users,
            "ModifyUser": self._modify_user,
            "DeleteUser": lambda a: account.drop(a, account.users, "Username", "ResourceNotFound.Username"),
            "CreateAuthorizationPolicy": self._create_policy,
            "ModifyAuthorizationPolicy": self._modify_policy,
            "DeleteAuthorizationPolicy": lambda a: account.drop(a, account.policies, "Id", _NO_POLICY),
            "DescribeAuthorizationPolicies": lambda a: {"Data": account.children(a, account.policies)},
            "UpdateAuthorizationPolicyPriority": self._order_policies,
            "CreateMessageEnrichmentRule": self._create_rule,
            "ModifyMessageEnrichmentRule": self._modify_rule,
            "DeleteMessageEnrichmentRule": lambda a: account.drop(a, account.rules, "Id", "ResourceNotFound"),
            "DescribeMessageEnrichmentRules": lambda a: {"Data": account.children(a, account.rules)},
            "CreateBlockRule": self._create_block_rule,
            "ModifyBlockRule": lambda a: account.change(
                a, account.child(a, account.block_rules, "Name", "ResourceNotFound"), *_BLOCK_RULE_FIELDS
            ),
            "DeleteBlockRule": self._delete_block_rule,
            "DescribeBlockRuleList": lambda a: {
                "Data": (rules := account.children(a, account.block_rules)),
                "TotalCount": len(rules),
            },
            "DescribeAuthenticator": self._describe_authenticator,
            "DeleteAuthenticator": lambda a: account.drop(a, account.authenticators, "Type", _NO_AUTHENTICATOR),
            "PublishMessage": self._publish,
        }
        for kind in ("JWT", "JWKS", "Http"):
            self._add_authenticator(kind)

    # Topics

    def _create_topic(self, arguments: JsonObject) -> JsonObject:
        instance = self._account.instance(arguments, ready=True)
        (topic,) = need(arguments, "Topic")
        check_name("Topic", topic, _TOPIC)
        key = (instance["InstanceId"], topic)
        if key in self._account.topics:
            raise Refusal(EXISTS, f"the topic exists: {topic}")
        if self._account.topics.count(InstanceId=key[0]) >= instance["TopicNumLimit"]:
            raise Refusal("LimitExceeded.TopicNum", f"the instance has its {instance['TopicNumLimit']} topics")
        named = {"InstanceId": key[0], "Topic": topic}
        self._account.topics[key] = {
            **named,
            "Remark": arguments.get("Remark") or "",
            "CreatedTime": self._account.now_ms() // 1000,
        }
        return named

    def _list_topics(self, arguments: JsonObject) -> JsonObject:
        rows = self._account.children(arguments, self._account.topics)
        return page(arguments, filtered(arguments, rows, fuzzy={"TopicName": "Topic"}), limit=_TOPIC_PAGE)

    # Users

    def _create_user(self, arguments: JsonObject) -> JsonObject:
        """Make a user with a given or a random password, which no answer returns."""
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        (name,) = need(arguments, "Username")
        check_name("Username", name, _USER)
        password = arguments.get("Password") or secrets.token_hex(8)
        check_name("Password", password, _PASSWORD)
        if (instance_id, name) in self._account.users:
            raise Refusal(EXISTS, f"the user exists: {name}")
        now = self._account.now_ms()
        row = {"InstanceId": instance_id, "Username": name, "Password": password}
        row |= {"Remark": arguments.get("Remark") or "", "CreatedTime": now, "ModifiedTime": now}
        self._account.users[instance_id, name] = row
        return {}

    def _list_users(self, arguments: JsonObject) -> JsonObject:
        rows = self._account.children(arguments, self._account.users)
        return page(arguments, filtered(arguments, rows, fuzzy={"Username": "Username"}), limit=_USER_PAGE)

    def _modify_user(self, arguments: JsonObject) -> JsonObject:
        row = self._account.child(arguments, self._account.users, "Username", "ResourceNotFound.Username")
        row["ModifiedTime"] = self._account.now_ms()
        return self._account.change(arguments, row, "Remark")

    # Authorization policies

    def _create_policy(self, arguments: JsonObject) -> JsonObject:
        instance = self._account.instance(arguments, ready=True)
        name, priority, *_ = need(arguments, "PolicyName", "Priority", "Effect", "Actions")
        check_name("PolicyName", name, _POLICY)
        self._check_policy(instance["InstanceId"], name, priority)
        if self._account.policies.count(InstanceId=instance["InstanceId"]) >= instance["AuthorizationPolicyLimit"]:
            raise Refusal("LimitExceeded", f"the instance has its {instance['AuthorizationPolicyLimit']} policies")
        number, now = self._account.next_number(), self._account.now_ms()
        row = {"InstanceId": instance["InstanceId"], "Id": number, "Version": arguments.get("PolicyVersion") or 1}
        row |= {**chosen(arguments, *_POLICY_FIELDS, "Retain", "Remark"), "CreatedTime": now, "UpdateTime": now}
        self._account.policies[instance["InstanceId"], number] = row
        return {"InstanceId": instance["InstanceId"], "Id": number}

    def _check_policy(self, instance_id: str, name: object, priority: object, but: object = None) -> None:
        others = [row for row in self._account.policies.rows(InstanceId=instance_id) if row["Id"] != but]
        if any(row["PolicyName"] == name for row in others):
            raise Refusal("FailedOperation.DuplicatePolicy", f"the policy exists: {name}")
        if any(row["Priority"] == priority for row in others):
            raise Refusal("FailedOperation.DuplicatePriority", f"another policy has priority {priority}")

    def _modify_policy(self, arguments: JsonObject) -> JsonObject:
        row = self._account.child(arguments, self._account.policies, "Id", _NO_POLICY)
        wanted = {**row, **chosen(arguments, "PolicyName", "Priority")}
        self._check_policy(row["InstanceId"], wanted["PolicyName"], wanted["Priority"], row["Id"])
        row["UpdateTime"] = self._account.now_ms()
        return self._account.change(arguments, row, *_POLICY_FIELDS, "Retain", "Remark")

    def _order_policies(self, arguments: JsonObject) -> JsonObject:
        """Set all priorities together; afterwards all priorities must differ."""
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        (priorities,) = need(arguments, "Priorities")
        wanted: dict[Hashable, Any] = {(instance_id, each["Id"]): each["Priority"] for each in priorities}
        if not wanted.keys() <= self._account.policies.keys():
            raise Refusal(_NO_POLICY, "a policy is not there")
        rows = {key: row for key, row in self._account.policies.items() if row["InstanceId"] == instance_id}
        final = [wanted.get(key, row["Priority"]) for key, row in rows.items()]
        if len(set(final)) < len(final):
            raise Refusal("FailedOperation.DuplicatePriority", "two policies would have one priority")
        for key, priority in wanted.items():
            self._account.policies[key]["Priority"] = priority
        return {}

    # Message enrichment rules, block rules

    def _create_rule(self, arguments: JsonObject) -> JsonObject:
        """Make a rule each time, because no code for a duplicate is documented."""
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        need(arguments, "RuleName", "Condition", "Actions", "Priority")
        number, now = self._account.next_number(), self._account.now_ms()
        row = {"InstanceId": instance_id, "Id": number, **chosen(arguments, *_RULE_FIELDS)}
        self._account.rules[instance_id, number] = {**row, "CreatedTime": now, "UpdateTime": now}
        return {"InstanceId": instance_id, "Id": number}

    def _modify_rule(self, arguments: JsonObject) -> JsonObject:
        row = self._account.child(arguments, self._account.rules, "Id", "ResourceNotFound")
        row["UpdateTime"] = self._account.now_ms()
        return self._account.change(arguments, row, *_RULE_FIELDS)

    def _create_block_rule(self, arguments: JsonObject) -> JsonObject:
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        (name,) = need(arguments, "Name")
        check_name("Name", name, _BLOCK_RULE)
        if (instance_id, name) in self._account.block_rules:
            raise Refusal(EXISTS, f"the rule exists: {name}")
        row = {"InstanceId": instance_id, **chosen(arguments, "Name", "Type", "Include", "Excludes", "ExpireTime")}
        self._account.block_rules[instance_id, name] = {**row, "CreateTime": self._account.now_ms()}
        return {"InstanceId": instance_id, "Name": name}

    def _delete_block_rule(self, arguments: JsonObject) -> JsonObject:
        named = {**arguments, "Name": arguments.get("BlockRuleName")}
        return self._account.drop(named, self._account.block_rules, "Name", "ResourceNotFound")

    # Authenticators

    def _add_authenticator(self, kind: str) -> None:
        name = kind.upper()

        def create(arguments: JsonObject) -> JsonObject:
            instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
            if (instance_id, name) in self._account.authenticators:
                raise Refusal(EXISTS, f"the instance has a {name} authenticator")
            row = {"InstanceId": instance_id, "Type": name, "CreateTime": self._account.now_ms()}
            self._account.authenticators[instance_id, name] = _configured(row, arguments)
            return {}

        def modify(arguments: JsonObject) -> JsonObject:
            named = {**arguments, "Type": name}
            row = self._account.child(named, self._account.authenticators, "Type", _NO_AUTHENTICATOR)
            _configured(row, arguments)
            return {}

        self.handlers |= {f"Create{kind}Authenticator": create, f"Modify{kind}Authenticator": modify}

    def _describe_authenticator(self, arguments: JsonObject) -> JsonObject:
        where = {"InstanceId": self._account.instance(arguments)["InstanceId"]} | chosen(arguments, "Type")
        return {"Authenticators": self._account.authenticators.rows(**where)}

    # Messages

    def _publish(self, arguments: JsonObject) -> JsonObject:
        instance_id = self._account.instance(arguments, ready=True)["InstanceId"]
        need(arguments, "Payload")
        if bool(arguments.get("TargetTopic")) == bool(arguments.get("TargetClientId")):
            raise Refusal("InvalidParameter", "expected either TargetTopic or TargetClientId")
        number = self._account.next_number()
        wanted = chosen(arguments, "Payload", "TargetTopic", "TargetClientId", "Qos", "Retain")
        self._account.messages[number] = {"InstanceId": instance_id, **wanted}
        return {}


def _configured(row: JsonObject, arguments: JsonObject) -> JsonObject:
    """Put an authenticator's settings into its row, most of them as JSON text."""
    own = ("InstanceId", "Status", "Remark")
    config = {**json.loads(row.get("Config", "{}")), **{k: v for k, v in arguments.items() if k not in own}}
    row |= {
        "Status": "open",
        "Remark": "",
        **row,
        **chosen(arguments, "Status", "Remark"),
        "Config": json.dumps(config),
    }
    return row
