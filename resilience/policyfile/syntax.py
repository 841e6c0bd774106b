"""What is wrong with a text that is not TOML, and what to write instead, in plain words."""

from __future__ import annotations

import re
from typing import Final

from resilience.core.grammar.durations import meant, seconds
from resilience.policyfile.lookalikes import lookalike
from resilience.policyfile.wording import has_secret, quoted

_CODE: Final = r"[A-Za-z0-9_*:%.{}-]+"
_COLON = re.compile(r"\s*-?\s*[\"']?[A-Za-z0-9_./*-]+[\"']?\s*:(?:\s|$)")
_ODD_KEY = re.compile(rf"\s*((?:{_CODE}/)?{_CODE})\s*=")
_WORDS_AS_KEY = re.compile(r"\s*([A-Za-z][\w.-]*(?: +[\w.-]+)+)\s*=")
_SUB_CODES = re.compile(r"(?:\.?(?:%[sd]|\*|\{[^}]*\}))+$")
_OPEN_HEADER = re.compile(r"\s*\[[^\]=,]*$")
_VALUE = re.compile(r"[=\[,]\s*([^\s\"'\[\]{},=#]+)\s*(?=[,\]}#]|$)")
_WORDS_AS_VALUE = re.compile(r"=\s*([A-Za-z0-9][^\"'#\[\]{},=]*?)\s*(?:[,}#]|$)")
_COMMA = re.compile(r"=\s*([0-9]+),([0-9]+)\s*(?:#|$)")
_EMPTY = re.compile(r"[^\"'#]*=\s*(?:#|$)")
_OPEN: Final = (
    "unterminated string",
    "illegal character '\\n'",
    "found invalid character '\\n'",
    'expected "\'"',
    "expected \"'''\"",
)


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
    if plain.startswith(_OPEN):
        return "this text has no end; write a quotation mark behind it"
    if has_secret(line):
        return plain
    if hint := lookalike(text[offset : offset + 1]):
        return plain + hint
    if plain.startswith("unescaped"):
        return plain + "; write the text in '...', or each \\ as \\\\"
    hint = _line_hint(line, text, offset) or _key_hint(line) or _values_hint(line)
    return plain + (hint or ("; write = between a key and its value" if plain.startswith("expected '='") else ""))


def start_of_text(message: str, text: str, offset: int) -> int:
    """Return where a text begins that has no end; where the parser stopped, if something else is wrong."""
    plain = message[:1].lower() + message[1:]
    if not plain.startswith(_OPEN):
        return offset
    mark = '"""' if plain == "unterminated string" else "'''" if "'''" in plain else ""
    if mark and (found := text.rfind(mark, 0, offset)) >= 0:
        return found
    before = text[:offset].rstrip("\n")
    found = max(before.rfind(mark, before.rfind("\n") + 1) for mark in "\"'")
    return found if found >= 0 else offset


def _line_hint(line: str, text: str, offset: int) -> str:
    """Return a hint about a line as a whole; nothing for a line that looks like TOML."""
    bare, char = line.strip(), text[offset : offset + 1]
    if text.lstrip().startswith("{") and not text[:offset].strip():
        return '; this looks like JSON, and a policy is TOML: schema = 1, [limits], deadline = "2m"'
    cases = (
        (bare.startswith(("//", "--", ";", "/*")), "a comment begins with #"),
        (_COLON.match(line), "write = between a key and its value"),
        (_OPEN_HEADER.match(line), f"the name of a table ends with ], as in {bare.partition('#')[0].strip()}]"),
        (char == ";", "leave the semicolon out"),
        ("==" in line, "write one ="),
        (_EMPTY.match(line), "a key needs a value behind its ="),
    )
    if number := _COMMA.search(line):
        return f"; write a point in a number: {number[1]}.{number[2]}"
    return next((f"; {hint}" for is_so, hint in cases if is_so), "")


def _key_hint(line: str) -> str:
    """Return how to write a key that needs quotes; nothing for one that needs none."""
    if (words := _WORDS_AS_KEY.match(line)) is not None:
        return f"; a key with gaps needs quotes: {quoted(words[1])}"
    found = _ODD_KEY.match(line)
    if found is None or not set(found[1]) & set("/*:%{"):
        return ""
    operation, slash, code = found[1].rpartition("/")
    code = _SUB_CODES.sub("", code).rstrip(".") or code
    whole = f"{operation}/{code}" if slash and operation != "*" else code
    if "/" not in whole and not set(whole) & set("*:%{."):
        return f"; write {whole}"
    return f"; a key with {'a slash' if '/' in whole else 'dots or signs'} needs quotes: {quoted(whole)}"


def _values_hint(line: str) -> str:
    """Return how to write the first value that is none; nothing where all of them could be some."""
    words = _VALUE.findall(line)
    if hint := next((hint for word in words if (hint := value_hint(word))), ""):
        return hint
    several = _WORDS_AS_VALUE.search(line)
    if several is None or words:
        return ""
    near = meant(several[1])
    return f'; a duration needs quotes: "{near}"' if near else f"; a text needs quotes: {quoted(several[1])}"


_NOTHING: Final = frozenset({"null", "none", "nil"})
_NO_TEXT = re.compile(r"[+-]?(?:[0-9][0-9_.eE+:TtZz-]*|0[xob][0-9A-Fa-f_]+|inf|nan)|true|false")


def value_hint(word: str) -> str:
    """Return what to write instead of a value without quotes; nothing for a number, a date and the like."""
    near = written_instead(word)
    if near is None:
        return ""
    if near in {"true", "false"}:
        return f"; write {near}, in lower case" if word.lower() == near else f"; write {near}"
    if word.lower() in _NOTHING:
        return '; TOML knows no such value: leave the key out, or write "none" where there is no limit'
    if seconds(near.strip('"')) is not None:
        return f"; a duration needs quotes: {near}"
    return f"; a text needs quotes: {quoted(word)}"


def written_instead(word: str) -> str | None:
    """Return a value without quotes as it is meant, in TOML; None where it is a number, a date and the like."""
    lower = word.lower()
    if lower in {"true", "false"}:
        return None if word == lower else lower
    if lower in {"yes", "on", "no", "off"}:
        return "true" if lower in {"yes", "on"} else "false"
    if _NO_TEXT.fullmatch(word):
        return None
    near = word if seconds(word) is not None else meant(word)
    if near is not None:
        return f'"{near}"'
    is_plain = "\\" not in word and word.isprintable() and (word[0].isalnum() or word[0] in "~/.$*")
    return f'"{word}"' if is_plain else None
