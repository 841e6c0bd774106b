"""Exchanges, queues and bindings, and what is published."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final
from urllib.parse import quote

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.rabbitmq.common import NO_CONTENT, NO_OBJECT, Tables, entries, needs, truth, wrong
from resilience.sandbox.rest import LOCATION, STATUS
from resilience.sandbox.service import Handler

_TYPES: Final = frozenset({"direct", "fanout", "headers", "topic"})
_OWN_NAME: Final = "amq."
_LONGEST: Final = 255
_ABSENT: Final = "none"


class Topology:
    """
    The ways of messages.

    Args:
        tables: The tables of the broker.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.handlers: dict[str, Handler] = {
            "DeclareExchange": self._declare_exchange,
            "GetExchange": lambda asked: dict(tables.found("exchanges", (asked["vhost"], asked["exchange"]))),
            "ListExchanges": lambda asked: self._list("exchanges", asked),
            "DeleteExchange": self._delete_exchange,
            "DeclareQueue": self._declare_queue,
            "GetQueue": lambda asked: dict(tables.found("queues", (asked["vhost"], asked["queue"]))),
            "ListQueues": lambda asked: self._list("queues", asked),
            "DeleteQueue": self._delete_queue,
            "PurgeQueue": self._purge_queue,
            "BindQueue": lambda asked: self._bind(asked, "queue"),
            "ListQueueBindings": lambda asked: self._bindings(asked, "queue"),
            "GetQueueBinding": lambda asked: dict(tables.found("bindings", _binding(asked, "queue"))),
            "UnbindQueue": lambda asked: tables.drop("bindings", _binding(asked, "queue")),
            "BindExchange": lambda asked: self._bind(asked, "exchange"),
            "ListExchangeBindings": lambda asked: self._bindings(asked, "exchange"),
            "GetExchangeBinding": lambda asked: dict(tables.found("bindings", _binding(asked, "exchange"))),
            "UnbindExchange": lambda asked: tables.drop("bindings", _binding(asked, "exchange")),
            "Publish": self._publish,
        }

    def _declare_exchange(self, asked: JsonObject) -> JsonObject:
        kind = asked.get("type", "direct")
        self._tables.needs_vhost(asked)
        if kind not in _TYPES:
            raise wrong(f"invalid exchange type '{kind}'")
        row = {"vhost": asked["vhost"], "name": asked["exchange"], "type": kind, **_traits(asked, "internal")}
        return self._declare("exchange", row)

    def _declare_queue(self, asked: JsonObject) -> JsonObject:
        self._tables.needs_vhost(asked)
        return self._declare("queue", {"vhost": asked["vhost"], "name": asked["queue"], **_traits(asked)})

    def _declare(self, kind: str, row: JsonObject) -> JsonObject:
        name, table = row["name"], self._tables[f"{kind}s"]
        length = len(name.encode())
        if kind == "queue" and length > _LONGEST:
            raise wrong(f"queue should be less than 255 bytes, actually was {length}\n")
        there = table.get((row["vhost"], name))
        if there is not None:
            difference = _difference(kind, there, row)
            if difference:
                raise wrong(difference)
        elif name.startswith(_OWN_NAME):
            raise Refusal("not_authorised", "Access refused.", status=401)
        return self._tables.put(f"{kind}s", (row["vhost"], name), row)

    def _delete_exchange(self, asked: JsonObject) -> JsonObject:
        name = asked["exchange"]
        self._tables.found("exchanges", (asked["vhost"], name))
        if name.startswith(_OWN_NAME):
            raise Refusal("not_authorised", "Access refused.", status=401)
        self._tables.drop_where(("bindings",), vhost=asked["vhost"], source=name)
        self._tables.drop_where(("bindings",), vhost=asked["vhost"], destination=name, destination_type="exchange")
        return self._tables.drop("exchanges", (asked["vhost"], name))

    def _delete_queue(self, asked: JsonObject) -> JsonObject:
        answer = self._tables.drop("queues", (asked["vhost"], asked["queue"]))
        where = {"vhost": asked["vhost"], "destination": asked["queue"], "destination_type": "queue"}
        self._tables.drop_where(("bindings",), **where)
        return answer

    def _purge_queue(self, asked: JsonObject) -> JsonObject:
        self._tables.found("queues", (asked["vhost"], asked["queue"]))
        return dict(NO_CONTENT)

    def _bind(self, asked: JsonObject, kind: str) -> JsonObject:
        self._tables.needs_vhost(asked)
        destination = asked[_destination(kind)]
        for each, name in (("exchange", asked["source"]), (kind, destination)):
            if (asked["vhost"], name) not in self._tables[f"{each}s"]:
                raise Refusal("not_found", f"no {each} '{name}' in vhost '{asked['vhost']}'", status=404)
        key, arguments = asked.get("routing_key", ""), asked.get("arguments") or {}
        properties = _properties(key, arguments)
        row = {
            "vhost": asked["vhost"],
            "source": asked["source"],
            "destination": destination,
            "destination_type": kind,
            "routing_key": key,
            "arguments": arguments,
            "properties_key": properties,
        }
        self._tables["bindings"][_binding({**asked, "properties": properties}, kind)] = row
        return {STATUS: 201, LOCATION: f"{quote(destination, safe='')}/{quote(properties, safe='')}"}

    def _bindings(self, asked: JsonObject, kind: str) -> JsonObject:
        where = {"source": asked["source"], "destination": asked[_destination(kind)], "destination_type": kind}
        return entries(self._tables["bindings"].rows(vhost=asked["vhost"], **where))

    def _list(self, table: str, asked: JsonObject) -> JsonObject:
        if asked["vhost"] not in self._tables["vhosts"]:
            raise Refusal(NO_OBJECT, "Not Found", status=404)
        return entries(self._tables[table].rows(vhost=asked["vhost"]))

    def _publish(self, asked: JsonObject) -> JsonObject:
        needs(asked, "routing_key", "properties", "payload", "payload_encoding")
        key, vhost = asked["routing_key"], asked["vhost"]
        exchange = self._tables.found("exchanges", (vhost, asked["exchange"]))
        bound = self._tables["bindings"].rows(vhost=vhost, source=asked["exchange"])
        return {"routed": any(_fits(exchange["type"], each["routing_key"], key) for each in bound)}


def _traits(asked: JsonObject, *more: str) -> JsonObject:
    flags = {name: truth(asked, name) for name in ("durable", "auto_delete", *more)}
    return {**flags, "arguments": asked.get("arguments") or {}}


def _difference(kind: str, there: JsonObject, row: JsonObject) -> str | None:
    """Return the service's sentence about the first trait that differs; None if all are equal."""
    subject = f"for {kind} '{row['name']}' in vhost '{row['vhost']}'"
    for name in ("type", "durable", "auto_delete", "internal"):
        given, current = row.get(name), there.get(name)
        if given != current:
            return f"inequivalent arg '{name}' {subject}: received {_written(given)} but current is {_written(current)}"
    given, current = row["arguments"], there["arguments"]
    for name in sorted({*given, *current}):
        if given.get(name) != current.get(name):
            are_both = name in given and name in current
            received, now = ((_written if are_both else _typed)(each.get(name)) for each in (given, current))
            return f"inequivalent arg '{name}' {subject}: received {received} but current is {now}"
    return None


def _written(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else f"'{str(value).lower()}'"


def _typed(value: Any) -> str:
    """Return a value of an argument as the service writes it."""
    if value is None:
        return _ABSENT
    type_ = "bool" if isinstance(value, bool) else "long" if isinstance(value, int) else "longstr"
    return f"the value {_written(value)} of type '{type_}'"


def _destination(kind: str) -> str:
    return "queue" if kind == "queue" else "destination"


def _binding(asked: JsonObject, kind: str) -> tuple[str, ...]:
    return asked["vhost"], asked["source"], kind, asked[_destination(kind)], asked["properties"]


def _properties(key: str, arguments: JsonObject) -> str:
    """Return the name of a binding in its path; the hash of its arguments is one of our own."""
    digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:6] if arguments else ""
    name = quote(key, safe="")
    return f"{name}~{digest}" if digest or not name else name


def _fits(type_: str, pattern: str, key: str) -> bool:
    if type_ == "topic":
        regex = re.escape(pattern).replace(r"\*", "[^.]+").replace(r"\.\#", r"(\..*)?").replace(r"\#", ".*")
        return re.fullmatch(regex, key) is not None
    return type_ == "fanout" or pattern == key
