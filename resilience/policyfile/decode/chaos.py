"""Reads ``[chaos]``: faults for rehearsals, which production environments refuse."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, evolve, field

from resilience.catalog import catalogue, code_facts, providers
from resilience.core.chaos import met_by
from resilience.core.fault import TRANSPORTS, Fault
from resilience.core.settings.chaos import Chaos, Injection
from resilience.policyfile.decode.globs import narrowed
from resilience.policyfile.decode.layers import EntryPlace, Layer, Stack
from resilience.policyfile.decode.operations import Operations
from resilience.policyfile.decode.settings import table_of
from resilience.policyfile.format.rule_keys import is_provider, is_status, is_transport_code, split
from resilience.policyfile.format.tables import CHAOS, INJECTION
from resilience.policyfile.format.unfit import UnfitError
from resilience.policyfile.format.values import read
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, quoted, shown
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries

_ERROR: Final = "resilience.ServiceError"
"""The class of the exception that an injected fault raises."""

_LIKE_A_WORD: Final = 0.75
"""The least likeness of a misspelled word, as of ``lots`` and ``lost``; codes in capitals are not compared."""

_ROUNDING: Final = 1e-9
"""The tolerance of a sum: ten times 0.1 counts as 1."""


def read_chaos(stack: Stack, operations: Operations, report: Report, *, production: bool) -> Chaos:
    """Return the effective ``[chaos]`` of some layers; a later entry replaces an earlier one of the same name."""
    reader = _Reader(stack, operations, report)
    for layer in stack.layers:
        if isinstance(layer.table.get("chaos"), dict):
            reader.layer(layer)
    injections = tuple(injection for injection, _ in reader.found.values())
    if production:
        reader.refuse()
    reader.check_rates(injections)
    return Chaos(injections=injections, **reader.seed)


@define
class _Reader:
    stack: Stack
    operations: Operations
    report: Report
    seed: Entries = field(factory=dict)
    found: dict[tuple[str, str], tuple[Injection, Layer]] = field(factory=dict)

    def layer(self, layer: Layer) -> None:
        for key, value in layer.table["chaos"].items():
            path = ("chaos", key)
            if key in CHAOS:
                self.value(layer, path, value, self.seed)
            elif not is_provider(key) or key == "transport":
                hint = "; lost and the like stand under the provider too" if key == "transport" else ""
                if not is_provider(key):
                    hint = f"; an entry stands under its provider, such as [chaos.{providers()[0]}] {quoted(key)} = ..."
                expected = f"{', '.join(CHAOS)} or a provider's name in lower case"
                self.report.add(
                    layer, path, ids.BAD_NAME, f"chaos: expected {expected}, got {quoted(key)}{hint}", at="key"
                )
            elif (entries := table_of(self.report, layer, path)) is not None:
                for name, each in entries.items():
                    self.entry(layer, key, name, each)

    def value(self, layer: Layer, path: tuple[str, ...], value: object, into: Entries) -> None:
        row = CHAOS[path[-1]] if len(path) == len(("chaos", "seed")) else INJECTION[path[-1]]
        try:
            into[path[-1]] = read(row, value)
        except UnfitError as error:
            self.report.add(layer, path, error.rule, f"{dotted((*layer.prefix, *path))}: {error}")

    def entry(self, layer: Layer, provider: str, name: str, value: object) -> None:
        path = ("chaos", provider, name)
        before = len(self.report.problems)
        target = self.target(layer, provider, name)
        entries = self.entries(layer, path, value)
        if target is None or entries is None or "rate" not in entries:
            return
        operation, code = target
        if code == "unsent" and entries.get("applied"):
            message = f"{quoted(name)}: a request that was never sent cannot be applied; use lost, or leave applied out"
            self.report.add(layer, (*path, "applied"), ids.NOT_APPLICABLE, message)
        if len(self.report.problems) > before:
            return
        self.found[provider, name] = (
            Injection(
                id=f'{provider}."{name}"',
                provider=provider,
                operation=operation,
                code=code,
                fault=evolve(fault_of(provider, code), message=entries.get("message")),
                locate=EntryPlace(layer, path),
                **entries,
            ),
            layer,
        )

    def target(self, layer: Layer, provider: str, name: str) -> tuple[str | None, str] | None:
        """Return the operation and the code of an entry; None after a report."""
        operation, _, code = name.rpartition("/")
        path = ("chaos", provider, name)
        prefix, colon, _ = operation.rpartition(":")
        if colon and prefix != provider:
            where = f"; write it in [chaos.{prefix}]" if is_provider(prefix) else ""
            message = f"{quoted(name)} names another provider than its table{where}"
            self.report.add(layer, path, ids.BAD_CODE, message, at="key")
            return None
        if is_transport_code(code) and code.endswith("xx"):
            message = f'expected one status, such as "http-503", got {quoted(code)}'
            self.report.add(layer, path, ids.BAD_CODE, message, at="key")
            return None
        near = _meant(provider, code)
        if near is not None:
            message = f'a fault without a code is unsent, lost, garbled or a status; for {quoted(code)} write "{near}"'
            self.report.add(layer, path, ids.BAD_CODE, message, at="key")
            return None
        try:
            only, code = split(name, f"transport.{provider}" if is_transport_code(code) else provider)
        except UnfitError as error:
            self.report.add(layer, path, error.rule, str(error), at="key")
            return None
        unknown = None if only is None else self.operations.unknown(only, provider)
        if unknown is not None:
            self.report.add(layer, path, ids.UNKNOWN_OPERATION, unknown, at="key")
            return None
        return only, code

    def entries(self, layer: Layer, path: tuple[str, ...], value: object) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            message = f"expected a table such as {{ rate = 0.05 }}, got {shown(value)}"
            self.report.add(layer, path, ids.WRONG_TYPE, message)
            return None
        if value and all(isinstance(each, Mapping) and key not in INJECTION for key, each in value.items()):
            name, provider = path[-1].rpartition(":")[2], path[1]
            if name in self.operations.known(provider) or "*" in name:
                for code, each in value.items():
                    message = (
                        f"an entry for one operation is a line of [chaos.{provider}]; write {quoted(f'{name}/{code}')}"
                    )
                    self.report.add(layer, (*path, code), ids.BAD_CODE, message + " = ... there", at="key")
                    self.entries(layer, (*path, code), each)
                return None
            message = f"a code with dots needs quotes; write {quoted(f'{name}.{next(iter(value))}')} = ..."
            self.report.add(layer, path, ids.BAD_CODE, message, at="key")
            return None
        entries: Entries = {}
        for key, each in value.items():
            if key in INJECTION:
                self.value(layer, (*path, key), each, entries)
            else:
                self.report.unknown_key(layer, (*path, key), tuple(INJECTION), holder="an entry of [chaos]")
        if "rate" not in value:
            message = f"expected rate in the table of {quoted(path[-1])}, such as {{ rate = 0.05 }}, and found none"
            self.report.add(layer, path, ids.MISSING, message)
        return entries

    def refuse(self) -> None:
        """Report every entry, because the environment is a production environment."""
        for (provider, name), (_, layer) in self.found.items():
            where = self.stack.origin(("production",))
            message = (
                f"chaos is refused where production = true, as {where} says; "
                f"move it to another environment, such as [env.staging.chaos.{provider}]"
            )
            self.report.add(layer, ("chaos", provider, name), ids.CHAOS_IN_PRODUCTION, message, at="key")

    def check_rates(self, injections: tuple[Injection, ...]) -> None:
        """Report, once, each entry that raises the faults of an operation above all its attempts."""
        reported: set[str] = set()
        for provider in sorted({injection.provider for injection in injections}):
            # Without a catalogue, the entries name the operations.
            own = [each for each in injections if each.provider == provider]
            exact = {each.operation for each in own if each.operation is not None and "*" not in each.operation}
            names = self.operations.known(provider) | exact
            narrow = narrowed([each.operation for each in own], names)
            anywhere = [each for each in own if each.operation is None]
            # All operations that no entry names meet the same entries, so one is enough.
            others = sorted(names - narrow.keys())[:1]
            for operation in sorted((*narrow, *others)):
                entries = [own[number] for number in narrow[operation]] if operation in narrow else anywhere
                met = met_by(entries, provider, operation)
                total = math.fsum(injection.rate for injection in met)
                if total <= 1 + _ROUNDING or met[-1].id in reported:
                    continue
                reported.add(met[-1].id)
                name = met[-1].id.removeprefix(f'{provider}."').removesuffix('"')
                message = f"with this entry {total:g} of the attempts of {operation} would fail; expected at most 1"
                layer = self.found[provider, name][1]
                self.report.add(layer, ("chaos", provider, name, "rate"), ids.OUT_OF_RANGE, message)


def _meant(provider: str, code: str) -> str | None:
    """Return the transport fault or status that a misspelled word means; None if the word may be a code."""
    # Without a catalogue any spelling may be a code.
    if provider not in providers() or is_transport_code(code) or code in catalogue(provider).codes:
        return None
    lower = code.lower()
    if is_transport_code(lower) and not lower.endswith("xx"):
        return lower
    if is_status(code):
        return "http-503" if code.endswith("xx") else f"http-{code}"
    near = difflib.get_close_matches(code, TRANSPORTS, n=1, cutoff=_LIKE_A_WORD) if code.islower() else []
    return near[0] if near else None


def fault_of(provider: str, code: str) -> Fault:
    """Return the fault that a client would read from the service's documented answer."""
    for transport in TRANSPORTS:
        if code == transport:
            return Fault(provider=provider, transport=transport, error=_ERROR)
    if is_transport_code(code):
        return Fault(provider=provider, status=int(code.removeprefix("http-")), error=_ERROR)
    facts = code_facts(provider, code)
    return Fault(provider=provider, code=code, status=None if facts is None else facts.status, error=_ERROR)
