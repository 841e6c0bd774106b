"""How messages show what they found: suggestions, quoting, and never a secret."""

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
# What stands behind these words in a header of HTTP, with a digit in it.
_AUTHORIZATION = re.compile(r"\b((?:Bearer|Basic) +)(?=[^\s\"']*[0-9])[^\s\"']{8,}", re.IGNORECASE)
# Secret keys of AWS have 40 letters, digits, slashes and plus signs.
_WORD_WITH_SLASHES = re.compile(r"(?<![A-Za-z0-9+/=._-])[A-Za-z0-9+][A-Za-z0-9+/]{39}(?![A-Za-z0-9+/._-])")
# Their secret keys have 30 and 32 letters and digits, their tokens many times that.
_LONG_WORD = re.compile(r"[A-Za-z0-9+=]{24,}")
_NAMES: Final = (
    r"secret|passw(?:or)?d|passphrase|token|credential(?!s\b)|(?:api|access|private|secret|signing|encryption|master|ssh)[_-]?key"
    r"|key[_-]?id"
)
# What stands before the @ of a URL or a host, with a colon in it, is a user and a password.
_USERINFO = re.compile(r"(?<![^\s\"'\[(/,=])[^\s\"'/@\[\](),=]*:[^\s\"'/@\[\](),]+@(?=[A-Za-z0-9\[])")
# Tokens of three parts, and keys between their lines.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_.-]+")
_KEY_LINES = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
# Codes and operations have such words in them too, in capitals: these are nothing but the name of a credential.
_CREDENTIAL_NAME = re.compile(
    r"[a-z].*|(?:Temp(?:orary)?)?(?:(?:Access)?Key(?:Id|Secret)?|Secret(?:Id|Key)?|(?:Security|Session)?Token|Password)"
)
# A key that ends in such a word holds a secret of any length; one that only has it in it may be a rule's code.
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
    """Replace what looks like a key, a token or a hash by ``***``."""
    for pattern, shown_as in _PATTERNS:
        text = pattern.sub(shown_as, text)
    for words in (_WORD_WITH_SLASHES, _LONG_WORD):
        text = words.sub(_hidden, text)
    return text


def _hidden(match: re.Match[str]) -> str:
    # Names of codes are long too, but hold no digits, or are not of mixed case.
    word = match.group()
    return "***" if re.search("[0-9]", word) and word.upper() != word != word.lower() else word


def is_secret(text: str) -> bool:
    """Tell whether text holds something that looks like a key, a token or a hash."""
    return without_secrets(text) != text


def is_secret_name(key: str) -> bool:
    """Tell whether a key's name says that its value is a secret."""
    return _SECRET_NAME.search(key) is not None


def is_credential_name(key: str) -> bool:
    """Tell the name of a credential, ``access_key_secret`` or ``SecretKey``, from a code or an operation."""
    return is_secret_name(key) and _CREDENTIAL_NAME.fullmatch(key) is not None


def has_secret(line: str) -> bool:
    """Tell whether a line of a file must not be shown: it holds a secret, or gives one to a key of such a name."""
    # What is longer than anyone writes is not looked through.
    return len(line) > _LONGEST_LINE or any(
        (is_secret(line), _SECRET_ASSIGNED.search(line) is not None, _SECRET_IN_COMMENT.search(line) is not None)
    )


_OPEN_VALUE = re.compile(r"[\"']?([\w-]+)[\"']?[ \t]*[=:][ \t]*(\"\"\"|'''|\[|\{)[^\n]*\n")
_ENDS: Final = {'"""': '"""', "'''": "'''", "[": "]", "{": "}"}


def secret_values(text: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where the values of several lines go whose keys are named like secrets."""
    for match in _OPEN_VALUE.finditer(text):
        if is_credential_name(match[1]):
            end = text.find(_ENDS[match[2]], match.end(2))
            yield match.start(), len(text) if end < 0 else end


def printable(text: str) -> str:
    """Replace what would move a terminal's cursor or reverse its text; tabs stay."""
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def quoted(text: str, *, is_understood: bool = False) -> str:
    """
    Return text in double quotes, shortened and printable on one line; described where it may be a secret.

    Args:
        text: What was found.
        is_understood: It is a sound value of a policy, so only what looks like a secret is hidden.
    """
    if is_secret(text):
        return "a text that looks like a secret and is not shown"
    if not is_understood and not is_word(text):
        return described(text)
    short = text if len(text) <= _SHOWN_AT_MOST else text[: _SHOWN_AT_MOST - 3] + "..."
    return '"' + printable(short.replace("\n", " ").replace("\t", " ")) + '"'


def shown(value: object) -> str:
    """Return how a value that was found is named in a message."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            # Python refuses to print integers of thousands of digits, and a secret may have no letters.
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
    """Return ``; did you mean "..."?`` where a known name is near, else nothing."""
    from resilience.policyfile.messages.spelling import nearest_in_any_case  # noqa: PLC0415 - only a mistake needs difflib

    meant = plain(found)
    near = nearest_in_any_case(meant, known)
    if meant != found:
        return lookalike(found, near) if is_word(near or meant) else ""
    return "" if near is None or not is_word(near) else f'; did you mean "{near}"?'


def listed(names: Collection[str]) -> str:
    """Return names as a list for a sentence; of very many, the first ones and how many more there are."""
    some = ", ".join(name if is_word(name) else "***" for name in islice(names, _LISTED_AT_MOST))
    more = len(names) - _LISTED_AT_MOST
    return f"{some} and {more} more" if more > 0 else some


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as it could be written in the file: ``rules.alibaba."A.B"``, ``extends[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part.isascii() and part.replace("_", "").replace("-", "").isalnum()
            said = part if bare else quoted(part)
            text += ("." if text else "") + (said if is_word(part) and not is_secret(part) else '"***"')
    return text


def such(text: str) -> str:
    """Return ``: "..."`` for an example of what to write; nothing where it may be a secret."""
    said = quoted(text)
    return f": {said}" if said.startswith('"') else ""
