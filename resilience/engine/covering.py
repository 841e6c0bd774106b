"""
Clients under a policy: each management call that their methods make becomes a call of an executor.

:func:`wrap_client` returns one client; :meth:`Covering.cover` replaces the methods of a class, for
programs that nobody wants to edit. A client is looked at when it makes its first call,
and what is known of it is kept in the client itself.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, Final, TypeVar

from attrs import Factory, define, field

from resilience.clients import rest
from resilience.clients.alibaba import PROVIDER as ALIBABA
from resilience.clients.inspection import retries_itself, switch_off_retries
from resilience.clients.misuse import needs_asyncio
from resilience.clients.surface import Method, methods_of
from resilience.clients.surface.originals import original
from resilience.clients.timeouts import lower
from resilience.engine.arguments import Signature
from resilience.engine.blocking import THREAD
from resilience.engine.common import CommonExecutor
from resilience.engine.copies import reducer
from resilience.engine.covered import CoveredCallee, RequestFields, RestSide, SdkSide, Side
from resilience.engine.disguise import without_our_frames
from resilience.engine.errors import ServiceError
from resilience.engine.loops import LOOP, needs_asyncio_loop
from resilience.engine.namebook import NameBook
from resilience.engine.operations import described
from resilience.engine.ownsource import OwnSources
from resilience.engine.quick import in_thread, on_loop

C = TypeVar("C")

log: Final = logging.getLogger("resilience")

_CALLS: Final = "__resilience_calls__"
_ORIGIN: Final = "__resilience_origin__"

# The method of an HTTP client that all its short ones lead to.
_REQUEST: Final = "request"


def wrap_client(client: C, executor: CommonExecutor) -> C:
    """
    Return a client of the same type whose management calls are made under a policy.

    Its blocking methods become calls as of a :class:`SyncExecutor`, its asynchronous ones as of an :class:`Executor`,
    whichever of the two is given. Operation, resource key, rename and read-back come from the catalogue; an
    accepted call returns an answer of the SDK's own type. A name that a rename has changed is changed in the later
    calls of this client too. Retries of the SDK's own are switched off, and a warning is logged that says so.

    The client itself stays as it is. What is returned shares its connections, credentials and configuration.

    Args:
        client: A client of Alibaba's or Tencent's SDK; or a ``requests.Session``, ``httpx.Client`` or
            ``httpx.AsyncClient`` for the APIs that the policy's ``[sources]`` describe.
        executor: Whose policy, ledger, credentials and observers count.

    Raises:
        TypeError: It is no such client.
        ValueError: The policy describes no API for a client of plain HTTP, or that client repeats requests by itself.
    """
    covering = Covering(executor)
    cls: Any = type(client)
    members = covering.members(cls)
    if rest.is_rest_client(client):
        sources = executor.policy.apis
        if not sources:
            raise ValueError(f"policy {executor.policy.name!r} describes no API: add a [sources.NAME] table to it")
        why = rest.repeats_itself(client)
        if why is not None:
            raise ValueError(why)
        members = {_REQUEST: covering.request_method(inspect.getattr_static(cls, _REQUEST))}
    if not members:
        raise TypeError(
            f"wrap_client: expected a client of Alibaba's or Tencent's SDK, of requests or of httpx, found "
            f"{cls.__module__}.{cls.__qualname__}; for any other, wrap the functions that use it"
        )
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    names["__reduce_ex__"] = reducer(cls)
    if hasattr(cls, "__del__"):
        # The old SDK's client closes its session when it goes, and the session belongs to the client that was given.
        names["__del__"] = _leave_open
    covered = type(cls)(cls.__name__, (cls,), {**names, **members})
    fresh: Any = covered.__new__(covered)
    # Held on to, because its connections are in use for as long as the new one is.
    vars(fresh).update({**vars(client), _ORIGIN: client})
    return fresh  # type: ignore[no-any-return]  # an instance of a subclass that exists only at run time


@define(eq=False)
class Covering:
    """
    Puts client classes under the policy of an executor.

    Args:
        executor: Whose policy, ledger, credentials and observers count.
        names: Knows whose name is whose; by default as the executor's other calls do.
        tally: Called once in every covered call; it must be quick and must not raise.
        on_switched_off: Told in one sentence which retries of an SDK's own were switched off; by default a warning is
            logged.
    """

    executor: CommonExecutor
    names: NameBook = field(default=Factory(lambda self: self.executor.callees.setting.names, takes_self=True))
    tally: Callable[[], object] = field(default=lambda: None)
    on_switched_off: Callable[[str], object] = field(default=log.warning)
    _own: Mapping[bool, OwnSources] = field(
        factory=lambda: {False: OwnSources(LOOP), True: OwnSources(THREAD)}, init=False
    )

    def cover(self, cls: type) -> None:
        """Replace the methods of an SDK's client class that make management calls; once is enough."""
        for name, method in self.members(cls).items():
            setattr(cls, name, method)

    def members(self, cls: type) -> dict[str, Any]:
        """Return the covered methods of an SDK's client class, by name."""
        return {
            name: self._sdk_method(method, original(inspect.getattr_static(cls, name)))
            for name, method in methods_of(cls).items()
        }

    def _sdk_method(self, method: Method, function: Callable[..., Any]) -> Callable[..., Any]:
        name, constant = method.name, method.operation

        def entry_of(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entry | None:
            calls: _Calls | None = client.__dict__.get(_CALLS)
            if calls is None or calls.client is not client or calls.covering is not self:
                calls = self._adopt(client)
            operation = constant or method.operation_of(client, args, kwargs)
            if operation is None:
                return None
            key = name if constant else (name, operation)
            entry = calls.entries.get(key)
            if entry is None:
                side = SdkSide(client, method, operation)
                entry = calls.entries[key] = self._entry(side, function, is_async=method.is_async)
            return entry

        return self._method(function, entry_of, is_async=method.is_async)

    def request_method(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the covered method of an HTTP client that sends a request."""
        function, sources = original(function), self.executor.policy.apis
        is_async = inspect.iscoroutinefunction(function)

        def entry_of(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entry | None:
            request = rest.request_of(client, args, kwargs)
            provider = request and rest.provider_of(sources, request, preferred=self.executor.provider)
            if request is None or provider is None:
                return None
            operation = rest.operation_of(sources[provider], request.method, request.path)
            why = rest.read_once(args, kwargs)
            if why is not None:
                raise ValueError(f"{operation}: {why}")
            calls: _Calls | None = client.__dict__.get(_CALLS)
            if calls is None or calls.client is not client:
                calls = client.__dict__[_CALLS] = _Calls(client, self)
            key = provider, operation
            entry = calls.entries.get(key)
            if entry is None:
                side = RestSide(client, provider, operation, sources[provider])
                entry = calls.entries[key] = self._entry(side, function, is_async=is_async)
            return entry

        return self._method(function, entry_of, is_async=is_async)

    def _method(
        self,
        function: Callable[..., Any],
        entry_of: _EntryOf,
        *,
        is_async: bool,
    ) -> Callable[..., Any]:
        cover = _covered_async if is_async else _covered
        method = cover(function, entry_of, self.tally, self.names.changes)
        functools.update_wrapper(method, function)
        method.__resilience_covered__ = True  # type: ignore[attr-defined]  # functions take attributes
        return method

    def _adopt(self, client: Any) -> _Calls:
        """Look at a client that makes its first call."""
        repeats = retries_itself(client) is not None
        said = switch_off_retries(client)
        # The old SDK's is on by default, and repeats nothing that concerns us.
        if said is not None and repeats:
            self.on_switched_off(said)
        limits = self.executor.callees.setting.limits
        limit = min((each for each in (limits.deadline, limits.attempt_timeout) if each is not None), default=None)
        is_lowered = limit is not None and lower(client, limit)
        calls = client.__dict__[_CALLS] = _Calls(client, self, limit if is_lowered else None)
        return calls

    def _entry(self, side: Side, function: Callable[..., Any], *, is_async: bool) -> _Entry:
        callees = self.executor.callees
        calls: _Calls | None = side.client.__dict__.get(_CALLS)
        lowered_to = None if calls is None else calls.lowered_to
        bound = MethodType(function, side.client)
        operation = described(side.provider, side.operation, policy=callees.setting.policy)
        callee = CoveredCallee(
            setting=callees.setting,
            runtime=LOOP if is_async else THREAD,
            operation=operation,
            function=bound,
            signature=RequestFields(side.provider) if isinstance(side, SdkSide) else Signature(bound, {}),
            table=callees.table(side.operation),
            verifiers=callees.verifiers,
            side=side,
            own_sources=self._own[not is_async],
            renames=callees.renames(operation),
            names=self.names,
            lowered_to=lowered_to,
        )
        call = on_loop(callee) if is_async else in_thread(callee)
        # Where a client has retry options of its own, it looks at nothing else: tea-openapi 0.4.
        may_retry = side.provider == ALIBABA and not hasattr(side.client, "_retry_options")
        return _Entry(callee, call, is_async and needs_asyncio(bound), may_retry)


def _covered(
    function: Callable[..., Any], entry_of: _EntryOf, tally: Callable[[], object], changes: Callable[[], object]
) -> Callable[..., Any]:
    def covered(client: Any, /, *args: Any, **kwargs: Any) -> Any:
        entry = entry_of(client, args, kwargs)
        if entry is None:
            return function(client, *args, **kwargs)
        tally()
        if changes() or entry.may_retry:
            args, kwargs = entry.callee.prepared(args, kwargs)
        try:
            return entry.call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # every error leaves, in the shape that the script expects
            left = entry.left(error)
        if left.error is None:
            return left.answer
        try:
            raise left.error
        finally:
            left.forget()

    return covered


def _covered_async(
    function: Callable[..., Any], entry_of: _EntryOf, tally: Callable[[], object], changes: Callable[[], object]
) -> Callable[..., Any]:
    async def covered(client: Any, /, *args: Any, **kwargs: Any) -> Any:
        entry = entry_of(client, args, kwargs)
        if entry is None:
            return await function(client, *args, **kwargs)
        if entry.needs_asyncio:
            needs_asyncio_loop(entry.callee.operation.name)
        tally()
        if changes() or entry.may_retry:
            args, kwargs = entry.callee.prepared(args, kwargs)
        try:
            return await entry.call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # as above
            left = entry.left(error)
        if left.error is None:
            return left.answer
        try:
            raise left.error
        finally:
            left.forget()

    return covered


@define(eq=False)
class _Entry:
    """One operation of one client: its callee, and the quick path to it."""

    callee: CoveredCallee
    call: Callable[..., Any]
    needs_asyncio: bool
    may_retry: bool

    def left(self, error: Exception) -> _Left:
        if isinstance(self.callee.side, RestSide) and isinstance(error, ServiceError) and error.answer is not None:
            return _Left(None, error.answer)
        trace = without_our_frames(error)
        return _Left(self.callee.left(error).with_traceback(trace), None)


@define(eq=False)
class _Left:
    """How a failed call leaves: with an error, or with the answer that said so."""

    error: Exception | None
    answer: Any

    def forget(self) -> None:
        """Let go of the exception: its traceback holds this object, and both would wait for the collector."""
        self.error = None


_EntryOf = Callable[[Any, tuple[Any, ...], dict[str, Any]], _Entry | None]


@define(eq=False)
class _Calls:
    """What is known of one client. A copy of the client has one of its own, and none goes to another process."""

    client: object
    covering: Covering | None
    lowered_to: float | None = None
    entries: dict[str | tuple[str, str], _Entry] = field(factory=dict, init=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Calls, (None, None)


def _leave_open(_: object) -> None:
    """Close nothing."""
