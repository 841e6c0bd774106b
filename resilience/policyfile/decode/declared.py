"""Reads ``[operations]``: the operations that a policy declares, and checks that the parts fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from resilience.catalog import OperationFacts, catalogue, operation_facts, providers
from resilience.core.operations.apis import RequestTemplate, RestApi, is_placeholder
from resilience.core.operations.declared import Declaration, DeclaredName, is_secret_field
from resilience.policyfile.decode.layers import Stack
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, listed, quoted, suggestion
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries

Declarations = dict[str, dict[str, Declaration]]


def declarations(operations: Mapping[str, Mapping[str, Entries]]) -> Declarations:
    """Return the merged declaration of each operation."""
    return {
        provider: {name: _declared(entries) for name, entries in each.items()} for provider, each in operations.items()
    }


def _declared(entries: Entries) -> Declaration:
    name = entries.get("name")
    return Declaration(**{**entries, "name": None if name is None else DeclaredName(**name)})


def check_declarations(
    operations: Mapping[str, Mapping[str, Entries]],
    known: Mapping[str, Mapping[str, Declaration]],
    apis: Mapping[str, RestApi],
    stack: Stack,
    report: Report,
) -> None:
    """
    Report declarations that contradict themselves, the catalogue or the APIs.

    Args:
        operations: The merged entries of ``[operations]``, which are checked.
        known: All operations of the policy, with those of its APIs.
        apis: The APIs.
        stack: The layers.
        report: Collects the problems.
    """
    for provider, entries in operations.items():
        catalogued = catalogue(provider).operations if provider in providers() else ()
        listed_ones = frozenset((*known.get(provider, ()), *catalogued))
        api = apis.get(provider)
        templates = {} if api is None else {each.operation: each for each in reversed(api.operations)}
        for name, declared in entries.items():
            if declared.keys() <= {"repeat", "settle", "requires", "on_lost"}:
                continue
            facts = operation_facts(provider, name)
            siblings = known.get(provider, {})
            checked = _Checked(
                provider, name, _declared(declared), facts, None if api is None else templates, siblings, listed_ones
            )
            for key, rule, message in checked.mistakes():
                path = ("operations", provider, name, key)
                layer = stack.setter(path) or stack.setter(path[:-1]) or stack.root
                report.add(layer, path, rule, f"{dotted((*layer.prefix, *path))}: {message}")


@frozen
class _Checked:
    """
    One declaration, with everything that it has to fit.

    Attributes:
        declared: The declaration.
        facts: The operation in the catalogue, or None.
        templates: The requests of the API under ``[sources]``; None without such an API.
        siblings: The declarations of all operations of the provider.
        names: All operations of the provider.
    """

    provider: str
    name: str
    declared: Declaration
    facts: OperationFacts | None
    templates: Mapping[str, RequestTemplate] | None
    siblings: Mapping[str, Declaration]
    names: frozenset[str]

    def mistakes(self) -> Iterator[tuple[str, str, str]]:
        """Yield the key, the id and the message of each problem."""
        key = self._key()
        if self.declared.rename is not None and self.declared.rename not in key:
            fields = f"a field of key ({listed(key)})" if key else "a field of key, which this operation lacks"
            near = (
                suggestion(self.declared.rename, key)
                or f"; write key = [{', '.join(map(quoted, (*key, self.declared.rename)))}]"
            )
            yield "rename", ids.WRONG_TYPE, f"expected {fields}, got {quoted(self.declared.rename)}{near}"
        if self.declared.name is not None and (self.declared.rename or (self.facts and self.facts.rename)) is None:
            yield "name", ids.NOT_APPLICABLE, "name is the rule for the field that a rename changes; say which: rename"
        for name in ("key", "unique"):
            bad = next((each for each in getattr(self.declared, name) or () if is_secret_field(each)), None)
            if bad is not None:
                message = f"{quoted(bad)} sounds like a secret, and a ledger keeps what these fields say; name others"
                yield name, ids.OUT_OF_RANGE, message
        useless = self._bad_unique()
        if useless is not None:
            yield "unique", ids.NOT_APPLICABLE, useless
        if self.declared.read_back is not None:
            found = self._bad_read_back(self.declared.read_back, key)
            if found is not None:
                yield "read_back", *found

    def _key(self) -> tuple[str, ...]:
        if self.declared.key is not None:
            return self.declared.key
        return self.facts.key if self.facts is not None else ()

    def _bad_unique(self) -> str | None:
        if self.facts is None:
            return None
        for each in self.declared.unique or ():
            if each.partition(".")[0] in self.facts.distinct:
                continue
            if not self.facts.distinct:
                return f"its key ({listed(self._key())}) tells one {self.name} from another; leave unique out"
            near = suggestion(each, self.facts.distinct)
            expected = " or ".join(map(quoted, self.facts.distinct))
            return f"a verifier of {self.name} can look for {expected}, got {quoted(each)}{near}"
        return None

    def _bad_read_back(self, asked: str, key: tuple[str, ...]) -> tuple[str, str] | None:
        if asked == self.name:
            return ids.WRONG_TYPE, f"{quoted(asked)} is the operation itself; name one that only looks"
        template = self._template(asked)
        has_list = self.templates is not None or self.provider in providers()
        if template is None and has_list and asked not in self.names:
            holder = "operations.{}" if self.templates is None else "sources.{}.operations"
            near = suggestion(asked, self.names) or f"; say in [{holder.format(self.provider)}] what it is"
            return ids.UNKNOWN_OPERATION, f"unknown operation {quoted(asked)}{near}"
        repeat = self.siblings[asked].repeat if asked in self.siblings else None
        if repeat not in {None, "safe"}:
            message = f'expected an operation that changes nothing, and {asked} is "{repeat}"'
            return ids.WRONG_TYPE, f'{message}; write {asked} = "safe" if it is one'
        if template is None:
            return None
        needed = _placeholders(template)
        own = self._template(self.name)
        given = {*key, *(() if own is None else _placeholders(own))}
        missing = [each for each in needed if each not in given]
        if not missing:
            return None
        near = suggestion(missing[0], given)
        message = f"the path of {asked}, {quoted(str(template))}, needs {quoted(missing[0])}, which is no field of key"
        return ids.WRONG_TYPE, f"{message} ({listed(key)}){near}"

    def _template(self, name: str) -> RequestTemplate | None:
        return (self.templates or {}).get(name)


def _placeholders(template: RequestTemplate) -> tuple[str, ...]:
    return tuple(each[1:-1] for each in template.segments if is_placeholder(each))
