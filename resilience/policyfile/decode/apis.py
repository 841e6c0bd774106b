"""Reads ``[sources]``: the REST APIs that a policy describes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations
from operator import itemgetter
from typing import Any

from attrs import define, evolve, field, frozen

from resilience.catalog import catalogue, providers
from resilience.core.operations.apis import METHODS, RequestTemplate, RestApi, is_placeholder
from resilience.core.operations.declared import Declaration
from resilience.policyfile.decode.declared import Declarations
from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.decode.operations import catalogued
from resilience.policyfile.decode.settings import table_of
from resilience.policyfile.format import http_places
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.rule_keys import is_provider, operation_fault
from resilience.policyfile.format.tables import SOURCE, TEMPLATE
from resilience.policyfile.format.unfit import UnfitError
from resilience.policyfile.format.values import read
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, quoted
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries

_OPERATIONS = "operations"

_Shape = tuple[bool, ...]


@frozen
class DescribedApis:
    """
    The effective ``[sources]`` of some layers.

    Attributes:
        sources: The APIs.
        operations: The operations by provider and name, from ``[operations]`` and from the methods of requests.
        found: The merged entries of each API.
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
    Return the effective ``[sources]`` of some layers, and their operations.

    Args:
        stack: The layers.
        declared: The declarations of ``[operations]``, which beat the methods of requests.
        report: Collects the problems.
        onto: The APIs of earlier layers; left unchanged. The result shares the APIs that these layers do not name.
        changed: The providers whose declarations differ from those of ``onto``.
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
    """Yield pairs of equally narrow templates that fit one request; the later template is the second."""
    alike: dict[tuple[str, int, int], dict[_Shape, dict[tuple[str, ...], tuple[int, RequestTemplate]]]] = {}
    for number, template in enumerate(templates):
        shape = tuple(map(is_placeholder, template.segments))
        words = tuple(each for each in template.segments if not is_placeholder(each))
        group = alike.setdefault((template.method, len(shape), len(words)), {}).setdefault(shape, {})
        # Two templates of one shape meet only if their words are the same. A dictionary finds these without pairs.
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
    """Yield each template that meets an earlier one of the other shape, after the first such template."""
    # A placeholder fits any word. So two templates meet if their words are equal where both have a word.
    fixed = [number for number, pair in enumerate(zip(one, two, strict=True)) if not any(pair)]
    members = [(number, shape, template) for shape in (one, two) for number, template in shapes[shape].values()]
    first: dict[tuple[_Shape, tuple[str, ...]], RequestTemplate] = {}
    for _, shape, template in sorted(members, key=itemgetter(0)):
        words = tuple(template.segments[number] for number in fixed)
        other = first.get((two if shape == one else one, words))
        if other is not None:
            yield other, template
        first.setdefault((shape, words), template)


@cache
def catalogued_requests(provider: str) -> Mapping[str, RequestTemplate]:
    """Return the requests of a provider's operations that its catalogue describes, by operation."""
    if provider not in providers():
        return {}
    known = catalogue(provider).operations
    found = {name: http_places.template(facts.request) for name, facts in known.items() if facts.request}
    return {name: RequestTemplate(name, *parts) for name, parts in found.items() if parts is not None}


@define
class _Api:
    """The merged entries of one API."""

    entries: Entries = field(factory=dict)
    templates: dict[str, tuple[RequestTemplate, Layer]] = field(factory=dict)
    # Operations with a wrong template. A rule that names one is not reported too.
    unread: set[str] = field(factory=set)

    def copied(self) -> _Api:
        """Return a copy that the next layers can change."""
        return _Api(dict(self.entries), dict(self.templates), set(self.unread))


def _by_method(provider: str, api: _Api) -> dict[str, Declaration]:
    """Return a declaration for each request of an API, with the ``repeat`` that follows from its method."""
    found = {name: METHODS.get(template.method, "duplicate") for name, (template, _) in api.templates.items()}
    found |= dict.fromkeys(api.unread, "duplicate")
    known = catalogued(provider)
    # The catalogue describes the operation itself, so it beats the method.
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
        # Put at the end again: the order of the templates is the order of their last entries.
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
        """Return one API, and report each template that an earlier one makes ambiguous."""
        own = {name: template for name, (template, _) in api.templates.items()}
        known = catalogued_requests(provider)
        templates = {name: known[name] for name in known if name not in own and name not in api.unread} | own
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
