"""Tell whether a request is for a product of Alibaba Cloud that the catalogue describes."""

from __future__ import annotations

from resilience.clients.alibaba.traits import HOSTS, PRODUCTS


def is_ours(host: object, version: object) -> bool:
    """
    Tell whether a host, or else the version of an API, belongs to a product that the catalogue describes.

    A host of Alibaba Cloud names its product: ``onsmqtt.cn-hangzhou.aliyuncs.com``, or ``sts-vpc`` in the same form.
    Any other host, such as a proxy or a sandbox, may stand for every product; then the version decides.
    """
    name = str(host or "").lower().partition(":")[0]
    if name.partition(".")[0].removesuffix("-vpc") in PRODUCTS:
        return True
    return not name.endswith(HOSTS) and version in PRODUCTS.values()
