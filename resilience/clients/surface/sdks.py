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

from resilience.clients.alibaba import traits as alibaba
from resilience.clients.tencent import traits as tencent

Manner = Literal["models", "request", "operations"]
"""
How a client is called: ``models`` is Alibaba's (``create_group_id_with_options``, and ``call_api`` with parameters),
``request`` that of its old SDK (``do_action_with_exception``), ``operations`` Tencent's (``CreateTopic``, and an action
by its name).
"""


@frozen
class ClientModule:
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


_SDKS: Final[Mapping[str, ClientModule]] = {
    # The client of any product, which those of one product are derived from.
    "alibabacloud_tea_openapi.client": ClientModule(("Client",), alibaba.PROVIDER, "models"),
    "alibabacloud_onsmqtt20200420.client": ClientModule(("Client",), alibaba.PROVIDER, "models"),
    "alibabacloud_sts20150401.client": ClientModule(("Client",), alibaba.PROVIDER, "models"),
    "aliyunsdkcore.client": ClientModule(("AcsClient",), alibaba.PROVIDER, "request"),
    # What every client of Tencent's is derived from.
    "tencentcloud.common.abstract_client": ClientModule(("AbstractClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.common.abstract_client_async": ClientModule(("AbstractClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.mqtt.v20240516.mqtt_client": ClientModule(("MqttClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.mqtt.v20240516.mqtt_client_async": ClientModule(("MqttClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.sts.v20180813.sts_client": ClientModule(("StsClient",), tencent.PROVIDER, "operations"),
    # Not in 3.0.1459 yet; the SDK generates it the same way for one product after the other.
    "tencentcloud.sts.v20180813.sts_client_async": ClientModule(("StsClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.common.common_client": ClientModule(("CommonClient",), tencent.PROVIDER, "operations"),
    "tencentcloud.common.common_client_async": ClientModule(("CommonClient",), tencent.PROVIDER, "operations"),
}

# The vendors' clients for one product: alibabacloud_ecs20140526.client, tencentcloud.cvm.v20170312.cvm_client.
_VENDORS: Final = ("alibabacloud_", "tencentcloud.")

# Which of these are for products that the catalogues are about, perhaps in a version that is not in the table.
_KNOWN: Final = (
    "alibabacloud_onsmqtt",
    "alibabacloud_sts",
    "tencentcloud.common.",
    "tencentcloud.mqtt.",
    "tencentcloud.sts.",
)

SDK_MODULES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({name: sdk.classes for name, sdk in _SDKS.items()})
"""Full names of modules, and the classes in them that are clients to cover."""


def sdk_of(cls: type) -> tuple[type, ClientModule] | None:
    """
    Return the SDK's own class that a client class is or comes from, and its SDK; None if it is no client.

    A client that the vendor made for another product is none: no catalogue knows what it does.
    """
    for base in cls.__mro__:
        sdk = _SDKS.get(base.__module__)
        if sdk is not None and base.__name__ in sdk.classes:
            return base, sdk
        if base.__module__.startswith(_VENDORS) and not base.__module__.startswith(_KNOWN):
            return None
    return None
