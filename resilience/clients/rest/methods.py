"""
The methods ``request`` and ``send`` of an HTTP client, which all its other methods call.

The policy's tables ``[sources]`` say which operation a request is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from attrs import frozen

from resilience.clients.common.bypass import Bypass
from resilience.clients.common.calls import Apis
from resilience.clients.common.originals import original
from resilience.clients.rest.calls import is_read_once, repeats_itself, request_of
from resilience.clients.rest.operation import RestOperation
from resilience.clients.rest.operations import operation_of, provider_of
from resilience.clients.rest.prepared import bypass_of, prepared_in, request_of_prepared
from resilience.clients.rest.read_ahead import read_ahead, read_ahead_async
from resilience.core.operations.apis import RestApi

_REQUEST: Final = "request"
_SEND: Final = "send"


def methods_of(cls: type, apis: Apis) -> dict[str, RestMethod]:
    """Return both methods of a client class, by name."""
    return {
        name: RestMethod(name, inspect.iscoroutinefunction(original(inspect.getattr_static(cls, name))), apis)
        for name in (_REQUEST, _SEND)
    }


@frozen
class RestMethod:
    """
    The method ``request`` or ``send`` of a client class.

    Attributes:
        name: ``request`` or ``send``.
        is_async: Whether the method is a coroutine function.
        apis: The APIs that the policy describes.
    """

    name: str
    is_async: bool
    apis: Apis
    constant: ClassVar[None] = None
    instead: ClassVar[None] = None
    sends_late: ClassVar[None] = None
    # Exporters of telemetry use requests.
    may_be_telemetry: ClassVar[bool] = True

    @property
    def is_send(self) -> bool:
        """Whether the method takes finished requests."""
        return self.name == _SEND

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the provider and the operation of a request; None if the policy describes no such API."""
        is_send, sources = self.is_send, self.apis.sources
        request = request_of_prepared(prepared_in(args, kwargs)) if is_send else request_of(client, args, kwargs)
        provider = request and provider_of(sources, request, preferred=self.apis.preferred)
        if request is None or provider is None:
            return None
        if not is_send and (is_read_once(args, kwargs) or repeats_itself(client)):
            # The method `send` decides later: it gets the finished body, which may be repeatable.
            return None
        return provider, operation_of(sources[provider], request.method, request.path)

    def bypass(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:
        """Return why a request cannot be sent again; None if it can."""
        return bypass_of(client, prepared_in(args, kwargs)) if self.is_send else None

    def on(self, client: Any, call: tuple[str, str]) -> RestOperation:
        """Return the requests of an operation, on one client."""
        return RestOperation(client, *call, self.apis.sources[call[0]], is_send=self.is_send)

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:
        """Return the function that an attempt calls; it also reads a streamed body that the policy needs."""
        return _reading_ahead(function, self.apis.sources[call[0]])


def _reading_ahead(function: Callable[..., Any], source: RestApi) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def read_async(*args: Any, **kwargs: Any) -> Any:
            return await read_ahead_async(source, await function(*args, **kwargs))

        return read_async

    @functools.wraps(function)
    def read(*args: Any, **kwargs: Any) -> Any:
        return read_ahead(source, function(*args, **kwargs))

    return read
