"""Clients of plain HTTP, for the APIs that a policy describes in ``[sources]``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from attrs import define

from resilience.clients import rest
from resilience.core.policy import Source
from resilience.engine.covering import Covering
from resilience.takeover.imports import HTTP_CLIENTS
from resilience.takeover.notes import Notes

# The method of such a client that all its short ones lead to.
_REQUEST: Final = "request"


@define(eq=False)
class HttpCover:
    """
    Puts the requests of HTTP clients under the policy, where they go to one of its APIs.

    A script makes many requests that are nobody's business here, and some that cannot be made again. These
    go out as they would without us; where they would have been covered, the end of the run says why not.

    Args:
        covering: Makes covered methods.
        sources: The APIs, each with its hosts.
        notes: Takes what the user should know.
    """

    _covering: Covering
    _sources: Mapping[str, Source]
    _notes: Notes

    def cover(self, module: ModuleType) -> None:
        """Put the client classes of a module under the policy."""
        for name in HTTP_CLIENTS[module.__name__]:
            cls = getattr(module, name)
            setattr(cls, _REQUEST, self._method(inspect.getattr_static(cls, _REQUEST)))

    def _method(self, function: Callable[..., Any]) -> Callable[..., Any]:
        covered = self._covering.request_method(function)

        @functools.wraps(function)
        def request(client: Any, /, *args: Any, **kwargs: Any) -> Any:
            return (function if self._must_pass(client, args, kwargs) else covered)(client, *args, **kwargs)

        @functools.wraps(function)
        async def request_async(client: Any, /, *args: Any, **kwargs: Any) -> Any:
            return await (function if self._must_pass(client, args, kwargs) else covered)(client, *args, **kwargs)

        return request_async if inspect.iscoroutinefunction(function) else request

    def _must_pass(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        asked = rest.request_of(client, args, kwargs)
        provider = None if asked is None else rest.provider_of(self._sources, asked)
        if asked is None or provider is None:
            return True
        why = rest.repeats_itself(client) or rest.read_once(args, kwargs)
        if why is None:
            return False
        operation = rest.operation_of(self._sources[provider], asked.method, asked.path)
        self._notes.remark(f"{provider}:{operation} was not under the policy: {why}")
        return True
