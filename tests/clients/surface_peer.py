"""One peer for every client class, which takes any action for done, and the requests to send to it."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from alibabacloud_onsmqtt20200420.client import Client as OnsmqttClient
from alibabacloud_sts20150401.client import Client as AlibabaStsClient
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.client import AcsClient
from surface_calls import methods_of
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.common_client_async import CommonClient as AsyncCommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient
from tencentcloud.sts.v20180813.sts_client import StsClient

from resilience.clients.vendor.calls import SdkMethod as Method

NOWHERE = "127.0.0.1:9"

# Every client class that is installed.
CLASSES: dict[str, Any] = {
    "openapi": OpenApiClient,
    "onsmqtt": OnsmqttClient,
    "alibaba-sts": AlibabaStsClient,
    "old": AcsClient,
    "mqtt": MqttClient,
    "mqtt-async": AsyncMqttClient,
    "tencent-sts": StsClient,
    "common": CommonClient,
    "common-async": AsyncCommonClient,
}

# Every method that is one operation: what names the class, and the method.
OPERATIONS = [
    (name, method) for name, cls in CLASSES.items() for method in methods_of(cls).values() if method.operation
]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    actions: list[str]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = dict(parse_qsl(f"{urlsplit(self.path).query}&{sent}"))
        action = self.headers.get("X-TC-Action") or self.headers.get("x-acs-action") or said.get("Action")
        self.server.actions.append(str(action))
        body = json.dumps({"RequestId": "r-1", "Response": {"RequestId": "r-1"}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        # Some of Alibaba's queries.
        self.do_POST()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def taker() -> Iterator[tuple[str, list[str]]]:
    """Run the peer; yield its address, and the actions that it is asked for."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.actions = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", server.actions
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make(name: str, address: str = NOWHERE, cls: Any = None) -> Any:
    """Make a client of a class of ``CLASSES``, or of one that is derived from it."""
    cls = cls or CLASSES[name]
    if name in {"openapi", "onsmqtt", "alibaba-sts"}:
        config = Config(access_key_id="k", access_key_secret="s", endpoint=address, protocol="HTTP", read_timeout=5000)
        return cls(config)
    if name == "old":
        return cls("k", "s", "cn-hangzhou", auto_retry=False)
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=address, protocol="http", reqTimeout=5))
    service = ("mqtt", "2024-05-16") if name.startswith("common") else ()
    return cls(*service, Credential("k", "s"), "ap-guangzhou", profile)


def models_of(name: str) -> Any:
    """Return the module of the models of a client class."""
    return sys.modules[f"{CLASSES[name].__module__.rpartition('.')[0]}.models"]


def arguments(name: str, method: Method) -> tuple[Any, ...]:
    """Return the arguments of one operation, its request with a value in each plain field."""
    cls = getattr(models_of(name), f"{method.operation}Request", None)
    options = (RuntimeOptions(read_timeout=5000),) if method.provider == "alibaba" else ()
    return options if cls is None else (_filled(cls), *options)


def _filled(cls: Any) -> Any:
    request = cls()
    known = {"str": "GID_x", "int": 1, "bool": True, "String": "GID_x", "Integer": 1, "Boolean": True}
    types = {
        **{
            field: getattr(kind, "__name__", kind)
            for field, kind in getattr(cls.__init__, "__annotations__", {}).items()
        },
        **dict(re.findall(r":type (\w+): (\w+)$", str(cls.__init__.__doc__), re.MULTILINE)),
    }
    for field, kind in types.items():
        if kind in known:
            # Tencent's properties warn of those that are on their way out.
            setattr(request, f"_{field}" if hasattr(request, f"_{field}") else field, known[kind])
    return request
