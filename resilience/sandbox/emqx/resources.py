"""The resources of a broker, and what requests do to them."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

from resilience.catalog import catalogue
from resilience.sandbox.exchange import JsonObject, Refusal
from resilience.sandbox.rest import ENTRIES, STATUS
from resilience.sandbox.service import Handler, Table

AUTHENTICATOR: Final = "password_based:built_in_database"
"""The id of the one authenticator."""

_SHOWN_ONCE: Final = "api_secret"


class EmqxResources:
    """Users, rules, bans and API keys."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {"users": Table(), "rules": Table(), "bans": Table(), "api_keys": Table()}
        self._users, self._rules, self._bans, self._api_keys = self.tables.values()
        self.handlers: dict[str, Handler] = {
            "CreateUser": self._create_user,
            "GetUser": lambda asked: _shown_user(self._user(asked)),
            "UpdateUser": self._update_user,
            "DeleteUser": self._delete_user,
            "CreateUserRules": lambda asked: self._create_rules(asked, "username"),
            "GetUserRules": lambda asked: dict(self._rules_of(asked, "username")),
            "SetUserRules": lambda asked: self._set_rules(asked, "username"),
            "DeleteUserRules": lambda asked: self._delete_rules(asked, "username"),
            "CreateClientRules": lambda asked: self._create_rules(asked, "clientid"),
            "GetClientRules": lambda asked: dict(self._rules_of(asked, "clientid")),
            "SetClientRules": lambda asked: self._set_rules(asked, "clientid"),
            "DeleteClientRules": lambda asked: self._delete_rules(asked, "clientid"),
            "SetAllRules": self._set_all_rules,
            "DeleteAllRules": self._delete_all_rules,
            "Ban": self._ban,
            "Unban": self._unban,
            "CreateApiKey": self._create_api_key,
            "GetApiKey": lambda asked: _without_secret(self._api_key(asked)),
            "UpdateApiKey": self._update_api_key,
            "DeleteApiKey": self._delete_api_key,
            "Publish": lambda _: {"id": secrets.token_hex(16).upper()},
        }

    def _create_user(self, asked: JsonObject) -> JsonObject:
        self._authenticator(asked)
        name, password = _text(asked, "user_id"), _text(asked, "password")
        if name in self._users:
            raise Refusal("ALREADY_EXISTS", "the user is there already", status=409)
        self._users[name] = {"user_id": name, "password": password, "is_superuser": asked.get("is_superuser", False)}
        return {STATUS: 201, **_shown_user(self._users[name])}

    def _update_user(self, asked: JsonObject) -> JsonObject:
        user = self._user(asked)
        user |= {"password": _text(asked, "password"), "is_superuser": asked.get("is_superuser", False)}
        return _shown_user(user)

    def _delete_user(self, asked: JsonObject) -> JsonObject:
        del self._users[self._user(asked)["user_id"]]
        return {STATUS: 204}

    def _user(self, asked: JsonObject) -> JsonObject:
        self._authenticator(asked)
        return _found(self._users, asked.get("user_id"), "the user does not exist")

    def _authenticator(self, asked: JsonObject) -> None:
        if asked.get("authenticator") != AUTHENTICATOR:
            raise Refusal("NOT_FOUND", "the authenticator does not exist", status=404)

    def _create_rules(self, asked: JsonObject, kind: str) -> JsonObject:
        entries = asked.get(ENTRIES)
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise Refusal("BAD_REQUEST", "expected a list of objects")
        if any((kind, _text(each, kind)) in self._rules for each in entries):
            raise Refusal("ALREADY_EXISTS", "there are rules for that name already", status=409)
        for each in entries:
            self._rules[kind, each[kind]] = {kind: each[kind], "rules": _rules(each)}
        return {STATUS: 204}

    def _set_rules(self, asked: JsonObject, kind: str) -> JsonObject:
        self._rules[kind, asked[kind]] = {kind: asked[kind], "rules": _rules(asked)}
        return {STATUS: 204}

    def _delete_rules(self, asked: JsonObject, kind: str) -> JsonObject:
        self._rules_of(asked, kind)
        del self._rules[kind, asked[kind]]
        return {STATUS: 204}

    def _rules_of(self, asked: JsonObject, kind: str) -> JsonObject:
        return _found(self._rules, (kind, asked[kind]), "there are no rules for that name")

    def _set_all_rules(self, asked: JsonObject) -> JsonObject:
        self._rules["all"] = {"rules": _rules(asked)}
        return {STATUS: 204}

    def _delete_all_rules(self, _: JsonObject) -> JsonObject:
        self._rules["all"] = {"rules": []}
        return {STATUS: 204}

    def _ban(self, asked: JsonObject) -> JsonObject:
        ban = {"as": _text(asked, "as"), "who": _text(asked, "who"), "until": asked.get("until", "infinity")}
        if (ban["as"], ban["who"]) in self._bans:
            raise Refusal("ALREADY_EXISTS", "the ban is there already", status=400)
        self._bans[ban["as"], ban["who"]] = ban
        return dict(ban)

    def _unban(self, asked: JsonObject) -> JsonObject:
        _found(self._bans, (asked["as"], asked["who"]), "there is no such ban")
        del self._bans[asked["as"], asked["who"]]
        return {STATUS: 204}

    def _create_api_key(self, asked: JsonObject) -> JsonObject:
        name = _text(asked, "name")
        law = catalogue("emqx").names["api-key-name"]
        if not re.fullmatch(law.pattern, name) or len(name) > (law.max_length or len(name)):
            raise Refusal("BAD_REQUEST", "the name has a form that is not allowed")
        if name in self._api_keys:
            raise Refusal("BAD_REQUEST", "name_already_exists")
        made = {
            "name": name,
            "api_key": secrets.token_hex(8),
            _SHOWN_ONCE: secrets.token_urlsafe(32),
            "enable": asked.get("enable", True),
        }
        self._api_keys[name] = made
        return dict(made)

    def _update_api_key(self, asked: JsonObject) -> JsonObject:
        key = self._api_key(asked)
        key["enable"] = asked.get("enable", key["enable"])
        return _without_secret(key)

    def _delete_api_key(self, asked: JsonObject) -> JsonObject:
        del self._api_keys[self._api_key(asked)["name"]]
        return {STATUS: 204}

    def _api_key(self, asked: JsonObject) -> JsonObject:
        return _found(self._api_keys, asked["name"], "there is no API key of that name")


def _found(table: Table, key: Any, otherwise: str) -> JsonObject:
    if key not in table:
        raise Refusal("NOT_FOUND", otherwise, status=404)
    return table[key]


def _text(asked: JsonObject, name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal("BAD_REQUEST", f"{name}: expected a text")
    return value


def _rules(asked: JsonObject) -> list[Any]:
    rules = asked.get("rules")
    if not isinstance(rules, list):
        raise Refusal("BAD_REQUEST", "rules: expected a list")
    return list(rules)


def _shown_user(user: JsonObject) -> JsonObject:
    return {"user_id": user["user_id"], "is_superuser": user["is_superuser"]}


def _without_secret(key: JsonObject) -> JsonObject:
    return {name: value for name, value in key.items() if name != _SHOWN_ONCE}
