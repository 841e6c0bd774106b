"""
Wrap clients: each management call of their methods becomes a call of an executor.

:func:`wrap_client` returns one wrapped client. :meth:`ClientWrapper.patch` replaces the methods of a
class, for programs that must not be edited. The state of a client is made at its first call, and kept
in the client itself.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, Final, TypeVar

from attrs import Factory, define, field

from resilience.clients import registry
from resilience.clients.common.bypass import Bypass
from resilience.clients.common.calls import Apis, ClientMethod, ClientOperation
from resilience.clients.common.originals import mark_wrapped, original
from resilience.clients.inspection import retries_itself, switch_off_retries
from resilience.clients.loops import needs_asyncio
from resilience.clients.sdk import Sdk
from resilience.clients.timeouts import lower
from resilience.engine.call.fast_path import in_thread, on_loop
from resilience.engine.client.copies import reducer
from resilience.engine.client.method_target import MethodTarget
from resilience.engine.client.prepared_method import BYPASSED, Bypassed, PreparedMethod, wrapped_method
from resilience.engine.common_executor import CommonExecutor
from resilience.engine.credentials.sdk_managed import SdkManagedSources
from resilience.engine.limits import ORIGIN
from resilience.engine.runtime.attribution import as_attempt, is_telemetry, is_under_way
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.plain_thread import THREAD
from resilience.engine.target.names import NameOwners
from resilience.engine.target.operations import described

C = TypeVar("C")

log: Final = logging.getLogger("resilience")

_CALLS: Final = "__resilience_calls__"


def wrap_client(client: C, executor: CommonExecutor) -> C:
    """
    Return a client of the same type that makes its management calls under a policy.

    The blocking methods become calls of a :class:`SyncExecutor`, and the asynchronous methods calls of an
    :class:`Executor`, with either class of executor. Operation, resource key, rename and read-back come from the
    catalogue. An accepted call returns an answer of the SDK's own type. Later calls of this client use the new name of
    a renamed resource. The SDK's own retries are switched off, and a warning says so.

    The policy applies to every method that sends: those for one operation, those that take an action or parameters
    (``call_api``, ``call_json``, ``do_action``), and finished and streamed requests (``send``, ``stream``). A request
    that cannot be sent twice, such as one with a body that is read from a file, raises a :class:`ValueError` that says
    what to do instead. Operations of another product are called without the policy.

    The given client does not change. The returned client shares its connections, credentials and configuration.

    Args:
        client: A client of an SDK that has an adapter (``resilience.clients``); or one of plain HTTP, such as a
            ``requests.Session`` or an ``httpx.Client``, for the APIs that the policy's ``[sources]`` describe.
        executor: The executor, with its policy, ledger, credentials and observers.

    Raises:
        TypeError: The client is of no known class, or for another product.
        ValueError: The policy describes no API for a client of plain HTTP, or that client repeats requests by itself.
    """
    wrapper = ClientWrapper(executor)
    cls: Any = type(client)
    sdk = registry.of_class(cls)
    why = None if sdk is None else sdk.refuses(client, wrapper.apis)
    if why is not None:
        raise ValueError(why)
    if sdk is None or not (wrapper.members(cls) or sdk.groups(cls)):
        known = ", of ".join(name for each in registry.sdks() for name in each.clients)
        raise TypeError(
            f"wrap_client: expected a client of {known}; found {cls.__module__}.{cls.__qualname__}; "
            "for any other, wrap the functions that use it"
        )
    return _wrapped(client, sdk.attributes(client), sdk, wrapper)


def _wrapped(client: C, attributes: Mapping[str, Any], sdk: Sdk, wrapper: ClientWrapper) -> C:
    """Return a client of a derived class with these attributes; its groups of operations are wrapped likewise."""
    cls: Any = type(client)
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    names["__reduce_ex__"] = reducer(cls)
    if hasattr(cls, "__del__"):
        # The old SDK's client closes its session in __del__, and the session belongs to the given client.
        names["__del__"] = _leave_open
    wrapped = type(cls)(cls.__name__, (cls,), {**names, **wrapper.members(cls)})
    fresh: Any = wrapped.__new__(wrapped)
    # The new client keeps the given one alive, because it uses the same connections.
    vars(fresh).update({**attributes, ORIGIN: client})
    for name in sdk.groups(cls):
        group = attributes.get(name)
        if group is not None:
            vars(fresh)[name] = _wrapped(group, vars(group), sdk, wrapper)
    return fresh  # type: ignore[no-any-return]  # an instance of a subclass that exists only at run time


@define(eq=False)
class ClientWrapper:
    """
    Wraps client classes, for the policy of an executor.

    Args:
        executor: The executor, with its policy, ledger, credentials and observers.
        names: The owners of names; by default those of the executor's other calls.
        tally: Called once in every wrapped call; it must be quick and must not raise.
        on_switched_off: Called with a sentence about retries of an SDK that were switched off, or about calls that the
            ledger cannot remember; by default it logs a warning.
        on_bypass: Called with ``provider:operation`` and the reason for a call that is made without the policy; None to
            refuse such a call with a :class:`ValueError`.
    """

    executor: CommonExecutor
    names: NameOwners = field(default=Factory(lambda self: self.executor.target_factory.setting.names, takes_self=True))
    tally: Callable[[], object] = field(default=lambda: None)
    on_switched_off: Callable[[str], object] = field(default=log.warning)
    on_bypass: Callable[[str, Bypass], object] | None = field(default=None)
    _own: Mapping[bool, SdkManagedSources] = field(
        factory=lambda: {False: SdkManagedSources(LOOP), True: SdkManagedSources(THREAD)}, init=False
    )

    def patch(self, cls: type) -> None:
        """Replace the methods of a client class that make management calls; more calls change nothing."""
        for name, method in self.members(cls).items():
            # An inherited method is replaced in its own class. A generator sends only while it is read.
            if name in vars(cls) and not _is_stream(method):
                setattr(cls, name, method)

    def members(self, cls: type) -> dict[str, Any]:
        """Return the wrapped methods of a client class, by name."""
        sdk = registry.of_class(cls)
        methods = {} if sdk is None else sdk.methods(cls, self.apis)
        return {name: self._method(cls, method) for name, method in methods.items()}

    @property
    def apis(self) -> Apis:
        """The APIs that the policy describes."""
        policy = self.executor.policy
        return Apis(policy.name, policy.apis, self.executor.provider)

    def _method(self, cls: type, method: ClientMethod) -> Callable[..., Any]:
        function = original(inspect.getattr_static(cls, method.name))
        if method.sends_late is not None:
            return self._late_method(function, method, method.sends_late)
        target = function if method.instead is None else original(inspect.getattr_static(cls, method.instead))
        name, constant, may_be_telemetry = method.name, method.constant, method.may_be_telemetry

        def entry_of(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PreparedMethod | Bypassed | None:
            call = constant or method.call_of(client, args, kwargs)
            if call is None or (may_be_telemetry and is_telemetry()):
                return None
            bypass = None if constant else method.bypass(client, args, kwargs)
            if bypass is not None:
                return self._past(call, bypass)
            calls: _ClientState | None = client.__dict__.get(_CALLS)
            if calls is None or calls.client is not client or calls.wrapper is not self:
                calls = self._adopt(client)
            key = name if constant else (name, *call)
            entry = calls.entries.get(key)
            if entry is None:
                attempt = as_attempt(method.attempt(target, call))
                entry = calls.entries[key] = self._entry(method.on(client, call), attempt, is_async=method.is_async)
            return entry

        return wrapped_method(function, entry_of, self.tally, self.names.changes)

    def _late_method(self, function: Callable[..., Any], method: ClientMethod, why: str) -> Callable[..., Any]:
        """Return a wrapped method for one that sends only when its answer is read, so that no policy can apply."""

        @functools.wraps(function)
        def wrapped(client: Any, /, *args: Any, **kwargs: Any) -> Any:
            call = None if is_under_way() else method.call_of(client, args, kwargs)
            if call is not None:
                self._past(call, Bypass(method.name, why))
            return function(client, *args, **kwargs)

        mark_wrapped(wrapped)
        return wrapped

    def _past(self, call: tuple[str, str], bypass: Bypass) -> Bypassed:
        """
        Report a call that is made without the policy.

        Raises:
            ValueError: ``on_bypass`` is None, so such calls are refused.
        """
        if self.on_bypass is None:
            raise ValueError(f"{call[1]}: {bypass.advice}")
        self.on_bypass(":".join(call), bypass)
        return BYPASSED

    def _adopt(self, client: Any) -> _ClientState:
        """Make the state of a client at its first call."""
        repeats = retries_itself(client) is not None
        sentence = switch_off_retries(client)
        # The old SDK's retries are on by default, but not for operations of the catalogue: no warning for them.
        if sentence is not None and repeats:
            self.on_switched_off(sentence)
        limits = self.executor.target_factory.setting.limits
        limit = min((each for each in (limits.deadline, limits.attempt_timeout) if each is not None), default=None)
        is_lowered = limit is not None and lower(client, limit)
        calls = client.__dict__[_CALLS] = _ClientState(client, self, limit if is_lowered else None)
        return calls

    def _entry(self, operation: ClientOperation, function: Callable[..., Any], *, is_async: bool) -> PreparedMethod:
        target_factory = self.executor.target_factory
        calls: _ClientState | None = operation.client.__dict__.get(_CALLS)
        lowered_to = None if calls is None else calls.lowered_to
        bound = MethodType(function, operation.client)
        known = described(operation.provider, operation.operation, policy=target_factory.setting.policy)
        target = MethodTarget(
            setting=target_factory.setting,
            runtime=LOOP if is_async else THREAD,
            operation=known,
            function=bound,
            signature=operation.fields(),
            table=target_factory.table(operation.operation),
            verifiers=target_factory.verifiers,
            ready_made=target_factory.ready_made,
            client_operation=operation,
            own_sources=self._own[not is_async],
            has_executor=self.on_bypass is None,
            renames=target_factory.renames(known),
            names=self.names,
            lowered_to=lowered_to,
            on_remark=self.on_switched_off,
        )
        fast = on_loop if is_async else in_thread
        call, outcome = fast(target), fast(target, as_outcome=True)
        return PreparedMethod(target, call, outcome, is_async and needs_asyncio(bound), operation.options_may_retry)


@define(eq=False)
class _ClientState:
    """The state of one client; a copy of the client makes its own, and a pickle has an empty one."""

    client: object
    wrapper: ClientWrapper | None
    lowered_to: float | None = None
    entries: dict[str | tuple[str, ...], PreparedMethod] = field(factory=dict, init=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _ClientState, (None, None)


def _is_stream(method: Any) -> bool:
    plain = original(method)
    return inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain)


def _leave_open(_: object) -> None:
    """Close nothing."""
