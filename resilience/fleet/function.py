"""The function of a fleet: found by its import name, and put under a policy of its own."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from resilience.core.admission.levels import RateLevel
from resilience.core.admission.rate import Rate
from resilience.core.operations.declared import Declaration
from resilience.core.policy import PolicyValues
from resilience.engine.runtime.worker_threads import is_coroutine_function
from resilience.engine.target.target import Target
from resilience.engine.wrapped_function import target_of
from resilience.executors import Executor, SyncExecutor, observers_for
from resilience.fleet.maps.begun import AttemptWatch
from resilience.state.ledger import entry_key


class FunctionError(ValueError):
    """The function cannot be used for a fleet; the message says what to write."""


@frozen(eq=False)
class FleetFunction:
    """
    A function under the policy of a fleet.

    Attributes:
        executor: Made for this fleet.
        wrapped: The function, wrapped by it.
        target: Its target.
        given: The function as it was given.
    """

    executor: Executor | SyncExecutor
    wrapped: Any
    target: Target
    given: Callable[..., Any]

    @property
    def is_remembered(self) -> bool:
        """Whether a second run knows what this one did, or does no harm."""
        return self.target.setting.ledger is not None or not self.target.operation.is_for_ledger

    @property
    def rate(self) -> Rate | None:
        """The declared limit of its calls: the lowest of those of the operation, the account and the host."""
        operation = self.target.operation
        limits = self.executor.policy.rates.get(operation.provider or "")
        if limits is None:
            return None
        least = limits.lowest(operation.name)
        return None if least is None else Rate(least.count / limits.share, least.per)

    @property
    def in_force(self) -> float | None:
        """How many of its calls this process sends in a second at most, at present; None where nothing limits them."""
        found = self._levels()
        declared = self.rate
        if not found:
            return None if declared is None else declared.per_second
        return min(level.per_second for level in found)

    @property
    def adapted(self) -> float:
        """Which part of the declared limit is sent at most at present: 1, or less where it has adapted."""
        declared = [level.declared for level in self._levels() if level.declared is not None]
        return min((self.in_force or 0.0) / min(declared), 1.0) if declared else 1.0

    def _levels(self) -> list[RateLevel]:
        """Return the limits that calls have met."""
        admission = self.target.admission
        if admission is None:
            return []
        others = {None, self.target.operation.name}
        return [level for level in admission.levels().rates if level.operation in others]

    def ledger_key_of(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the key of a call's resource in the ledger; None if nothing names it."""
        operation = self.target.operation
        resource = self.key_of(arguments)
        if resource is None:
            return None
        return entry_key(operation.provider, self.target.setting.account, operation.name, resource)

    def key_of(self, arguments: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Return the fields that name the resource of a call; None if they are not known."""
        for names in self.target.operation.ledger_keys:
            found = {name: self.target.signature.text(name, (), arguments) for name in names}
            resource = {name: value for name, value in found.items() if value is not None}
            if len(resource) == len(names):
                return resource
        return None


def imported(name: str) -> Callable[..., Any]:
    """
    Return a function by its import name, ``MODULE:FUNCTION``, with the working directory on the path.

    Raises:
        FunctionError: There is no such function.
    """
    module_name, colon, path = name.partition(":")
    if not colon or not module_name or not path or module_name.endswith(".py") or "/" in module_name:
        written = module_name.removesuffix(".py").replace("/", ".").strip(".") or "devices"
        if not colon and "." in written and not module_name.endswith(".py") and "/" not in module_name:
            written, _, path = written.rpartition(".")
        raise FunctionError(f"{name}: expected MODULE:FUNCTION, such as {written}:{path or 'create_group'}")
    here = os.getcwd()  # noqa: PTH109  # sys.path holds texts
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise
        raise FunctionError(
            f"{name}: there is no module {error.name} on Python's path or in {here}; "
            "write the module as `import` would, and run the command in its folder"
        ) from None
    for part in path.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [each for each in dir(found) if not each.startswith("_")], n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise FunctionError(f"{name}: {getattr(found, '__name__', module_name)} has no {part}{hint}")
        found = getattr(found, part)
    if not callable(found):
        raise FunctionError(f"{name}: expected a function, found {type(found).__name__}")
    called: Callable[..., Any] = found
    return called


def under_policy(
    function: Callable[..., Any], policy: PolicyValues, operation: str | None = None, *, run: str | None = None
) -> FleetFunction:
    """
    Put a function under a policy.

    A function that an executor has wrapped keeps its operation, its key, its verifier and what that executor knows of
    account, credentials and errors. All else is the policy's.

    Args:
        function: A wrapped function; or any other one, with its operation.
        policy: The policy.
        operation: The operation of a function that is not wrapped: ``Name`` or ``provider:Name``.
        run: The id of the run in journals, if another process is a part of it too.

    Raises:
        FunctionError: The operation of the function is not known.
        ValueError: As for ``Executor.wrap``.
        TypeError: Likewise.
    """
    target = target_of(function)
    name = getattr(function, "__name__", type(function).__name__)
    observers = (*observers_for(policy, run), AttemptWatch())
    if target is None:
        if hasattr(function, "outcome"):
            raise FunctionError(
                f"{name}: expected a wrapped function itself, found a method of an object, or one with other limits; "
                "write a function of the module that calls it"
            )
        if operation is None:
            raise FunctionError(
                f"{name} is not wrapped, so its operation is not known; say it: --operation CreateGroupId, "
                'or write @executor.wrap("CreateGroupId") above the function'
            )
        kind = Executor if is_coroutine_function(function) else SyncExecutor
        return _wrapped(kind(policy, observers=observers), operation, function, function)
    known = target.operation
    if operation is not None and operation.rpartition(":")[2] != known.name:
        raise FunctionError(f"{name} is wrapped as {known.name}, not as {operation}; leave the operation out")
    setting = target.setting
    executor = (SyncExecutor if target.runtime.blocks else Executor)(
        policy,
        provider=known.provider,
        account=setting.account,
        credentials=setting.sources,
        classify=setting.classify,
        on_rename=setting.on_rename,
        observers=observers,
    )
    names = getattr(target.signature, "names", None)
    found = _wrapped(executor, known.name, target.function, function, key=names, accepted=target.accepted)
    if target.verifier is not None:
        found.wrapped.verify(target.verifier)
    return found


def _wrapped(
    executor: Any, operation: str, function: Callable[..., Any], given: Callable[..., Any], **how: Any
) -> FleetFunction:
    wrapped = executor.wrap(operation, function, **how)
    target = target_of(wrapped)
    if target is None:
        raise AssertionError("a function that has just been wrapped has its target")
    return FleetFunction(executor, wrapped, target, given)


def verifying(function: FleetFunction) -> FleetFunction | None:
    """
    Return a function that asks the service whether a resource is there, under the same policy; None without a verifier.

    It is an operation of its own, which changes nothing. The limits of its provider's account and host hold for it,
    and that of the operation that the policy names in ``read_back``.
    """
    target, executor = function.target, function.executor
    if target.verifier is None:
        return None
    inner = target_of(target.verifier)
    operation, policy = target.operation, executor.policy
    name, provider = operation.read_back or f"verify {operation.name}", operation.provider or ""
    if inner is not None:
        name, provider = inner.operation.name, inner.operation.provider or ""
    elif operation.read_back is None:
        declared = {**policy.operations.get(provider, {}), name: Declaration(repeat="safe", key=())}
        policy = evolve(policy, operations={**policy.operations, provider: declared})
    setting = target.setting
    asking = type(executor)(
        policy,
        provider=provider,
        account=setting.account,
        credentials=setting.sources,
        classify=setting.classify,
    )
    asks = target.verifier if inner is None else inner.function
    return _wrapped(asking, f"{provider}:{name}", asks, target.verifier)


def shared_by(policy: PolicyValues, processes: int, part: int | None = None) -> PolicyValues:
    """
    Return the policy for one of several processes, each of which has a part of the limits.

    Args:
        policy: The policy of them all.
        processes: How many there are.
        part: Which of them it is, from 0, so that the parts make up the whole; None for equal parts, rounded down.
    """
    rates = {}
    for provider, each in policy.rates.items():
        # Processes with one store keep the whole limits together, also with those that are not of this fleet.
        is_whole = policy.state is not None and each.share > 1
        divided = evolve(each, share=each.share * processes)
        rates[provider] = divided if part is None or is_whole else each.parted(part, processes)
    return evolve(policy, rates=rates)


def import_name(function: Callable[..., Any]) -> str:
    """
    Return the import name of a function, for another process.

    Raises:
        FunctionError: Another process could not import it.
    """
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    name = f"{module}:{path}"
    found: Any = sys.modules.get(module or "")
    for part in path.split("."):
        found = getattr(found, part, None)
    if module in {None, "__main__"} or found is not function:
        raise FunctionError(
            f"{path or function!r}: other processes must be able to import the function; put it into a module, and "
            'name it: "devices:create_group"'
        )
    return name
