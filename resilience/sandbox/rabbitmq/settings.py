"""Policies, limits and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.rabbitmq.common import NO_CONTENT, Tables, entries, is_regex, needs, wrong
from resilience.sandbox.service import Handler

_OPERATOR_SETTINGS: Final = frozenset(
    {"expires", "message-ttl", "max-length", "max-length-bytes", "max-in-memory-length", "max-in-memory-bytes"}
    | {"delivery-limit"}
)
_SETTINGS: Final = _OPERATOR_SETTINGS | {
    *("alternate-exchange", "dead-letter-exchange", "dead-letter-routing-key", "overflow", "queue-mode"),
    *("ha-mode", "ha-params", "ha-sync-mode", "max-age", "queue-master-locator", "consumer-timeout"),
}
_VHOST_LIMITS: Final = frozenset({"max-connections", "max-queues"})
_USER_LIMITS: Final = frozenset({"max-connections", "max-channels"})


class BrokerSettings:
    """
    What is set for many resources at once.

    Args:
        tables: The tables of the broker.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.handlers: dict[str, Handler] = {
            "PutPolicy": lambda asked: self._put_policy(asked, "policies", _SETTINGS),
            "GetPolicy": lambda asked: dict(tables.found("policies", (asked["vhost"], asked["name"]))),
            "ListPolicies": self._list_policies,
            "DeletePolicy": lambda asked: tables.drop("policies", (asked["vhost"], asked["name"])),
            "PutOperatorPolicy": lambda asked: self._put_policy(asked, "operator_policies", _OPERATOR_SETTINGS),
            "GetOperatorPolicy": lambda asked: dict(tables.found("operator_policies", (asked["vhost"], asked["name"]))),
            "DeleteOperatorPolicy": lambda asked: tables.drop("operator_policies", (asked["vhost"], asked["name"])),
            "PutVhostLimit": self._put_vhost_limit,
            "GetVhostLimits": lambda asked: self._limits("vhost", asked),
            "DeleteVhostLimit": lambda asked: self._delete_limit("vhost", asked),
            "PutUserLimit": self._put_user_limit,
            "GetUserLimits": lambda asked: self._limits("user", asked),
            "DeleteUserLimit": lambda asked: self._delete_limit("user", asked),
            "PutGlobalParameter": self._put_parameter,
            "GetGlobalParameter": lambda asked: dict(tables.found("global_parameters", asked["name"])),
            "DeleteGlobalParameter": lambda asked: tables.drop("global_parameters", asked["name"]),
        }

    def _put_policy(self, asked: JsonObject, table: str, known: frozenset[str]) -> JsonObject:
        self._tables.needs_vhost(asked)
        needs(asked, "pattern", "definition")
        if not is_regex(asked["pattern"]):
            raise _invalid("pattern should be regular expression but is invalid")
        if not asked["definition"]:
            raise _invalid("no policy provided")
        unknown = [name for name in asked["definition"] if name not in known]
        if unknown:
            raise _invalid(f"{unknown} are not recognised policy settings")
        row = {
            "vhost": asked["vhost"],
            "name": asked["name"],
            "pattern": asked["pattern"],
            "apply-to": asked.get("apply-to", "all"),
            "definition": asked["definition"],
            "priority": asked.get("priority", 0),
        }
        return self._tables.put(table, (asked["vhost"], asked["name"]), row)

    def _list_policies(self, asked: JsonObject) -> JsonObject:
        self._tables.found("vhosts", asked["vhost"])
        return entries(self._tables["policies"].rows(vhost=asked["vhost"]))

    def _put_vhost_limit(self, asked: JsonObject) -> JsonObject:
        self._tables.needs_vhost(asked)
        needs(asked, "value")
        if asked["limit"] not in _VHOST_LIMITS:
            raise _invalid(f"Unrecognised terms {_term(asked)} in limits")
        if not _is_number(asked["value"]):
            raise _invalid(f'{asked["limit"]} should be a number, actually was <<"{asked["value"]}">>')
        return self._put_limit("vhost", asked)

    def _put_user_limit(self, asked: JsonObject) -> JsonObject:
        needs(asked, "value")
        if asked["user"] not in self._tables["users"]:
            raise wrong(["no_such_user", asked["user"]])
        if asked["limit"] not in _USER_LIMITS:
            raise wrong(f"Unrecognised terms {_term(asked)} in user-limits")
        return self._put_limit("user", asked)

    def _put_limit(self, kind: str, asked: JsonObject) -> JsonObject:
        table = self._tables[f"{kind}_limits"]
        row = table.setdefault(asked[kind], {kind: asked[kind], "value": {}})
        row["value"][asked["limit"]] = asked["value"]
        return dict(NO_CONTENT)

    def _delete_limit(self, kind: str, asked: JsonObject) -> JsonObject:
        if asked[kind] not in self._tables[f"{kind}s"]:
            raise Refusal("http-500")  # the real server has not foreseen this
        limits: Mapping[str, Any] = self._tables[f"{kind}_limits"].get(asked[kind], {"value": {}})
        limits["value"].pop(asked["limit"], None)
        return dict(NO_CONTENT)

    def _limits(self, kind: str, asked: JsonObject) -> JsonObject:
        self._tables.found(f"{kind}s", asked[kind])
        return entries([row for row in self._tables[f"{kind}_limits"].rows(**{kind: asked[kind]}) if row["value"]])

    def _put_parameter(self, asked: JsonObject) -> JsonObject:
        needs(asked, "value")
        row = {"name": asked["name"], "value": asked["value"]}
        return self._tables.put("global_parameters", asked["name"], row)


def _invalid(why: str) -> Refusal:
    return wrong(f"Validation failed\n\n{why}\n")


def _term(asked: JsonObject) -> str:
    return f'[{{<<"{asked["limit"]}">>,{asked["value"]}}}]'


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
