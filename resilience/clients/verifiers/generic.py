"""
Verifiers for methods that take their operation as an argument: they ask, and answer, without models.

What they find is a mapping with the fields of the answer under ``Response``, whichever method is to return it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from attrs import frozen

from resilience.clients.alibaba import finders as alibaba
from resilience.clients.alibaba.errors import PROVIDER
from resilience.clients.common.asking import Ask, Fields, Verifier, plain
from resilience.clients.surface.requestfields import OPEN_API_REQUEST, fields_of
from resilience.clients.verifiers import verifiers_for

_MODELS: Final = "alibabacloud_tea_openapi.models"
_UTIL_MODELS: Final = "alibabacloud_tea_util.models"
_OPTIONS: Final = "RuntimeOptions"

# All of ApsaraMQ for MQTT is one version and one style (alibabacloud_onsmqtt20200420 1.7.1, client.py).
_PARAMS: Final = {
    "version": "2020-04-20",
    "protocol": "HTTPS",
    "pathname": "/",
    "method": "POST",
    "auth_type": "AK",
    "style": "RPC",
    "req_body_type": "formData",
    "body_type": "json",
}


def generic_verifiers(client: Any, unique: tuple[str, ...]) -> Mapping[str, Verifier]:
    """
    Return verifiers for what a client creates with methods for any operation, by operation (``provider:Name``).

    Args:
        client: A client of Alibaba's new SDK, or of Tencent's for MQTT.
        unique: As for ``verifiers_for``.

    Raises:
        TypeError: The client is none of these.
    """
    if not callable(getattr(client, "call_api", None)):
        # What these find for a mapping is one, too.
        return verifiers_for(client, unique=unique)
    desk = CallDesk(client)
    return {f"{desk.provider}:{name}": plain(desk, name, find) for name, find in alibaba.FINDERS.items()}


@frozen(eq=False)
class CallDesk:
    """Asks through ``call_api``, which every client of Alibaba's new SDK has."""

    _client: Any

    @property
    def provider(self) -> str:
        """The provider's short name."""
        return PROVIDER

    def is_request(self, value: object) -> bool:
        """Tell whether an argument is query and body of a request."""
        return type(value).__name__ == OPEN_API_REQUEST

    def fields(self, request: Any) -> Fields:
        """Return a request's fields that are set."""
        return fields_of(self.provider, (request,), {})

    def put(self, ask: Ask, options: object) -> Any:
        """Ask; runtime options of the creating call hold for the question too."""
        models = import_module(_MODELS)
        request = models.OpenApiRequest(query=dict(ask.fields))
        runtime = options if type(options).__name__ == _OPTIONS else import_module(_UTIL_MODELS).RuntimeOptions()
        return self._client.call_api(models.Params(action=ask.operation, **_PARAMS), request, runtime)

    def read(self, answer: Any) -> Fields:
        """Return the body's fields."""
        return dict(answer["body"])

    def made(self, _: str, __: Any, fields: Fields, answer: Any) -> Any:
        """Return the fields of the answer; its request id is that of the last question."""
        return {"Response": {"RequestId": None if answer is None else answer["body"].get("RequestId"), **fields}}
