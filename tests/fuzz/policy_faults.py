"""One known fault at one known place: what a policy is broken with, and where that has to be reported."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from attrs import frozen

_HEADER = re.compile(r"\[\[?([^\]]+)\]\]?")
_ENTRY = re.compile(r"""((?:"[^"]*"|[\w-]+)) = (.*?)(?: *#.*)?""")


@frozen
class Fault:
    """A broken text, and the only problem that it has: its line and column, counted from 1, and its id."""

    text: str
    line: int
    column: int
    rule: str


@frozen
class _Entry:
    number: int
    table: str
    key: str
    value: str


_VALUES: dict[str, tuple[tuple[str, str], ...]] = {
    "deadline": (('"soon"', "RP042"), ("120", "RP024"), ('"0s"', "RP043"), ("true", "RP042"), ("[]", "RP042")),
    "attempt_timeout": (('"1d"', "RP042"), ("2.5", "RP024"), ('"-1s"', "RP042"), ("1979-05-27", "RP042")),
    "max_attempts": (("0", "RP043"), ("2.0", "RP042"), ("true", "RP042"), ('"6"', "RP042"), ("9" * 30, "RP043")),
    "settle": (('"1h1h"', "RP042"), ("0", "RP024"), ("{}", "RP042")),
    "kind": (('"exponentail"', "RP042"), ("1", "RP042")),
    "base": (('"1"', "RP042"), ("1", "RP024"), ('"none"', "RP042")),
    "jitter": (('"Full"', "RP042"), ("false", "RP042")),
    "server_hint": (('"true"', "RP042"), ("1", "RP042")),
    "delays": (('"1s"', "RP042"), ("[]", "RP043")),
    "do": (('"retyr"', "RP040"), ("1", "RP042"), ("[]", "RP042")),
    "backoff": (('"nowhere"', "RP041"), ("1", "RP042"), ("{}", "RP042")),
    "counts": (("0", "RP042"), ('"no"', "RP042")),
    "max": (("0", "RP043"), ("-1", "RP043"), ("1.0", "RP042"), ("true", "RP042")),
    "then": (('"nowhere"', "RP040"), ("1", "RP042")),
    "if": (('"our"', "RP042"), ("true", "RP042")),
    "pattern": (('"{nmae}"', "RP056"), ('"{name}"', "RP056"), ("1", "RP042")),
    "max_length": (("0", "RP043"), ('"40"', "RP042")),
    "refresh_before": (("5", "RP024"), ('"5 m"', "RP042")),
    "max_refreshes": (("-1", "RP043"), ("0.0", "RP042")),
    "cool_down": (("07:32:00", "RP042"), ('"5sec"', "RP042")),
    "code": (('"code"', "RP042"), ('"json:"', "RP042"), ('"header:a b"', "RP042"), ("1", "RP042")),
    "request_id": (('"x-request-id"', "RP042"), ("[]", "RP042")),
    "journal": (('""', "RP043"), ("true", "RP042")),
    "schema": (("2", "RP043"), ('"1"', "RP042"), ("1.0", "RP042"), ("0", "RP043")),
    "unknown": (('"retry"', "RP025"), ('"nowhere"', "RP040"), ("false", "RP042")),
    "production": (("1", "RP042"), ('"yes"', "RP042")),
    "adaptive": (("1", "RP042"), ('"yes"', "RP042")),
    "concurrency": (("0", "RP043"), ('"16"', "RP042")),
    "share": (("0", "RP043"), ("0.5", "RP042")),
    "capacity": (("0", "RP043"), ('"500"', "RP042"), ("nan", "RP043")),
    "failure_rate": (("0", "RP043"), ("50", "RP043"), ('"50%"', "RP042")),
    "open_for": (("20", "RP024"), ('"0s"', "RP043")),
    "probes": (("0", "RP043"), ("true", "RP042")),
    "mode": (('"shadw"', "RP042"), ("false", "RP042")),
    "per": (('"host"', "RP042"), ("1", "RP042")),
}
"""Values that do not fit, by key."""

_RULE_VALUES = (
    ('"nowhere"', "RP040"),
    ("1", "RP042"),
    ("true", "RP042"),
    ("[]", "RP043"),
    ('{ effect = "none" }', "RP044"),
    ("{}", "RP044"),
)
_TEMPLATES = (
    ('"post /zzz"', "RP042"),
    ('"POST zzz"', "RP042"),
    ('"/zzz"', "RP042"),
    ('"POST /zzz?a=1"', "RP042"),
    ("1", "RP042"),
)
_RATES = (
    ('"0/s"', "RP043"),
    ('"-1/s"', "RP043"),
    ('"10 / s"', "RP042"),
    ('"10/d"', "RP042"),
    ("10", "RP024"),
    ("true", "RP042"),
)
_RULE_KEYS = (
    ('"Broken Code"', "RP050"),
    ('"Broken.*"', "RP050"),
    ('"Broken%s"', "RP050"),
    ('"Broken..Code"', "RP050"),
    ('"*/Broken"', "RP050"),
    ('"/Broken"', "RP050"),
    ('"acme:CreateGroupId/Broken"', "RP050"),
    ('"NoSuchOperation/Broken"', "RP051"),
)
_TOP = (
    ("zzz = 1", 1, "RP024"),
    ("api_secret = 1", 1, "RP039"),
    ("production = true", 1, "RP055"),
    ("state = {}", 9, "RP044"),
    ("rules.Acme.A = 1", 7, "RP058"),
    ("limits = 5", 10, "RP042"),
)


def _entries(text: str) -> Iterator[_Entry]:
    table = ""
    for number, line in enumerate(text.split("\n")):
        if header := _HEADER.fullmatch(line):
            table = header.group(1)
        elif (
            (entry := _ENTRY.fullmatch(line))
            and not line.startswith((" ", "#"))
            and (table or entry.group(2)[0] != "{")
            and entry.group(2) != "["  # a value of several lines
        ):
            yield _Entry(number, table, entry.group(1), entry.group(2))


def _with_line(text: str, number: int, line: str) -> str:
    lines = text.split("\n")
    lines[number] = line
    return "\n".join(lines)


def _plain(table: str) -> str:
    """Return a table's name without its environment."""
    return table.split(".", 2)[-1] if table.startswith("env.") and table.count(".") > 1 else table


def _values(table: str, key: str) -> tuple[tuple[str, str], ...]:
    """Return the values that do not fit at a key, each with the id that it earns."""
    if table.startswith("operations."):
        return ()
    if table.startswith("rules."):
        return _RULE_VALUES
    if table.startswith("rate.") and (table.endswith(".operations") or key in {"per_host", "default"}):
        return _RATES
    return _TEMPLATES if table.endswith(".operations") else _VALUES.get(key, ())


def faults(text: str) -> Iterator[Fault]:
    """Yield every fault that this module knows, at every place of a text where it can be made."""
    for entry in _entries(text):
        table = _plain(entry.table)
        value_column = len(entry.key) + len(" = ") + 1
        for value, rule in _values(table, entry.key):
            broken = _with_line(text, entry.number, f"{entry.key} = {value}")
            yield Fault(broken, entry.number + 1, value_column, rule)
        # [rules.transport] has words of its own, and a provider without a catalogue takes any operation.
        if table in {"rules.alibaba", "rules.tencent"}:
            for key, rule in _RULE_KEYS:
                yield Fault(_with_line(text, entry.number, f'{key} = "fail"'), entry.number + 1, 1, rule)
        if table.count(".") or table == "limits":
            yield from _added(text, entry)
    for line, column, rule in _TOP:
        # A table that the text has already cannot be written once more.
        if not re.search(rf"^{line.split(' ')[0].partition('.')[0]}\b", text, re.MULTILINE) and (
            line != "limits = 5" or "[limits]" not in text
        ):
            yield Fault(f"{line}\n{text}", 1, column, rule)


def _added(text: str, entry: _Entry) -> Iterator[Fault]:
    """Add an entry that nothing knows before another one."""
    table = _plain(entry.table)
    if not table.startswith(("rules.", "operations.", "chaos.")) and not table.endswith(".operations"):
        lines = text.split("\n")
        for new, rule in (("zzz = 1", "RP024"), ("access_key = 1", "RP039")):
            yield Fault("\n".join([*lines[: entry.number], new, *lines[entry.number :]]), entry.number + 1, 1, rule)


def sample(text: str, count: int, chance: random.Random) -> list[Fault]:
    """Return some of the faults of a text."""
    found = list(faults(text))
    return found if len(found) <= count else chance.sample(found, count)
