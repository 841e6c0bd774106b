"""The wording of messages: suggestions, lists and quotations that never show a secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Final

from resilience.policyfile.messages.lookalikes import lookalike, plain
from resilience.policyfile.messages.secrecy import described, is_word

_SHOWN_AT_MOST: Final = 40
_LISTED_AT_MOST: Final = 40
_DIGITS_AT_MOST: Final = 10
_LONGEST_LINE: Final = 4000

# Access key ids and STS ids of the two services and of AWS, tokens of Slack, and hashes.
_KNOWN_SECRET = re.compile(
    r"(?:LTAI|AKID|STS\.)[A-Za-z0-9]{8,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|xox[a-z]-[A-Za-z0-9-]{10,}|[0-9a-fA-F]{32,}"
)
# The credentials after these words in an HTTP header: a text with a digit in it.
_AUTHORIZATION = re.compile(r"\b((?:Bearer|Basic) +)(?=[^\s\"']*[0-9])[^\s\"']{8,}", re.IGNORECASE)
# Secret keys of AWS have 40 letters, digits, slashes and plus signs.
_WORD_WITH_SLASHES = re.compile(r"(?<![A-Za-z0-9+/=._-])[A-Za-z0-9+][A-Za-z0-9+/]{39}(?![A-Za-z0-9+/._-])")
# Secret keys of the two services have 30 and 32 letters and digits; their tokens are longer.
_LONG_WORD = re.compile(r"[A-Za-z0-9+=]{24,}")
_NAMES: Final = (
    r"secret|passw(?:or)?d|passphrase|token|credential(?!s\b)|(?:api|access|private|secret|signing|encryption|master|ssh)[_-]?key"
    r"|key[_-]?id"
)
# User and password of a URL: a text with a colon before an @ and a host.
_USERINFO = re.compile(r"(?<![^\s\"'\[(/,=])[^\s\"'/@\[\](),=]*:[^\s\"'/@\[\](),]+@(?=[A-Za-z0-9\[])")
# Tokens of three parts, and keys between their lines.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_.-]+")
_KEY_LINES = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
# Codes and operations contain such words too, with capitals. This matches only names of credentials.
_CREDENTIAL_NAME = re.compile(
    r"[a-z].*|(?:Temp(?:orary)?)?(?:(?:Access)?Key(?:Id|Secret)?|Secret(?:Id|Key)?|(?:Security|Session)?Token|Password)"
)
# A key that ends in such a word holds a secret of any length. With the word elsewhere it may be a rule's code.
_SECRET_ASSIGNED = re.compile(rf"(?:{_NAMES})(?:[\"']?\s*=\s*[^\s{{]|\w*[\"']?\s*=\s*[\"'][^\"']{{8}})", re.IGNORECASE)

# "password=hunter2" inside a text or a comment: a URL's query, a command line, a note to oneself.
_SECRET_IN_TEXT = re.compile(
    r"((?<![A-Za-z])(?:password|passwd|secret|access_?key_?secret|api_?key|token)[=:])(?![\s*{\"']|\w+/)[^\s\"',;&#*]{4,}",
    re.IGNORECASE,
)

_SECRET_IN_COMMENT = re.compile(rf"#.*(?:{_NAMES})\s*(?:[=:]|is)\s*[^\s=:]{{4}}", re.IGNORECASE)

_PATTERNS: Final = (
    (_KEY_LINES, "***"),
    (_JWT, "***"),
    (_USERINFO, "***@"),
    (_SECRET_IN_TEXT, r"\1***"),
    (_AUTHORIZATION, r"\1***"),
    (_KNOWN_SECRET, "***"),
)


def without_secrets(text: str) -> str:
    """Replace texts that look like a key, a token or a hash by ``***``."""
    for pattern, shown_as in _PATTERNS:
        text = pattern.sub(shown_as, text)
    for words in (_WORD_WITH_SLASHES, _LONG_WORD):
        text = words.sub(_hidden, text)
    return text


def _hidden(match: re.Match[str]) -> str:
    # Codes are long too, but have no digits or no mixed case.
    word = match.group()
    return "***" if re.search("[0-9]", word) and word.upper() != word != word.lower() else word


def is_secret(text: str) -> bool:
    """Tell whether a text contains something like a key, a token or a hash."""
    return without_secrets(text) != text


def is_secret_name(key: str) -> bool:
    """Tell whether a key's name implies a secret value."""
    return _SECRET_NAME.search(key) is not None


def is_credential_name(key: str) -> bool:
    """Tell whether a key is a credential's name, such as ``access_key_secret``, and no code or operation."""
    return is_secret_name(key) and _CREDENTIAL_NAME.fullmatch(key) is not None


def has_secret(line: str) -> bool:
    """Tell whether a line has to be hidden, because it may hold a secret."""
    # A longer line than this is not searched.
    return len(line) > _LONGEST_LINE or any(
        (is_secret(line), _SECRET_ASSIGNED.search(line) is not None, _SECRET_IN_COMMENT.search(line) is not None)
    )


# Each word is looked at once, and not again from each of its letters.
_OPEN_VALUE = re.compile(r"(?<![\w-])([\w-]++)[\"']?[ \t]*[=:][ \t]*(\"\"\"|'''|\[|\{)[^\n]*\n")
_ENDS: Final = {'"""': '"""', "'''": "'''", "[": "]", "{": "}"}


def secret_values(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each value over several lines whose key has a secret's name."""
    for match in _OPEN_VALUE.finditer(text):
        if is_credential_name(match[1]):
            end = text.find(_ENDS[match[2]], match.end(2))
            yield match.start(), len(text) if end < 0 else end


def printable(text: str) -> str:
    """Replace characters that move a terminal's cursor or reverse its text; tabs stay."""
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def quoted(text: str, *, is_understood: bool = False) -> str:
    """
    Return a text in double quotes, short and printable on one line; a description of a text that may be a secret.

    Args:
        text: The text of the file.
        is_understood: Whether it is a valid value of a policy, of which only probable secrets are hidden.
    """
    if is_secret(text):
        return "a text that looks like a secret and is not shown"
    if not is_understood and not is_word(text):
        return described(text)
    short = text if len(text) <= _SHOWN_AT_MOST else text[: _SHOWN_AT_MOST - 3] + "..."
    return '"' + printable(short.replace("\n", " ").replace("\t", " ")) + '"'


def shown(value: object) -> str:
    """Return the form of a file's value in a message."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            # Python does not print integers of thousands of digits, and a secret may consist of digits.
            if value.bit_length() > 4 * _SHOWN_AT_MOST:
                return "a huge number"
            return str(value) if abs(value) < 10**_DIGITS_AT_MOST else f"a number of {len(str(abs(value)))} digits"
        case float():
            return repr(value)
        case dict():
            return "a table"
        case list():
            return "an array"
        case _:
            return "a date or time"


def suggestion(found: str, known: Collection[str]) -> str:
    """Return ``; did you mean "..."?`` for a similar known name; an empty text if there is none."""
    from resilience.policyfile.messages.spelling import nearest_in_any_case  # noqa: PLC0415 - only a mistake needs difflib

    meant = plain(found)
    near = nearest_in_any_case(meant, known)
    if meant != found:
        return lookalike(found, near) if is_word(near or meant) else ""
    return "" if near is None or not is_word(near) else f'; did you mean "{near}"?'


def listed(names: Collection[str]) -> str:
    """Return names as a list for a sentence; of very many, the first names and the number of the others."""
    some = ", ".join(name if is_word(name) else "***" for name in islice(names, _LISTED_AT_MOST))
    more = len(names) - _LISTED_AT_MOST
    return f"{some} and {more} more" if more > 0 else some


def dotted(path: Sequence[str | int]) -> str:
    """Return a path in the spelling of TOML: ``rules.alibaba."A.B"``, ``extends[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part.isascii() and part.replace("_", "").replace("-", "").isalnum()
            written = part if bare else quoted(part)
            text += ("." if text else "") + (written if is_word(part) and not is_secret(part) else '"***"')
    return text


def such(text: str) -> str:
    """Return ``: "..."`` for an example of the correct text; an empty text if it may be a secret."""
    example = quoted(text)
    return f": {example}" if example.startswith('"') else ""
