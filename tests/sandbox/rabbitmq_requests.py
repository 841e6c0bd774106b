"""Requests to an empty RabbitMQ, in an order that makes sense: for a real server, and for the played one."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

VHOST: Final = "alike%2F1"
EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}
TOPICS: Final = {"exchange": "amq.topic", "write": ".*", "read": ".*"}
POLICY: Final = {"pattern": "^q", "definition": {"max-length": 10}}
MESSAGE: Final = {"properties": {}, "routing_key": "k", "payload": "x", "payload_encoding": "string"}


@frozen
class Request:
    """
    One request.

    Attributes:
        user: Another user than the administrator, with the password ``pw``.
        type: The type of the body.
    """

    method: str
    path: str
    body: Any = None
    user: str | None = None
    type: str = "application/json"


def twice(method: str, path: str, body: Any = None) -> list[Request]:
    return [Request(method, path, body)] * 2


def of_vhosts() -> list[Request]:
    path = f"/api/vhosts/{VHOST}"
    return [
        *twice("PUT", path, {}),
        Request("PUT", path),
        Request("PUT", path, {"description": "d", "tags": "a,b"}),
        Request("GET", path),
        Request("GET", "/api/vhosts"),
        Request("GET", "/api/vhosts/none"),
        Request("DELETE", "/api/vhosts/none"),
        Request("PUT", "/api/permissions/none/none", EVERYTHING),
        Request("PUT", f"/api/permissions/{VHOST}/alike", EVERYTHING),
        Request("PUT", f"/api/topic-permissions/{VHOST}/alike", TOPICS),
    ]


def of_users() -> list[Request]:
    user, permissions, topics = "/api/users/alike", f"/api/permissions/{VHOST}/alike", f"/api/topic-permissions/{VHOST}"
    return [
        Request("PUT", user, {"password": "pw"}),
        *twice("PUT", user, {"password": "pw", "tags": ""}),
        Request("PUT", user, {"password": "pw", "tags": "management"}),
        Request("PUT", user, {"password": "pw", "tags": ["management"]}),
        Request("GET", user),
        Request("GET", "/api/users/none"),
        Request("PUT", "/api/users/a%20b%C3%BC", {"tags": ""}),
        Request("GET", "/api/users/a%20b%C3%BC"),
        *twice("DELETE", "/api/users/a%20b%C3%BC"),
        *twice("PUT", permissions, EVERYTHING),
        Request("PUT", permissions, {"configure": ".*"}),
        Request("PUT", permissions, {**EVERYTHING, "configure": "*"}),
        Request("PUT", f"/api/permissions/{VHOST}/none", {**EVERYTHING, "configure": "*"}),
        Request("PUT", f"/api/permissions/{VHOST}/none", {}),
        Request("GET", permissions),
        Request("GET", f"/api/permissions/{VHOST}/none"),
        Request("GET", "/api/permissions/none/alike"),
        *twice("PUT", f"{topics}/alike", TOPICS),
        Request("PUT", f"{topics}/alike", {**TOPICS, "exchange": "amq.direct"}),
        Request("PUT", f"{topics}/none", TOPICS),
        Request("PUT", f"{topics}/alike", {"write": ".*", "read": ".*"}),
        Request("GET", f"{topics}/none"),
        *twice("DELETE", f"{topics}/alike"),
    ]


def of_exchanges_and_queues() -> list[Request]:
    exchange, queue = f"/api/exchanges/{VHOST}", f"/api/queues/{VHOST}"
    return [
        *twice("PUT", f"{exchange}/x", {"type": "topic", "durable": True}),
        Request("PUT", f"{exchange}/x", {"type": "direct", "durable": True}),
        Request("PUT", f"{exchange}/x", {"type": "topic", "durable": True, "internal": True}),
        Request("PUT", f"{exchange}/x", {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "y"}}),
        Request("PUT", f"{exchange}/y", {"type": "none"}),
        Request("PUT", f"{exchange}/y", {}),
        Request("PUT", f"{exchange}/amq.mine", {"type": "topic"}),
        Request("PUT", f"{exchange}/amq.topic", {"type": "topic"}),
        Request("PUT", f"{exchange}/amq.topic", {"type": "topic", "durable": True}),
        Request("PUT", f"{exchange}/{'x' * 256}", {}),
        Request("PUT", "/api/exchanges/none/x", {"type": "topic"}),
        Request("PUT", "/api/exchanges/none/x", {"type": "none"}),
        Request("GET", f"{exchange}/x"),
        Request("GET", f"{exchange}/none"),
        Request("GET", "/api/exchanges/none/x"),
        Request("GET", "/api/exchanges/none"),
        *twice("PUT", f"{queue}/q", {"durable": True, "arguments": {}}),
        Request("PUT", f"{queue}/q", {"durable": False}),
        Request("PUT", f"{queue}/q", {"durable": True, "arguments": {"x-message-ttl": 5}}),
        Request("PUT", f"{queue}/q", {"durable": True, "auto_delete": True}),
        Request("PUT", f"{queue}/q", {"durable": "yes"}),
        Request("PUT", f"{queue}/s", {"durable": "true", "arguments": {"x-message-ttl": 5, "x-queue-mode": "lazy"}}),
        Request("PUT", f"{queue}/s", {"durable": True, "arguments": {"x-message-ttl": 6, "x-queue-mode": "lazy"}}),
        Request("PUT", f"{queue}/s", {"durable": True, "arguments": {"x-message-ttl": 5, "x-queue-mode": "default"}}),
        Request("PUT", f"{queue}/a%2Fb", {}),
        Request("GET", f"{queue}/a%2Fb"),
        Request("PUT", f"{queue}/amq.mine", {}),
        Request("PUT", f"{queue}/{'q' * 256}", {}),
        Request("PUT", "/api/queues/none/q", {}),
        Request("GET", f"{queue}/q"),
        Request("GET", f"{queue}/none"),
        Request("GET", "/api/queues/none"),
        Request("DELETE", f"{queue}/q/contents"),
        Request("DELETE", f"{queue}/none/contents"),
    ]


def of_bindings() -> list[Request]:
    path = f"/api/bindings/{VHOST}/e/x"
    return [
        *twice("POST", f"{path}/q/q", {"routing_key": "k", "arguments": {}}),
        Request("POST", f"{path}/q/q", {"routing_key": "a.*/b"}),
        Request("POST", f"{path}/q/q", {}),
        Request("POST", f"{path}/q/q"),
        Request("POST", f"{path}/q/none", {"routing_key": "k"}),
        Request("POST", f"/api/bindings/{VHOST}/e/none/q/q", {"routing_key": "k"}),
        Request("POST", f"/api/bindings/{VHOST}/e/none/q/none", {"routing_key": "k"}),
        Request("POST", "/api/bindings/none/e/x/q/q", {"routing_key": "k"}),
        Request("GET", f"{path}/q/q/k"),
        Request("GET", f"{path}/q/q/~"),
        Request("GET", f"{path}/q/q/none"),
        Request("GET", f"{path}/q/none"),
        *twice("POST", f"{path}/e/amq.topic", {"routing_key": "k"}),
        Request("POST", f"{path}/e/none", {"routing_key": "k"}),
        Request("GET", f"{path}/e/amq.topic"),
        Request("GET", f"{path}/e/amq.topic/k"),
        *twice("DELETE", f"{path}/e/amq.topic/k"),
        Request("POST", f"/api/exchanges/{VHOST}/x/publish", MESSAGE),
        Request("POST", f"/api/exchanges/{VHOST}/x/publish", {**MESSAGE, "routing_key": "none"}),
        Request("POST", f"/api/exchanges/{VHOST}/x/publish", {}),
        *twice("DELETE", f"{path}/q/q/k"),
        Request("DELETE", "/api/bindings/none/e/x/q/q/k"),
    ]


def of_policies() -> list[Request]:
    path, operator = f"/api/policies/{VHOST}", f"/api/operator-policies/{VHOST}"
    return [
        *twice("PUT", f"{path}/p", POLICY),
        Request("PUT", f"{path}/p", {**POLICY, "priority": 3, "apply-to": "queues"}),
        Request("GET", f"{path}/p"),
        Request("GET", path),
        Request("GET", "/api/policies/none"),
        Request("GET", f"{path}/none"),
        Request("PUT", f"{path}/r", {**POLICY, "definition": {"nonsense": 20}}),
        Request("PUT", f"{path}/r", {**POLICY, "definition": {}}),
        Request("PUT", f"{path}/r", {**POLICY, "pattern": "*"}),
        Request("PUT", f"{path}/r", {"definition": {"max-length": 1}}),
        Request("PUT", f"{path}/r", {}),
        Request("PUT", "/api/policies/none/r", POLICY),
        Request("PUT", "/api/policies/none/r", {}),
        *twice("DELETE", f"{path}/p"),
        Request("DELETE", "/api/policies/none/p"),
        *twice("PUT", f"{operator}/p", POLICY),
        Request("PUT", f"{operator}/p", {**POLICY, "definition": {"ha-mode": "all"}}),
        Request("GET", f"{operator}/p"),
        *twice("DELETE", f"{operator}/p"),
    ]


def of_limits() -> list[Request]:
    vhost, user, parameter = f"/api/vhost-limits/{VHOST}", "/api/user-limits/alike", "/api/global-parameters/alike"
    return [
        Request("GET", vhost),
        *twice("PUT", f"{vhost}/max-connections", {"value": 5}),
        Request("GET", vhost),
        Request("PUT", f"{vhost}/none", {"value": 5}),
        Request("PUT", f"{vhost}/max-queues", {"value": "x"}),
        Request("PUT", f"{vhost}/max-queues", {}),
        Request("PUT", f"{vhost}/max-queues", {"value": 5}, type="text/plain"),
        Request("PUT", f"/api/vhosts/{VHOST}", {}, type="text/plain"),
        Request("PUT", "/api/vhost-limits/none/max-queues", {"value": 5}),
        Request("PUT", "/api/vhost-limits/none/max-queues", {}),
        Request("GET", "/api/vhost-limits/none"),
        Request("GET", f"{vhost}/max-queues"),
        *twice("DELETE", f"{vhost}/max-connections"),
        Request("DELETE", "/api/vhost-limits/none/max-connections"),
        Request("GET", vhost),
        Request("GET", user),
        *twice("PUT", f"{user}/max-connections", {"value": 5}),
        Request("PUT", f"{user}/none", {"value": 5}),
        Request("PUT", f"{user}/max-channels", {}),
        Request("PUT", "/api/user-limits/none/max-connections", {"value": 5}),
        Request("GET", user),
        Request("GET", "/api/user-limits/none"),
        *twice("DELETE", f"{user}/max-connections"),
        Request("DELETE", "/api/user-limits/none/max-connections"),
        Request("GET", user),
        *twice("PUT", parameter, {"value": {"a": 1}}),
        Request("PUT", parameter, {}),
        Request("GET", parameter),
        *twice("DELETE", parameter),
        Request("GET", parameter),
    ]


def of_definitions() -> list[Request]:
    part, whole = f"/api/definitions/{VHOST}", "/api/definitions"
    queue = {"name": "d", "durable": True, "auto_delete": False, "arguments": {}}
    exchange = {"name": "d", "type": "topic", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}
    bound = {"source": "d", "destination": "d", "destination_type": "queue", "routing_key": "k", "arguments": {}}
    permissions = {"user": "listed", "vhost": "alike/1", **EVERYTHING}
    document = {"users": [{"name": "listed", "tags": ""}], "permissions": [permissions], "vhosts": [{"name": "listed"}]}
    return [
        *twice("POST", part, {"queues": [queue], "exchanges": [exchange], "bindings": [bound]}),
        Request("GET", f"/api/bindings/{VHOST}/e/d/q/d/k"),
        Request("POST", part, {"queues": [{**queue, "durable": False}, {**queue, "name": "amq.mine"}]}),
        Request("GET", f"/api/queues/{VHOST}/d"),
        Request("GET", f"/api/queues/{VHOST}/amq.mine"),
        Request("POST", part, {"exchanges": [{**exchange, "name": "e", "type": "none"}]}),
        Request("POST", part, {}),
        Request("POST", part, b"{nonsense"),
        Request("POST", "/api/definitions/none", {}),
        *twice("POST", whole, document),
        Request("GET", f"/api/permissions/{VHOST}/listed"),
        Request("POST", whole, {"queues": [{**queue, "vhost": "none"}]}),
        Request("POST", whole, {"permissions": [{**permissions, "user": "none"}]}),
        Request("POST", whole, {"nonsense": [1]}),
        Request("POST", "/api/users/bulk-delete", {"users": ["listed", "none"]}),
        Request("GET", "/api/users/listed"),
        Request("POST", "/api/users/bulk-delete", {"users": []}),
        Request("POST", "/api/users/bulk-delete", {}),
        Request("DELETE", "/api/vhosts/listed"),
    ]


def of_other_users() -> list[Request]:
    """Of a manager without permissions, and of one who may configure little; the first one has no tag at all."""
    queue = f"/api/queues/{VHOST}/refused"
    return [
        Request("PUT", "/api/users/untagged", {"password": "pw", "tags": ""}),
        Request("PUT", "/api/users/manager", {"password": "pw", "tags": "management"}),
        Request("GET", "/api/whoami", user="untagged"),
        Request("GET", "/api/whoami", user="manager"),
        Request("GET", "/api/whoami", user="nobody"),
        Request("PUT", "/api/users/another", {"password": "pw", "tags": ""}, user="manager"),
        Request("GET", "/api/users", user="manager"),
        Request("PUT", "/api/vhosts/another", {}, user="manager"),
        Request("PUT", queue, {}, user="manager"),
        Request("PUT", f"/api/policies/{VHOST}/p", POLICY, user="manager"),
        Request("PUT", f"/api/permissions/{VHOST}/manager", {**EVERYTHING, "configure": "^mine"}),
        Request("PUT", queue, {}, user="manager"),
        Request("PUT", f"/api/queues/{VHOST}/mine", {}, user="manager"),
        Request("PUT", f"/api/policies/{VHOST}/p", POLICY, user="manager"),
        Request("DELETE", "/api/users/untagged"),
        Request("DELETE", "/api/users/manager"),
    ]


def of_mistakes() -> list[Request]:
    user = "/api/users/alike"
    return [
        Request("PUT", user, b"{nonsense"),
        Request("PUT", user, []),
        Request("PUT", user, 3),
        Request("PUT", user),
        Request("GET", "/api/none"),
        Request("GET", "/none"),
        Request("POST", user, {}),
        Request("DELETE", "/api/users"),
        Request("POST", user, {}, user="nobody"),
    ]


def of_the_end() -> list[Request]:
    return [
        *twice("DELETE", f"/api/exchanges/{VHOST}/x"),
        Request("DELETE", f"/api/exchanges/{VHOST}/amq.topic"),
        *twice("DELETE", f"/api/queues/{VHOST}/q"),
        *twice("DELETE", f"/api/permissions/{VHOST}/alike"),
        *twice("DELETE", "/api/users/alike"),
        *twice("DELETE", f"/api/vhosts/{VHOST}"),
        Request("GET", f"/api/queues/{VHOST}/a%2Fb"),
    ]


ALL: Final[tuple[Request, ...]] = (
    *of_vhosts(),
    *of_users(),
    *of_exchanges_and_queues(),
    *of_bindings(),
    *of_policies(),
    *of_limits(),
    *of_definitions(),
    *of_other_users(),
    *of_mistakes(),
    *of_the_end(),
)
"""All of them, in the order in which they are sent."""
