"""Virtual hosts, users and permissions."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, Final

from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.rabbitmq.common import NO_CONTENT, Tables, entries, is_regex, needs, wrong
from resilience.sandbox.rest import ENTRIES
from resilience.sandbox.service import Handler

ADMINISTRATOR: Final = "administrator"

_EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}
_TYPES: Final = {
    "": "direct",
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.headers": "headers",
    "amq.match": "headers",
    "amq.rabbitmq.trace": "topic",
    "amq.topic": "topic",
}
_OF_A_VHOST: Final = (
    *("permissions", "topic_permissions", "exchanges", "queues", "bindings"),
    *("policies", "operator_policies", "vhost_limits"),
)
_MANAGERS: Final = frozenset({"management", "policymaker", "monitoring", ADMINISTRATOR})
_POLICY_MAKERS: Final = frozenset({"policymaker", ADMINISTRATOR})
_FOR_ADMINISTRATORS: Final = re.compile(
    r"(?:Put|Delete)Vhost|(?:Put|Get|Delete)(?:User|Permissions|TopicPermissions)|(?:List|Delete)Users|Import.*"
    r"|(?:Put|Delete)(?:VhostLimit|UserLimit|GlobalParameter|OperatorPolicy)|GetUserLimits|GetGlobalParameter"
)
_IN_A_VHOST: Final = re.compile(r".*(?:Exchange|Exchanges|Queue|Queues|Binding|Bindings|Policy|Policies|Publish)")


class Access:
    """
    Who may do what, and where.

    Args:
        tables: The tables of the broker.
        administrator: The name of the user who is there from the start, and may do everything.
        password: The password of that user.
    """

    def __init__(self, tables: Tables, administrator: str, password: str) -> None:
        self._tables = tables
        self._administrator = administrator
        self.handlers: dict[str, Handler] = {
            "PutVhost": self._put_vhost,
            "GetVhost": lambda asked: dict(tables.found("vhosts", asked["vhost"])),
            "ListVhosts": lambda _: entries(tables["vhosts"].rows()),
            "DeleteVhost": self._delete_vhost,
            "PutUser": self._put_user,
            "GetUser": lambda asked: _shown(tables.found("users", asked["user"])),
            "ListUsers": lambda _: entries([_shown(row) for row in tables["users"].rows()]),
            "DeleteUser": self._delete_user,
            "DeleteUsers": self._delete_users,
            "PutPermissions": self._put_permissions,
            "GetPermissions": lambda asked: dict(tables.found("permissions", _pair(asked))),
            "DeletePermissions": lambda asked: tables.drop("permissions", _pair(asked)),
            "PutTopicPermissions": self._put_topic_permissions,
            "GetTopicPermissions": self._topic_permissions,
            "DeleteTopicPermissions": self._delete_topic_permissions,
            "GetCurrentUser": lambda asked: asked,
        }
        tables["users"][administrator] = {"name": administrator, "password": password, "tags": [ADMINISTRATOR]}
        self._put_vhost({"vhost": "/", "description": "Default virtual host"})

    def user_of(self, name: str, password: str) -> JsonObject | None:
        """Return the user with a name and a password; None for a wrong pair."""
        user = self._tables["users"].get(name)
        return user if user is not None and user["password"] == password else None

    def judge(self, user: JsonObject, operation: str, asked: JsonObject) -> None:
        """
        Refuse a user what the tags and the permissions do not allow.

        Raises:
            Refusal: The user may not do this.
        """
        tags = set(user["tags"])
        if not tags & _MANAGERS:
            raise _denied("Not management user")
        if _FOR_ADMINISTRATORS.fullmatch(operation) and ADMINISTRATOR not in tags:
            raise _denied("Not administrator user")
        is_inside = _IN_A_VHOST.fullmatch(operation) and asked.get("vhost") in self._tables["vhosts"]
        if not is_inside or ADMINISTRATOR in tags:
            return
        if operation.endswith("Policy") and not tags & _POLICY_MAKERS:
            raise _denied("User not authorised to access object")
        allowed = self._tables["permissions"].get((asked["vhost"], user["name"]))
        if allowed is None:
            raise _denied("User not authorised to access virtual host")
        name = asked.get("queue") or asked.get("exchange") or ""
        if operation.startswith(("Declare", "Delete")) and not re.search(allowed["configure"], name):
            raise _denied("Access refused.")

    def _put_vhost(self, asked: JsonObject) -> JsonObject:
        name = asked["vhost"]
        is_new = name not in self._tables["vhosts"]
        tags = asked.get("tags", [])
        tags = [tag for tag in tags.split(",") if tag] if isinstance(tags, str) else tags
        answer = self._tables.put(
            "vhosts", name, {"name": name, "description": asked.get("description", ""), "tags": tags, "tracing": False}
        )
        if is_new:
            for exchange, type_ in _TYPES.items():
                self._tables["exchanges"][name, exchange] = {
                    "vhost": name,
                    "name": exchange,
                    "type": type_,
                    "durable": True,
                    "auto_delete": False,
                    "internal": exchange == "amq.rabbitmq.trace",
                    "arguments": {},
                }
            # Who makes a virtual host may use it.
            row = {"vhost": name, "user": self._administrator, **_EVERYTHING}
            self._tables["permissions"][name, self._administrator] = row
        return answer

    def _delete_vhost(self, asked: JsonObject) -> JsonObject:
        answer = self._tables.drop("vhosts", asked["vhost"])
        self._tables.drop_where(_OF_A_VHOST, vhost=asked["vhost"])
        return answer

    def _put_user(self, asked: JsonObject) -> JsonObject:
        if asked.get("tags") is None:
            raise wrong("tags_not_present")
        tags = asked["tags"].split(",") if isinstance(asked["tags"], str) else list(asked["tags"])
        row = {"name": asked["user"], "password": asked.get("password"), "tags": [tag for tag in tags if tag]}
        return self._tables.put("users", asked["user"], row)

    def _delete_user(self, asked: JsonObject) -> JsonObject:
        answer = self._tables.drop("users", asked["user"])
        self._tables.drop_where(("permissions", "topic_permissions", "user_limits"), user=asked["user"])
        return answer

    def _delete_users(self, asked: JsonObject) -> JsonObject:
        needs(asked, "users")
        for name in asked["users"]:
            if name not in self._tables["users"]:
                raise wrong(["no_such_user", name])
            self._delete_user({"user": name})
        return dict(NO_CONTENT)

    def _put_permissions(self, asked: JsonObject) -> JsonObject:
        self._check(asked)
        needs(asked, *_EVERYTHING)
        _check_patterns(asked, *_EVERYTHING)
        row = {"vhost": asked["vhost"], "user": asked["user"], **{name: asked[name] for name in _EVERYTHING}}
        return self._tables.put("permissions", _pair(asked), row)

    def _put_topic_permissions(self, asked: JsonObject) -> JsonObject:
        self._check(asked)
        needs(asked, "exchange", "write", "read")
        _check_patterns(asked, "write", "read")
        row = {name: asked[name] for name in ("vhost", "user", "exchange", "write", "read")}
        is_new = not self._tables["topic_permissions"].count(vhost=asked["vhost"], user=asked["user"])
        answer = self._tables.put("topic_permissions", (*_pair(asked), asked["exchange"]), row)
        return answer if is_new else dict(NO_CONTENT)

    def _check(self, asked: JsonObject) -> None:
        if asked["vhost"] not in self._tables["vhosts"] or asked["user"] not in self._tables["users"]:
            raise wrong("vhost_or_user_not_found")

    def _topic_permissions(self, asked: JsonObject) -> JsonObject:
        rows = self._tables["topic_permissions"].rows(vhost=asked["vhost"], user=asked["user"])
        if not rows:
            raise Refusal("Object_Not_Found", "Not Found", status=404)
        return entries(rows)

    def _delete_topic_permissions(self, asked: JsonObject) -> JsonObject:
        assert self._topic_permissions(asked)[ENTRIES]  # noqa: S101  # it raises for none
        self._tables.drop_where(("topic_permissions",), vhost=asked["vhost"], user=asked["user"])
        return dict(NO_CONTENT)


def _pair(asked: JsonObject) -> tuple[str, str]:
    return asked["vhost"], asked["user"]


def _check_patterns(asked: JsonObject, *names: str) -> None:
    for name in names:
        if not is_regex(asked[name]):
            raise wrong(["invalid_regexp", list(str(asked[name]).encode()), []])


def _denied(reason: str) -> Refusal:
    return Refusal("not_authorised", reason, status=401)


def _shown(user: JsonObject) -> JsonObject:
    """Return a user as answers have it: with a hash for the password."""
    password: Any = user["password"]
    made = "" if password is None else base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()
    return {
        "name": user["name"],
        "password_hash": made,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": user["tags"],
        "limits": {},
    }
