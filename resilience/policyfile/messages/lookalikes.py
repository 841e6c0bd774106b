"""Look-alikes: letters that look like others, or are invisible, and the letters to write instead."""

from __future__ import annotations

import unicodedata
from typing import Final

# Cyrillic, Greek, and signs that a word processor puts in the place of others.
_LATIN: Final = {
    **dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u0410"
            "\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405",
            "aeopcyxijsdqwhABEKMHOPCTYXIJS",
            strict=True,
        )
    ),
    **dict(
        zip(
            "\u03bf\u03b1\u03bd\u03c1\u03c4\u03c5\u03b9\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c"
            "\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
            "oavptuiABEZHIKMNOPTYX",
            strict=True,
        )
    ),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2018\u2019\u201a", "'"),
    "\u2044": "/",
    "\u2215": "/",
    "\u2217": "*",
    "\u2024": ".",
}
_SCRIPTS: Final = {"CYRILLIC": "a Cyrillic letter", "GREEK": "a Greek letter", "FULLWIDTH": "a full-width character"}


def _plain(char: str) -> str | None:
    """Return the probable character for a look-alike, empty for an invisible one; None for any other character."""
    if char in _LATIN:
        return _LATIN[char]
    if unicodedata.name(char, "").startswith("FULLWIDTH"):
        return unicodedata.normalize("NFKC", char)
    if unicodedata.category(char) in {"Cf", "Zs", "Cc"} and char not in " \t\n":
        return " " if unicodedata.category(char) == "Zs" else ""
    return None


def plain(text: str) -> str:
    """Return a text with the probable letters in place of look-alikes."""
    if text.isascii():
        return text
    found = {char: _plain(char) for char in set(text)}
    # A name wholly in another script is no mistake.
    if any(char.isalpha() and not char.isascii() and found[char] is None for char in found):
        return text
    return "".join(char if (meant := found[char]) is None else meant for char in text).strip()


def lookalike(text: str, instead: str | None = None) -> str:
    """
    Return ``; the ... is a Cyrillic letter, so write "..."`` for the first look-alike; an empty text without one.

    Args:
        text: The text of the file.
        instead: The text to write; None for the text with the probable letters.
    """
    meant = plain(text)
    if meant == text:
        return ""
    char = next((char for char in text if not char.isascii() and _plain(char) is not None), None)
    if char is None or not meant:
        return ""
    name = unicodedata.name(char, f"U+{ord(char):04X}")
    script = next((kind for word, kind in _SCRIPTS.items() if name.startswith(word)), None)
    if script is not None:
        what = f"the {char} is {script}"
    elif unicodedata.category(char) in {"Cf", "Zs", "Cc"}:
        what = f"there is an invisible {name.lower()} in it"
    else:
        what = f"the {char} is a {name.lower()}"
    if set(meant) & {'"', "'"}:
        return f"; {what}, so write {meant}"
    return f'; {what}, so write "{instead or meant}"'
