"""Builds backoffs from merged settings, and checks that their values fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define

from resilience.core.backoff import Backoff
from resilience.core.grammar.durations import written
from resilience.policyfile.decode.layers import Stack
from resilience.policyfile.format.rows import Key, keys_of
from resilience.policyfile.format.tables import BACKOFF
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import listed
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries


def build_backoffs(settings: Mapping[str, Entries], stack: Stack, report: Report) -> dict[str, Backoff]:
    """Return the backoffs of the merged settings, and report their problems."""
    return {name: _Builder(name, entries, stack, report).build() for name, entries in settings.items()}


def misplaced(entries: Iterable[str], keys: Mapping[str, Key], kind: str) -> list[str]:
    """Return the keys that this verb or kind of backoff does not have."""
    return [key for key in entries if not keys[key].fits(kind)]


@define
class _Builder:
    name: str
    entries: Entries
    stack: Stack
    report: Report

    def build(self) -> Backoff:
        if self.is_unread("kind"):
            # The reader has reported the kind, and without it no other key can be checked.
            return Backoff(name=self.name)
        kind = self.entries.get("kind", "exponential")
        foreign = misplaced(self.entries, BACKOFF, kind)
        for key in foreign:
            known = listed(keys_of(BACKOFF, kind)[1:])
            message = f'{key} means nothing for a backoff of kind "{kind}", which knows {known}'
            self.complain(key, ids.NOT_APPLICABLE, message, at_key=True)
        values = {key: value for key, value in self.entries.items() if key not in foreign}
        if kind == "list":
            self.check_list()
            # The default cap limits growing waits. It does not cut delays that the policy lists.
            values.setdefault("cap", max(Backoff().cap, max(values.get("delays", ()), default=0.0)))
        backoff = Backoff(name=self.name, **values)
        self.check_numbers(backoff)
        return backoff

    def complain(self, key: str, rule: str, message: str, *, at_key: bool = False) -> None:
        path = ("backoff", self.name, key)
        self.report.add(
            self.stack.setter(path) or self.stack.root, path, rule, message, at="key" if at_key else "value"
        )

    def is_unread(self, key: str) -> bool:
        """Tell whether a file has this key with an unreadable value."""
        return key not in self.entries and self.stack.setter(("backoff", self.name, key)) is not None

    def check_list(self) -> None:
        if "delays" not in self.entries and not self.is_unread("delays"):
            self.complain("kind", ids.MISSING, 'a backoff of kind "list" needs delays, such as ["1s", "5s", "30s"]')
        if self.entries.get("jitter") == "decorrelated":
            message = 'jitter "decorrelated" would not use the delays; use "none", "full" or "equal"'
            self.complain("jitter", ids.NOT_APPLICABLE, message)

    def check_numbers(self, backoff: Backoff) -> None:
        if backoff.factor < 1:
            message = f"factor: expected 1 or more, got {backoff.factor:g}; waits would shrink"
            self.complain("factor", ids.FACTOR_BELOW_ONE, message)
        key, wait = ("delays", max(backoff.delays, default=0.0)) if backoff.kind == "list" else ("base", backoff.base)
        if wait <= backoff.cap or self.is_unread("cap"):
            return
        where, default = ("cap", "") if "cap" in self.entries else (key, " (the default)")
        message = f'cap "{written(backoff.cap)}"{default} is below {key} "{written(wait)}", which it would cut'
        self.complain(where, ids.CAP_BELOW_BASE, message)
