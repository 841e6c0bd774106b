"""Tell the provider and the operation of a request to a REST API."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from urllib.parse import unquote

from resilience.clients.rest.calls import RestRequest
from resilience.core.operations.apis import RestApi, is_placeholder

_Matchers = Mapping[tuple[str, int], tuple[tuple[str, tuple[tuple[int, str], ...]], ...]]


def operation_of(source: RestApi, method: str, path: str) -> str:
    """
    Return the operation of a request: that of the narrowest template that fits, else the HTTP method.

    Args:
        source: The API.
        method: The HTTP method.
        path: The path of the URL, with or without escapes and a query. A slash at its end is ignored.
    """
    method = method.upper()
    parts = [part for part in path.partition("?")[0].split("/") if part]
    for operation, words in _matchers(source).get((method, len(parts)), ()):
        if all(unquote(parts[index]) == expected for index, expected in words):
            return operation
    return method


@functools.lru_cache(maxsize=64)
def _matchers(source: RestApi) -> _Matchers:
    """Return operations and their literal segments, by method and length of path; the narrowest come first."""
    found: dict[tuple[str, int], list[tuple[str, tuple[tuple[int, str], ...]]]] = {}
    for template in sorted(source.operations, key=lambda template: -template.literals):
        words = tuple((index, each) for index, each in enumerate(template.segments) if not is_placeholder(each))
        found.setdefault((template.method, len(template.segments)), []).append((template.operation, words))
    return {shape: tuple(matchers) for shape, matchers in found.items()}


def provider_of(sources: Mapping[str, RestApi], request: RestRequest, *, preferred: str | None = None) -> str | None:
    """
    Return the provider of the API that a request goes to; None if the policy describes no such API.

    Args:
        sources: The APIs by provider.
        request: The request.
        preferred: The provider to choose if several APIs may be on any host: the executor's.
    """
    host = request.host.rpartition(":")[0]
    for expected in (request.host, host):
        for provider, source in sources.items():
            if expected in source.hosts:
                return provider
    anywhere = [provider for provider, source in sources.items() if not source.hosts]
    if preferred in anywhere:
        return preferred
    return anywhere[0] if len(anywhere) == 1 else None
