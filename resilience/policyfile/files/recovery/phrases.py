"""Messages about statements that are not TOML, in plain words."""

from __future__ import annotations

import re
from typing import Final

from resilience.policyfile.files.recovery.statements import ParseFailure
from resilience.policyfile.files.recovery.words import is_nothing, value_advice
from resilience.policyfile.messages.lookalikes import lookalike
from resilience.policyfile.messages.wording import has_secret

_OPEN: Final = ("this text has no end", "this text begins with")
_EMPTY = re.compile(r"[^\"'#]*=\s*(?:#|$)")
_DATE = re.compile(r"=\s*[0-9]{2,4}[-:]")
_WORD = re.compile(r"[^\s\"'\[\]{},=#]+")


def message_of(text: str, failure: ParseFailure, advice: str | None = None) -> str:
    """
    Return the message about a statement.

    Args:
        text: The statement.
        failure: The parser's failure.
        advice: The advice of a cure, or None.
    """
    start = text.rfind("\n", 0, failure.position) + 1
    line = text[start:].partition("\n")[0]
    plain = (failure.message[:1].lower() + failure.message[1:]).replace(r"'\x0b'", r"'\r'")
    if advice is not None and advice.startswith(_OPEN):
        return advice
    if has_secret(line):
        return plain
    if advice is None:
        advice = _advice(text, line, failure)
    if hint := lookalike(text[failure.position : failure.position + 1]):
        return plain + hint
    return f"{plain}; {advice}" if advice else plain


def _advice(text: str, line: str, failure: ParseFailure) -> str:
    """Return advice for a statement without a cure; an empty text if there is none."""
    bare, message = line.strip(), failure.message
    if bare.startswith("{") and message == "Invalid statement":
        return 'this looks like JSON, and a policy is TOML: schema = 1, [limits], deadline = "2m"'
    if bare.startswith(("=======", ">>>>>>>", "|||||||")):
        return "a merge left this mark; delete the line"
    if bare.startswith("- "):
        return 'an array is written in brackets: ["a", "b"]'
    if _EMPTY.match(line):
        return "a key needs a value behind its ="
    if message == "Invalid value":
        word = _WORD.match(text, failure.position)
        return value_advice(word.group()) if word and is_nothing(word.group()) else "a text needs quotes"
    if _DATE.search(line):
        return 'a policy has no dates; a duration is a text such as "30s"'
    if bare.startswith("="):
        return "write a key before the ="
    if bare.startswith("["):
        return "the name of a table stands in brackets, as in [limits]"
    return "write = between a key and its value, and # before a comment" if message.startswith("Expected '='") else ""
