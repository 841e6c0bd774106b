"""What people write instead of a key or of TOML, from other formats and other libraries, and what to write here."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from resilience.core.durations import meant, seconds
from resilience.policyfile.lookalikes import lookalike
from resilience.policyfile.wording import dotted, has_secret, quoted

_ACTION: Final = {
    "always": ("if", 'write if = "always"'),
    "dry_run": ("as", 'write as = "dry_run"'),
    **dict.fromkeys(("messages", "text", "contains", "matches"), ("message", 'write message = "..."')),
    **dict.fromkeys(("during", "duration", "timeout", "lasts"), ("for", 'did you mean "for", as in for = "15m"?')),
    **dict.fromkeys(
        ("attempts", "max_attempts", "retries", "max_retries", "times"),
        ("max", 'did you mean "max", the uses of this action in one call?'),
    ),
}
_BACKOFF: Final = {
    **dict.fromkeys(
        ("delay", "wait", "interval", "initial", "initial_delay", "min"),
        ("base", 'did you mean "base", the first wait?'),
    ),
    **dict.fromkeys(("max", "max_delay", "max_wait", "maximum"), ("cap", 'did you mean "cap", the longest wait?')),
    **dict.fromkeys(("multiplier", "exponent", "rate"), ("factor", 'did you mean "factor"?')),
    **dict.fromkeys(("random", "randomize"), ("jitter", 'write jitter = "full"')),
}
_OPERATION: Final = {
    **dict.fromkeys(
        ("keys", "id", "ids", "fields"), ("key", 'did you mean "key", the fields that name what it makes?')
    ),
    **dict.fromkeys(("verify", "verifier", "read"), ("read_back", 'did you mean "read_back", the operation to ask?')),
    **dict.fromkeys(("idempotent", "retry", "on_repeat"), ("repeat", 'did you mean "repeat", what a second one does?')),
    **dict.fromkeys(("required", "answer"), ("requires", 'did you mean "requires", the fields of a good answer?')),
    **dict.fromkeys(("regex", "match", "regexp"), ("pattern", 'did you mean "pattern"?')),
    **dict.fromkeys(("max", "length", "max_len"), ("max_length", 'did you mean "max_length"?')),
}
_OTHER_NAMES: Final = {"actions": _ACTION, "backoff": _BACKOFF, "operations": _OPERATION}


def key_hint(table: str, name: str, key: str, known: Collection[str]) -> str:
    """
    Return what to write instead of an unknown key; nothing where only its spelling can tell.

    Args:
        table: ``actions``, also for the table of a rule, ``backoff`` or ``operations``; any other has no hints.
        name: What stands after it; empty for a rule.
        key: The unknown key.
        known: The keys that may stand there.
    """
    if (table, key) == ("actions", "effect") and name:
        return f'; an effect belongs in the rule, as in {{ do = {quoted(name)}, effect = "none" }}'
    if (table, key) == ("actions", "message") and name:
        return f'; a message belongs in the rule, as in {{ do = {quoted(name)}, message = "retry later" }}'
    instead, how = _OTHER_NAMES.get(table, {}).get(key, ("", ""))
    if instead not in known and key == "delay" and "delays" in known:
        return '; did you mean "delays", as in ["1s", "5s"]?'
    return f"; {how}" if instead in known else ""


_BARE_RULE = re.compile(r"\s*([A-Za-z0-9_*:-]+/[A-Za-z0-9_.*-]+)\s*=")
_BARE_VALUE = re.compile(r"[=\[,]\s*([A-Za-z0-9._-]+)\s*(?=[,\]}#]|$)")
_TWICE = re.compile(
    r"(?:cannot declare|cannot mutate immutable namespace|cannot redefine namespace|duplicate inline table key)"
    r" (?P<name>.*?)(?: twice)?$"
)
_NAME = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEY = re.compile(rf"[ \t]*({_NAME}(?:\.{_NAME})*)[ \t]*=")
_HEADER = re.compile(rf"^[ \t]*\[({_NAME}(?:\.{_NAME})*)\]", re.MULTILINE)
_PART = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def syntax_message(message: str, text: str, offset: int) -> str:
    """
    Return what is wrong with a text that is not TOML, in plain words where the mistake is a known one.

    Args:
        message: What the parser says, without its place.
        text: The text.
        offset: Where the parser stopped, counted from 0.
    """
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : len(text) if end < 0 else end]
    plain = message[:1].lower() + message[1:]
    if twice := _TWICE.match(plain):
        parts = [(single or double) for single, double in _PART.findall(twice["name"])]
        cure = "keep one of them" if plain.startswith("duplicate") else "put both together"
        return f"{dotted(parts)} is defined twice; {cure}" if parts else plain
    if plain == "cannot overwrite a value":
        return _overwritten(text[:start], line)
    if has_secret(line):
        return plain
    char = text[offset : offset + 1]
    if hint := lookalike(char):
        return plain + hint
    if rule := _BARE_RULE.match(line):
        return f"{plain}; a key with a slash needs quotes: {quoted(rule[1])}"
    return plain + next((hint for word in _BARE_VALUE.findall(line) if (hint := _value_hint(word))), "")


def is_double(message: str) -> bool:
    """Tell whether the parser refuses a key or a table because it is there already."""
    plain = message[:1].lower() + message[1:]
    return plain == "cannot overwrite a value" or _TWICE.match(plain) is not None


def _overwritten(before: str, line: str) -> str:
    """Say which key has two values; a line inside a long value does not tell."""
    if header := _HEADER.match(line):
        return f"{header[1]} has a value already, so it cannot be a table as well"
    key = _KEY.match(line)
    if key is None:
        return "a key is defined twice; keep one of them"
    *_, table = ("", *_HEADER.findall(before))
    return f"{f'{table}.' if table else ''}{key[1]} is defined twice; keep one of them"


def _value_hint(word: str) -> str:
    if word.lower() in {"true", "false"}:
        return "" if word.islower() else f"; write {word.lower()}, in lower case"
    near = word if seconds(word) is not None else None if word.replace(".", "").isdigit() else meant(word)
    if near is not None:
        return f'; a duration needs quotes: "{near}"'
    if word.lower() in {"null", "none", "nil"}:
        return '; TOML knows no such value: leave the key out, or write "none" where there is no limit'
    if word.lower() in {"yes", "on", "no", "off"}:
        return f"; write {'true' if word.lower() in {'yes', 'on'} else 'false'}"
    # Numbers, dates, inf and nan need none.
    return f"; a text needs quotes: {quoted(word)}" if word[:1].isalpha() and word not in {"inf", "nan"} else ""
