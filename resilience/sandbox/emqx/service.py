"""
EMQX's management API: paths, keys, statuses and codes.

An error is a code and a message in JSON, with the status that the operation sends for it. Users, rules, bans and API
keys are kept as the built-in database does it. Sources: emqx, apps/emqx_auth/src/emqx_authn/emqx_authn_api.erl,
apps/emqx_auth_mnesia/src/emqx_authz_api_mnesia.erl, apps/emqx_management/src/emqx_mgmt_api_banned.erl and
emqx_mgmt_api_api_keys.erl, apps/emqx_dashboard/src/emqx_dashboard.erl; read 2026-11-28. Messages are our own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import ClassVar, Final

from resilience.catalog import catalogue
from resilience.sandbox.emqx.resources import AUTHENTICATOR, EmqxResources
from resilience.sandbox.exchange import Asked, HttpRequest, Refusal, Reply
from resilience.sandbox.keys import Keyring, TimeSource
from resilience.sandbox.rest import JSON_TYPE, RestService, basic, json_in
from resilience.sandbox.service import Rows, Table
from resilience.sandbox.signing import same

_FOR_THE_DASHBOARD: Final = frozenset({"CreateApiKey", "GetApiKey", "UpdateApiKey", "DeleteApiKey"})
_UNKNOWN_STATUS: Final = 400


class Emqx(RestService):
    """EMQX 5, with one authenticator: the built-in database."""

    provider: ClassVar[str] = "emqx"
    title: ClassVar[str] = "EMQX"
    apis: ClassVar[str] = "/api/v5"
    secrets: ClassVar[frozenset[str]] = frozenset({"password", "api_secret", "payload"})

    users = Rows()
    """The users of the built-in database, with their passwords."""
    rules = Rows()
    """The rules of users and clients."""
    bans = Rows()
    """The bans."""
    api_keys = Rows()
    """The API keys that requests have made, with their secrets."""

    def __init__(self, clock: TimeSource) -> None:
        super().__init__(Keyring(secrets.token_hex(8), secrets.token_urlsafe(32), prefix="emqx-", clock=clock), clock)
        self._resources = EmqxResources()
        self.handlers = self._resources.handlers
        self.dashboard_token = secrets.token_urlsafe(32)
        """The token of a user of the dashboard, which requests for API keys need."""

    @property
    def api_key(self) -> str:
        """The API key."""
        return self.keys.key_id

    @property
    def api_secret(self) -> str:
        """The secret of the API key."""
        return self.keys.secret

    def environment(self) -> dict[str, str]:
        """Return the environment variables for scripts: endpoint and keys."""
        return {
            "EMQX_URL": f"http://{self.endpoint}",
            "EMQX_API_KEY": self.api_key,
            "EMQX_API_SECRET": self.api_secret,
        }

    def about(self) -> str:
        """Return what is there from the start, for users."""
        return f"authenticator: {AUTHENTICATOR}"

    def tables(self) -> Mapping[str, Table]:
        """Return the live tables by name."""
        return self._resources.tables

    def check(self, request: HttpRequest, asked: Asked) -> None:
        """Check the key, then path and body."""
        scheme, _, token = request.header("authorization").partition(" ")
        is_dashboard = scheme.lower() == "bearer" and same(token, self.dashboard_token)
        if not is_dashboard:
            key, secret = basic(request)
            if not (same(key, self.api_key) and same(secret, self.api_secret)):
                raise Refusal("BAD_API_KEY_OR_SECRET", "check api_key and api_secret")
            if asked.operation in _FOR_THE_DASHBOARD:
                raise Refusal("API_KEY_NOT_ALLOW", "this path needs the token of a user of the dashboard")
        if not asked.operation:
            raise Refusal("NOT_FOUND", "there is no such path, or not with this method")
        if request.body and not isinstance(json_in(request.body), dict | list):
            raise Refusal("BAD_REQUEST", "the body is no JSON")

    def failure(self, refusal: Refusal, _: str) -> Reply:
        """Return code and message as JSON; a code such as ``http-429`` is a page of something in front."""
        if refusal.code.startswith("http-"):
            return Reply(
                int(refusal.code.removeprefix("http-")), b"too many requests\n", {"Content-Type": "text/plain"}
            )
        facts = catalogue("emqx").code(refusal.code)
        status = refusal.status or (facts.status if facts else None) or _UNKNOWN_STATUS
        message = refusal.message or (facts.meaning if facts else "a code of the sandbox's user")
        return Reply(status, json.dumps({"code": refusal.code, "message": message}).encode(), JSON_TYPE)
