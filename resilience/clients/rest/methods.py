"""
The methods of an HTTP client that all the others lead to: the first makes a request, the second sends one.

Which operation a request is, the policy's ``[sources]`` say.
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
from resilience.clients.rest.held import hold, hold_async
from resilience.clients.rest.operation import RestOperation
from resilience.clients.rest.operations import operation_of, provider_of
from resilience.clients.rest.prepared import prepared_in, request_of_prepared, uncovered
from resilience.core.policy import RestApi

_REQUEST: Final = "request"
_SEND: Final = "send"


def methods_of(cls: type, apis: Apis) -> dict[str, RestMethod]:
    """Return both methods of a client class."""
    return {
        name: RestMethod(name, inspect.iscoroutinefunction(original(inspect.getattr_static(cls, name))), apis)
        for name in (_REQUEST, _SEND)
    }


@frozen
class RestMethod:
    """
    One of the two methods.

    Attributes:
        name: The attribute of the client class.
        is_async: Whether it is a coroutine function.
        apis: The APIs that the policy describes.
    """

    name: str
    is_async: bool
    apis: Apis
    constant: ClassVar[None] = None
    instead: ClassVar[None] = None
    sends_late: ClassVar[None] = None
    # Exporters send with requests.
    may_be_telemetry: ClassVar[bool] = True

    @property
    def is_send(self) -> bool:
        """Whether it takes finished requests."""
        return self.name == _SEND

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the provider and the operation of a request; None if it is to no API of the policy."""
        is_send, sources = self.is_send, self.apis.sources
        request = request_of_prepared(prepared_in(args, kwargs)) if is_send else request_of(client, args, kwargs)
        provider = request and provider_of(sources, request, preferred=self.apis.preferred)
        if request is None or provider is None:
            return None
        if not is_send and (is_read_once(args, kwargs) or repeats_itself(client)):
            # It ends in `send`, where the body may be one that can be sent again.
            return None
        return provider, operation_of(sources[provider], request.method, request.path)

    def uncovered(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:
        """Say why a request cannot be sent again as it was given; None if it can."""
        return uncovered(client, prepared_in(args, kwargs)) if self.is_send else None

    def on(self, client: Any, call: tuple[str, str]) -> RestOperation:
        """Return what is known of requests of an operation, on one client."""
        return RestOperation(client, *call, self.apis.sources[call[0]], is_send=self.is_send)

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:
        """Return the function so that it also reads what its answer leaves unread, where the policy needs it."""
        return _held(function, self.apis.sources[call[0]])


def _held(function: Callable[..., Any], source: RestApi) -> Callable[..., Any]:
    """Return a method of an HTTP client that also reads what its answer leaves unread, where the policy needs it."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def read_async(*args: Any, **kwargs: Any) -> Any:
            return await hold_async(source, await function(*args, **kwargs))

        return read_async

    @functools.wraps(function)
    def read(*args: Any, **kwargs: Any) -> Any:
        return hold(source, function(*args, **kwargs))

    return read
