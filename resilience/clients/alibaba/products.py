"""Which requests are for the products of Alibaba Cloud that the catalogue is about."""

from __future__ import annotations

from resilience.clients.alibaba.traits import HOSTS, PRODUCTS


def is_ours(host: object, version: object) -> bool:
    """
    Tell whether a host, or else the version of an API, is that of a product that the catalogue is about.

    A host of Alibaba Cloud says it alone: ``onsmqtt.cn-hangzhou.aliyuncs.com``, ``sts-vpc.cn-beijing.aliyuncs.com``.
    Any other may stand for each of them, such as a proxy or a sandbox.
    """
    name = str(host or "").lower().partition(":")[0]
    if name.partition(".")[0].removesuffix("-vpc") in PRODUCTS:
        return True
    return not name.endswith(HOSTS) and version in PRODUCTS.values()
