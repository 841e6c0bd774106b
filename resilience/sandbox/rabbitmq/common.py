"""What the resources of a broker have in common: their tables, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.rest import ENTRIES, STATUS
from resilience.sandbox.service import Table

NO_CONTENT: Final[JsonObject] = {STATUS: 204}

NO_OBJECT: Final = "Object_Not_Found"
"""The code of a 404 whose words the service writes with blanks."""


class Tables(dict[str, Table]):
    """The tables of a broker, by name."""

    def __init__(self) -> None:
        super().__init__()
        for name in (
            *("vhosts", "users", "permissions", "topic_permissions", "exchanges", "queues", "bindings"),
            *("policies", "operator_policies", "vhost_limits", "user_limits", "global_parameters"),
        ):
            self[name] = Table()

    def put(self, table: str, key: Any, row: JsonObject) -> JsonObject:
        """Set a row, and return the answer: 201 for a new one, 204 for another."""
        is_new = key not in self[table]
        self[table][key] = row
        return {STATUS: 201} if is_new else dict(NO_CONTENT)

    def found(self, table: str, key: Any) -> JsonObject:
        """
        Return a row.

        Raises:
            Refusal: There is none.
        """
        if key not in self[table]:
            raise Refusal(NO_OBJECT, "Not Found", status=404)
        return self[table][key]

    def drop(self, table: str, key: Any) -> JsonObject:
        """
        Remove a row, and return the answer.

        Raises:
            Refusal: There is none.
        """
        self.found(table, key)
        del self[table][key]
        return dict(NO_CONTENT)

    def drop_where(self, tables: Iterable[str], **where: str) -> None:
        """Remove the rows whose fields have the given values."""
        for name in tables:
            for key, row in list(self[name].items()):
                if all(row.get(field) == value for field, value in where.items()):
                    del self[name][key]

    def needs_vhost(self, asked: JsonObject) -> None:
        """
        Refuse a request for a virtual host that is not there.

        Raises:
            Refusal: There is none.
        """
        if asked["vhost"] not in self["vhosts"]:
            raise Refusal("not_found", "vhost_not_found", status=404)


def entries(rows: list[JsonObject]) -> JsonObject:
    """Return the answer that is a list."""
    return {ENTRIES: rows}


def wrong(reason: str | list[Any]) -> Refusal:
    """Return the refusal of a wrong request; the reason may be a list, as the service's own are."""
    return Refusal("bad_request", reason, status=400)  # type: ignore[arg-type]  # it is sent as it is


def needs(asked: JsonObject, *names: str) -> None:
    """
    Refuse a body that lacks some keys.

    Raises:
        Refusal: It lacks some; the reason names them.
    """
    missing = [f"{{key_missing,{name}}}" for name in names if asked.get(name) is None]
    if missing:
        raise wrong(f"[{','.join(missing)}]")


def truth(asked: JsonObject, name: str) -> bool:
    """
    Return a value of a body that is true or false; false without one.

    Raises:
        Refusal: It is neither.
    """
    value = asked.get(name, False)
    if value in {"true", "false"}:
        return bool(value == "true")
    if not isinstance(value, bool):
        raise wrong(["not_boolean", value])
    return value


def is_regex(pattern: Any) -> bool:
    """Tell whether a value is a regular expression."""
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        return False
    return True
