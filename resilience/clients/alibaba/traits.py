"""What Alibaba's SDKs are called: names alone, which cost next to nothing to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER: Final = "alibaba"

TEA_PACKAGES: Final = ("Tea.", "darabonba.", "alibabacloud_")
OLD_PACKAGES: Final = ("aliyunsdk",)
"""How the names of the top-level packages of each SDK begin; with a dot, the whole name."""

# Sources: alibabacloud_onsmqtt20200420 1.7.1, alibabacloud_sts20150401 1.2.0, read 2026-11-21.
TEA_HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    # The client of any product, which those of one product are derived from.
    "alibabacloud_tea_openapi.client": ("Client",),
    "alibabacloud_onsmqtt20200420.client": ("Client",),
    "alibabacloud_sts20150401.client": ("Client",),
}
"""Modules of the present SDK, and the classes in them that are clients."""

# Source: aliyun-python-sdk-core 2.16.1, read 2026-11-21.
OLD_HOOKS: Final[Mapping[str, tuple[str, ...]]] = {"aliyunsdkcore.client": ("AcsClient",)}
"""The same of the old SDK."""

PRODUCTS: Final[Mapping[str, str]] = {"onsmqtt": "2020-04-20", "sts": "2015-04-01"}
"""The products that the catalogue is about, with the versions of their APIs (Params.version of the typed clients)."""

HOSTS: Final = ".aliyuncs.com"
"""How the names of the vendor's hosts end."""
