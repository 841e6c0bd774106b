"""
Put a finder's questions through ``call_api`` of Alibaba's present SDK, without models.

The result is a mapping with the fields of the answer under ``Response``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from attrs import frozen

from resilience.catalog import catalogue
from resilience.clients.alibaba import answers
from resilience.clients.alibaba.tea.codecs import CODECS, OPEN_API_REQUEST
from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.common.lookups import Fields, Query
from resilience.clients.common.request_codecs import fields_of
from resilience.core.fault import Fault

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


@frozen(eq=False)
class CallQueryClient:
    """Asks through ``call_api``, which every client of Alibaba's present SDK has."""

    _client: Any

    @property
    def provider(self) -> str:
        """The provider's short name."""
        return PROVIDER

    def is_request(self, value: object) -> bool:
        """Tell whether an argument is an ``OpenApiRequest``."""
        return type(value).__name__ == OPEN_API_REQUEST

    def fields(self, request: Any) -> Fields:
        """Return a request's fields that are set."""
        return fields_of(CODECS, (request,), {})

    def check(self, operation: str, answer: Any) -> Fault | None:
        """Return the fault in an answer that the SDK took for a success."""
        return answers.checker(catalogue(PROVIDER).operation(operation))(answer)

    def put(self, ask: Query, options: object) -> Any:
        """Send a query, with the runtime options of the creating call."""
        models = import_module(_MODELS)
        request = models.OpenApiRequest(query=dict(ask.fields))
        runtime = options if type(options).__name__ == _OPTIONS else import_module(_UTIL_MODELS).RuntimeOptions()
        return self._client.call_api(models.Params(action=ask.operation, **_PARAMS), request, runtime)

    def read(self, answer: Any) -> Fields:
        """Return the body's fields."""
        return dict(answer["body"])

    def made(self, _: str, __: Any, fields: Fields, answer: Any) -> Any:
        """Return the fields of the answer, with the request id of the last query."""
        return {"Response": {"RequestId": None if answer is None else answer["body"].get("RequestId"), **fields}}
