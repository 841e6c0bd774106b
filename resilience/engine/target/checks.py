"""Find the mistakes in a wrapped function before or at its first call."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Coroutine
from types import NoneType, UnionType
from typing import Any

from resilience.clients import retries_itself
from resilience.core.operations import advice
from resilience.core.operations.subject import Subject
from resilience.core.plan import Plan
from resilience.core.policy import Rule
from resilience.engine.target.arguments import ArgumentFields
from resilience.engine.target.operations import Operation, is_about


def check_client(function: Callable[..., Any], operation: Operation) -> None:
    """
    Refuse a method of an SDK's client that retries by itself, since it would hide and multiply attempts.

    Raises:
        ValueError: The client retries by itself; the message says what to switch off.
    """
    why = retries_itself(getattr(function, "__self__", None))
    if why is not None:
        raise ValueError(f"{operation.name}: {why}")


def check_ledger(
    function: Callable[..., Any], operation: Operation, signature: ArgumentFields, subject: Subject
) -> None:
    """
    Refuse a function if the ledger could not remember its calls.

    Raises:
        ValueError: No key of the operation's resource is known.
        TypeError: The function has no parameter for the key.
    """
    if not operation.is_for_ledger:
        return
    if not operation.ledger_keys:
        raise ValueError(f"{name_of(function)}: {advice.unremembered(subject)}")
    missing = ""
    for names in operation.ledger_keys:
        missing = next((name for name in names if not _can_hold(signature, name)), "")
        if not missing:
            return
    raise TypeError(
        f"{name_of(function)}: the ledger remembers {operation.name} by {missing}, but no parameter holds it; "
        f'name the parameter {missing!r}, or say which it is: wrap("{operation.name}", key={{"{missing}": "..."}})'
    )


def check_renames(
    function: Callable[..., Any], operation: Operation, signature: ArgumentFields, subject: Subject, plan: Plan
) -> None:
    """
    Refuse a function that cannot do a rename of the policy.

    Raises:
        TypeError: The function has no parameter for the name.
    """
    field_name = operation.rename
    if field_name is not None and signature.can_hold(field_name):
        return
    for rule, action in plan.reachable():
        if field_name is None:
            if action.do == "rename" and rule is not None and is_about(operation, rule):
                why = advice.nothing_to_rename(subject)
                raise TypeError(f"{name_of(function)}: the policy can rename ({_where(rule)}): {why}")
            continue
        if action.do == "rename":
            raise TypeError(
                f"{name_of(function)}: the policy can rename {field_name} of {operation.name} "
                f"({_where(rule)}), but no parameter holds it; name the parameter {field_name!r}, "
                f'or say which it is: wrap("{operation.name}", key={{"{field_name}": "..."}})'
            )


def check_accepts(function: Callable[..., Any], operation: Operation, plan: Plan, *, has_ledger: bool) -> None:
    """
    Refuse a function that may have no value to return for an accepted call, although its annotation excludes None.

    Raises:
        TypeError: The policy or the ledger can accept a call of the function.
    """
    if _may_return_none(function):
        return
    why = _accept_at(operation, plan, has_ledger=has_ledger)
    if why is not None:
        raise TypeError(
            f"{name_of(function)}: {operation.name} can be a success without an answer ({why}), and then "
            "there is no value to return, but the return annotation excludes None; register a verifier "
            f'(.verify, executor.verify("{operation.name}"), or executor.verify_with(client) for all '
            "creates of an SDK's client), say what it is "
            "with wrap(..., accepted=lambda *args: ...), "
            'or annotate the return as "... | None"'
        )


def check_discards(function: Callable[..., Any], operation: Operation, *, has_verifier: bool) -> None:
    """
    Refuse a function whose policy asks for a discard that no verifier can make.

    Raises:
        ValueError: The operation has ``on_lost = "discard"``, and no verifier.
    """
    if operation.discards and not has_verifier:
        raise ValueError(
            f'{name_of(function)}: on_lost = "discard" of {operation.name} needs a verifier that finds what an attempt '
            "made, makes it harmless and returns resilience.Discarded, and there is none; register one, or write "
            'on_lost = "stop"'
        )


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function in messages."""
    return getattr(function, "__qualname__", None) or repr(function)


def _accept_at(operation: Operation, plan: Plan, *, has_ledger: bool) -> str | None:
    """Return the rule, or the ledger, that can make a call a success without an answer; None if nothing can."""
    for rule, action in plan.reachable():
        if action.do == "accept" and not action.dry_run:
            return f"the policy accepts: {_where(rule)}"
    if has_ledger and operation.is_for_ledger and operation.ledger_keys:
        return "the ledger may know that an earlier run has done it"
    return None


def _can_hold(signature: ArgumentFields, name: str) -> bool:
    return signature.can_hold(name) or signature.can_hold(name.partition(".")[0])


def _may_return_none(function: Callable[..., Any]) -> bool:
    try:
        annotation = typing.get_type_hints(function).get("return", Any)
    except Exception:  # noqa: BLE001  # annotations of users may raise anything when evaluated
        return True
    if typing.get_origin(annotation) in {Awaitable, Coroutine}:
        annotation = typing.get_args(annotation)[-1]
    if annotation in {Any, object, None, NoneType} or isinstance(annotation, typing.TypeVar):
        return True
    return typing.get_origin(annotation) in {typing.Union, UnionType} and NoneType in typing.get_args(annotation)


def _where(rule: Rule | None) -> str:
    if rule is None:
        return "unknown"
    return f"rule {rule.id} at {rule.origin}" if rule.origin else f"rule {rule.id}"
