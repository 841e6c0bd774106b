"""Cures for keys, and for the names of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from resilience.policyfile.files.recovery.cure import Cure, Place, replaced
from resilience.policyfile.files.recovery.words import key_instead
from resilience.policyfile.messages.wording import quoted

_KEY = re.compile(
    r"[ \t\n]*([^\s=\"'#\[\]{},][^=\"'#\[\]{},\n]*?)[ \t]*=|[ \t\n]*([^\s=\"'#][^=\"'#\n]*?)[ \t]*=(?!.*[\]}])"
)
_HEADER = re.compile(r"[ \t]*(\[+)[ \t]*([^\n#]*?)[ \t]*(\]*)[ \t]*((?:#|//|;)[^\n]*)?$", re.MULTILINE)
_PART = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^\s.\"'\[\]/:\\>|,;=]+")


def key_cures(place: Place) -> Iterator[Cure]:
    """Yield the correct spelling of an odd key."""
    text, at = place.text, place.at
    start = max(text.rfind(mark, 0, at) for mark in "{,\n[") + 1
    for begin in dict.fromkeys((start, place.line[0])):
        match = _KEY.match(text, begin)
        if match is None:
            continue
        group = 1 if match[1] is not None else 2
        found = key_instead(match[group])
        if found is not None and found[0] != match[group]:
            yield replaced(*match.span(group), found[0], found[1], match.span(group))


def header_cures(place: Place) -> Iterator[Cure]:
    """Yield the correct spellings of a table's header."""
    text = place.text
    match = _HEADER.match(text)
    if match is None or match[1] is None:
        return
    opening, name, closing = match[1], match[2], match[3]
    plain = re.sub(r"[\"']", "", name)
    is_plain = re.fullmatch(r"[\w-]+(?:[ \t]*\.[ \t]*[\w-]+)*", plain) is not None
    such = f", as in [{plain}]" if is_plain and quoted(plain).startswith('"') else ""
    if len(opening) == 1 and not closing:
        yield replaced(match.end(2), match.end(2), "]", f"the name of a table ends with ]{such}")
    if len(opening) > 1 and len(closing) < len(opening):
        extra = match.start(1) + 1
        advice = "write it with one pair of brackets" + such
        yield replaced(match.start(1), match.start(1) + 1, "", advice, (extra, extra + len(name) + 1))
    if len(closing) > len(opening):
        advice = f"leave {'one ]' if len(closing) == len(opening) + 1 else 'the last brackets'} out"
        yield replaced(match.start(3) + len(opening), match.end(3), "", advice)
    parts = _PART.findall(name)
    bare = [part if re.fullmatch(r"[\w-]+", part, re.ASCII) or part[0] in "\"'" else f'"{part}"' for part in parts]
    if bare:
        whole = f"[{'.'.join(bare)}]"
        is_shown = all(quoted(part.strip("\"'")).startswith('"') for part in bare)
        advice = f"write {whole}" if is_shown else "dots separate names, and an odd name needs quotes"
        instead = whole + (f" #{match[4].lstrip('#/;')}" if match[4] else "")
        edge = match.end() if match[4] else match.end(3)
        yield replaced(match.start(1), edge, instead, advice, match.span(2))
