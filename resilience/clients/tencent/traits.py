"""Names of Tencent's SDK, its packages and hosts; this module is cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER: Final = "tencent"

PACKAGES: Final = ("tencentcloud.",)
"""The name of the SDK's top-level package, with a dot, which marks a whole name."""

# Sources: tencentcloud-sdk-python-common and -mqtt 3.1.195, -sts 3.0.1459; read 2026-11-21.
HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    # The base classes of all clients.
    "tencentcloud.common.abstract_client": ("AbstractClient",),
    "tencentcloud.common.abstract_client_async": ("AbstractClient",),
    "tencentcloud.mqtt.v20240516.mqtt_client": ("MqttClient",),
    "tencentcloud.mqtt.v20240516.mqtt_client_async": ("MqttClient",),
    "tencentcloud.sts.v20180813.sts_client": ("StsClient",),
    # Not in 3.0.1459 yet; the SDK generates it the same way for one product after the other.
    "tencentcloud.sts.v20180813.sts_client_async": ("StsClient",),
    "tencentcloud.common.common_client": ("CommonClient",),
    "tencentcloud.common.common_client_async": ("CommonClient",),
}
"""The modules of the SDK that have client classes, each with their names."""

PRODUCTS: Final[Mapping[str, str]] = {"mqtt": "2024-05-16", "sts": "2018-08-13"}
"""The products that the catalogue describes, with the versions of their APIs."""

HOSTS: Final = (".tencentcloudapi.com", ".tencentcloudapi.woa.com")
"""The ends of the names of the vendor's hosts."""
