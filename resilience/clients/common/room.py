"""What a room says of itself to a process that has imported no SDK yet; little is imported for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class SentRequest(NamedTuple):
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


class Room(NamedTuple):
    """
    A room of ``clients/``: one vendor, with an adapter for each of its SDKs.

    Attributes:
        adapters: The classes of its adapters, as ``module:name``.
        hooks: The modules in which clients are.
        packages: How the names of the SDKs' top-level packages begin; with a dot, the whole name.
        provider: The provider; empty where the policy says it.
        operation_of: Returns the operation of a request to the vendor's service, or its method where nobody can tell
            it; None for any other request.
        is_host: Tells whether a host, in lower case and without a port, is the service's.
    """

    adapters: tuple[str, ...]
    hooks: frozenset[str]
    packages: tuple[str, ...]
    provider: str = ""
    operation_of: Callable[[SentRequest], str | None] = lambda _: None
    is_host: Callable[[str], bool] = lambda _: False
