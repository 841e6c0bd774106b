"""Values without quotes and odd keys: their correct spelling in TOML."""

from __future__ import annotations

import re
from typing import Final

from resilience.core.grammar.durations import meant, seconds
from resilience.policyfile.messages.wording import such

_CODE: Final = r"[A-Za-z0-9_*:%.{}-]+"
_ODD_KEY = re.compile(rf"(?:{_CODE}/)?{_CODE}")
_GAPS = re.compile(r"[A-Za-z][\w.-]*(?:[ \t]+[\w.-]+)+")
_SUB_CODES = re.compile(r"(?:\.?(?:%[sd]|\*|\{[^}]*\}))+$")
_LONGEST_KEY: Final = 200  # a longer text is no key that only lacks its quotes
_NOTHING: Final = frozenset({"null", "none", "nil"})
_NO_TEXT = re.compile(
    r"[+-]?(?:(?:0|[1-9](?:_?[0-9])*)(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9]+)?|0[xob][0-9A-Fa-f_]+|inf|nan)"
    r"|[0-9]{4}-[0-9:.TtZz+-]*|[0-9]{2}:[0-9:.]*|true|false"
)
_NUMBER = re.compile(r"([+-]?)([0-9_]*)(?:([.,])([0-9_]*))?(%?)")


def value_advice(word: str) -> str:
    """Return advice for a value without quotes; an empty text for a number, a date and the like."""
    near = written_instead(word)
    if near is None:
        return ""
    if near in {"true", "false"}:
        return f"write {near}, in lower case" if word.lower() == near else f"write {near}"
    if word.lower() in _NOTHING:
        return 'TOML knows no such value: leave the key out, or write "none" where there is no limit'
    if seconds(near.strip('"')) is not None:
        return f"a duration needs quotes: {near}"
    return near and (f"a text needs quotes{such(word)}" if near[0] == '"' else f"write {near}")


def is_nothing(word: str) -> bool:
    """Tell whether a word means that there is no value."""
    return word.lower() in _NOTHING


def written_instead(word: str) -> str | None:
    """Return the TOML of a value without quotes; None for a number, a date and the like."""
    lower = word.lower()
    if lower in {"true", "false"}:
        return None if word == lower else lower
    if lower in {"yes", "on", "no", "off"}:
        return "true" if lower in {"yes", "on"} else "false"
    if _NO_TEXT.fullmatch(word):
        return None
    if number := _number(word):
        return number
    near = word if seconds(word) is not None else meant(word)
    if near is not None:
        return f'"{near}"'
    is_plain = "\\" not in word and '"' not in word and word.isprintable()
    return f'"{word}"' if is_plain else None


def _number(word: str) -> str | None:
    """Return the TOML of a foreign number, such as ``007``, ``.5`` or ``5%``; None for another word."""
    match = _NUMBER.fullmatch(word)
    if match is None or not any(char.isdigit() for char in word):
        return f"0x{word[2:]}" if re.fullmatch(r"0X[0-9A-Fa-f]+", word) else None
    sign, whole, point, part, percent = match.groups()
    whole, part = whole.replace("_", "").lstrip("0") or "0", (part or "").replace("_", "")
    if percent:
        return f"{float(f'{sign}{whole}.{part or 0}') / 100:.12g}"
    return f"{sign}{whole}" + (f".{part or '0'}" if point else "")


def key_instead(key: str) -> tuple[str, str] | None:
    """Return the TOML of a key, and the advice; None if there is no guess."""
    if len(key) > _LONGEST_KEY:
        return None
    if _GAPS.fullmatch(key):
        joined = re.sub(r"[ \t]+", "_", key)
        return joined, f"a key has no gaps{such(joined)}"
    bare = re.sub(r"\.\.+", ".", key.strip("."))
    if bare != key and re.fullmatch(r"[\w.-]+", bare):
        return bare, f"a key has something before and behind each dot{such(bare)}"
    if _ODD_KEY.fullmatch(key) is None:
        if '"' in key or "\\" in key or not key.isprintable():
            return None
        return f'"{key}"', f"a key with such signs needs quotes{such(key)}"
    operation, slash, code = key.rpartition("/")
    code = _SUB_CODES.sub("", code).rstrip(".") or code
    whole = f"{operation}/{code}" if slash and operation != "*" else code
    if "/" not in whole and not set(whole) & set("*:%{."):
        return whole, f"write {whole}" if such(whole) else "write it without these signs"
    return f'"{whole}"', f"a key with {'a slash' if '/' in whole else 'dots or signs'} needs quotes{such(whole)}"
