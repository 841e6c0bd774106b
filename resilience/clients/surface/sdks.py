"""
Which classes of which SDK are clients.

Sources: alibabacloud_onsmqtt20200420 1.7.1, alibabacloud_sts20150401 1.2.0,
aliyun-python-sdk-core 2.16.1, tencentcloud-sdk-python-common and -mqtt 3.1.195, -sts
3.0.1459; read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from attrs import frozen

from resilience.clients import alibaba, tencent

Manner = Literal["models", "request", "operations"]
"""
How a client is called: ``models`` is Alibaba's (``create_group_id_with_options``), ``request`` that of its old SDK
(``do_action_with_exception``), ``operations`` Tencent's (``CreateTopic``, and an action by its name).
"""


@frozen
class Sdk:
    """
    One module of an SDK.

    Attributes:
        classes: The names of the client classes in it.
        provider: The provider whose catalogue knows its operations.
        manner: How its clients are called.
    """

    classes: tuple[str, ...]
    provider: str
    manner: Manner


_SDKS: Final[Mapping[str, Sdk]] = {
    "alibabacloud_onsmqtt20200420.client": Sdk(("Client",), alibaba.PROVIDER, "models"),
    "alibabacloud_sts20150401.client": Sdk(("Client",), alibaba.PROVIDER, "models"),
    "aliyunsdkcore.client": Sdk(("AcsClient",), alibaba.PROVIDER, "request"),
    "tencentcloud.mqtt.v20240516.mqtt_client": Sdk(("MqttClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.mqtt.v20240516.mqtt_client_async": Sdk(("MqttClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.sts.v20180813.sts_client": Sdk(("StsClient",), tencent.PROVIDER, "operations"),
    # Not in 3.0.1459 yet; the SDK generates it the same way for one product after the other.
    "tencentcloud.sts.v20180813.sts_client_async": Sdk(("StsClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.common.common_client": Sdk(("CommonClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.common.common_client_async": Sdk(("CommonClient",), tencent.PROVIDER, "operations"),
}

SDK_MODULES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({name: sdk.classes for name, sdk in _SDKS.items()})
"""Full names of modules, and the classes in them that are clients to cover."""


def sdk_of(cls: type) -> tuple[type, Sdk] | None:
    """Return the SDK's own class that a client class is or comes from, and its SDK; None if it is no client."""
    for base in cls.__mro__:
        sdk = _SDKS.get(base.__module__)
        if sdk is not None and base.__name__ in sdk.classes:
            return base, sdk
    return None
