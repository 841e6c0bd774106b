"""Names of Alibaba's SDKs, their packages and hosts; this module is cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER: Final = "alibaba"

TEA_PACKAGES: Final = ("Tea.", "darabonba.", "alibabacloud_")
OLD_PACKAGES: Final = ("aliyunsdk",)
"""The beginnings of the names of each SDK's top-level packages; one that ends with a dot is a whole name."""

# Sources: alibabacloud_onsmqtt20200420 1.7.1, alibabacloud_sts20150401 1.2.0, read 2026-11-21.
TEA_HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    # The base class of the clients for one product.
    "alibabacloud_tea_openapi.client": ("Client",),
    "alibabacloud_onsmqtt20200420.client": ("Client",),
    "alibabacloud_sts20150401.client": ("Client",),
}
"""The modules of the present SDK that have client classes, each with their names."""

# Source: aliyun-python-sdk-core 2.16.1, read 2026-11-21.
OLD_HOOKS: Final[Mapping[str, tuple[str, ...]]] = {"aliyunsdkcore.client": ("AcsClient",)}
"""The modules of the old SDK that have client classes, each with their names."""

PRODUCTS: Final[Mapping[str, str]] = {"onsmqtt": "2020-04-20", "sts": "2015-04-01"}
"""The products that the catalogue describes, with the versions of their APIs (Params.version of the typed clients)."""

HOSTS: Final = ".aliyuncs.com"
"""The end of the names of the vendor's hosts."""
