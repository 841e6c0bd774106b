"""The description of a room, for a process that has imported no SDK yet; cheap to import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class SentRequest(NamedTuple):
    """
    A request that a library is about to send.

    Attributes:
        method: The HTTP method, in capitals.
        host: ``host:port``, in lower case.
        target: The path and the query.
        headers: The headers, by name in lower case.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str]

    def value_of(self, header: str, parameter: str) -> str | None:
        """Return the value of a header, or else of a query parameter; None if the request has neither."""
        query = parse_qs(urlsplit(self.target).query)
        return self.headers.get(header) or next(iter(query.get(parameter, ())), None)


def product_of(host: str) -> str:
    """Return the first label of a host, which names a product: of ``sts-vpc.cn-beijing.example.com``, ``sts``."""
    return host.partition(".")[0].removesuffix("-vpc")


class Room(NamedTuple):
    """
    A room of ``clients/``: one vendor, with an adapter for each of its SDKs.

    Attributes:
        adapters: The classes of the adapters, as ``module:name``.
        hooks: The modules that have client classes.
        packages: The beginnings of the names of the SDKs' top-level packages; one that ends with a dot is a whole name.
        provider: The provider; an empty text if the policy names it.
        operation_of: Returns the operation of a request to the vendor, or its HTTP method if it names none; None for
            other requests.
        is_host: Tells whether a host, in lower case and without a port, belongs to the vendor's service.
    """

    adapters: tuple[str, ...]
    hooks: frozenset[str]
    packages: tuple[str, ...]
    provider: str = ""
    operation_of: Callable[[SentRequest], str | None] = lambda _: None
    is_host: Callable[[str], bool] = lambda _: False
