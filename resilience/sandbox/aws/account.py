"""
One account of AWS in memory: moto's, corrected where moto is known to answer otherwise than the service.

Corrected are (botocore, ``data/iot/2015-05-28/service-2.json``, read 2026-11-28):

- The same thing, type or group with the same configuration succeeds again; with another one it is refused. moto makes a
  thing anew, under another id.
- DeleteThing succeeds for a thing that is not there; moto refuses it.
- Names that the service does not allow are refused; moto takes any.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from attrs import define, field

from resilience.catalog import catalogue
from resilience.sandbox.exchange import HttpRequest, JsonObject, Refusal, Reply

PROVIDER: Final = "aws-iot"
MISSING: Final = (
    "the sandbox plays AWS with moto, which is not installed; install it with: pip install 'mqtt-resilience[sandbox]'"
)

_EXISTS: Final = "ResourceAlreadyExistsException"
_MADE_AGAIN: Final = frozenset({"CreateThing", "CreateThingType", "CreateThingGroup", "CreateBillingGroup"})
_UNMADE: Final[Mapping[str, str]] = {f"Delete{name.removeprefix('Create')}": name for name in _MADE_AGAIN}
_REGION: Final = "eu-west-1"
_DROPPED: Final = frozenset({"content-length", "date", "server", "connection"})


class MotoRefusal(Refusal):
    """
    moto refuses a request.

    Attributes:
        reply: Its answer, which may say more than code and message.
    """

    def __init__(self, reply: Reply) -> None:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        code = headers.get("x-amzn-errortype", "").partition(":")[0]
        if not code:
            found = re.search(rb"<Code>([^<]*)</Code>", reply.body)
            code = found[1].decode() if found else f"http-{reply.status}"
        super().__init__(code, "", status=reply.status)
        self.reply = reply


def _application() -> Any:
    """
    Return moto as a WSGI application.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        # Imported here, because it is an extra.
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.test import Client  # noqa: PLC0415  # likewise
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(MISSING, name=error.name) from None
    return Client(DomainDispatcherApplication(create_backend_app))


@define
class AwsAccount:
    """
    One account, apart from those of other sandboxes in this process.

    Attributes:
        id: Its number.
    """

    id: str = field(factory=lambda: str(secrets.randbelow(9 * 10**11) + 10**11))
    _moto: Any = field(factory=_application)
    _made: dict[tuple[str, str], tuple[JsonObject, Reply]] = field(factory=dict)

    def carry_out(self, operation: str, arguments: JsonObject, request: HttpRequest) -> Reply:
        """
        Carry out a request.

        Raises:
            Refusal: The account refuses, and changes nothing.
        """
        _check_name(operation, arguments)
        made = self._made.get((operation, _key(operation, arguments)))
        if made is not None:
            before, reply = made
            if before != arguments:
                raise Refusal(_EXISTS, "it exists with another configuration")
            return reply
        reply = self._asked(request)
        if operation in _MADE_AGAIN and reply.status < 300:  # noqa: PLR2004  # a success
            self._made[operation, _key(operation, arguments)] = dict(arguments), reply
        creator = _UNMADE.get(operation)
        if creator is not None:
            self._made.pop((creator, _key(creator, arguments)), None)
            if operation == "DeleteThing" and reply.status == 404:  # noqa: PLR2004  # not found
                return Reply(200, b"{}", {"Content-Type": "application/json"})
        if reply.status >= 400:  # noqa: PLR2004  # an error
            raise MotoRefusal(reply)
        return reply

    def list(self, path: str, key: str) -> list[JsonObject]:
        """Return all entries of a list of the API."""
        headers = {
            "host": f"iot.{_REGION}.amazonaws.com",
            "authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/{_REGION}/iot/aws4_request, Signature=x",
        }
        entries: list[JsonObject] = []
        query = ""
        while True:
            found = json.loads(self._asked(HttpRequest("GET", path, query, headers, b"")).body)
            entries += found.get(key, [])
            following = found.get("nextToken") or found.get("nextMarker")
            if not following:
                return entries
            query = urlencode({"nextToken": following, "marker": following})

    def _asked(self, request: HttpRequest) -> Reply:
        """Let moto answer a request."""
        service = _service(request)
        answer = self._moto.open(
            request.path,
            method=request.method,
            query_string=request.query,
            data=request.body,
            headers={
                **{name: value for name, value in request.headers.items() if name not in {"host", "content-length"}},
                "Host": f"{service}.{_REGION}.amazonaws.com",
                "x-moto-account-id": self.id,
            },
        )
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _DROPPED}
        return Reply(answer.status_code, answer.data, headers)


def _service(request: HttpRequest) -> str:
    """Return the service that a request is signed for."""
    scope = request.header("authorization").partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else "iot"  # noqa: PLR2004  # key, date, region, service


def _key(operation: str, arguments: JsonObject) -> str:
    facts = catalogue(PROVIDER).operation(operation)
    return "\0".join(str(arguments.get(name, "")) for name in (facts.key if facts else ()))


def _check_name(operation: str, arguments: JsonObject) -> None:
    known = catalogue(PROVIDER)
    facts = known.operation(operation)
    if facts is None or facts.name is None or facts.rename is None:
        return
    name = arguments.get(facts.rename)
    if isinstance(name, str) and not known.names[facts.name].is_legal(name):
        raise Refusal("InvalidRequestException", f"{facts.rename}: {known.names[facts.name].meaning}")
