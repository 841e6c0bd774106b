"""Reads ``[sources]``: REST APIs of which a policy says where their codes stand and how operations are named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations
from operator import itemgetter
from typing import Any

from attrs import define, evolve, field, frozen

from resilience.core.operations.declared import Declaration
from resilience.core.policy import METHODS, RequestTemplate, RestApi, is_placeholder
from resilience.policyfile.decode.layers import Layer, Report, Stack
from resilience.policyfile.decode.operations import catalogued
from resilience.policyfile.decode.settings import Entries, table_of
from resilience.policyfile.format.rule_keys import is_provider, operation_fault
from resilience.policyfile.format.tables import SOURCE, TEMPLATE, Key
from resilience.policyfile.format.values import UnfitError, read
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, quoted

_OPERATIONS = "operations"

Declarations = dict[str, dict[str, Declaration]]
_Shape = tuple[bool, ...]


@frozen
class DescribedApis:
    """
    The effective ``[sources]`` of some layers.

    Attributes:
        sources: The APIs.
        operations: What is known of operations, by provider and name: from ``[operations]``, or by the method of a
            request.
        found: What the layers say of each API.
    """

    sources: Mapping[str, RestApi]
    operations: Declarations
    found: Mapping[str, _Api]


def read_apis(
    stack: Stack,
    declared: Declarations,
    report: Report,
    *,
    onto: DescribedApis | None = None,
    changed: Collection[str] = (),
) -> DescribedApis:
    """
    Return the effective ``[sources]`` of some layers, and what is known of their operations.

    Args:
        stack: The layers.
        declared: What ``[operations]`` says, which counts more than the methods of requests.
        report: Takes what is wrong.
        onto: What earlier layers say; left unchanged. What these layers say nothing of is shared with it.
        changed: The providers of whose operations ``[operations]`` says something else than it did for ``onto``.
    """
    reader = _Reader(report, {} if onto is None else dict(onto.found))
    for layer in stack.layers:
        if isinstance(layer.table.get("sources"), dict):
            reader.layer(layer)
    known = DescribedApis({}, {}, {}) if onto is None else onto
    sources = {
        provider: reader.source(provider, api) if provider in reader.written else known.sources[provider]
        for provider, api in reader.found.items()
    }
    operations = {
        provider: known.operations[provider]
        if provider in known.operations and provider not in reader.written and provider not in changed
        else _operations(provider, reader.found.get(provider), declared)
        for provider in dict.fromkeys((*reader.found, *declared))
    }
    return DescribedApis(sources, operations, reader.found)


def _operations(provider: str, api: _Api | None, declared: Declarations) -> dict[str, Declaration]:
    known = {} if api is None else _by_method(provider, api)
    for name, each in declared.get(provider, {}).items():
        method = known.get(name, each)
        known[name] = evolve(each, repeat=each.repeat or method.repeat)
    return known


def equals(templates: Iterable[RequestTemplate]) -> Iterator[tuple[RequestTemplate, RequestTemplate]]:
    """Yield pairs that some request fits both of, and neither more narrowly than the other; the later one second."""
    alike: dict[tuple[str, int, int], dict[_Shape, dict[tuple[str, ...], tuple[int, RequestTemplate]]]] = {}
    for number, template in enumerate(templates):
        shape = tuple(map(is_placeholder, template.segments))
        words = tuple(each for each in template.segments if not is_placeholder(each))
        group = alike.setdefault((template.method, len(shape), len(words)), {}).setdefault(shape, {})
        # In one shape only the same words are equal: that is nearly all there is, and needs no comparing in pairs.
        if words in group:
            yield group[words][1], template
        else:
            group[words] = number, template
    for shapes in alike.values():
        for one, two in combinations(shapes, 2):
            yield from _meeting(shapes, one, two)


def _meeting(
    shapes: Mapping[_Shape, Mapping[tuple[str, ...], tuple[int, RequestTemplate]]], one: _Shape, two: _Shape
) -> Iterator[tuple[RequestTemplate, RequestTemplate]]:
    """Yield each template of two shapes that meets an earlier one of the other shape, beside the first of those."""
    # Where one of them has a placeholder anything fits, so they meet if they are equal where neither has one.
    fixed = [number for number, pair in enumerate(zip(one, two, strict=True)) if not any(pair)]
    members = [(number, shape, template) for shape in (one, two) for number, template in shapes[shape].values()]
    first: dict[tuple[_Shape, tuple[str, ...]], RequestTemplate] = {}
    for _, shape, template in sorted(members, key=itemgetter(0)):
        words = tuple(template.segments[number] for number in fixed)
        other = first.get((two if shape == one else one, words))
        if other is not None:
            yield other, template
        first.setdefault((shape, words), template)


@define
class _Api:
    """What all layers together say about one API."""

    entries: Entries = field(factory=dict)
    templates: dict[str, tuple[RequestTemplate, Layer]] = field(factory=dict)
    # Of operations whose template is wrong: who names them is not wrong as well.
    unread: set[str] = field(factory=set)

    def copied(self) -> _Api:
        """Return the same to be written over."""
        return _Api(dict(self.entries), dict(self.templates), set(self.unread))


def _by_method(provider: str, api: _Api) -> dict[str, Declaration]:
    """Return what a repeat of each request of an API does, as far as its method tells."""
    found = {name: METHODS.get(template.method, "duplicate") for name, (template, _) in api.templates.items()}
    found |= dict.fromkeys(api.unread, "duplicate")
    known = catalogued(provider)
    # The catalogue has looked at the operation, and not only at its method.
    repeats = {**METHODS, **{name: repeat for name, repeat in found.items() if name not in known}}
    return {name: Declaration(repeat=repeat, is_assumed=True) for name, repeat in repeats.items()}


@define
class _Reader:
    report: Report
    found: dict[str, _Api]
    written: set[str] = field(factory=set)

    def layer(self, layer: Layer) -> None:
        for provider in layer.table["sources"]:
            path = ("sources", provider)
            if not is_provider(provider) or provider == "transport":
                near = f'; did you mean "{provider.lower()}"?' if is_provider(provider.lower()) else ""
                message = f"sources: expected a provider's name in lower case, got {quoted(provider)}"
                self.report.add(
                    layer, path, ids.BAD_NAME, message + (near if provider != "transport" else ""), at="key"
                )
            elif (entries := table_of(self.report, layer, path)) is not None:
                if provider not in self.written:
                    self.written.add(provider)
                    self.found[provider] = self.found[provider].copied() if provider in self.found else _Api()
                self.api(layer, path, entries, self.found[provider])

    def api(self, layer: Layer, path: tuple[str, str], entries: Mapping[str, Any], api: _Api) -> None:
        for key, value in entries.items():
            if key == _OPERATIONS:
                for name, each in (table_of(self.report, layer, (*path, key)) or {}).items():
                    self.operation(layer, (*path, key, name), each, api)
            elif key in SOURCE:
                found = self.value(layer, (*path, key), SOURCE[key], value)
                if found is not None:
                    api.entries[key] = found
            else:
                self.report.unknown_key(layer, (*path, key), (*SOURCE, _OPERATIONS), holder=f"[{dotted(path)}]")

    def operation(self, layer: Layer, path: tuple[str, ...], value: object, api: _Api) -> None:
        name = path[-1]
        fault = operation_fault(name, path[:-1])
        if fault is None and name in METHODS:
            message = f"{dotted(path)}: requests that no template fits are called {name}; choose another name"
            fault = (message, "")
        if fault is not None:
            self.report.add(layer, path, ids.BAD_NAME, fault[0], at="key")
        found = self.value(layer, path, TEMPLATE, value)
        # Put at the end again, so that the order tells which of two was written last.
        api.templates.pop(name, None)
        if fault is None and found is not None:
            api.templates[name] = (RequestTemplate(name, *found), layer)
        elif meant := name if fault is None else fault[1]:
            api.unread.add(meant)

    def value(self, layer: Layer, path: tuple[str, ...], key: Key, value: object) -> Any:
        try:
            return read(key, value)
        except UnfitError as error:
            for each in error.all:
                exact: tuple[str | int, ...] = path if each.index is None else (*path, each.index)
                self.report.add(layer, exact, each.rule, f"{dotted((*layer.prefix, *exact))}: {each}")
            return None

    def source(self, provider: str, api: _Api) -> RestApi:
        """Return one API, and report each template that fits the same requests as one before it."""
        templates = {name: template for name, (template, _) in api.templates.items()}
        earlier = {second.operation: first for first, second in equals(templates.values())}
        for name, first in earlier.items():
            both = "/".join(
                min(pair, key=is_placeholder) for pair in zip(templates[name].segments, first.segments, strict=True)
            )
            message = (
                f"{quoted(name)} and {quoted(first.operation)}, which is {quoted(str(first))}, are equally narrow, and "
                f"{quoted(f'{first.method} /{both}')} fits both; write one of them with more words"
            )
            path = ("sources", provider, _OPERATIONS, name)
            self.report.add(api.templates[name][1], path, ids.EQUAL_RULES, message)
        return RestApi(**api.entries, operations=tuple(templates[name] for name in sorted(templates)))
