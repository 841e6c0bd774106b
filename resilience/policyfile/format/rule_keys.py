"""The left side of a rule: ``Code``, ``Operation/Code``, and common mistakes with their corrections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.core.fault import TRANSPORTS
from resilience.policyfile.format.unfit import UnfitError
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike, plain
from resilience.policyfile.messages.wording import dotted, quoted, suggestion

# White space and invisible characters: no name has one.
_UNSEEN: Final = r"\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
_CODE = re.compile(rf"[^{_UNSEEN}/*%{{}}\[\]:?\"'\\]+")
_OPERATION = re.compile(
    rf"[^{_UNSEEN}/*%{{}}\[\]:?\"'\\]+|[^{_UNSEEN}/%{{}}\[\]:?\"'\\]*\*[^{_UNSEEN}/%{{}}\[\]:?\"'\\]*"
)
_TEMPLATE = re.compile(r"(?:\.?(?:%[sd]|\*|\{[^}]*\}))+$")

_STATUSES: Final = frozenset((*map(str, range(100, 600)), *(f"{digit}xx" for digit in range(1, 6))))
_NO_FAILURES: Final = frozenset(f"http-{status}" for status in _STATUSES if status[0] in "12")
_TRANSPORT_CODES: Final = frozenset((*TRANSPORTS, *(f"http-{status}" for status in _STATUSES))) - _NO_FAILURES

TRANSPORT_CODES: Final = (*TRANSPORTS, "http-503", "http-5xx")
"""The codes of ``[rules.transport]``; two examples stand for all HTTP statuses."""


def is_provider(name: str) -> bool:
    """Tell whether a name can be a provider's: lower case, with a letter at the beginning."""
    return name.isascii() and name.islower() and name[:1].isalpha() and name.replace("-", "").replace("_", "").isalnum()


def is_provider_table(key: str) -> bool:
    """Tell whether a key of ``[rules.transport]`` is a provider's table, and no rule."""
    return is_provider(key) and not is_transport_code(key) and key not in _NO_FAILURES


def is_transport_code(code: str) -> bool:
    """Tell whether a code is one of ``[rules.transport]``: for faults that have no code of the service."""
    return code in _TRANSPORT_CODES


def is_status(code: str) -> bool:
    """Tell whether a code is a bare HTTP status, such as ``503`` or ``5xx``."""
    return code in _STATUSES


def operation_fault(name: str, table: Sequence[str]) -> tuple[str, str] | None:
    """
    Check the name of an operation that a table declares.

    Args:
        name: The name as the file has it.
        table: The path of the table, ``("operations", PROVIDER)`` or ``("sources", PROVIDER, "operations")``.

    Returns:
        The message and the probable name, which is empty if there is no guess; None for a valid name.
    """
    if _CODE.fullmatch(name) and not lookalike(name):
        return None
    if hint := lookalike(name):
        return f"{dotted(table)}: no operation is spelled {quoted(name)}{hint}", plain(name)
    prefix, _, rest = name.strip().rpartition(":")
    meant = rest.strip()
    provider = table[1]
    expected = f"{dotted(table)}: expected the name of one operation"
    if not meant:
        return f'{expected}, such as "CreateGroupId", got nothing', ""
    if "*" in meant:
        return f"{expected}, got the glob {quoted(name)}; write a line for each operation", ""
    if not _CODE.fullmatch(meant):
        return f"{expected}, got {quoted(name)}", ""
    if prefix != provider and is_provider(prefix):
        return (
            f"{expected}, got {quoted(name)}; write {quoted(meant)} in [{dotted((table[0], prefix, *table[2:]))}]",
            "",
        )
    return f"{expected}, got {quoted(name)}; write {quoted(meant)}", meant


def _is_known(name: str, scope: str, *, operation: bool) -> bool:
    """Tell whether the provider's catalogue lists this operation, or this code."""
    if scope not in providers():
        return False
    return name in (catalogue(scope).operations if operation else catalogue(scope).codes)


def _may_be_rest(scope: str) -> bool:
    """Tell whether a provider's API may be one of plain HTTP: its catalogue has requests, or there is no catalogue."""
    return scope not in providers() or any(facts.request for facts in catalogue(scope).operations.values())


def other_way_round(operation: str, code: str, scope: str) -> str:
    """Return a hint for a code that stands before its operation; an empty text for another mistake."""
    is_turned = _is_known(code, scope, operation=True) and _is_known(operation, scope, operation=False)
    return f'; the operation comes first: write "{code}/{operation}"' if is_turned else ""


def operation_before_a_dot(code: str, scope: str) -> str | None:
    """Return the correct spelling of ``Operation.Code``; None if no operation stands before the dot."""
    name, dot, rest = code.partition(".")
    return f"{name}/{rest}" if dot and rest and _is_known(name, scope, operation=True) else None


def is_plain_code(key: str) -> bool:
    """Tell quickly that a key is a code without an operation, as most are; False means that ``split`` has to tell."""
    if "." in key:
        return key.isascii() and ".." not in key and key[0] != "." != key[-1] and key.replace(".", "_").isidentifier()
    return key.isascii() and key.isidentifier()


def is_glob(operation: str) -> bool:
    """Tell whether a rule's operation with a ``*`` in it is a valid glob, other than ``*`` alone."""
    return operation != "*" and _OPERATION.fullmatch(operation) is not None


def split(key: str, scope: str) -> tuple[str | None, str]:
    """
    Return the operation and the code of a rule; the operation is None if the rule names none.

    Args:
        key: The rule's left side, as the file has it.
        scope: The table that holds the rule: a provider, ``transport`` or ``transport.PROVIDER``.

    Raises:
        UnfitError: No fault can match the rule; the message shows the right spelling.
    """
    if hint := lookalike(key):
        raise UnfitError(ids.BAD_CODE, f"no fault is spelled {quoted(key)}{hint}")
    operation, slash, code = key.rpartition("/")
    if slash:
        operation = _checked_operation(operation, key, scope)
    if scope.startswith("transport"):
        _check_transport(code)
    else:
        _check_code(code, scope)
    return (operation if slash else None), code


def _checked_operation(operation: str, key: str, scope: str) -> str:
    provider, colon, name = operation.rpartition(":")
    if colon:
        own = scope.removeprefix("transport").removeprefix(".")
        if provider != own:
            where = f"[rules.transport.{provider}]" if scope.startswith("transport") else f"[rules.{provider}]"
            raise UnfitError(ids.BAD_CODE, f"{quoted(key)} names another provider than its table; write it in {where}")
        operation = name
    if operation == "*":
        code = key.rpartition("/")[2]
        if not code or _TEMPLATE.fullmatch(code):
            raise UnfitError(ids.BAD_CODE, f"{quoted(key)} is no code: name the codes, or set `unknown`")
        raise UnfitError(ids.BAD_CODE, f"a rule without an operation is for all of them; write {quoted(_meant(code))}")
    if not _OPERATION.fullmatch(operation):
        found = "nothing" if not operation else quoted(operation)
        raise UnfitError(
            ids.BAD_CODE, f'expected "Operation/Code" with an operation\'s name or a glob with *, got {found}'
        )
    return operation


def _meant(code: str) -> str:
    """Return a code without placeholders and globs at its end: ``A`` for ``A.*``."""
    return _TEMPLATE.sub("", code).rstrip(".") or code


def _check_transport(code: str) -> None:
    if is_transport_code(code):
        return
    _check_failure(f"http-{code}" if is_status(code) else code)
    near = suggestion(code, TRANSPORT_CODES)
    if code.lower() != code and is_transport_code(code.lower()):
        near = f'; did you mean "{code.lower()}"?'
    if is_status(code):
        near = f'; did you mean "http-{code}"?'
    owners = [provider for provider in providers() if catalogue(provider).code(code) is not None]
    if owners:
        tables = " or ".join(f"[rules.{owner}]" for owner in owners)
        near = f"; it is a code of {' and '.join(owners)}, and belongs in {tables}"
    elif not near and code[:1].isupper() and _CODE.fullmatch(code):
        near = f"; the codes of a service belong in [rules.PROVIDER], such as [rules.{providers()[0]}]"
    raise UnfitError(
        ids.BAD_CODE,
        f'expected unsent, lost, garbled, or a status such as "http-503" or "http-5xx", got {quoted(code)}{near}',
    )


def _check_failure(code: str) -> None:
    if code in _NO_FAILURES:
        raise UnfitError(
            ids.BAD_CODE,
            f"no fault has the status {quoted(code)}: a failure is http-4xx or http-5xx, and a redirect http-3xx",
        )


def _check_code(code: str, scope: str) -> None:
    _check_failure(code)
    # The codes of a service that has no catalogue may be numbers.
    if is_status(code) and scope in providers():
        _check_failure(f"http-{code}")
        raise UnfitError(
            ids.BAD_CODE, f'{quoted(code)} is a status and no code; write "http-{code}" in [rules.transport.{scope}]'
        )
    if is_transport_code(code):
        raise UnfitError(
            ids.BAD_CODE,
            f"{quoted(code)} is a fault without a code from the service; write it in [rules.transport.{scope}]",
        )
    template = _TEMPLATE.search(code)
    if template:
        plain = code[: template.start()].rstrip(".")
        hint = (
            f"a code covers its dotted sub-codes; write {quoted(plain)}"
            if plain
            else "name the codes, or set `unknown`"
        )
        raise UnfitError(ids.BAD_CODE, f"{quoted(code)} is no code: {hint}")
    if not _CODE.fullmatch(code):
        found = "nothing" if not code else quoted(code)
        hint = f"; did you mean {quoted(code.strip())}?" if code.strip() != code and code.strip() else ""
        before, colon, after = code.rpartition(":")
        if colon and (_is_known(before, scope, operation=True) or is_provider(before)) and _CODE.fullmatch(after):
            hint = f"; did you mean {quoted(after if is_provider(before) else f'{before}/{after}')}?"
        words = "_".join(code.split())
        if not hint and "_" in words and _CODE.fullmatch(words) and _may_be_rest(scope):
            # A REST API may name an error in several words. The adapter joins them with "_".
            hint = f"; the gaps between the words of a code become _, so write {quoted(words)}"
        raise UnfitError(ids.BAD_CODE, f"expected an error code as the service spells it, got {found}{hint}")
    if "" in code.split("."):
        whole = ".".join(part for part in code.split(".") if part)
        raise UnfitError(
            ids.BAD_CODE, f"{quoted(code)} has an empty part" + (f"; did you mean {quoted(whole)}?" if whole else "")
        )
