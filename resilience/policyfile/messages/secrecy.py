"""
Decides which texts of a policy file a message may show.

A program cannot recognize every password. So a message shows a text of a file only if it reads like a word of the
policy language (a name, a code, an operation, a duration, a path). All other texts are described by their length.
Codes and operations of the catalogues are public, however long they are.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from resilience.catalog import catalogue, providers

_LONGEST: Final = 80
_LONGEST_PAIR: Final = 160  # an operation and a code
_SLIPS: Final = 2
_LIKE: Final = 0.95
_LONGEST_WORD: Final = 40
_MOST_WORDS: Final = 12
_MOST_DIGITS: Final = 5
_MOST_CAPITALS: Final = 16
_FEW_LETTERS: Final = 2.4
_SIGNS = re.compile(r"(?:[\w\s/:.,*?{}()\[\]+'\"~-]|%[sd](?![\w%])|\$(?=[{A-Z_])|\\(?=[\w\\]))*")
_PARTS = re.compile(r"[^\W_]+")
_UNITS: Final = r"(?:ms|millis?|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
_DURATION = re.compile(rf"[+-]?(?:[0-9]{{1,{_MOST_DIGITS}}}(?:[.,][0-9]{{1,3}})?\s*{_UNITS}?\s*)+", re.IGNORECASE)
_NUMBERED: Final = (
    "a|b|c|x|y|v|n|k|rp|http|https|mqtt|v|backoff|action|rule|code|env|retry|refresh|rename|verify|accept|fail|patient|"
    "slow|fast|quick|long|short|later|wait|throttled|limit|prod|dev|test|staging|stage|region|zone|group|instance|topic"
)
_WITH_DIGITS = re.compile(
    rf"(?:{_NUMBERED})[0-9]{{1,4}}|[0-9]{{1,4}}(?:xx?|x+|{_UNITS})|utf8|sha256|md5|base64", re.IGNORECASE
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_VOWELS = re.compile(r"[aeiouy]|[^\x00-\x7f]", re.IGNORECASE)
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{7}", re.IGNORECASE)
_PIECE = re.compile(r"\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^']*'|#.*|[\"'].*|[^\s\"'=\[\]{},#]+")
_COMMENT_WORD = re.compile(r"[^\s#]+")
_BETWEEN = re.compile(r"[\s/:.,@?&=\"']+")
_FEWEST: Final = 4
_ENDS: Final = ".,;:()\"'!?`"


@lru_cache(maxsize=4096)
def is_word(text: str) -> bool:
    """Tell whether a message may show a text: it reads like words of the policy language, or is a service's name."""
    if _reads_like_words(text):
        return True
    return len(text) <= _LONGEST_PAIR and all(
        _reads_like_words(each) or _is_of_a_service(each) for each in text.split("/", 1)
    )


def _is_of_a_service(text: str) -> bool:
    """Tell whether a text is a code or an operation of a catalogue, or one with a slip or two."""
    if text in _names_of_services():
        return True
    from difflib import SequenceMatcher  # noqa: PLC0415  # only a mistake needs it

    like = (each for each in _names_of_services() if len(each) > _LONGEST_WORD and abs(len(each) - len(text)) <= _SLIPS)
    return any(SequenceMatcher(None, each, text, autojunk=False).ratio() >= _LIKE for each in like)


@cache
def _names_of_services() -> frozenset[str]:
    """Return the codes and operations of all catalogues, which are read for a text that does not read like words."""
    known = [catalogue(provider) for provider in providers()]
    return frozenset(name for each in known for name in (*each.codes, *each.operations))


def _reads_like_words(text: str) -> bool:
    if len(text) > _LONGEST or _SIGNS.fullmatch(text) is None:
        return False
    if _DURATION.fullmatch(text.strip()) and not re.search(rf"[0-9]{{{_MOST_DIGITS + 1}}}", text):
        return True
    return len(text.split()) <= _MOST_WORDS and all(map(_is_part, _PARTS.findall(text)))


def _is_part(part: str) -> bool:
    """Tell whether one run of letters and digits reads like a part of a word."""
    if part.isdigit():
        return len(part) <= _MOST_DIGITS
    if any(char.isdigit() for char in part):
        return _WITH_DIGITS.fullmatch(part) is not None
    words = _CAMEL.findall(part)
    if len(part) > _LONGEST_WORD or any(map(_CONSONANTS.search, words)):
        return False
    if any(len(word) > _MOST_CAPITALS and word.isupper() for word in words):
        return False
    # A word has a vowel and a capital only at its beginning; random letters do not.
    is_spelled = all(len(word) < 5 or _VOWELS.search(word) for word in words)  # noqa: PLR2004  # "http", "mqtt"
    return is_spelled and (len(words) < 3 or not part.isascii() or len(part) / len(words) >= _FEW_LETTERS)  # noqa: PLR2004  # "QoS"


def described(text: str) -> str:
    """Return the description of a hidden text."""
    return f"a text of {len(text)} character{'' if len(text) == 1 else 's'}"


def hidden_in(line: str) -> tuple[str, ...]:
    """Return the hidden texts of a line, with their hidden parts, the longest first."""
    found: set[str] = set()
    for match in _PIECE.finditer(line):
        piece = match.group()
        texts = _COMMENT_WORD.findall(piece) if piece[0] == "#" else [piece.strip("\"'")]
        for text in texts:
            if not is_word(text):
                found |= {each for each in (text, *_BETWEEN.split(text)) if _is_hidden(each)}
    return tuple(sorted(found, key=len, reverse=True))


def _is_hidden(text: str) -> bool:
    return len(text) >= _FEWEST and any(map(str.isalnum, text)) and not is_word(text)


def masked(line: str) -> str:
    """Return a line with a star for each character of a text that does not read like words."""
    return _PIECE.sub(_masked, line)


def _masked(match: re.Match[str]) -> str:
    piece = match.group()
    if piece[0] == "#":
        return _COMMENT_WORD.sub(lambda word: _starred(word.group(), word.group().strip(_ENDS)), piece)
    if piece[0] in "\"'":
        is_closed = len(piece) > 1 and piece[-1] == piece[0]
        inner = piece[1:-1] if is_closed else piece[1:]
        return piece[0] + _starred(inner, inner) + (piece[0] if is_closed else "")
    return _starred(piece, piece)


def _starred(piece: str, word: str) -> str:
    return piece if is_word(word) else "*" * len(piece)
