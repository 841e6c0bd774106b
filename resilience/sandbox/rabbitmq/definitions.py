"""Definitions: many resources in one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.rabbitmq.common import NO_CONTENT, Tables, wrong
from resilience.sandbox.service import Handler

# What each part of a document is made by, in the order in which one needs the other.
_PARTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "vhosts": ("PutVhost", {"name": "vhost"}),
    "users": ("PutUser", {"name": "user"}),
    "permissions": ("PutPermissions", {}),
    "topic_permissions": ("PutTopicPermissions", {}),
    "policies": ("PutPolicy", {}),
    "exchanges": ("DeclareExchange", {"name": "exchange"}),
    "queues": ("DeclareQueue", {"name": "queue"}),
    "bindings": ("", {}),
}


class Definitions:
    """
    Imports documents.

    Args:
        tables: The tables of the broker.
        handlers: What makes each resource.
    """

    def __init__(self, tables: Tables, handlers: Mapping[str, Handler]) -> None:
        self._tables = tables
        self._made_by = handlers
        self.handlers: dict[str, Handler] = {
            "ImportDefinitions": self._import,
            "ImportVhostDefinitions": self._import_vhost,
        }

    def _import_vhost(self, asked: JsonObject) -> JsonObject:
        self._tables.needs_vhost(asked)
        vhost = asked["vhost"]
        parts = {part: [{**each, "vhost": vhost} for each in asked.get(part, [])] for part in _PARTS}
        return self._import(parts)

    def _import(self, asked: JsonObject) -> JsonObject:
        for part, (operation, names) in _PARTS.items():
            for each in asked.get(part, []):
                renamed = {**each, **{argument: each.get(name) for name, argument in names.items()}}
                self._check(part, renamed)
                self._put(operation or _binding(renamed), renamed)
        return dict(NO_CONTENT)

    def _check(self, part: str, each: JsonObject) -> None:
        if part not in {"vhosts", "users"} and each.get("vhost", "undefined") not in self._tables["vhosts"]:
            raise wrong(["no_such_vhost", each.get("vhost", "undefined")])
        if part in {"permissions", "topic_permissions"} and each.get("user") not in self._tables["users"]:
            raise wrong(["no_such_user", each.get("user")])

    def _put(self, operation: str, each: JsonObject) -> None:
        try:
            self._made_by[operation](each)
        except Refusal as refusal:
            # What is there already stays as it is, and the broker's own names are left out.
            is_passed_over = "inequivalent arg" in str(refusal.message) or refusal.code == "not_authorised"
            if is_passed_over:
                return
            prefix = "command_invalid: " if operation == "DeclareExchange" else ""
            raise wrong(f"{prefix}{refusal.message}") from None


def _binding(each: JsonObject) -> str:
    """Return the operation of a binding, whose destination gets the name that the operation has for it."""
    if each.get("destination_type") == "exchange":
        return "BindExchange"
    each["queue"] = each.get("destination")
    return "BindQueue"
