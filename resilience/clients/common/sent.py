"""A request on its way out, whoever sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Sent(NamedTuple):
    """
    A request on its way out.

    Attributes:
        method: In capitals.
        host: ``host:port``, in lower case.
        target: Path and query.
        headers: By name in lower case.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str]

    def said(self, header: str, parameter: str) -> str | None:
        """Return what a header says, or else a parameter of the query; None where neither is there."""
        query = parse_qs(urlsplit(self.target).query)
        return self.headers.get(header) or next(iter(query.get(parameter, ())), None)


def product_of(host: str) -> str:
    """Return the first label of a host, which names a product: of ``sts-vpc.cn-beijing.example.com``, ``sts``."""
    return host.partition(".")[0].removesuffix("-vpc")
