"""
RabbitMQ's management API: paths, users, statuses and codes.

An error is {"error": ..., "reason": ...}, with the words that a server of version 3.10.8 has for it
(``tests/sandbox/test_rabbitmq_alike.py`` compares the two). Users who are made here may ask as well, as far as their
tags and permissions allow.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import ClassVar, Final

from resilience.catalog import catalogue
from resilience.sandbox.exchange import Asked, HttpRequest, Refusal, Reply
from resilience.sandbox.keys import Keyring, TimeSource
from resilience.sandbox.rabbitmq.access import Access
from resilience.sandbox.rabbitmq.common import NO_OBJECT, Tables
from resilience.sandbox.rabbitmq.definitions import Definitions
from resilience.sandbox.rabbitmq.settings import BrokerSettings
from resilience.sandbox.rabbitmq.topology import Topology
from resilience.sandbox.rest import JSON_TYPE, RestService, basic, is_path, json_in
from resilience.sandbox.service import Rows, Table

_EMPTY: Final = "http-"
_UNKNOWN_STATUS: Final = 400
_TYPED: Final = frozenset({"PutOperatorPolicy", "PutVhostLimit", "PutUserLimit"})
"""The operations that want to be told that a body is JSON."""


class RabbitMq(RestService):
    """RabbitMQ with its management plugin, one virtual host and one administrator."""

    provider: ClassVar[str] = "rabbitmq"
    title: ClassVar[str] = "RabbitMQ"
    apis: ClassVar[str] = "/api"
    # A password is also sent as its hash, and a message may be anything.
    secrets: ClassVar[frozenset[str]] = frozenset({"password", "password_hash", "payload"})

    vhosts = Rows()
    """The virtual hosts."""
    users = Rows()
    """The users, with their passwords."""
    permissions = Rows()
    """The permissions of users in virtual hosts."""
    topic_permissions = Rows()
    """The permissions of users for routing keys, which are the topics of MQTT."""
    exchanges = Rows()
    """The exchanges, with those that each virtual host has from the start."""
    queues = Rows()
    """The queues."""
    bindings = Rows()
    """The bindings of queues and exchanges to exchanges."""
    policies = Rows()
    """The policies for queues and exchanges."""
    operator_policies = Rows()
    """The policies that only administrators set."""
    vhost_limits = Rows()
    """The limits of virtual hosts."""
    user_limits = Rows()
    """The limits of users."""
    global_parameters = Rows()
    """The parameters of the whole broker."""

    def __init__(self, clock: TimeSource) -> None:
        keys = Keyring(f"admin-{secrets.token_hex(4)}", secrets.token_urlsafe(32), prefix="rabbitmq-", clock=clock)
        super().__init__(keys, clock)
        self._tables = Tables()
        self._access = Access(self._tables, self.user, self.password)
        parts = (self._access, Topology(self._tables), BrokerSettings(self._tables))
        self.handlers = {name: handler for part in parts for name, handler in part.handlers.items()}
        self.handlers |= Definitions(self._tables, self.handlers).handlers

    @property
    def user(self) -> str:
        """The name of the administrator."""
        return self.keys.key_id

    @property
    def password(self) -> str:
        """The password of the administrator."""
        return self.keys.secret

    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts: address, user and password."""
        return {
            "RABBITMQ_URL": f"http://{self.endpoint}",
            "RABBITMQ_USER": self.user,
            "RABBITMQ_PASSWORD": self.password,
        }

    def about(self) -> str:
        """Return what is there from the start, for users."""
        return "virtual host: /"

    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""
        return self._tables

    def check(self, request: HttpRequest, asked: Asked) -> None:
        """Check path, method and user, then the body."""
        if not asked.operation:
            is_known = is_path(self.provider, request.path)
            raise Refusal("http-405") if is_known else Refusal(NO_OBJECT, "Not Found", status=404)
        if not request.header("authorization"):
            raise Refusal("http-401")
        user = self._access.user_of(*basic(request))
        if user is None:
            raise Refusal("not_authorized", "Login failed", status=401)
        self._access.judge(user, asked.operation, asked.arguments)
        if asked.operation in _TYPED and not request.header("content-type").startswith("application/json"):
            raise Refusal("http-415")
        if request.body and not isinstance(json_in(request.body), dict):
            is_import = asked.operation.startswith("Import")
            raise Refusal("bad_request", "failed_to_parse_json" if is_import else "not_json", status=400)
        if asked.operation == "GetCurrentUser":
            asked.arguments.update({"name": user["name"], "tags": user["tags"]})

    def failure(self, refusal: Refusal, _: str) -> Reply:
        """Return code and reason as JSON; a code such as ``http-405`` is a status without a body."""
        if refusal.code.startswith(_EMPTY):
            return Reply(int(refusal.code.removeprefix(_EMPTY)), b"")
        facts = catalogue(self.provider).code(refusal.code)
        status = refusal.status or (facts.status if facts else None) or _UNKNOWN_STATUS
        reason = refusal.message or (facts.meaning if facts else "a code of the sandbox's user")
        # Its words have gaps on the wire.
        code = refusal.code.replace("_", " ") if refusal.code == NO_OBJECT else refusal.code
        return Reply(status, json.dumps({"error": code, "reason": reason}).encode(), JSON_TYPE)
